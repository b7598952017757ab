/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Chance that can be repeated: the same seed gives the same numbers on every machine.
 * The generator is SplitMix64 (Steele, Lea, Flood 2014).
 */
#ifndef SHUNT_SIMULATOR_RANDOM_H
#define SHUNT_SIMULATOR_RANDOM_H

#include <stdbool.h>
#include <stdint.h>

struct random {
    uint64_t state;
};

void random_init(struct random *random, uint64_t seed);
uint64_t random_next(struct random *random);
/* From least to most, both included. */
int64_t random_between(struct random *random, int64_t least, int64_t most);
bool random_one_in(struct random *random, uint32_t count);

#endif
