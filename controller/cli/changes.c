/* SPDX-License-Identifier: Apache-2.0 */
#include "changes.h"

#include "clean.h"
#include "figures.h"
#include "memory.h"
#include "progress.h"
#include "text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Every step of every node may have begun since the last look. */
#define STEPS_MOST ((size_t)LIMIT_NODES * PASS_COUNT * STEP_COUNT)

struct begun_step {
    int64_t at_ms;
    const char *node;
    enum pass pass;
    enum step step;
};

static void tell(struct buffer *out, int64_t at_ms, const char *subject, const char *what,
                 const char *detail)
{
    char time[FIGURE_SIZE];
    figure_time(time, at_ms);
    (void)buffer_format(out, "%s  ", time);
    clean_add(out, subject);
    (void)buffer_add_text(out, "  ");
    clean_add(out, what);
    clean_add(out, detail);
    (void)buffer_add_text(out, "\n");
}

static int compare_steps(const void *a, const void *b)
{
    const struct begun_step *left = a, *right = b;
    if (left->at_ms != right->at_ms)
        return left->at_ms < right->at_ms ? -1 : 1;
    if (left->pass != right->pass)
        return left->pass < right->pass ? -1 : 1;
    return left->step < right->step ? -1 : left->step > right->step;
}

static size_t find_steps(const struct node_summary *node, const struct node_summary *last,
                         struct begun_step *steps)
{
    size_t count = 0;
    for (unsigned pass = 0; pass < PASS_COUNT; pass++) {
        for (unsigned step = 0; step < STEP_COUNT; step++) {
            int64_t at_ms = node->passes[pass].steps[step].begun_ms;
            if (at_ms == 0 || at_ms == last->passes[pass].steps[step].begun_ms)
                continue;
            steps[count++] = (struct begun_step){.at_ms = at_ms,
                                                 .node = node->name,
                                                 .pass = (enum pass)pass,
                                                 .step = (enum step)step};
        }
    }
    return count;
}

static void tell_steps(const struct upgrade_summary *upgrade, const struct upgrade_summary *last,
                       struct buffer *out)
{
    FREE_CLEANUP struct begun_step *steps = memory_zeroed(STEPS_MOST, sizeof(*steps));
    size_t count = 0;
    for (size_t i = 0; i < upgrade->node_count; i++)
        count += find_steps(&upgrade->nodes[i], &last->nodes[i], steps + count);
    qsort(steps, count, sizeof(steps[0]), compare_steps);
    for (size_t i = 0; i < count; i++)
        tell(out, steps[i].at_ms, steps[i].node, steps[i].pass == PASS_BACK ? "back: " : "",
             step_name(steps[i].step));
}

/* Where a node has arrived; on its way its steps tell more. */
static void tell_places(const struct upgrade_summary *upgrade, const struct upgrade_summary *last,
                        int64_t now_ms, struct buffer *out)
{
    char step[2 * STATUS_WORD], detail[ERROR_MESSAGE_SIZE + 8];
    for (size_t i = 0; i < upgrade->node_count; i++) {
        const struct node_summary *node = &upgrade->nodes[i];
        bool has_failed = node->place == PLACE_HELD || node->place == PLACE_QUARANTINED;
        if (node->place == last->nodes[i].place || node->place == PLACE_WORKING)
            continue;
        progress_step(upgrade, node, step, sizeof(step));
        (void)snprintf(detail, sizeof(detail), "%s%s", has_failed ? ": " : ", version ",
                       has_failed ? node->error.message : node->version);
        tell(out, now_ms, node->name, step, detail);
    }
}

static void tell_phase(const struct upgrade_summary *upgrade, const struct upgrade_summary *last,
                       int64_t now_ms, struct buffer *out)
{
    if (!text_equal(upgrade->phase, last->phase) && upgrade->outcome == OUTCOME_NONE)
        tell(out, now_ms, upgrade->cluster, "phase ", upgrade->phase);
    if (!text_equal(upgrade->cluster_state, last->cluster_state))
        tell(out, now_ms, upgrade->cluster, "cluster ", upgrade->cluster_state);
}

static void tell_decisions(const struct upgrade_summary *upgrade,
                           const struct upgrade_summary *last, int64_t now_ms, struct buffer *out)
{
    const struct error *reason = &upgrade->reason;
    if (upgrade->is_paused != last->is_paused)
        tell(out, now_ms, upgrade->cluster, upgrade->is_paused ? "paused" : "resumed", "");
    if (upgrade->is_aborting && !last->is_aborting)
        tell(out, now_ms, upgrade->cluster, "aborting", "");
    if (upgrade->is_waiting && !last->is_waiting)
        tell(out, now_ms, upgrade->cluster, "waits for a decision: ", reason->message);
    else if (reason->code != ERROR_NONE && !text_equal(reason->message, last->reason.message))
        tell(out, now_ms, upgrade->cluster, "reason: ", reason->message);
}

/* Another upgrade, or other nodes: there is nothing to compare with. */
static bool is_comparable(const struct upgrade_summary *a, const struct upgrade_summary *b)
{
    bool is_same = text_equal(a->id, b->id) && a->node_count == b->node_count;
    for (size_t i = 0; is_same && i < a->node_count; i++)
        is_same = text_equal(a->nodes[i].name, b->nodes[i].name);
    return is_same;
}

void changes_tell(struct changes *changes, const struct upgrade_summary *upgrade, int64_t now_ms,
                  struct buffer *out)
{
    char versions[3 * LIMIT_VERSION];
    if (!changes->has_last || !is_comparable(upgrade, &changes->last)) {
        (void)snprintf(versions, sizeof(versions), "%s → %s", upgrade->from, upgrade->to);
        tell(out, upgrade->begun_ms, upgrade->cluster, "upgrade ", versions);
        memset(&changes->last, 0, sizeof(changes->last));
    }
    tell_phase(upgrade, &changes->last, now_ms, out);
    tell_steps(upgrade, &changes->last, out);
    tell_places(upgrade, &changes->last, now_ms, out);
    tell_decisions(upgrade, &changes->last, now_ms, out);
    if (upgrade->outcome != OUTCOME_NONE && changes->last.outcome == OUTCOME_NONE)
        tell(out, upgrade->ended_ms, upgrade->cluster, outcome_name(upgrade->outcome), "");
    changes->last = *upgrade;
    changes->has_last = true;
}

void changes_tell_notice(struct changes *changes, const char *cluster, const char *notice,
                         int64_t now_ms, struct buffer *out)
{
    if (text_equal(notice, changes->notice))
        return;
    tell(out, now_ms, cluster, notice[0] != '\0' ? notice : "going on", "");
    (void)snprintf(changes->notice, sizeof(changes->notice), "%s", notice);
}
