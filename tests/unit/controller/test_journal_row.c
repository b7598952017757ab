/* SPDX-License-Identifier: Apache-2.0 */
#include "journal_row.h"

#include "common/unit_test.h"
#include "json.h"
#include "memory.h"
#include "text.h"

#define NODES 3

/* ---- a state in which no two fields have the same value ---- */

static int64_t next_number;

static int64_t distinct(void)
{
    return ++next_number;
}

static void distinct_text(char *array, size_t size, const char *prefix)
{
    int length = snprintf(array, size, "%s%lld", prefix, (long long)distinct());
    assert_in_range(length, 1, size - 1);
}

static void distinct_error(struct error *error, enum error_code code)
{
    error->code = code;
    distinct_text(error->message, sizeof(error->message), "message \xC3\xA9 ");
    distinct_text(error->hint, sizeof(error->hint), "hint ");
}

static void fill_policy(struct policy *policy)
{
    policy->max_unavailable = (uint32_t)distinct();
    policy->min_available = UINT32_MAX;
    policy->drain_deadline_ms = distinct();
    policy->sticky_ms = distinct();
    policy->lb_deadline_ms = distinct();
    policy->force_at_drain_deadline = true;
    policy->stop_deadline_ms = distinct();
    policy->kill_at_stop_deadline = true;
    policy->start_deadline_ms = distinct();
    policy->active_deadline_ms = distinct();
    policy->return_deadline_ms = distinct();
    policy->stage_deadline_ms = distinct();
    policy->soak_ms = INT64_MAX;
    policy->on_failure = ON_FAILURE_QUARANTINE;
    policy->approve_by_hand = true;
}

static void fill_times(int64_t *times, size_t count)
{
    for (size_t i = 0; i < count; i++)
        times[i] = distinct();
    times[count - 1] = -1;
}

static void fill_node(struct upgrade_node *node)
{
    distinct_text(node->name, sizeof(node->name), "bb");
    node->place = PLACE_QUARANTINED;
    node->pass = PASS_BACK;
    node->step = STEP_SOAK;
    node->is_turning = node->is_forced = node->is_detached = true;
    node->is_broken = node->was_switched = node->was_stopped = node->is_taken = true;
    node->sequence = (uint32_t)distinct();
    node->works = (unsigned)distinct();
    node->works_done = (unsigned)distinct();
    node->attempt = (uint32_t)distinct();
    node->begun_ms = distinct();
    node->deadline_ms = distinct();
    node->retry_ms = distinct();
    fill_times(node->pass_begun_ms, PASS_COUNT);
    fill_times(node->pass_ended_ms, PASS_COUNT);
    fill_times(node->step_begun_ms[0], (size_t)PASS_COUNT * STEP_COUNT);
    fill_times(node->step_took_ms[0], (size_t)PASS_COUNT * STEP_COUNT);
    distinct_error(&node->error, ERROR_RELEASE);
    distinct_text(node->sha256, sizeof(node->sha256), "5a");
}

static void fill_decisions(struct upgrade *upgrade)
{
    upgrade->phase = PHASE_ENDED;
    upgrade->outcome = OUTCOME_FAILED;
    upgrade->is_paused = upgrade->is_waiting = upgrade->is_aborting = true;
    upgrade->is_approved = upgrade->is_rollback_wanted = true;
    upgrade->ending = OUTCOME_ROLLED_BACK;
    distinct_error(&upgrade->reason, ERROR_TIMEOUT);
}

