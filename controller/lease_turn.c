/* SPDX-License-Identifier: Apache-2.0 */
#include "lease_turn.h"

#include "clock.h"

/* Of the time between two renewals: who is due within it comes along, for few wake-ups are better
 * than one for each; who is late by it comes before anything else. */
#define EARLY_SHARE 8
#define LATE_SHARE  4

size_t lease_turn_take(struct shell *shell, int64_t now_ms, uint32_t list[LEASE_TURN_MOST])
{
    int64_t every_ms = lease_renew_ms(shell->config), early_ms = every_ms / EARLY_SHARE;
    size_t first = shell->lease_turn, count = 0;
    if (lease_turn_wait_ms(shell, now_ms) > 0)
        return 0;
    shell->lease_due_ms = now_ms + every_ms;
    for (size_t i = 0; i < shell->cluster_count; i++) {
        size_t index = (first + i) % shell->cluster_count;
        struct cluster *cluster = &shell->clusters[index];
        int64_t due_ms = cluster->renewed_ms + every_ms;
        if (due_ms <= now_ms + early_ms && count < LEASE_TURN_MOST) {
            list[count++] = (uint32_t)index;
            cluster->renewed_ms = now_ms;
            shell->lease_turn = (index + 1) % shell->cluster_count;
        } else if (due_ms < shell->lease_due_ms) {
            shell->lease_due_ms = due_ms;
        }
    }
    return count;
}

int64_t lease_turn_wait_ms(const struct shell *shell, int64_t now_ms)
{
    return shell->lease_due_ms - now_ms;
}

void lease_turn_hurry(struct shell *shell, struct cluster *cluster)
{
    cluster->renewed_ms = shell->lease_due_ms = 0;
}

int64_t lease_wait_ms(const struct shell *shell)
{
    int64_t now_ms = clock_monotonic_ms();
    int64_t name_ms = shell->name_kept_ms + lease_renew_ms(shell->config) - now_ms;
    int64_t turn_ms = lease_turn_wait_ms(shell, now_ms);
    return shell->is_nameless || name_ms < turn_ms ? name_ms : turn_ms;
}

bool lease_is_late(const struct shell *shell)
{
    return lease_wait_ms(shell) < -lease_renew_ms(shell->config) / LATE_SHARE;
}
