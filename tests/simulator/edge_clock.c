/* SPDX-License-Identifier: Apache-2.0 */
/* common/clock.h in virtual time. */
#include "clock.h"

#include "world.h"

int64_t clock_wall_ms(void)
{
    const struct process *process = process_current();
    int64_t skew_us = process != NULL ? process->clock_skew_us : 0;
    return WORLD_EPOCH_MS + (schedule_now_us() + skew_us) / WORLD_MS;
}

int64_t clock_monotonic_ms(void)
{
    return 1000 + schedule_now_us() / WORLD_MS;
}

struct deadline deadline_after_ms(int64_t ms)
{
    return (struct deadline){clock_monotonic_ms() + ms};
}

struct deadline deadline_never(void)
{
    return (struct deadline){INT64_MAX};
}

bool deadline_is_over(struct deadline deadline)
{
    return deadline.at_ms <= clock_monotonic_ms();
}

int deadline_poll_ms(struct deadline deadline)
{
    int64_t left_ms = deadline.at_ms - clock_monotonic_ms();
    if (deadline.at_ms == INT64_MAX)
        return -1;
    if (left_ms <= 0)
        return 0;
    return left_ms < INT32_MAX ? (int)left_ms : INT32_MAX;
}

void clock_sleep_ms(int64_t ms)
{
    fiber_sleep_us(ms * WORLD_MS);
}
