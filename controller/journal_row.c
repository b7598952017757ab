/* SPDX-License-Identifier: Apache-2.0 */
#include "journal_row.h"

#include "check.h"
#include "json.h"
#include "memory.h"
#include "text.h"

#include <stdlib.h>
#include <string.h>

enum field_kind {
    FIELD_TEXT,
    FIELD_I64,
    FIELD_U32,
    FIELD_ENUM,
    FIELD_BOOL,
    FIELD_ERROR,
    FIELD_TIMES
};

/* One row a field: its name in the journal, where it is, and its size. */
struct field {
    const char *name;
    enum field_kind kind;
    size_t offset, size; /* ENUM: size is the number of values; TIMES: the number of elements */
};

#define U_TEXT(f)                                                                                  \
    {                                                                                              \
#f, FIELD_TEXT, offsetof(struct upgrade, f), sizeof(((struct upgrade *)0)->f)              \
    }
#define U_I64(f)                                                                                   \
    {                                                                                              \
#f, FIELD_I64, offsetof(struct upgrade, f), 0                                              \
    }
#define U_U32(f)                                                                                   \
    {                                                                                              \
#f, FIELD_U32, offsetof(struct upgrade, f), 0                                              \
    }
#define U_BOOL(f)                                                                                  \
    {                                                                                              \
#f, FIELD_BOOL, offsetof(struct upgrade, f), 0                                             \
    }
#define U_ENUM(f, n)                                                                               \
    {                                                                                              \
#f, FIELD_ENUM, offsetof(struct upgrade, f), n                                             \
    }
#define N_TEXT(f)                                                                                  \
    {                                                                                              \
#f, FIELD_TEXT, offsetof(struct upgrade_node, f), sizeof(((struct upgrade_node *)0)->f)    \
    }
#define N_I64(f)                                                                                   \
    {                                                                                              \
#f, FIELD_I64, offsetof(struct upgrade_node, f), 0                                         \
    }
#define N_U32(f)                                                                                   \
    {                                                                                              \
#f, FIELD_U32, offsetof(struct upgrade_node, f), 0                                         \
    }
#define N_BOOL(f)                                                                                  \
    {                                                                                              \
#f, FIELD_BOOL, offsetof(struct upgrade_node, f), 0                                        \
    }
#define N_ENUM(f, n)                                                                               \
    {                                                                                              \
#f, FIELD_ENUM, offsetof(struct upgrade_node, f), n                                        \
    }
#define N_TIMES(f, n)                                                                              \
    {                                                                                              \
#f, FIELD_TIMES, offsetof(struct upgrade_node, f), n                                       \
    }

static const struct field upgrade_fields[] = {
    U_TEXT(id),
    U_TEXT(cluster),
    U_TEXT(operator),
    U_TEXT(from),
    U_TEXT(to),
    U_TEXT(artifact),
    U_TEXT(sha256),
    U_U32(policy.max_unavailable),
    U_U32(policy.min_available),
    U_I64(policy.drain_deadline_ms),
    U_I64(policy.sticky_ms),
    U_I64(policy.lb_deadline_ms),
    U_BOOL(policy.force_at_drain_deadline),
    U_I64(policy.stop_deadline_ms),
    U_BOOL(policy.kill_at_stop_deadline),
    U_I64(policy.start_deadline_ms),
    U_I64(policy.active_deadline_ms),
    U_I64(policy.return_deadline_ms),
    U_I64(policy.stage_deadline_ms),
    U_I64(policy.soak_ms),
    U_ENUM(policy.on_failure, ON_FAILURE_COUNT),
    U_BOOL(policy.approve_by_hand),
    U_ENUM(phase, PHASE_COUNT),
    U_ENUM(outcome, OUTCOME_COUNT),
    U_BOOL(is_paused),
    U_BOOL(is_waiting),
    U_BOOL(is_aborting),
    U_BOOL(is_approved),
    U_BOOL(is_rollback_wanted),
    U_ENUM(ending, OUTCOME_COUNT),
    {"reason", FIELD_ERROR, offsetof(struct upgrade, reason), 0},
    U_U32(sequence),
    U_U32(works),
    U_U32(works_done),
    U_U32(attempt),
    U_I64(begun_ms),
    U_I64(ended_ms),
    U_I64(phase_begun_ms),
    U_I64(deadline_ms),
    U_I64(retry_ms),
    U_I64(starved_ms),
};

