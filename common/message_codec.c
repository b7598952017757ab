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
    FIELD(report, customisations_total, "customisations_total", FIELD_INTEGER, 0,
          VERB_BIT(VERB_CUSTOMISATIONS)),
    FIELD(report, conflicts_total, "conflicts_total", FIELD_INTEGER, 0,
          VERB_BIT(VERB_CUSTOMISATIONS)),
    FIELD(report, hunks, "hunks", FIELD_TEXT, 0, VERB_BIT(VERB_CUSTOMISATIONS)),
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
    FIELD(node_facts, room.detail, "room", FIELD_TEXT, 0, VERB_BIT(VERB_FACTS)),
    FIELD(node_facts, room.failure, "room_failure", FIELD_TEXT, 0, VERB_BIT(VERB_FACTS)),
    FIELD(node_facts, room.hint, "room_hint", FIELD_TEXT, 0, VERB_BIT(VERB_FACTS)),
};
#define FACTS_SHAPE SHAPE(facts_fields, VERB_BIT(VERB_FACTS))

/* Each object of their list "complaints", which is there where there is one. */
static const struct field complaint_fields[] = {
    FIELD(node_complaint, message, "message", FIELD_TEXT, 0, 0),
    FIELD(node_complaint, hint, "hint", FIELD_TEXT, 0, 0),
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

/* Each object of the list "customisations", which a report of CUSTOMISATIONS that is DONE has. */
static const struct field customisation_fields[] = {
    FIELD(message_customisation, path, "path", FIELD_TEXT, 0, 0),
    FIELD(message_customisation, kind, "kind", FIELD_TEXT, 0, 0),
    FIELD(message_customisation, outcome, "outcome", FIELD_TEXT, 0, 0),
    FIELD(message_customisation, why, "why", FIELD_TEXT, 0, 0),
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

static bool check_member(const void *item, struct error *err)
{
    const struct message_member *member = item;
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

static bool check_customisation(const void *item, struct error *err)
{
    const struct message_customisation *customisation = item;
    const char *wrong = NULL;
    if (customisation->path[0] == '\0' || !message_is_printable(customisation->path))
        wrong = "path";
    else if (!message_is_printable(customisation->kind) ||
             !message_is_printable(customisation->outcome))
        wrong = "kind or outcome";
    else if (!message_is_printable(customisation->why))
        wrong = "why";
    if (wrong != NULL)
        error_set(err, ERROR_PROTOCOL, "%s is not of the right form", wrong);
    return wrong == NULL;
}

static bool check_complaint(const void *item, struct error *err)
{
    const struct node_complaint *complaint = item;
    if (message_is_printable(complaint->message) && message_is_printable(complaint->hint))
        return true;
    error_set(err, ERROR_PROTOCOL, "it is not printable");
    return false;
}

/* A list of objects that a report of one verb has when it is DONE, or that its facts have. */
struct report_list {
    const char *name;
    enum verb verb;
    struct shape shape;
    size_t most;
    size_t count_offset, items_offset, item_size; /* in struct report, or struct node_facts */
    bool (*check)(const void *item, struct error *err);
};

#define LIST(record, name, verb, fields, count, items, check)                                      \
    {                                                                                              \
        name, verb, {fields, sizeof(fields) / sizeof((fields)[0]), 0},                             \
            sizeof(((struct record *)0)->items) / sizeof(((struct record *)0)->items[0]),          \
            offsetof(struct record, count), offsetof(struct record, items),                        \
            sizeof(((struct record *)0)->items[0]), check                                          \
    }

static const struct report_list report_lists[] = {
    LIST(report, "members", VERB_LB_READ, member_fields, member_count, members, check_member),
    LIST(report, "customisations", VERB_CUSTOMISATIONS, customisation_fields, customisation_count,
         customisations, check_customisation),
};

/* Left out where it is empty. */
static const struct report_list complaint_list =
    LIST(node_facts, "complaints", VERB_FACTS, complaint_fields, complaint_count, complaints,
         check_complaint);

/* NULL: this report has none. */
static const struct report_list *list_of(const struct report *report)
{
    for (size_t i = 0; i < sizeof(report_lists) / sizeof(report_lists[0]); i++)
        if (report->kind == REPORT_DONE && report->verb == report_lists[i].verb)
            return &report_lists[i];
    return NULL;
}

static json_t *write_list(const struct report_list *list, const void *owner)
{
    const char *record = owner;
    size_t count = *(const size_t *)(record + list->count_offset);
    json_t *array = json_array();
    CHECK(count <= list->most);
    for (size_t i = 0; i < count; i++) {
        const void *item = record + list->items_offset + i * list->item_size;
        int failure = json_array_append_new(array, shape_write(list->shape, item));
        CHECK(failure == 0);
    }
    return array;
}

static bool read_list(const struct report_list *list, const json_t *object, void *owner,
                      struct error *err)
{
    char *record = owner;
    const json_t *array = json_object_get(object, list->name);
    if (!json_is_array(array) || json_array_size(array) > list->most)
        return shape_not_a_list(list->name, list->most, err);
    *(size_t *)(record + list->count_offset) = json_array_size(array);
    for (size_t i = 0; i < json_array_size(array); i++) {
        const json_t *one = json_array_get(array, i);
        void *item = record + list->items_offset + i * list->item_size;
        if (!json_is_object(one))
            return shape_not_a_list(list->name, list->most, err);
        if (shape_read_inner(list->shape, one, item, err) && list->check(item, err))
            continue;
        error_wrap(err, "'%s[%zu]'", list->name, i);
        return false;
    }
    return true;
}

static json_t *write_facts(const struct node_facts *facts)
{
    json_t *object = shape_write(FACTS_SHAPE, facts);
    if (facts->complaint_count > 0) {
        int failure =
            json_object_set_new(object, complaint_list.name, write_list(&complaint_list, facts));
        CHECK(failure == 0);
    }
    return object;
}

static bool check_room(const struct node_room *room, struct error *err)
{
    if (message_is_printable(room->detail) && message_is_printable(room->failure) &&
        message_is_printable(room->hint))
        return true;
    error_set(err, ERROR_PROTOCOL, "'room' is not printable");
    return false;
}

static bool read_facts(const json_t *object, struct node_facts *facts, struct error *err)
{
    const char *const nested[] = {complaint_list.name, NULL};
    const struct shape shape = FACTS_SHAPE;
    if (!json_is_object(object)) {
        error_set(err, ERROR_PROTOCOL, "'facts' is not an object");
        return false;
    }
    bool is_read = shape_only(shape, nested, object, err) &&
                   shape_read(shape, false, object, facts, err) &&
                   shape_read(shape, true, object, facts, err) && check_room(&facts->room, err) &&
                   (json_object_get(object, complaint_list.name) == NULL ||
                    read_list(&complaint_list, object, facts, err));
    if (!is_read)
        error_wrap(err, "'facts'");
    return is_read;
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
        int failure = json_object_set_new(object, "facts", write_facts(&report->facts));
        CHECK(failure == 0);
    }
    const struct report_list *list = list_of(report);
    if (list != NULL) {
        int failure = json_object_set_new(object, list->name, write_list(list, report));
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
    const char *nested[3] = {"facts", NULL, NULL}; /* an error or a list, never both */
    if (!shape_read(shape, false, object, report, err) || !check_report(report, err))
        return false;
    shape.scope = VERB_BIT(report->verb);
    const struct report_list *list = list_of(report);
    if (kind_has_error(report->kind))
        nested[1] = "error";
    else if (list != NULL)
        nested[1] = list->name;
    if (!shape_only(shape, nested, object, err) || !shape_read(shape, true, object, report, err))
        return false;
    if (kind_has_error(report->kind) &&
        !read_nested(SHAPE(error_fields, 0), "error", object, &report->error, err))
        return false;
    if (list != NULL && !read_list(list, object, report, err))
        return false;
    report->has_facts = json_object_get(object, "facts") != NULL;
    return !report->has_facts || read_facts(json_object_get(object, "facts"), &report->facts, err);
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