static struct upgrade *make_full(void)
{
    struct upgrade *upgrade = upgrade_new(NODES);
    distinct_text(upgrade->id, sizeof(upgrade->id), "u");
    TEXT_COPY(upgrade->cluster, "git");
    distinct_text(upgrade->operator, sizeof(upgrade->operator), "ana");
    distinct_text(upgrade->from, sizeof(upgrade->from), "7.9.");
    distinct_text(upgrade->to, sizeof(upgrade->to), "7.9.");
    distinct_text(upgrade->artifact, sizeof(upgrade->artifact), "/srv/\xC3\xA9/");
    distinct_text(upgrade->sha256, sizeof(upgrade->sha256), "5a");
    fill_policy(&upgrade->policy);
    fill_decisions(upgrade);
    upgrade->sequence = (uint32_t)distinct();
    upgrade->works = (unsigned)distinct();
    upgrade->works_done = (unsigned)distinct();
    upgrade->attempt = (uint32_t)distinct();
    upgrade->begun_ms = distinct();
    upgrade->ended_ms = distinct();
    upgrade->phase_begun_ms = distinct();
    upgrade->deadline_ms = distinct();
    upgrade->retry_ms = distinct();
    upgrade->starved_ms = distinct();
    for (uint32_t i = 0; i < NODES; i++)
        fill_node(&upgrade->nodes[i]);
    upgrade->is_dirty = true;
    upgrade->dirty_nodes = (1u << NODES) - 1;
    return upgrade;
}

static const struct journal_head good_head = {17, 3, 1700000000000};

/* The record of a full state, as JSON that a test may spoil. */
static json_t *full_record(void)
{
    struct error err;
    json_t *record = NULL;
    FREE_CLEANUP struct upgrade *upgrade = make_full();
    FREE_CLEANUP char *text = journal_record_write(upgrade, &good_head);
    assert_true(json_read_object(text, strlen(text), &record, &err));
    return record;
}

static json_t *row_of_upgrade(const json_t *record)
{
    return json_object_get(record, "upgrade");
}

static json_t *row_of_node(const json_t *record, size_t place)
{
    return json_array_get(json_object_get(record, "nodes"), place);
}

static bool apply_json(const json_t *record, struct upgrade **upgrade, struct error *err)
{
    struct journal_head head;
    FREE_CLEANUP char *text = json_write(record);
    return journal_record_apply(text, strlen(text), "git", upgrade, &head, err);
}

/* Refused as a first record, with this text in the message. */
static void assert_refused(const json_t *record, const char *text)
{
    FREE_CLEANUP struct upgrade *upgrade = NULL;
    assert_fails(apply_json(record, &upgrade, &err), ERROR_INTEGRITY, text);
}

/* Refused after the good record, where less has to be there. */
static void assert_refused_later(const json_t *record, const char *text)
{
    JSON_CLEANUP json_t *first = full_record();
    FREE_CLEANUP struct upgrade *upgrade = NULL;
    json_object_set(first, "id", json_object_get(record, "id"));
    json_object_set(row_of_upgrade(first), "id", json_object_get(record, "id"));
    assert_good(apply_json(first, &upgrade, &err));
    assert_fails(apply_json(record, &upgrade, &err), ERROR_INTEGRITY, text);
}

/* ---- the round trip ---- */

/* A new field of the state must be filled above, and be in the journal or among what is forgotten.
 */
static void this_test_knows_the_whole_state(void **state)
{
    (void)state;
    assert_int_equal(sizeof(struct policy), 104);
    assert_int_equal(sizeof(struct error), 4 + ERROR_MESSAGE_SIZE + ERROR_HINT_SIZE);
    assert_int_equal(sizeof(struct upgrade_node), 1392);
    assert_int_equal(sizeof(struct upgrade), 2408);
}

/* What is seen again, or asked again, after a restart. */
static void forget(struct upgrade *upgrade)
{
    upgrade->seen_state = CLUSTER_UNKNOWN;
    upgrade->seen_mode = false;
    upgrade->seen_ms = 0;
    upgrade->is_dirty = false;
    upgrade->dirty_nodes = 0;
    for (uint32_t i = 0; i < upgrade->node_count; i++) {
        struct upgrade_node *node = &upgrade->nodes[i];
        node->sessions = node->connections = node->load = -1;
        node->bytes_done = node->bytes_total = 0;
        node->seen_state = NODE_UNKNOWN;
        memset(node->seen_version, 0, sizeof(node->seen_version));
        node->seen_ms = 0;
        node->members_ms = 0;
    }
}