static const struct field node_fields[] = {
    N_TEXT(name),
    N_ENUM(place, PLACE_COUNT),
    N_ENUM(pass, PASS_COUNT),
    N_ENUM(step, STEP_COUNT),
    N_BOOL(is_turning),
    N_BOOL(is_forced),
    N_BOOL(is_detached),
    N_BOOL(is_broken),
    N_BOOL(was_switched),
    N_BOOL(was_stopped),
    N_BOOL(is_taken),
    N_U32(sequence),
    N_U32(works),
    N_U32(works_done),
    N_U32(attempt),
    N_I64(begun_ms),
    N_I64(deadline_ms),
    N_I64(retry_ms),
    N_TIMES(pass_begun_ms, PASS_COUNT),
    N_TIMES(pass_ended_ms, PASS_COUNT),
    N_TIMES(step_begun_ms, PASS_COUNT *STEP_COUNT),
    N_TIMES(step_took_ms, PASS_COUNT *STEP_COUNT),
    {"error", FIELD_ERROR, offsetof(struct upgrade_node, error), 0},
    N_TEXT(sha256),
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Values are copied, not cast: enums and unsigned may differ in size from one compiler to another.
 */
static json_int_t read_enum(const char *at)
{
    unsigned value;
    memcpy(&value, at, sizeof(value));
    return value;
}

_Static_assert(sizeof(enum phase) == sizeof(unsigned), "enums are read as unsigned");

static json_t *write_error(const char *at)
{
    struct error error;
    memcpy(&error, at, sizeof(error));
    if (error.code == ERROR_NONE)
        return json_null();
    return json_pack("{s:s,s:o,s:o}", "code", error_code_name(error.code), "message",
                     json_text(error.message), "hint", json_text(error.hint));
}

static json_t *write_times(const char *at, size_t count)
{
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++) {
        int64_t value;
        memcpy(&value, at + i * sizeof(value), sizeof(value));
        json_array_append_new(list, json_integer(value));
    }
    return list;
}

static json_t *write_field(const struct field *field, const char *base)
{
    const char *at = base + field->offset;
    int64_t wide;
    uint32_t narrow;
    bool is_set;
    switch (field->kind) {
    case FIELD_TEXT:
        return json_text(at);
    case FIELD_I64:
        memcpy(&wide, at, sizeof(wide));
        return json_integer(wide);
    case FIELD_U32:
        memcpy(&narrow, at, sizeof(narrow));
        return json_integer(narrow);
    case FIELD_ENUM:
        return json_integer(read_enum(at));
    case FIELD_BOOL:
        memcpy(&is_set, at, sizeof(is_set));
        return json_boolean(is_set);
    case FIELD_ERROR:
        return write_error(at);
    case FIELD_TIMES:
        return write_times(at, field->size);
    }
    CHECK(!"a field of no kind");
}

static json_t *write_row(const struct field *fields, size_t count, const void *base)
{
    json_t *row = json_object();
    for (size_t i = 0; i < count; i++) {
        json_t *value = write_field(&fields[i], base);
        CHECK(value != NULL && json_object_set_new(row, fields[i].name, value) == 0);
    }
    return row;
}

char *journal_record_write(const struct upgrade *upgrade, const struct journal_head *head)
{
    JSON_CLEANUP json_t *record = json_pack(
        "{s:i,s:I,s:I,s:s,s:I,s:s,s:i}", "v", JOURNAL_FORMAT, "seq", (json_int_t)head->sequence,
        "epoch", (json_int_t)head->epoch, "cluster", upgrade->cluster, "at_ms",
        (json_int_t)head->at_ms, "id", upgrade->id, "node_count", (int)upgrade->node_count);
    json_t *nodes = json_array();
    CHECK(record != NULL);
    if (upgrade->is_dirty)
        json_object_set_new(record, "upgrade",
                            write_row(upgrade_fields, COUNT(upgrade_fields), upgrade));
    for (uint32_t i = 0; i < upgrade->node_count; i++) {
        if ((upgrade->dirty_nodes & (1u << i)) == 0)
            continue;
        json_t *row = write_row(node_fields, COUNT(node_fields), &upgrade->nodes[i]);
        json_object_set_new(row, "index", json_integer(i));
        json_array_append_new(nodes, row);
    }
    json_object_set_new(record, "nodes", nodes);
    return json_write(record);
}

