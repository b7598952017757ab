/* SPDX-License-Identifier: Apache-2.0 */
#include "clock.h"

#include "check.h"

#include <errno.h>
#include <time.h>

static int64_t read_ms(clockid_t clock)
{
    struct timespec now;
    CHECK(clock_gettime(clock, &now) == 0);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t clock_wall_ms(void)
{
    return read_ms(CLOCK_REALTIME);
}

int64_t clock_monotonic_ms(void)
{
    return read_ms(CLOCK_MONOTONIC);
}

struct deadline deadline_after_ms(int64_t ms)
{
    int64_t now_ms = clock_monotonic_ms();
    if (ms <= 0)
        return (struct deadline){now_ms};
    if (ms > INT64_MAX - now_ms)
        return deadline_never();
    return (struct deadline){now_ms + ms};
}

struct deadline deadline_never(void)
{
    return (struct deadline){INT64_MAX};
}

int deadline_poll_ms(struct deadline deadline)
{
    int64_t now_ms = clock_monotonic_ms();
    if (deadline.at_ms == INT64_MAX)
        return -1;
    if (deadline.at_ms <= now_ms)
        return 0;
    int64_t left_ms = deadline.at_ms - now_ms;
    return left_ms > INT32_MAX ? INT32_MAX : (int)left_ms;
}

bool deadline_is_over(struct deadline deadline)
{
    return deadline.at_ms != INT64_MAX && deadline.at_ms <= clock_monotonic_ms();
}

void clock_sleep_ms(int64_t ms)
{
    struct timespec left = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    while (ms > 0 && clock_nanosleep(CLOCK_MONOTONIC, 0, &left, &left) == EINTR)
        ;
}
