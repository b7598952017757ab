/* SPDX-License-Identifier: Apache-2.0 */
#include "bitbucket_read.h"

#include "json.h"
#include "text.h"

#include <inttypes.h>
#include <stdio.h>

/* Longer than any word of a state, so that a new, long word is unknown and not an error. */
#define STATE_WORD_SIZE 128

/* A required list of objects. */
static bool get_list(const json_t *object, const char *key, size_t most, const json_t **ret_list,
                     struct error *err)
{
    const json_t *list = json_object_get(object, key);
    if (!json_is_array(list)) {
        error_set(err, ERROR_PROTOCOL, "%s: %s", key, list ? "not a list" : "missing");
        return false;
    }
    if (json_array_size(list) > most) {
        error_set(err, ERROR_PROTOCOL, "%s: %zu entries, and at most %zu are understood", key,
                  json_array_size(list), most);
        return false;
    }
    *ret_list = list;
    return true;
}

static bool get_object(const json_t *list, size_t index, const char *key, const json_t **ret_object,
                       struct error *err)
{
    const json_t *object = json_array_get(list, index);
    if (!json_is_object(object)) {
        error_set(err, ERROR_PROTOCOL, "%s[%zu]: not an object", key, index);
        return false;
    }
    *ret_object = object;
    return true;
}

/* An id is a string in one interface and a number in another. */
static bool find_id(const json_t *object, char id[LIMIT_ID], struct error *err)
{
    const json_t *value = json_object_get(object, "id");
    if (!json_is_integer(value))
        return json_find_text(object, "id", id, LIMIT_ID, err);
    (void)snprintf(id, LIMIT_ID, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
    return true;
}

/* A number below 0 cannot be a count, so it says nothing. */
#define MOST_COUNT INT32_MAX

static bool find_count(const json_t *object, const char *key, int64_t *ret_count, struct error *err)
{
    int64_t count = -1;
    if (!json_find_integer(object, key, INT64_MIN, INT64_MAX, &count, err))
        return false;
    if (count > MOST_COUNT) /* sums of two must not overflow */
        count = MOST_COUNT;
    *ret_count = count < 0 ? -1 : count;
    return true;
}

static bool read_node(const json_t *object, struct node_view *node, struct error *err)
{
    char state[STATE_WORD_SIZE] = "";
    if (!json_find_text(object, "name", node->name, sizeof(node->name), err))
        return false;
    if (!find_id(object, node->id, err) ||
        !json_find_text(object, "ipAddress", node->address, sizeof(node->address), err) ||
        !json_find_text(object, "state", state, sizeof(state), err) ||
        !json_find_text(object, "version", node->version, sizeof(node->version), err) ||
        !find_count(object, "tasksTotal", &node->tasks, err) ||
        !find_count(object, "activeUserCount", &node->users, err) ||
        !json_find_bool(object, "local", &node->is_local, err)) {
        error_wrap(err, "node '%s'", node->name);
        return false;
    }
    node->state = node_state_parse(state);
    return true;
}

static bool read_nodes(const json_t *list, struct cluster_view *view, struct error *err)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *object;
        if (!get_object(list, i, "nodes", &object, err))
            return false;
        if (!read_node(object, &view->nodes[i], err)) {
            error_wrap(err, "nodes[%zu]", i);
            return false;
        }
    }
    view->node_count = (uint32_t)json_array_size(list);
    return true;
}

bool bitbucket_parse_view(const char *bytes, size_t size, struct cluster_view *ret_view,
                          struct error *err)
{
    JSON_CLEANUP json_t *object = NULL;
    const json_t *nodes;
    struct cluster_view view = {0};
    char state[STATE_WORD_SIZE] = "";
    if (!json_read_object(bytes, size, &object, err) ||
        !json_get_bool(object, "upgradeModeEnabled", &view.is_upgrade_mode, err) ||
        !json_find_text(object, "state", state, sizeof(state), err) ||
        !json_find_text(object, "originalVersion", view.original_version,
                        sizeof(view.original_version), err) ||
        !get_list(object, "nodes", CLUSTER_VIEW_NODES, &nodes, err) ||
        !read_nodes(nodes, &view, err))
        return false;
    view.state = cluster_state_parse(state);
    *ret_view = view;
    return true;
}

static bool read_member_names(const json_t *list, struct member_list *members, struct error *err)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *object;
        if (!get_object(list, i, "nodes", &object, err))
            return false;
        if (!json_find_text(object, "name", members->names[i], LIMIT_NAME, err)) {
            error_wrap(err, "nodes[%zu]", i);
            return false;
        }
    }
    members->count = (uint32_t)json_array_size(list);
    return true;
}

static bool read_local_name(const json_t *object, struct member_list *members, struct error *err)
{
    const json_t *local = json_object_get(object, "localNode");
    if (!json_is_object(local)) {
        error_set(err, ERROR_PROTOCOL, "localNode: %s", local ? "not an object" : "missing");
        return false;
    }
    if (json_find_text(local, "name", members->local_name, LIMIT_NAME, err))
        return true;
    error_wrap(err, "localNode");
    return false;
}

bool bitbucket_parse_members(const char *bytes, size_t size, struct member_list *ret_members,
                             struct error *err)
{
    JSON_CLEANUP json_t *object = NULL;
    const json_t *nodes;
    struct member_list members = {0};
    if (!json_read_object(bytes, size, &object, err) || !read_local_name(object, &members, err) ||
        !get_list(object, "nodes", CLUSTER_VIEW_NODES, &nodes, err) ||
        !read_member_names(nodes, &members, err))
        return false;
    *ret_members = members;
    return true;
}

bool bitbucket_parse_version(const char *bytes, size_t size, char version[LIMIT_VERSION],
                             struct error *err)
{
    JSON_CLEANUP json_t *object = NULL;
    char text[LIMIT_VERSION];
    if (!json_read_object(bytes, size, &object, err) ||
        !json_get_text(object, "version", text, sizeof(text), err))
        return false;
    (void)text_copy(version, LIMIT_VERSION, text);
    return true;
}

/* Copies whole characters only, as many as fit. */
static void copy_beginning(char *array, size_t array_size, const char *text)
{
    size_t used = 0;
    for (size_t size = text_utf8_size(text); size > 0 && used + size < array_size;
         size = text_utf8_size(text + used)) {
        for (size_t i = 0; i < size; i++, used++)
            array[used] = text[used];
    }
    array[used] = '\0';
}

void bitbucket_parse_complaint(const char *bytes, size_t size,
                               char complaint[BITBUCKET_COMPLAINT_SIZE])
{
    JSON_CLEANUP json_t *object = NULL;
    struct error ignored;
    complaint[0] = '\0';
    if (!json_read_object(bytes, size, &object, &ignored))
        return;
    const json_t *first = json_array_get(json_object_get(object, "errors"), 0);
    const char *message = json_string_value(json_object_get(first, "message"));
    if (message != NULL)
        copy_beginning(complaint, BITBUCKET_COMPLAINT_SIZE, message);
}
