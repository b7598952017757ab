/* SPDX-License-Identifier: Apache-2.0 */
/* Apart from clock.c, which simulations replace as a whole. */
#include "clock.h"

struct deadline deadline_share(struct deadline deadline, size_t parts)
{
    if (deadline.at_ms == INT64_MAX)
        return deadline;
    return deadline_after_ms((deadline.at_ms - clock_monotonic_ms()) / (int64_t)parts);
}
