/* SPDX-License-Identifier: Apache-2.0 */
#include "message_codec.h"

#include "check.h"
#include "json.h"
#include "text.h"

#include <stddef.h>

enum field_type {
    FIELD_TEXT,       /* char[size] */
    FIELD_INTEGER,    /* int64_t from least on */
    FIELD_EPOCH,      /* uint64_t; up to INT64_MAX, as JSON readers have it */
    FIELD_FLAG,       /* bool */
    FIELD_VERB,       /* enum verb, by name */
    FIELD_KIND,       /* enum report_kind, by name */
    FIELD_ERROR_CODE, /* enum error_code, by name */
};

/* One member of an object: where it is in the struct, and where it has a place on the wire. */
struct field {
    const char *name;
    enum field_type type;
    size_t offset;
    size_t size;
    int64_t least;  /* -1 where that is "not known"; then also what absence means */
    unsigned scope; /* 0: always there. Otherwise optional, and allowed where a bit matches:
                       enum command_argument in commands, 1 << enum verb in reports */
};

#define FIELD(record, member, name, type, least, scope)                                            \
    {                                                                                              \
        name, type, offsetof(struct record, member), sizeof(((struct record *)0)->member), least,  \
            scope                                                                                  \
    }

static const struct field command_fields[] = {
    FIELD(command, id, "id", FIELD_TEXT, 0, 0),
    FIELD(command, cluster, "cluster", FIELD_TEXT, 0, 0),
    FIELD(command, node, "node", FIELD_TEXT, 0, 0),
    FIELD(command, epoch, "epoch", FIELD_EPOCH, 0, 0),
    FIELD(command, issued_ms, "issued_ms", FIELD_INTEGER, 0, 0),
    FIELD(command, expires_ms, "expires_ms", FIELD_INTEGER, 0, 0),
    FIELD(command, verb, "verb", FIELD_VERB, 0, 0),
    FIELD(command, version, "version", FIELD_TEXT, 0, ARGUMENT_VERSION),
    FIELD(command, previous_version, "previous_version", FIELD_TEXT, 0, ARGUMENT_PREVIOUS_VERSION),
    FIELD(command, artifact, "artifact", FIELD_TEXT, 0, ARGUMENT_ARTIFACT),
    FIELD(command, sha256, "sha256", FIELD_TEXT, 0, ARGUMENT_SHA256),
    FIELD(command, target_id, "target_id", FIELD_TEXT, 0, ARGUMENT_TARGET),
    FIELD(command, deadline_ms, "deadline_ms", FIELD_INTEGER, 0, ARGUMENT_DEADLINE),
    FIELD(command, duration_ms, "duration_ms", FIELD_INTEGER, 0, ARGUMENT_DURATION),
    FIELD(command, force, "force", FIELD_FLAG, 0, ARGUMENT_FORCE),
    FIELD(command, kill, "kill", FIELD_FLAG, 0, ARGUMENT_KILL),
};

#define VERB_BIT(verb)     (1U << (verb))
#define COUNTS_CONNECTIONS (VERB_BIT(VERB_CONNECTIONS) | VERB_BIT(VERB_STOP))

static const struct field report_fields[] = {
    FIELD(report, command_id, "command_id", FIELD_TEXT, 0, 0),
    FIELD(report, cluster, "cluster", FIELD_TEXT, 0, 0),
    FIELD(report, node, "node", FIELD_TEXT, 0, 0),
    FIELD(report, kind, "kind", FIELD_KIND, 0, 0),
    FIELD(report, verb, "verb", FIELD_VERB, 0, 0),
    FIELD(report, epoch, "epoch", FIELD_EPOCH, 0, 0),
    FIELD(report, at_ms, "at_ms", FIELD_INTEGER, 0, 0),
    FIELD(report, elapsed_ms, "elapsed_ms", FIELD_INTEGER, 0, 0),
    FIELD(report, connections, "connections", FIELD_INTEGER, -1, COUNTS_CONNECTIONS),
    FIELD(report, bytes_done, "bytes_done", FIELD_INTEGER, 0, VERB_BIT(VERB_STAGE)),
    FIELD(report, bytes_total, "bytes_total", FIELD_INTEGER, -1, VERB_BIT(VERB_STAGE)),
    FIELD(report, sha256, "sha256", FIELD_TEXT, 0, VERB_BIT(VERB_STAGE)),
};