char *journal_cleared_write(const char *cluster, const struct journal_head *head,
                            const char *operator, const char * reason)
{
    JSON_CLEANUP json_t *record = json_pack(
        "{s:i,s:I,s:I,s:s,s:I,s:{s:s,s:o}}", "v", JOURNAL_FORMAT, "seq", (json_int_t)head->sequence,
        "epoch", (json_int_t)head->epoch, "cluster", cluster, "at_ms", (json_int_t)head->at_ms,
        "cleared", "operator", operator, "reason", json_text(reason));
    CHECK(record != NULL);
    return json_write(record);
}

static bool read_error(const json_t *row, const char *name, char *at, struct error *err)
{
    const json_t *value = json_object_get(row, name);
    struct error error;
    char code[32];
    memset(&error, 0, sizeof(error));
    if (value != NULL && !json_is_null(value)) {
        if (!json_get_text(value, "code", code, sizeof(code), err) ||
            !json_get_text(value, "message", error.message, sizeof(error.message), err) ||
            !json_get_text(value, "hint", error.hint, sizeof(error.hint), err))
            return false;
        error.code = error_code_parse(code);
    }
    memcpy(at, &error, sizeof(error));
    return true;
}

static bool read_times(const json_t *row, const struct field *field, char *at, struct error *err)
{
    const json_t *list = json_object_get(row, field->name);
    if (!json_is_array(list) || json_array_size(list) != field->size) {
        error_set(err, ERROR_INTEGRITY, "'%s' is not a list of %zu times", field->name,
                  field->size);
        return false;
    }
    for (size_t i = 0; i < field->size; i++) {
        const json_t *element = json_array_get(list, i);
        int64_t value = json_integer_value(element);
        if (!json_is_integer(element)) {
            error_set(err, ERROR_INTEGRITY, "'%s' holds what is no time", field->name);
            return false;
        }
        memcpy(at + i * sizeof(value), &value, sizeof(value));
    }
    return true;
}

static bool read_field(const json_t *row, const struct field *field, char *base, struct error *err)
{
    char *at = base + field->offset;
    int64_t wide = 0;
    bool is_set = false;
    unsigned narrow;
    switch (field->kind) {
    case FIELD_TEXT:
        return json_get_text(row, field->name, at, field->size, err);
    case FIELD_I64:
        if (!json_get_integer(row, field->name, INT64_MIN, INT64_MAX, &wide, err))
            return false;
        memcpy(at, &wide, sizeof(wide));
        return true;
    case FIELD_U32:
    case FIELD_ENUM:
        if (!json_get_integer(row, field->name, 0,
                              field->kind == FIELD_ENUM ? (int64_t)field->size - 1 : UINT32_MAX,
                              &wide, err))
            return false;
        narrow = (unsigned)wide;
        memcpy(at, &narrow, sizeof(narrow));
        return true;
    case FIELD_BOOL:
        if (!json_get_bool(row, field->name, &is_set, err))
            return false;
        memcpy(at, &is_set, sizeof(is_set));
        return true;
    case FIELD_ERROR:
        return read_error(row, field->name, at, err);
    case FIELD_TIMES:
        return read_times(row, field, at, err);
    }
    CHECK(!"a field of no kind");
}

static bool read_row(const json_t *row, const struct field *fields, size_t count, void *base,
                     struct error *err)
{
    for (size_t i = 0; i < count; i++)
        if (!read_field(row, &fields[i], base, err))
            return false;
    return true;
}

struct upgrade *upgrade_new(uint32_t node_count)
{
    struct upgrade *upgrade =
        memory_zeroed(1, sizeof(*upgrade) + node_count * sizeof(upgrade->nodes[0]));
    upgrade->node_count = node_count;
    upgrade_init(upgrade);
    return upgrade;
}

/* First of all: a newer format may lack what is read next. */
static bool check_format(const json_t *record, struct error *err)
{
    int64_t format = 0;
    if (!json_get_integer(record, "v", 1, INT64_MAX, &format, err))
        return false;
    if (format == JOURNAL_FORMAT)
        return true;
    error_set(err, ERROR_CONFLICT, "it is of format %lld, this version reads %d", (long long)format,
              JOURNAL_FORMAT);
    error_hint(err, "run the newer controller that has written it");
    return false;
}