static void assert_same(const struct upgrade *a, const struct upgrade *b)
{
    assert_int_equal(a->node_count, b->node_count);
    assert_memory_equal(a, b, sizeof(*a) + a->node_count * sizeof(a->nodes[0]));
}

static void every_field_survives_the_journal(void **state)
{
    struct journal_head head;
    FREE_CLEANUP struct upgrade *upgrade = make_full();
    FREE_CLEANUP char *text = journal_record_write(upgrade, &good_head);
    FREE_CLEANUP struct upgrade *read = NULL;
    (void)state;
    assert_good(journal_record_apply(text, strlen(text), "git", &read, &head, &err));
    forget(upgrade);
    forget(read);
    assert_same(read, upgrade);
}

static void head_survives_the_journal(void **state)
{
    struct journal_head head = {0};
    FREE_CLEANUP struct upgrade *upgrade = make_full();
    FREE_CLEANUP char *text = journal_record_write(upgrade, &good_head);
    FREE_CLEANUP struct upgrade *read = NULL;
    (void)state;
    assert_good(journal_record_apply(text, strlen(text), "git", &read, &head, &err));
    assert_int_equal(head.sequence, 17);
    assert_int_equal(head.epoch, 3);
    assert_int_equal(head.at_ms, 1700000000000);
}

static void what_was_seen_is_unknown_after_the_journal(void **state)
{
    struct journal_head head;
    FREE_CLEANUP struct upgrade *upgrade = make_full();
    FREE_CLEANUP struct upgrade *read = NULL;
    (void)state;
    upgrade->seen_state = CLUSTER_STABLE;
    upgrade->seen_ms = 5;
    upgrade->nodes[0].seen_state = NODE_ACTIVE;
    upgrade->nodes[0].seen_ms = 5;
    upgrade->nodes[0].sessions = 5;
    FREE_CLEANUP char *text = journal_record_write(upgrade, &good_head);
    assert_good(journal_record_apply(text, strlen(text), "git", &read, &head, &err));
    assert_int_equal(read->seen_state, CLUSTER_UNKNOWN);
    assert_int_equal(read->seen_ms, 0);
    assert_int_equal(read->nodes[0].seen_state, NODE_UNKNOWN);
    assert_int_equal(read->nodes[0].seen_ms, 0);
    assert_int_equal(read->nodes[0].sessions, -1);
}

static void only_dirty_rows_are_written(void **state)
{
    struct error err;
    JSON_CLEANUP json_t *record = NULL;
    FREE_CLEANUP struct upgrade *upgrade = make_full();
    (void)state;
    upgrade->is_dirty = false;
    upgrade->dirty_nodes = 1u << 1;
    FREE_CLEANUP char *text = journal_record_write(upgrade, &good_head);
    assert_true(json_read_object(text, strlen(text), &record, &err));
    assert_null(row_of_upgrade(record));
    assert_int_equal(json_array_size(json_object_get(record, "nodes")), 1);
    assert_int_equal(json_integer_value(json_object_get(row_of_node(record, 0), "index")), 1);
}

static void later_record_changes_its_rows_and_no_other(void **state)
{
    struct journal_head head;
    FREE_CLEANUP struct upgrade *upgrade = make_full();
    FREE_CLEANUP char *first = journal_record_write(upgrade, &good_head);
    FREE_CLEANUP struct upgrade *read = NULL;
    (void)state;
    assert_good(journal_record_apply(first, strlen(first), "git", &read, &head, &err));
    struct upgrade_node kept = read->nodes[0];
    upgrade->is_dirty = false;
    upgrade->dirty_nodes = 1u << 2;
    upgrade->nodes[0].step = STEP_DRAIN; /* not dirty, so not written */
    upgrade->nodes[2].step = STEP_STOP;
    upgrade->phase = PHASE_NODES;
    FREE_CLEANUP char *second = journal_record_write(upgrade, &good_head);
    assert_good(journal_record_apply(second, strlen(second), "git", &read, &head, &err));
    assert_int_equal(read->nodes[2].step, STEP_STOP);
    assert_int_equal(read->phase, PHASE_ENDED);
    assert_memory_equal(&read->nodes[0], &kept, sizeof(kept));
}