/* The object "error": required in a report that is FAILED or REFUSED, and only there. */
static const struct field error_fields[] = {
    FIELD(error, code, "code", FIELD_ERROR_CODE, 0, 0),
    FIELD(error, message, "message", FIELD_TEXT, 0, 0),
    FIELD(error, hint, "hint", FIELD_TEXT, 0, 0),
};

/* The object "facts", where the report has it. */
static const struct field facts_fields[] = {
    FIELD(node_facts, agent_version, "agent_version", FIELD_TEXT, 0, 0),
    FIELD(node_facts, running_version, "running_version", FIELD_TEXT, 0, 0),
    FIELD(node_facts, linked_version, "linked_version", FIELD_TEXT, 0, 0),
    FIELD(node_facts, install_root, "install_root", FIELD_TEXT, 0, 0),
    FIELD(node_facts, home, "home", FIELD_TEXT, 0, 0),
    FIELD(node_facts, releases, "releases", FIELD_TEXT, 0, 0),
    FIELD(node_facts, pid, "pid", FIELD_INTEGER, -1, 0),
    FIELD(node_facts, free_bytes, "free_bytes", FIELD_INTEGER, -1, 0),
    FIELD(node_facts, free_inodes, "free_inodes", FIELD_INTEGER, -1, 0),
    FIELD(node_facts, load_1m_x100, "load_1m_x100", FIELD_INTEGER, -1, 0),
    FIELD(node_facts, clock_ms, "clock_ms", FIELD_INTEGER, -1, 0),
};

/* One object's shape and the scope it is read or written in. */
struct shape {
    const struct field *fields;
    size_t count;
    unsigned scope;
};
#define SHAPE(table, scope) ((struct shape){(table), sizeof(table) / sizeof((table)[0]), (scope)})
#define MOST_FIELDS         24 /* of one shape, with the nested objects */

static bool has_place(const struct field *field, unsigned scope)
{
    return field->scope == 0 || (field->scope & scope) != 0;
}

static json_t *value_of(const struct field *field, const void *member)
{
    switch (field->type) {
    case FIELD_TEXT:
        return json_text(member);
    case FIELD_INTEGER:
        return json_integer(*(const int64_t *)member);
    case FIELD_EPOCH:
        CHECK(*(const uint64_t *)member <= INT64_MAX);
        return json_integer((json_int_t) * (const uint64_t *)member);
    case FIELD_FLAG:
        return json_boolean(*(const bool *)member);
    case FIELD_VERB:
        return json_string(verb_name(*(const enum verb *)member));
    case FIELD_KIND:
        return json_string(report_kind_name(*(const enum report_kind *)member));
    case FIELD_ERROR_CODE:
        return json_string(error_code_name(*(const enum error_code *)member));
    }
    return NULL;
}

/* An optional member that says nothing is left out. */
static bool says_something(const struct field *field, const void *member)
{
    if (field->type == FIELD_TEXT)
        return *(const char *)member != '\0';
    if (field->type == FIELD_INTEGER)
        return *(const int64_t *)member != field->least;
    return field->type != FIELD_FLAG || *(const bool *)member;
}

static json_t *write_shape(struct shape shape, const void *record)
{
    json_t *object = json_object();
    for (size_t i = 0; i < shape.count; i++) {
        const struct field *field = &shape.fields[i];
        const void *member = (const char *)record + field->offset;
        if (!has_place(field, shape.scope) || (field->scope != 0 && !says_something(field, member)))
            continue;
        int failure = json_object_set_new(object, field->name, value_of(field, member));
        CHECK(failure == 0);
    }
    return object;
}

