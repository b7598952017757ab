/* SPDX-License-Identifier: Apache-2.0 */
#include "config_parts.h"

#define SECOND_MS INT64_C(1000)
#define MINUTE_MS (60 * SECOND_MS)
#define DAY_MS    (24 * 60 * MINUTE_MS)

/* Below a tenth of a second nothing can be proved by asking; beyond a day nobody waits. */
#define DEADLINE_LEAST_MS (SECOND_MS / 10)
#define DEADLINE_MOST_MS  DAY_MS

static const struct policy defaults = {
    .max_unavailable = 1,
    .drain_deadline_ms = 10 * MINUTE_MS,
    .stop_deadline_ms = 2 * MINUTE_MS,
    .start_deadline_ms = 2 * MINUTE_MS,
    .active_deadline_ms = 10 * MINUTE_MS,
    .return_deadline_ms = 2 * MINUTE_MS,
    .stage_deadline_ms = 30 * MINUTE_MS,
    .soak_ms = MINUTE_MS,
    .on_failure = ON_FAILURE_ROLLBACK_CLUSTER,
};

static uint32_t default_min_available(uint32_t node_count, uint32_t max_unavailable)
{
    return node_count > max_unavailable + 1 ? node_count - max_unavailable : 1;
}

static void get_deadline(struct yaml_document *document, const struct yaml_node *map,
                         int64_t *deadline_ms)
{
    (void)yaml_get_duration_ms(document, map, "deadline", false, DEADLINE_LEAST_MS,
                               DEADLINE_MOST_MS, deadline_ms);
}

/* "at_deadline": the first word waits for a person, the second goes through with it. */
static void get_at_deadline(struct yaml_document *document, const struct yaml_node *map,
                            const char *const *words, bool *is_second)
{
    int index = *is_second;
    (void)yaml_get_word(document, map, "at_deadline", false, words, &index);
    *is_second = index == 1;
}

static void read_drain(struct yaml_document *document, const struct yaml_node *policy_map,
                       struct policy *policy)
{
    static const char *const words[] = {"abort", "force", NULL};
    const struct yaml_node *map = yaml_get_map(document, policy_map, "drain", false);
    if (map == NULL)
        return;
    get_deadline(document, map, &policy->drain_deadline_ms);
    policy->sticky_ms = policy->drain_deadline_ms / 2;
    get_at_deadline(document, map, words, &policy->force_at_drain_deadline);
    bool is_read = yaml_get_duration_ms(document, map, "sticky", false, 0, DEADLINE_MOST_MS,
                                        &policy->sticky_ms);
    if (is_read && policy->sticky_ms > policy->drain_deadline_ms)
        yaml_complain(document, yaml_find(map, "sticky"),
                      "longer than drain.deadline, before which sticky clients must have gone");
    yaml_complain_unknown(document, map);
}

static void read_stop(struct yaml_document *document, const struct yaml_node *policy_map,
                      struct policy *policy)
{
    static const char *const words[] = {"fail", "kill", NULL};
    const struct yaml_node *map = yaml_get_map(document, policy_map, "stop", false);
    if (map == NULL)
        return;
    get_deadline(document, map, &policy->stop_deadline_ms);
    get_at_deadline(document, map, words, &policy->kill_at_stop_deadline);
    yaml_complain_unknown(document, map);
}

/* A step of which only the deadline can be set. */
static void read_step(struct yaml_document *document, const struct yaml_node *policy_map,
                      const char *key, int64_t *deadline_ms)
{
    const struct yaml_node *map = yaml_get_map(document, policy_map, key, false);
    if (map == NULL)
        return;
    get_deadline(document, map, deadline_ms);
    yaml_complain_unknown(document, map);
}

static void read_on_failure(struct yaml_document *document, const struct yaml_node *map,
                            struct policy *policy)
{
    const char *words[ON_FAILURE_COUNT + 1] = {NULL};
    int index = (int)policy->on_failure;
    for (unsigned i = 0; i < ON_FAILURE_COUNT; i++)
        words[i] = on_failure_name((enum on_failure)i);
    (void)yaml_get_word(document, map, "on_failure", false, words, &index);
    policy->on_failure = (enum on_failure)index;
}

static void read_approve(struct yaml_document *document, const struct yaml_node *map,
                         struct policy *policy)
{
    static const char *const words[] = {"automatic", "manual", NULL};
    int index = policy->approve_by_hand;
    (void)yaml_get_word(document, map, "approve", false, words, &index);
    policy->approve_by_hand = index == 1;
}

/* Where a complaint points: at the value if it was given, else at the whole map. */
static const struct yaml_node *place_of(const struct yaml_node *map, const char *key)
{
    const struct yaml_node *value = yaml_find(map, key);
    return value != NULL ? value : map;
}

/* Both bounds count nodes, so they can contradict each other and the number of nodes. */
static void check_budget(struct yaml_document *document, const struct yaml_node *map,
                         uint32_t node_count, const struct policy *policy)
{
    if (policy->max_unavailable >= node_count)
        yaml_complain(document, place_of(map, "max_unavailable"),
                      "max_unavailable %u of %u nodes leaves none in service",
                      policy->max_unavailable, node_count);
    else if (policy->min_available > node_count - policy->max_unavailable)
        yaml_complain(document, place_of(map, "min_available"),
                      "min_available %u + max_unavailable %u is more than the %u nodes",
                      policy->min_available, policy->max_unavailable, node_count);
}

static void read_budget(struct yaml_document *document, const struct yaml_node *map,
                        uint32_t node_count, struct policy *policy)
{
    int64_t value = policy->max_unavailable;
    (void)yaml_get_integer(document, map, "max_unavailable", false, 1, LIMIT_NODES, &value);
    policy->max_unavailable = (uint32_t)value;
    value = default_min_available(node_count, policy->max_unavailable);
    (void)yaml_get_integer(document, map, "min_available", false, 1, LIMIT_NODES, &value);
    policy->min_available = (uint32_t)value;
}

static void read_steps(struct yaml_document *document, const struct yaml_node *map,
                       struct policy *policy)
{
    read_drain(document, map, policy);
    read_stop(document, map, policy);
    read_step(document, map, "start", &policy->start_deadline_ms);
    read_step(document, map, "active", &policy->active_deadline_ms);
    read_step(document, map, "return", &policy->return_deadline_ms);
    read_step(document, map, "stage", &policy->stage_deadline_ms);
    (void)yaml_get_duration_ms(document, map, "soak", false, 0, DAY_MS, &policy->soak_ms);
}

void config_read_policy(struct yaml_document *document, const struct yaml_node *cluster_map,
                        size_t node_count, struct policy *policy)
{
    const struct yaml_node *map = yaml_get_map(document, cluster_map, "policy", false);
    *policy = defaults;
    policy->sticky_ms = policy->drain_deadline_ms / 2;
    policy->min_available = default_min_available((uint32_t)node_count, policy->max_unavailable);
    if (map != NULL) {
        read_budget(document, map, (uint32_t)node_count, policy);
        read_steps(document, map, policy);
        read_on_failure(document, map, policy);
        read_approve(document, map, policy);
        yaml_complain_unknown(document, map);
    }
    if (node_count > 0) /* otherwise complained of already */
        check_budget(document, map != NULL ? map : cluster_map, (uint32_t)node_count, policy);
}