static void record_of_another_upgrade_begins_a_new_state(void **state)
{
    struct journal_head head;
    FREE_CLEANUP struct upgrade *old = make_full();
    FREE_CLEANUP struct upgrade *new = upgrade_new(1);
    FREE_CLEANUP struct upgrade *read = NULL;
    (void)state;
    FREE_CLEANUP char *first = journal_record_write(old, &good_head);
    TEXT_COPY(new->id, "another");
    TEXT_COPY(new->cluster, "git");
    TEXT_COPY(new->nodes[0].name, "bb1");
    new->is_dirty = true;
    new->dirty_nodes = 1;
    FREE_CLEANUP char *second = journal_record_write(new, &good_head);
    assert_good(journal_record_apply(first, strlen(first), "git", &read, &head, &err));
    assert_good(journal_record_apply(second, strlen(second), "git", &read, &head, &err));
    forget(new);
    forget(read);
    assert_same(read, new);
}

static void largest_cluster_survives_the_journal(void **state)
{
    struct journal_head head;
    FREE_CLEANUP struct upgrade *upgrade = upgrade_new(LIMIT_NODES);
    FREE_CLEANUP struct upgrade *read = NULL;
    (void)state;
    TEXT_COPY(upgrade->id, "u1");
    TEXT_COPY(upgrade->cluster, "git");
    upgrade->is_dirty = true;
    upgrade->dirty_nodes = UINT32_MAX;
    for (uint32_t i = 0; i < LIMIT_NODES; i++)
        fill_node(&upgrade->nodes[i]);
    FREE_CLEANUP char *text = journal_record_write(upgrade, &good_head);
    assert_good(journal_record_apply(text, strlen(text), "git", &read, &head, &err));
    forget(upgrade);
    forget(read);
    assert_same(read, upgrade);
}

/* Texts come from load balancers, from REST and from cut format strings: JSON cannot hold them all,
 * and the controller must not die of that. */
static void error_text_that_is_not_utf8_is_written_with_question_marks(void **state)
{
    struct journal_head head;
    FREE_CLEANUP struct upgrade *upgrade = make_full();
    FREE_CLEANUP struct upgrade *read = NULL;
    (void)state;
    strcpy(upgrade->reason.message, "edge said \xFF\xC3");
    strcpy(upgrade->nodes[1].error.message, "\xE2\x82");
    strcpy(upgrade->nodes[1].error.hint, "caf\xE9");
    FREE_CLEANUP char *text = journal_record_write(upgrade, &good_head);
    assert_good(journal_record_apply(text, strlen(text), "git", &read, &head, &err));
    assert_string_equal(read->reason.message, "edge said ??");
    assert_string_equal(read->nodes[1].error.message, "??");
    assert_string_equal(read->nodes[1].error.hint, "caf?");
}

static void text_that_is_not_utf8_is_written_with_question_marks(void **state)
{
    struct journal_head head;
    FREE_CLEANUP struct upgrade *upgrade = make_full();
    FREE_CLEANUP struct upgrade *read = NULL;
    (void)state;
    strcpy(upgrade->artifact, "/srv/caf\xE9.tar.gz");
    FREE_CLEANUP char *text = journal_record_write(upgrade, &good_head);
    assert_good(journal_record_apply(text, strlen(text), "git", &read, &head, &err));
    assert_string_equal(read->artifact, "/srv/caf?.tar.gz");
}

static void error_code_of_a_newer_version_is_kept_as_an_error(void **state)
{
    JSON_CLEANUP json_t *record = full_record();
    FREE_CLEANUP struct upgrade *read = NULL;
    (void)state;
    json_object_set_new(json_object_get(row_of_upgrade(record), "reason"), "code",
                        json_string("exhausted"));
    assert_good(apply_json(record, &read, &err));
    assert_int_equal(read->reason.code, ERROR_PROTOCOL);
}

/* ---- a cleared journal ---- */

