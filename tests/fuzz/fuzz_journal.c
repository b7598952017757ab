/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as records of a journal, one a line: whatever comes, a state stays within its bounds,
 * and what was read comes out of its own writing again.
 */
#include "check.h"
#include "journal_row.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_bounds(const struct upgrade *upgrade)
{
    CHECK(upgrade->node_count >= 1 && upgrade->node_count <= LIMIT_NODES);
    CHECK(phase_name(upgrade->phase) != NULL && outcome_name(upgrade->outcome) != NULL);
    CHECK(outcome_name(upgrade->ending) != NULL);
    CHECK(on_failure_name(upgrade->policy.on_failure) != NULL);
    CHECK(error_code_name(upgrade->reason.code) != NULL);
    CHECK(strcmp(upgrade->cluster, "git") == 0);
    for (uint32_t i = 0; i < upgrade->node_count; i++) {
        const struct upgrade_node *node = &upgrade->nodes[i];
        CHECK(place_name(node->place) != NULL && step_name(node->step) != NULL);
        CHECK((unsigned)node->pass < PASS_COUNT && memchr(node->name, '\0', sizeof(node->name)));
        CHECK(error_code_name(node->error.code) != NULL);
    }
}

static void mark_all_dirty(struct upgrade *upgrade)
{
    upgrade->is_dirty = true;
    upgrade->dirty_nodes = upgrade->node_count == 32 ? UINT32_MAX : (1u << upgrade->node_count) - 1;
}

/* The state written, read into a new one and written again gives the same bytes. */
static void check_round_trip(struct upgrade *upgrade, const struct journal_head *head)
{
    struct upgrade *again = NULL;
    struct journal_head again_head;
    struct error err;
    mark_all_dirty(upgrade);
    char *first = journal_record_write(upgrade, head);
    CHECK(journal_record_apply(first, strlen(first), "git", &again, &again_head, &err));
    mark_all_dirty(again);
    char *second = journal_record_write(again, &again_head);
    CHECK(strcmp(first, second) == 0);
    free(first);
    free(second);
    free(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *at = (const char *)data;
    struct upgrade *upgrade = NULL;
    struct journal_head head;
    bool is_good = true;
    while (is_good && size > 0) {
        const char *end = memchr(at, '\n', size);
        size_t length = end != NULL ? (size_t)(end - at) : size;
        struct error err = {0};
        is_good = journal_record_apply(at, length, "git", &upgrade, &head, &err);
        CHECK(is_good || err.code == ERROR_INTEGRITY || err.code == ERROR_CONFLICT);
        if (is_good && upgrade != NULL) {
            check_bounds(upgrade);
            check_round_trip(upgrade, &head);
        }
        size -= end != NULL ? length + 1 : length;
        at += length + 1;
    }
    free(upgrade);
    return 0;
}
