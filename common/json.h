/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Strict reading of outside JSON over jansson: a getter names the field it misses, has the wrong
 * type or is too long. `where` in messages is given by the caller with error_wrap().
 */
#ifndef SHUNT_JSON_H
#define SHUNT_JSON_H

#include "error.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define JSON_CLEANUP __attribute__((cleanup(json_cleanup)))
void json_cleanup(json_t **json);

/* Parses exactly one JSON object (at most 32 levels deep, no duplicate keys, no NUL in strings). */
bool json_read_object(const char *bytes, size_t size, json_t **ret_object, struct error *err);

/* A required member. Text is copied into the array; ERROR_PROTOCOL if missing, of another type or
 * too long. */
bool json_get_text(const json_t *object, const char *key, char *array, size_t array_size,
                   struct error *err);
bool json_get_integer(const json_t *object, const char *key, int64_t least, int64_t most,
                      int64_t *ret_value, struct error *err);
bool json_get_bool(const json_t *object, const char *key, bool *ret_value, struct error *err);

/* An optional member: absent or null leaves the target as it is; a wrong type is an error. */
bool json_find_text(const json_t *object, const char *key, char *array, size_t array_size,
                    struct error *err);
bool json_find_integer(const json_t *object, const char *key, int64_t least, int64_t most,
                       int64_t *value, struct error *err);
bool json_find_bool(const json_t *object, const char *key, bool *value, struct error *err);

/* ERROR_PROTOCOL naming the first key that is not in the NULL-ended list. */
bool json_only_keys(const json_t *object, const char *const *keys, struct error *err);

/* A new JSON text; bytes that are not UTF-8, which JSON cannot hold, become "?". Never NULL. */
json_t *json_text(const char *text);

/* Compact text in insertion order; the caller frees it. Never NULL. */
char *json_write(const json_t *json);

#endif
