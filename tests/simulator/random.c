/* SPDX-License-Identifier: Apache-2.0 */
#include "random.h"

#include "check.h"

void random_init(struct random *random, uint64_t seed)
{
    random->state = seed ^ 0x5851F42D4C957F2Du; /* a hash of the seed begins the sequence: */
    random->state = random_next(random);        /* those of neighbours have nothing in common */
}

uint64_t random_next(struct random *random)
{
    uint64_t mixed = (random->state += 0x9E3779B97F4A7C15u);
    mixed = (mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9u;
    mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EBu;
    return mixed ^ (mixed >> 31);
}

/* The slight unevenness of the remainder is of no interest here. */
int64_t random_between(struct random *random, int64_t least, int64_t most)
{
    CHECK(least <= most);
    return least + (int64_t)(random_next(random) % (uint64_t)(most - least + 1));
}

bool random_one_in(struct random *random, uint32_t count)
{
    return random_next(random) % count == 0;
}