static bool read_head(const json_t *record, const char *cluster, struct journal_head *head,
                      struct error *err)
{
    int64_t sequence = 0, epoch = 0;
    char name[LIMIT_NAME];
    if (!json_get_integer(record, "seq", 1, INT64_MAX, &sequence, err) ||
        !json_get_integer(record, "epoch", 0, INT64_MAX, &epoch, err) ||
        !json_get_integer(record, "at_ms", 0, INT64_MAX, &head->at_ms, err) ||
        !json_get_text(record, "cluster", name, sizeof(name), err))
        return false;
    head->sequence = (uint64_t)sequence;
    head->epoch = (uint64_t)epoch;
    if (text_equal(name, cluster))
        return true;
    error_set(err, ERROR_INTEGRITY, "it belongs to cluster '%s'", name);
    return false;
}

static bool apply_nodes(const json_t *record, struct upgrade *upgrade, struct error *err)
{
    const json_t *nodes = json_object_get(record, "nodes");
    if (!json_is_array(nodes)) {
        error_set(err, ERROR_INTEGRITY, "'nodes' is not a list");
        return false;
    }
    for (size_t i = 0; i < json_array_size(nodes); i++) {
        const json_t *row = json_array_get(nodes, i);
        int64_t index = 0;
        if (!json_get_integer(row, "index", 0, (int64_t)upgrade->node_count - 1, &index, err) ||
            !read_row(row, node_fields, COUNT(node_fields), &upgrade->nodes[index], err))
            return false;
    }
    return true;
}

static bool apply_upgrade(const json_t *row, const char *id, const char *cluster,
                          struct upgrade *upgrade, struct error *err)
{
    if (!read_row(row, upgrade_fields, COUNT(upgrade_fields), upgrade, err))
        return false;
    if (text_equal(upgrade->id, id) && text_equal(upgrade->cluster, cluster))
        return true;
    error_set(err, ERROR_INTEGRITY, "its row belongs to upgrade %s of cluster '%s'", upgrade->id,
              upgrade->cluster);
    return false;
}

/* The first record of an upgrade must say all: nodes without a row would have no names. */
static bool begin_state(const json_t *record, const char *id, int64_t node_count,
                        struct upgrade **upgrade, struct error *err)
{
    const json_t *nodes = json_object_get(record, "nodes");
    if (json_object_get(record, "upgrade") == NULL) {
        error_set(err, ERROR_INTEGRITY, "the first record of upgrade %s lacks its row", id);
        return false;
    }
    if (json_is_array(nodes) && json_array_size(nodes) != (size_t)node_count) {
        error_set(err, ERROR_INTEGRITY, "the first record of upgrade %s has %zu nodes of %d", id,
                  json_array_size(nodes), (int)node_count);
        return false;
    }
    free(*upgrade);
    *upgrade = upgrade_new((uint32_t)node_count);
    return true;
}

static bool apply(const json_t *record, const char *cluster, struct upgrade **upgrade,
                  struct error *err)
{
    char id[LIMIT_ID];
    int64_t node_count = 0;
    const json_t *row = json_object_get(record, "upgrade");
    if (!json_get_text(record, "id", id, sizeof(id), err) ||
        !json_get_integer(record, "node_count", 1, LIMIT_NODES, &node_count, err))
        return false;
    if ((*upgrade == NULL || !text_equal((*upgrade)->id, id)) &&
        !begin_state(record, id, node_count, upgrade, err))
        return false;
    if ((*upgrade)->node_count != node_count) {
        error_set(err, ERROR_INTEGRITY, "upgrade %s changes its number of nodes", id);
        return false;
    }
    if (row != NULL && !apply_upgrade(row, id, cluster, *upgrade, err))
        return false;
    return apply_nodes(record, *upgrade, err);
}

static bool read_record(const json_t *record, const char *cluster, struct upgrade **upgrade,
                        struct journal_head *ret_head, struct error *err)
{
    struct journal_head head;
    bool is_cleared = json_is_object(json_object_get(record, "cleared"));
    bool is_good = read_head(record, cluster, &head, err) &&
                   (is_cleared || apply(record, cluster, upgrade, err));
    if (!is_good) {
        err->code = ERROR_INTEGRITY;
        return false;
    }
    if (is_cleared) {
        free(*upgrade);
        *upgrade = NULL;
    }
    *ret_head = head;
    return true;
}

bool journal_record_apply(const char *text, size_t size, const char *cluster,
                          struct upgrade **upgrade, struct journal_head *ret_head,
                          struct error *err)
{
    JSON_CLEANUP json_t *record = NULL;
    if (json_read_object(text, size, &record, err) && check_format(record, err))
        return read_record(record, cluster, upgrade, ret_head, err);
    if (err->code != ERROR_CONFLICT)
        err->code = ERROR_INTEGRITY;
    return false;
}