static void cleared_record_ends_the_upgrade(void **state)
{
    struct journal_head head;
    FREE_CLEANUP struct upgrade *upgrade = make_full();
    FREE_CLEANUP struct upgrade *read = NULL;
    FREE_CLEANUP char *first = journal_record_write(upgrade, &good_head);
    FREE_CLEANUP char *cleared =
        journal_cleared_write("git", &(struct journal_head){18, 4, 5}, "anna", "it was \xFF");
    (void)state;
    assert_good(journal_record_apply(first, strlen(first), "git", &read, &head, &err));
    assert_good(journal_record_apply(cleared, strlen(cleared), "git", &read, &head, &err));
    assert_null(read);
    assert_int_equal(head.sequence, 18);
    assert_int_equal(head.epoch, 4);
    assert_non_null(strstr(cleared, "\"operator\":\"anna\",\"reason\":\"it was ?\""));
}

static void upgrade_may_begin_after_a_cleared_record(void **state)
{
    struct journal_head head;
    FREE_CLEANUP struct upgrade *upgrade = make_full();
    FREE_CLEANUP struct upgrade *read = NULL;
    FREE_CLEANUP char *cleared = journal_cleared_write("git", &good_head, "anna", "");
    FREE_CLEANUP char *next = journal_record_write(upgrade, &good_head);
    (void)state;
    assert_good(journal_record_apply(cleared, strlen(cleared), "git", &read, &head, &err));
    assert_null(read);
    assert_good(journal_record_apply(next, strlen(next), "git", &read, &head, &err));
    assert_string_equal(read->id, upgrade->id);
}

static void cleared_record_of_another_cluster_is_refused(void **state)
{
    struct journal_head head;
    FREE_CLEANUP struct upgrade *read = NULL;
    FREE_CLEANUP char *cleared = journal_cleared_write("wiki", &good_head, "anna", "");
    (void)state;
    assert_fails(journal_record_apply(cleared, strlen(cleared), "git", &read, &head, &err),
                 ERROR_INTEGRITY, "it belongs to cluster 'wiki'");
}

/* ---- hostile records ---- */

static void record_cut_at_any_byte_is_refused(void **state)
{
    FREE_CLEANUP struct upgrade *upgrade = make_full();
    FREE_CLEANUP char *text = journal_record_write(upgrade, &good_head);
    (void)state;
    for (size_t size = 0; size < strlen(text); size++) {
        struct journal_head head;
        FREE_CLEANUP struct upgrade *read = NULL;
        FREE_CLEANUP char *cut = memory_zeroed(1, size + 1);
        memcpy(cut, text, size);
        cut = memory_resize(cut, size > 0 ? size : 1, 1); /* no NUL to lean on */
        assert_fails(journal_record_apply(cut, size, "git", &read, &head, &err), ERROR_INTEGRITY,
                     "");
    }
}

static void bytes_that_are_no_record_are_refused(void **state)
{
    static const char *const texts[] = {"",          "null",     "[]", "{}",
                                        "{\"v\":1}", "\xFF\xFE", "17", "{\"v\":1,\"v\":1}"};
    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct journal_head head;
        FREE_CLEANUP struct upgrade *read = NULL;
        assert_fails(journal_record_apply(texts[i], strlen(texts[i]), "git", &read, &head, &err),
                     ERROR_INTEGRITY, "");
    }
}

static void failure_leaves_the_head_alone(void **state)
{
    struct journal_head head = {5, 6, 7};
    struct error err;
    FREE_CLEANUP struct upgrade *read = NULL;
    JSON_CLEANUP json_t *record = full_record();
    (void)state;
    json_object_del(record, "node_count");
    FREE_CLEANUP char *text = json_write(record);
    assert_false(journal_record_apply(text, strlen(text), "git", &read, &head, &err));
    assert_int_equal(head.sequence, 5);
    assert_int_equal(head.epoch, 6);
    assert_int_equal(head.at_ms, 7);
}

/* Which object of a record is spoilt. */
enum part { PART_RECORD, PART_UPGRADE, PART_NODE, PART_COUNT };

