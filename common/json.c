/* SPDX-License-Identifier: Apache-2.0 */
#include "json.h"

#include "check.h"
#include "memory.h"
#include "text.h"

#include <stdlib.h>
#include <string.h>

#define MOST_LEVELS 32 /* no document of ours or of Bitbucket has more than 8 */

void json_cleanup(json_t **json)
{
    json_decref(*json);
}

/* jansson reads nested values by recursion, up to 2048 levels: look before. */
static bool is_too_deep(const char *bytes, size_t size)
{
    size_t level = 0;
    bool is_string = false;
    for (size_t i = 0; i < size; i++) {
        if (is_string && bytes[i] == '\\')
            i++;
        else if (bytes[i] == '"')
            is_string = !is_string;
        else if (!is_string && (bytes[i] == '{' || bytes[i] == '['))
            level++;
        else if (!is_string && (bytes[i] == '}' || bytes[i] == ']') && level > 0)
            level--;
        if (level > MOST_LEVELS)
            return true;
    }
    return false;
}

bool json_read_object(const char *bytes, size_t size, json_t **ret_object, struct error *err)
{
    json_error_t details;
    if (is_too_deep(bytes, size)) {
        error_set(err, ERROR_PROTOCOL, "JSON of more than %d levels", MOST_LEVELS);
        return false;
    }
    json_t *json = json_loadb(bytes, size, JSON_REJECT_DUPLICATES, &details);
    if (json == NULL) {
        error_set(err, ERROR_PROTOCOL, "not JSON: byte %d: %s", details.position, details.text);
        return false;
    }
    if (!json_is_object(json)) {
        json_decref(json);
        error_set(err, ERROR_PROTOCOL, "JSON, but not an object");
        return false;
    }
    *ret_object = json;
    return true;
}

static bool is_given(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    return value != NULL && !json_is_null(value);
}

static bool wrong_type(const json_t *value, const char *key, const char *type, struct error *err)
{
    if (value == NULL)
        error_set(err, ERROR_PROTOCOL, "'%s' is missing", key);
    else
        error_set(err, ERROR_PROTOCOL, "'%s' is not %s", key, type);
    return false;
}

bool json_get_text(const json_t *object, const char *key, char *array, size_t array_size,
                   struct error *err)
{
    const json_t *value = json_object_get(object, key);
    if (!json_is_string(value))
        return wrong_type(value, key, "a text", err);
    if (json_string_length(value) >= array_size) {
        error_set(err, ERROR_PROTOCOL, "'%s' is longer than %zu bytes", key, array_size - 1);
        return false;
    }
    if (strlen(json_string_value(value)) != json_string_length(value))
        return wrong_type(value, key, "a text without NUL", err);
    return text_copy(array, array_size, json_string_value(value));
}

bool json_get_integer(const json_t *object, const char *key, int64_t least, int64_t most,
                      int64_t *ret_value, struct error *err)
{
    const json_t *value = json_object_get(object, key);
    if (!json_is_integer(value))
        return wrong_type(value, key, "an integer", err);
    json_int_t number = json_integer_value(value);
    if (number < least || number > most) {
        error_set(err, ERROR_PROTOCOL, "'%s' is %lld, not between %lld and %lld", key,
                  (long long)number, (long long)least, (long long)most);
        return false;
    }
    *ret_value = number;
    return true;
}

bool json_get_bool(const json_t *object, const char *key, bool *ret_value, struct error *err)
{
    const json_t *value = json_object_get(object, key);
    if (!json_is_boolean(value))
        return wrong_type(value, key, "true or false", err);
    *ret_value = json_is_true(value);
    return true;
}

bool json_find_text(const json_t *object, const char *key, char *array, size_t array_size,
                    struct error *err)
{
    return !is_given(object, key) || json_get_text(object, key, array, array_size, err);
}

bool json_find_integer(const json_t *object, const char *key, int64_t least, int64_t most,
                       int64_t *value, struct error *err)
{
    return !is_given(object, key) || json_get_integer(object, key, least, most, value, err);
}

bool json_find_bool(const json_t *object, const char *key, bool *value, struct error *err)
{
    return !is_given(object, key) || json_get_bool(object, key, value, err);
}

static bool is_listed(const char *key, const char *const *keys)
{
    for (; *keys != NULL; keys++) {
        if (text_equal(key, *keys))
            return true;
    }
    return false;
}

bool json_only_keys(const json_t *object, const char *const *keys, struct error *err)
{
    /* jansson's iterators take a json_t they do not change. */
    json_t *members;
    memcpy(&members, &object, sizeof(members));
    const char *key;
    json_t *value;
    json_object_foreach(members, key, value)
    {
        if (!is_listed(key, keys)) {
            error_set(err, ERROR_PROTOCOL, "'%.64s' has no place here", key);
            return false;
        }
    }
    return true;
}

json_t *json_text(const char *text)
{
    FREE_CLEANUP char *clean = memory_text(text);
    for (char *at = clean; *at != '\0';) {
        size_t size = text_utf8_size(at);
        if (size == 0)
            *at = '?';
        at += size > 0 ? size : 1;
    }
    json_t *json = json_string(clean);
    CHECK(json != NULL);
    return json;
}

char *json_write(const json_t *json)
{
    char *text = json_dumps(json, JSON_COMPACT);
    CHECK(text != NULL);
    return text;
}
