/* SPDX-License-Identifier: Apache-2.0 */
#include "message_codec.h"

#include "check.h"
#include "message_shape.h"
#include "text.h"

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
    FIELD(command, load_balancer, "load_balancer", FIELD_TEXT, 0, ARGUMENT_LOAD_BALANCER),
    FIELD(command, members, "members", FIELD_MEMBERS, 0, ARGUMENT_MEMBERS),
    FIELD(command, admin, "admin", FIELD_TEXT, 0, ARGUMENT_ADMIN),
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
    FIELD(report, is_blind, "is_blind", FIELD_FLAG, 0, VERB_BIT(VERB_LB_READ)),
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

/* Each object of the list "members", which a report of LB_READ that is DONE has. */
static const struct field member_fields[] = {
    FIELD(message_member, member, "member", FIELD_TEXT, 0, 0),
    FIELD(message_member, admin, "admin", FIELD_TEXT, 0, 0),
    FIELD(message_member, health, "health", FIELD_TEXT, 0, 0),
    FIELD(message_member, is_checked, "is_checked", FIELD_FLAG, 0, 0),
    FIELD(message_member, sessions, "sessions", FIELD_INTEGER, -1, 0),
    FIELD(message_member, settle_ms, "settle_ms", FIELD_INTEGER, 0, 0),
    FIELD(message_member, weight, "weight", FIELD_INTEGER, -1, 0),
    FIELD(message_member, peers_up, "peers_up", FIELD_INTEGER, 0, 0),
};

static bool read_nested(struct shape shape, const char *name, const json_t *outer, void *record,
                        struct error *err)
{
    const json_t *object = json_object_get(outer, name);
    if (!json_is_object(object)) {
        error_set(err, ERROR_PROTOCOL, "'%s' is %s", name,
                  object == NULL ? "missing" : "not an object");
        return false;
    }
    if (shape_read_inner(shape, object, record, err))
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
        shape_write(SHAPE(command_fields, command_scope(command->verb)), command));
}

static bool read_command_object(const json_t *object, struct command *command, struct error *err)
{
    struct shape shape = SHAPE(command_fields, 0);
    if (!shape_read(shape, false, object, command, err))
        return false;
    shape.scope = command_scope(command->verb);
    return shape_only(shape, shape_nothing_nested, object, err) &&
           shape_read(shape, true, object, command, err) && command_validate(command, err);
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

static bool has_members(const struct report *report)
{
    return report->verb == VERB_LB_READ && report->kind == REPORT_DONE;
}

static json_t *write_members(const struct report *report)
{
    json_t *list = json_array();
    CHECK(report->member_count <= LIMIT_LB_MEMBERS);
    for (size_t i = 0; i < report->member_count; i++) {
        int failure =
            json_array_append_new(list, shape_write(SHAPE(member_fields, 0), &report->members[i]));
        CHECK(failure == 0);
    }
    return list;
}

static bool check_member(const struct message_member *member, struct error *err)
{
    const char *wrong = NULL;
    if (member->member[0] == '\0' || !message_is_printable(member->member))
        wrong = "member";
    else if (!message_is_admin(member->admin))
        wrong = "admin";
    else if (!message_is_health(member->health))
        wrong = "health";
    else if (member->sessions > MESSAGE_FIGURE_MOST || member->settle_ms > MESSAGE_FIGURE_MOST ||
             member->weight > MESSAGE_FIGURE_MOST || member->peers_up > UINT32_MAX)
        wrong = "a figure";
    if (wrong != NULL)
        error_set(err, ERROR_PROTOCOL, "%s is not of the right form", wrong);
    return wrong == NULL;
}

static bool read_member_list(const json_t *object, struct report *report, struct error *err)
{
    const json_t *list = json_object_get(object, "members");
    if (!shape_is_short_list(list))
        return shape_not_a_list("members", err);
    report->member_count = json_array_size(list);
    for (size_t i = 0; i < report->member_count; i++) {
        const json_t *one = json_array_get(list, i);
        if (!json_is_object(one))
            return shape_not_a_list("members", err);
        if (!shape_read_inner(SHAPE(member_fields, 0), one, &report->members[i], err) ||
            !check_member(&report->members[i], err)) {
            error_wrap(err, "'members[%zu]'", i);
            return false;
        }
    }
    return true;
}

char *report_write(const struct report *report)
{
    json_t *object = shape_write(SHAPE(report_fields, VERB_BIT(report->verb)), report);
    if (kind_has_error(report->kind)) {
        int failure = json_object_set_new(object, "error",
                                          shape_write(SHAPE(error_fields, 0), &report->error));
        CHECK(failure == 0);
    }
    if (report->has_facts) {
        int failure = json_object_set_new(object, "facts",
                                          shape_write(SHAPE(facts_fields, 0), &report->facts));
        CHECK(failure == 0);
    }
    if (has_members(report)) {
        int failure = json_object_set_new(object, "members", write_members(report));
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
    const char *nested[3] = {"facts", NULL, NULL}; /* an error or members, never both */
    if (!shape_read(shape, false, object, report, err) || !check_report(report, err))
        return false;
    shape.scope = VERB_BIT(report->verb);
    if (kind_has_error(report->kind))
        nested[1] = "error";
    else if (has_members(report))
        nested[1] = "members";
    if (!shape_only(shape, nested, object, err) || !shape_read(shape, true, object, report, err))
        return false;
    if (kind_has_error(report->kind) &&
        !read_nested(SHAPE(error_fields, 0), "error", object, &report->error, err))
        return false;
    if (has_members(report) && !read_member_list(object, report, err))
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