static json_t *part_of(const json_t *record, unsigned part)
{
    json_t *whole;
    memcpy(&whole, &record, sizeof(whole));
    if (part == PART_RECORD)
        return whole;
    return part == PART_UPGRADE ? row_of_upgrade(record) : row_of_node(record, NODES - 1);
}

/* Spoils each member of each part in turn: replaced by `value` (borrowed), or removed. */
static void assert_each_member_matters(const json_t *value, bool (*is_exempt)(const char *key))
{
    JSON_CLEANUP json_t *good = full_record();
    for (unsigned part = 0; part < PART_COUNT; part++) {
        const char *key;
        json_t *member;
        json_object_foreach(part_of(good, part), key, member)
        {
            JSON_CLEANUP json_t *record = json_deep_copy(good);
            FREE_CLEANUP struct upgrade *read = NULL;
            struct error err;
            if (is_exempt(key))
                continue;
            if (value == NULL)
                json_object_del(part_of(record, part), key);
            else
                json_object_set_new(part_of(record, part), key, json_deep_copy(value));
            if (apply_json(record, &read, &err))
                fail_msg("'%s' of part %u does not matter", key, part);
            assert_int_equal(err.code, ERROR_INTEGRITY);
        }
    }
}

static bool is_error_member(const char *key)
{
    return text_equal(key, "reason") || text_equal(key, "error");
}

static bool is_none(const char *key)
{
    (void)key;
    return false;
}

static void member_of_a_wrong_type_is_refused(void **state)
{
    JSON_CLEANUP json_t *object = json_pack("{s:i}", "x", 1);
    (void)state;
    assert_each_member_matters(object, is_none);
}

/* Only an error may be null: there is none. */
static void member_that_is_null_is_refused(void **state)
{
    JSON_CLEANUP json_t *null = json_null();
    (void)state;
    assert_each_member_matters(null, is_error_member);
}

static void missing_member_is_refused(void **state)
{
    (void)state;
    assert_each_member_matters(NULL, is_error_member);
}

static void incomplete_error_is_refused(void **state)
{
    static const char *const keys[] = {"code", "message", "hint"};
    (void)state;
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        JSON_CLEANUP json_t *record = full_record();
        json_object_del(json_object_get(row_of_node(record, 0), "error"), keys[i]);
        assert_refused(record, keys[i]);
    }
}

static void overlong_text_is_refused(void **state)
{
    static const struct {
        const char *key;
        size_t most;
    } rows[] = {{"id", LIMIT_ID},      {"operator", LIMIT_NAME}, {"from", LIMIT_VERSION},
                {"to", LIMIT_VERSION}, {"artifact", LIMIT_URL},  {"sha256", LIMIT_SHA256_HEX}};
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        JSON_CLEANUP json_t *record = full_record();
        FREE_CLEANUP char *text = memory_zeroed(rows[i].most + 1, 1);
        memset(text, 'a', rows[i].most);
        json_object_set_new(row_of_upgrade(record), rows[i].key, json_string(text));
        assert_refused(record, rows[i].key);
    }
}

static void record_of_another_cluster_is_refused(void **state)
{
    JSON_CLEANUP json_t *record = full_record();
    (void)state;
    json_object_set_new(record, "cluster", json_string("wiki"));
    assert_refused(record, "it belongs to cluster 'wiki'");
}

static void row_of_another_cluster_is_refused(void **state)
{
    JSON_CLEANUP json_t *record = full_record();
    (void)state;
    json_object_set_new(row_of_upgrade(record), "cluster", json_string("wiki"));
    assert_refused(record, "its row belongs to");
}

static void row_of_another_upgrade_is_refused(void **state)
{
    JSON_CLEANUP json_t *record = full_record();
    (void)state;
    json_object_set_new(row_of_upgrade(record), "id", json_string("another"));
    assert_refused(record, "its row belongs to");
}

/* Whatever else it lacks or has. */
static void record_of_a_newer_format_is_a_conflict(void **state)
{
    static const char *const keys[] = {"cluster", "seq", "nodes", "upgrade"};
    (void)state;
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        JSON_CLEANUP json_t *record = full_record();
        FREE_CLEANUP struct upgrade *read = NULL;
        json_object_set_new(record, "v", json_integer(2));
        json_object_del(record, keys[i]);
        assert_fails(apply_json(record, &read, &err), ERROR_CONFLICT,
                     "it is of format 2, this version reads 1");
    }
}