static bool unknown_word(const struct field *field, const char *word, struct error *err)
{
    error_set(err, ERROR_PROTOCOL, "'%s' is '%s', which is not known here", field->name, word);
    return false;
}

static bool read_word(const struct field *field, const json_t *object, void *member,
                      struct error *err)
{
    char word[LIMIT_NAME];
    if (!json_get_text(object, field->name, word, sizeof(word), err))
        return false;
    if (field->type == FIELD_VERB)
        return verb_parse(word, member) || unknown_word(field, word, err);
    if (field->type == FIELD_KIND)
        return report_kind_parse(word, member) || unknown_word(field, word, err);
    enum error_code code = error_code_parse(word);
    *(enum error_code *)member = code;
    return code != ERROR_NONE || unknown_word(field, word, err);
}

static bool read_epoch(const struct field *field, const json_t *object, uint64_t *epoch,
                       struct error *err)
{
    int64_t number;
    if (!json_get_integer(object, field->name, 0, INT64_MAX, &number, err))
        return false;
    *epoch = (uint64_t)number;
    return true;
}

static bool read_field(const struct field *field, const json_t *object, void *member,
                       struct error *err)
{
    switch (field->type) {
    case FIELD_TEXT:
        return json_get_text(object, field->name, member, field->size, err);
    case FIELD_INTEGER:
        return json_get_integer(object, field->name, field->least, INT64_MAX, member, err);
    case FIELD_EPOCH:
        return read_epoch(field, object, member, err);
    case FIELD_FLAG:
        return json_get_bool(object, field->name, member, err);
    case FIELD_VERB:
    case FIELD_KIND:
    case FIELD_ERROR_CODE:
        return read_word(field, object, member, err);
    }
    return false;
}

/* Reads the members of the shape that are always there (wants_scoped false) or the others. */
static bool read_shape(struct shape shape, bool wants_scoped, const json_t *object, void *record,
                       struct error *err)
{
    for (size_t i = 0; i < shape.count; i++) {
        const struct field *field = &shape.fields[i];
        void *member = (char *)record + field->offset;
        bool is_scoped = field->scope != 0;
        if (is_scoped != wants_scoped)
            continue;
        if (is_scoped && field->type == FIELD_INTEGER)
            *(int64_t *)member = field->least;
        bool is_absent = is_scoped && json_object_get(object, field->name) == NULL;
        if (!is_absent && !read_field(field, object, member, err))
            return false;
    }
    return true;
}

/* nested: names of the objects inside that are allowed here, NULL-ended. */
static bool only_shape(struct shape shape, const char *const *nested, const json_t *object,
                       struct error *err)
{
    const char *names[MOST_FIELDS + 1];
    size_t count = 0;
    for (size_t i = 0; i < shape.count; i++) {
        CHECK(count < MOST_FIELDS);
        if (has_place(&shape.fields[i], shape.scope))
            names[count++] = shape.fields[i].name;
    }
    for (; *nested != NULL; nested++) {
        CHECK(count < MOST_FIELDS);
        names[count++] = *nested;
    }
    names[count] = NULL;
    return json_only_keys(object, names, err);
}

static const char *const nothing_nested[] = {NULL};

static bool read_nested(struct shape shape, const char *name, const json_t *outer, void *record,
                        struct error *err)
{
    const json_t *object = json_object_get(outer, name);
    if (!json_is_object(object)) {
        error_set(err, ERROR_PROTOCOL, "'%s' is %s", name,
                  object == NULL ? "missing" : "not an object");
        return false;
    }
    if (only_shape(shape, nothing_nested, object, err) &&
        read_shape(shape, false, object, record, err))
        return true;
    error_wrap(err, "'%s'", name);
    return false;
}

