/* SPDX-License-Identifier: Apache-2.0 */
/* The availability budget, and which node is next. */
#include "internal.h"
#include "text.h"

bool node_is_out(const struct upgrade_node *node)
{
    return node->place == PLACE_WORKING || node->place == PLACE_HELD ||
           node->place == PLACE_QUARANTINED;
}

static bool is_seen_lately(const struct upgrade_node *node, int64_t now_ms)
{
    return node->seen_ms != 0 && now_ms - node->seen_ms <= VIEW_FRESH_MS;
}

static bool is_known_active(const struct upgrade_node *node, int64_t now_ms)
{
    return node->seen_state == NODE_ACTIVE && node->seen_version[0] != '\0' &&
           is_seen_lately(node, now_ms);
}

bool node_is_known_at(const struct upgrade_node *node, const char *version, int64_t now_ms)
{
    return is_known_active(node, now_ms) && text_equal(node->seen_version, version);
}

static bool serves(const struct upgrade_node *node, int64_t now_ms)
{
    return !node_is_out(node) && !node->is_taken && is_known_active(node, now_ms);
}

bool node_serves_nobody(const struct upgrade_node *node, int64_t now_ms)
{
    return node->seen_state != NODE_ACTIVE && node->seen_state != NODE_UNKNOWN &&
           is_seen_lately(node, now_ms);
}

/*
 * May one more node, which serves now, be taken out? Whatever is out of service counts, whoever
 * took it out, and unknown counts as out. Only in a rollback a node that could not be put back does
 * not hold the others up: it counts towards min_available alone.
 */
bool budget_allows(const struct upgrade *upgrade, uint32_t node, int64_t now_ms)
{
    uint32_t out = 0, out_for_good = 0;
    for (uint32_t i = 0; i < upgrade->node_count; i++) {
        const struct upgrade_node *other = &upgrade->nodes[i];
        if (i == node)
            continue;
        if (upgrade->phase == PHASE_BACK && other->place == PLACE_HELD && other->pass == PASS_BACK)
            out_for_good++;
        else if (!serves(other, now_ms))
            out++;
    }
    return out + 1 <= upgrade->policy.max_unavailable &&
           upgrade->node_count >= upgrade->policy.min_available + out + out_for_good + 1;
}

bool budget_allows_alone(const struct upgrade *upgrade, uint32_t node, int64_t now_ms)
{
    uint32_t serving = 0;
    for (uint32_t i = 0; i < upgrade->node_count; i++) {
        const struct upgrade_node *other = &upgrade->nodes[i];
        if (i == node)
            continue;
        if (other->place == PLACE_WORKING)
            return false;
        serving += serves(other, now_ms);
    }
    return serving >= upgrade->policy.min_available;
}

static bool is_less_busy(const struct upgrade_node *a, const struct upgrade_node *b)
{
    if (a->load < 0 || b->load < 0)
        return a->load >= 0 && b->load < 0; /* unknown load last */
    return a->load < b->load;
}

/* Whatever it is: in service, or out of it. */
static bool is_known(const struct upgrade_node *node, int64_t now_ms)
{
    return node_serves_nobody(node, now_ms) || is_known_active(node, now_ms);
}

/* One that is known, and left to us: what somebody else has taken out of traffic is not upgraded,
 * since it would have to be given its traffic back. */
static bool may_begin(const struct upgrade_node *node, int64_t now_ms)
{
    return is_known(node, now_ms) && !node->is_taken;
}

/* The least busy node of that place which the budget allows, the first of equals; else NODE_NONE.
 */
uint32_t budget_next(const struct upgrade *upgrade, enum place place, int64_t now_ms)
{
    uint32_t best = NODE_NONE;
    for (uint32_t i = 0; i < upgrade->node_count; i++) {
        if (upgrade->nodes[i].place != place || !budget_allows(upgrade, i, now_ms) ||
            (place == PLACE_OLD && !may_begin(&upgrade->nodes[i], now_ms)))
            continue;
        if (best == NODE_NONE || is_less_busy(&upgrade->nodes[i], &upgrade->nodes[best]))
            best = i;
    }
    return best;
}