static void first_record_without_the_upgrade_row_is_refused(void **state)
{
    JSON_CLEANUP json_t *record = full_record();
    FREE_CLEANUP struct upgrade *read = NULL;
    (void)state;
    json_object_del(record, "upgrade");
    assert_fails(apply_json(record, &read, &err), ERROR_INTEGRITY, "lacks its row");
    assert_null(read);
}

static void later_record_without_the_upgrade_row_of_its_id_is_refused(void **state)
{
    JSON_CLEANUP json_t *first = full_record();
    JSON_CLEANUP json_t *second = full_record(); /* of another id */
    FREE_CLEANUP struct upgrade *read = NULL;
    (void)state;
    json_object_del(second, "upgrade");
    assert_good(apply_json(first, &read, &err));
    assert_fails(apply_json(second, &read, &err), ERROR_INTEGRITY, "lacks its row");
}

static void record_without_a_list_of_nodes_is_refused(void **state)
{
    JSON_CLEANUP json_t *record = full_record();
    (void)state;
    json_object_del(record, "nodes");
    assert_refused_later(record, "'nodes'");
}

static void first_record_without_all_nodes_is_refused(void **state)
{
    JSON_CLEANUP json_t *record = full_record();
    (void)state;
    json_array_remove(json_object_get(record, "nodes"), 2);
    assert_refused(record, "has 2 nodes of 3");
}

static void node_row_that_is_no_object_is_refused(void **state)
{
    JSON_CLEANUP json_t *record = full_record();
    (void)state;
    json_array_set_new(json_object_get(record, "nodes"), 2, json_integer(2));
    assert_refused(record, "'index'");
}

static void node_index_out_of_range_is_refused(void **state)
{
    static const int64_t indices[] = {-1, NODES, LIMIT_NODES, (int64_t)UINT32_MAX + 1, INT64_MAX};
    (void)state;
    for (size_t i = 0; i < sizeof(indices) / sizeof(indices[0]); i++) {
        JSON_CLEANUP json_t *record = full_record();
        json_object_set_new(row_of_node(record, 1), "index", json_integer(indices[i]));
        assert_refused(record, "'index' is");
    }
}

static void enum_out_of_range_is_refused(void **state)
{
    static const struct {
        enum part part;
        const char *key;
        int64_t count;
    } rows[] = {
        {PART_UPGRADE, "policy.on_failure", ON_FAILURE_COUNT},
        {PART_UPGRADE, "phase", PHASE_COUNT},
        {PART_UPGRADE, "outcome", OUTCOME_COUNT},
        {PART_UPGRADE, "ending", OUTCOME_COUNT},
        {PART_NODE, "place", PLACE_COUNT},
        {PART_NODE, "pass", PASS_COUNT},
        {PART_NODE, "step", STEP_COUNT},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const int64_t values[] = {-1, rows[i].count, (int64_t)UINT32_MAX + 1};
        for (size_t v = 0; v < sizeof(values) / sizeof(values[0]); v++) {
            JSON_CLEANUP json_t *record = full_record();
            json_object_set_new(part_of(record, rows[i].part), rows[i].key,
                                json_integer(values[v]));
            assert_refused(record, rows[i].key);
        }
    }
}

static void number_out_of_range_is_refused(void **state)
{
    static const int64_t values[] = {-1, (int64_t)UINT32_MAX + 1};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        JSON_CLEANUP json_t *record = full_record();
        json_object_set_new(row_of_node(record, 0), "attempt", json_integer(values[i]));
        assert_refused(record, "'attempt' is");
    }
}

static void change_of_the_number_of_nodes_is_refused(void **state)
{
    JSON_CLEANUP json_t *record = full_record();
    (void)state;
    json_object_set_new(record, "node_count", json_integer(NODES + 1));
    assert_refused_later(record, "changes its number of nodes");
}