static bool read_message(const char *bytes, size_t size, json_t **ret_object, struct error *err)
{
    if (size > LIMIT_MESSAGE_BYTES) {
        error_set(err, ERROR_PROTOCOL, "%zu bytes; %d are the most", size, LIMIT_MESSAGE_BYTES);
        return false;
    }
    return json_read_object(bytes, size, ret_object, err);
}

static char *write_and_drop(json_t *object)
{
    char *text = json_write(object);
    json_decref(object);
    return text;
}

static unsigned command_scope(enum verb verb)
{
    return verb_required_arguments(verb) | verb_optional_arguments(verb);
}

char *command_write(const struct command *command)
{
    return write_and_drop(
        write_shape(SHAPE(command_fields, command_scope(command->verb)), command));
}

static bool read_command_object(const json_t *object, struct command *command, struct error *err)
{
    struct shape shape = SHAPE(command_fields, 0);
    if (!read_shape(shape, false, object, command, err))
        return false;
    shape.scope = command_scope(command->verb);
    return only_shape(shape, nothing_nested, object, err) &&
           read_shape(shape, true, object, command, err) && command_validate(command, err);
}

bool command_read(const char *bytes, size_t size, struct command *ret_command, struct error *err)
{
    JSON_CLEANUP json_t *object = NULL;
    struct command command = {0};
    if (!read_message(bytes, size, &object, err) || !read_command_object(object, &command, err)) {
        error_wrap(err, "command");
        return false;
    }
    *ret_command = command;
    return true;
}

static bool kind_has_error(enum report_kind kind)
{
    return kind == REPORT_FAILED || kind == REPORT_REFUSED;
}

char *report_write(const struct report *report)
{
    json_t *object = write_shape(SHAPE(report_fields, VERB_BIT(report->verb)), report);
    if (kind_has_error(report->kind)) {
        int failure = json_object_set_new(object, "error",
                                          write_shape(SHAPE(error_fields, 0), &report->error));
        CHECK(failure == 0);
    }
    if (report->has_facts) {
        int failure = json_object_set_new(object, "facts",
                                          write_shape(SHAPE(facts_fields, 0), &report->facts));
        CHECK(failure == 0);
    }
    return write_and_drop(object);
}

static bool check_report(const struct report *report, struct error *err)
{
    bool has_id = report->command_id[0] != '\0';
    const char *wrong = NULL;
    if (has_id ? !message_is_id(report->command_id) : report->kind != REPORT_HELLO)
        wrong = "command_id";
    else if (!text_is_name(report->cluster))
        wrong = "cluster";
    else if (!text_is_name(report->node))
        wrong = "node";
    if (wrong != NULL)
        error_set(err, ERROR_PROTOCOL, "'%s' is not of the right form", wrong);
    return wrong == NULL;
}

static bool read_report_object(const json_t *object, struct report *report, struct error *err)
{
    struct shape shape = SHAPE(report_fields, 0);
    const char *nested[3] = {"facts", NULL, NULL};
    if (!read_shape(shape, false, object, report, err) || !check_report(report, err))
        return false;
    shape.scope = VERB_BIT(report->verb);
    if (kind_has_error(report->kind))
        nested[1] = "error";
    if (!only_shape(shape, nested, object, err) || !read_shape(shape, true, object, report, err))
        return false;
    if (kind_has_error(report->kind) &&
        !read_nested(SHAPE(error_fields, 0), "error", object, &report->error, err))
        return false;
    report->has_facts = json_object_get(object, "facts") != NULL;
    return !report->has_facts ||
           read_nested(SHAPE(facts_fields, 0), "facts", object, &report->facts, err);
}

bool report_read(const char *bytes, size_t size, struct report *ret_report, struct error *err)
{
    JSON_CLEANUP json_t *object = NULL;
    struct report report = {0};
    if (!read_message(bytes, size, &object, err) || !read_report_object(object, &report, err)) {
        error_wrap(err, "report");
        return false;
    }
    *ret_report = report;
    return true;
}