static void number_of_nodes_out_of_range_is_refused(void **state)
{
    static const int64_t counts[] = {-1, 0, LIMIT_NODES + 1, INT64_MAX};
    (void)state;
    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        JSON_CLEANUP json_t *record = full_record();
        json_object_set_new(record, "node_count", json_integer(counts[i]));
        assert_refused(record, "'node_count' is");
    }
}

static void times_of_a_wrong_number_are_refused(void **state)
{
    JSON_CLEANUP json_t *longer = full_record();
    JSON_CLEANUP json_t *shorter = full_record();
    (void)state;
    json_array_append_new(json_object_get(row_of_node(longer, 0), "step_took_ms"), json_integer(1));
    json_array_remove(json_object_get(row_of_node(shorter, 0), "step_took_ms"), 0);
    assert_refused(longer, "'step_took_ms'");
    assert_refused(shorter, "'step_took_ms'");
}

static void time_that_is_no_integer_is_refused(void **state)
{
    JSON_CLEANUP json_t *record = full_record();
    (void)state;
    json_array_set_new(json_object_get(row_of_node(record, 0), "pass_begun_ms"), 1,
                       json_string("yesterday"));
    assert_refused(record, "'pass_begun_ms'");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(this_test_knows_the_whole_state),
        cmocka_unit_test(every_field_survives_the_journal),
        cmocka_unit_test(head_survives_the_journal),
        cmocka_unit_test(what_was_seen_is_unknown_after_the_journal),
        cmocka_unit_test(only_dirty_rows_are_written),
        cmocka_unit_test(later_record_changes_its_rows_and_no_other),
        cmocka_unit_test(record_of_another_upgrade_begins_a_new_state),
        cmocka_unit_test(largest_cluster_survives_the_journal),
        cmocka_unit_test(error_text_that_is_not_utf8_is_written_with_question_marks),
        cmocka_unit_test(text_that_is_not_utf8_is_written_with_question_marks),
        cmocka_unit_test(error_code_of_a_newer_version_is_kept_as_an_error),
        cmocka_unit_test(cleared_record_ends_the_upgrade),
        cmocka_unit_test(upgrade_may_begin_after_a_cleared_record),
        cmocka_unit_test(cleared_record_of_another_cluster_is_refused),
        cmocka_unit_test(record_cut_at_any_byte_is_refused),
        cmocka_unit_test(bytes_that_are_no_record_are_refused),
        cmocka_unit_test(failure_leaves_the_head_alone),
        cmocka_unit_test(member_of_a_wrong_type_is_refused),
        cmocka_unit_test(member_that_is_null_is_refused),
        cmocka_unit_test(missing_member_is_refused),
        cmocka_unit_test(incomplete_error_is_refused),
        cmocka_unit_test(overlong_text_is_refused),
        cmocka_unit_test(record_of_another_cluster_is_refused),
        cmocka_unit_test(row_of_another_cluster_is_refused),
        cmocka_unit_test(row_of_another_upgrade_is_refused),
        cmocka_unit_test(record_of_a_newer_format_is_a_conflict),
        cmocka_unit_test(first_record_without_the_upgrade_row_is_refused),
        cmocka_unit_test(later_record_without_the_upgrade_row_of_its_id_is_refused),
        cmocka_unit_test(record_without_a_list_of_nodes_is_refused),
        cmocka_unit_test(first_record_without_all_nodes_is_refused),
        cmocka_unit_test(node_row_that_is_no_object_is_refused),
        cmocka_unit_test(node_index_out_of_range_is_refused),
        cmocka_unit_test(enum_out_of_range_is_refused),
        cmocka_unit_test(number_out_of_range_is_refused),
        cmocka_unit_test(change_of_the_number_of_nodes_is_refused),
        cmocka_unit_test(number_of_nodes_out_of_range_is_refused),
        cmocka_unit_test(times_of_a_wrong_number_are_refused),
        cmocka_unit_test(time_that_is_no_integer_is_refused),
    };
    return cmocka_run_group_tests_name("controller/journal_row", tests, NULL, NULL);
}
