/* SPDX-License-Identifier: Apache-2.0 */
/*
 * jansson's json_loadb() and json_dumps(), with a memory. A record of the journal is read by all
 * controllers that follow, by themselves again with their next look at their own copy, and by the
 * rules; and nearly all that is read was written a moment ago, in this process. Whoever reads
 * changes nothing in what was read, so that all may have the same.
 *
 * Now and then jansson does it after all, and must come to the same.
 */
#include "check.h"
#include "edge.h"
#include "json.h"
#include "memory.h"

#include <stdlib.h>
#include <string.h>

#define KEPT        64 /* what is read again is read soon */
#define CHECK_EVERY 64
#define DEPTH_MOST  8 /* deeper, jansson writes it */

static struct memory {
    char *bytes;
    size_t size;
    json_t *json;
    bool is_written; /* and not read yet: not good before its writer has dropped it */
} kept[KEPT];

static size_t kept_count, hits, writings; /* in this run */

static void keep(const char *bytes, size_t size, json_t *json, bool is_written)
{
    struct memory *place = &kept[kept_count++ % KEPT];
    free(place->bytes);
    json_decref(place->json);
    *place = (struct memory){memory_zeroed(1, size + 1), size, json_incref(json), is_written};
    memcpy(place->bytes, bytes, size);
}

void edge_json_forget(void)
{
    for (size_t i = 0; i < KEPT; i++) {
        free(kept[i].bytes);
        json_decref(kept[i].json);
    }
    memset(kept, 0, sizeof(kept));
    kept_count = hits = writings = 0;
}

/* ---- reading ---- */

/* What json_load_callback() has still to read. */
struct rest {
    const char *at;
    size_t size;
};

static size_t read_rest(void *bytes, size_t size, void *context)
{
    struct rest *rest = context;
    size_t taken = rest->size < size ? rest->size : size;
    memcpy(bytes, rest->at, taken);
    rest->at += taken;
    rest->size -= taken;
    return taken;
}

static json_t *read_text(const char *bytes, size_t size, size_t flags, json_error_t *ret_error)
{
    struct rest rest = {bytes, size};
    return json_load_callback(read_rest, &rest, flags, ret_error);
}

static bool is_same(const struct memory *place, const char *bytes, size_t size)
{
    bool is_held = place->is_written && place->json->refcount != 1;
    return place->size == size && !is_held && memcmp(place->bytes, bytes, size) == 0;
}

static json_t *recall(const char *bytes, size_t size)
{
    for (size_t i = 0; i < KEPT; i++)
        if (kept[i].bytes != NULL && is_same(&kept[i], bytes, size)) {
            kept[i].is_written = false;
            return kept[i].json;
        }
    return NULL;
}

json_t *json_loadb(const char *bytes, size_t size, size_t flags, json_error_t *ret_error)
{
    CHECK(flags == JSON_REJECT_DUPLICATES); /* as all of ours; of what was written there are none */
    json_t *known = recall(bytes, size);
    if (known != NULL && ++hits % CHECK_EVERY != 0)
        return json_incref(known);
    json_t *json = read_text(bytes, size, flags, ret_error);
    CHECK(known == NULL || json_equal(json, known));
    if (known == NULL && json != NULL)
        keep(bytes, size, json, false);
    return json;
}

/* ---- writing: jansson looks for loops, with a table of the pointers as texts ---- */

struct text {
    char *bytes; /* with room for `size` and one more */
    size_t length, size;
};

static void add(struct text *text, const char *bytes, size_t size)
{
    if (text->length + size > text->size) {
        text->size = 2 * (text->length + size);
        text->bytes = memory_resize(text->bytes, text->size + 1, 1);
    }
    memcpy(text->bytes + text->length, bytes, size);
    text->length += size;
}

/* False where something in it must be escaped. */
static bool add_string(struct text *text, const char *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (bytes[i] < ' ' || bytes[i] > '~' || bytes[i] == '"' || bytes[i] == '\\')
            return false;
    add(text, "\"", 1);
    add(text, bytes, size);
    add(text, "\"", 1);
    return true;
}

static void add_integer(struct text *text, json_int_t number)
{
    char digits[24], *at = digits + sizeof(digits);
    uint64_t left = number < 0 ? -(uint64_t)number : (uint64_t)number;
    do {
        *--at = (char)('0' + left % 10);
        left /= 10;
    } while (left != 0);
    if (number < 0)
        *--at = '-';
    add(text, at, (size_t)(digits + sizeof(digits) - at));
}

static bool add_value(struct text *text, json_t *json, unsigned depth);

static bool add_object(struct text *text, json_t *object, unsigned depth)
{
    const char *name;
    json_t *value;
    bool is_first = true;
    add(text, "{", 1);
    json_object_foreach(object, name, value)
    {
        add(text, ",", is_first ? 0 : 1);
        if (!add_string(text, name, strlen(name)))
            return false;
        add(text, ":", 1);
        if (!add_value(text, value, depth))
            return false;
        is_first = false;
    }
    add(text, "}", 1);
    return true;
}

static bool add_array(struct text *text, const json_t *array, unsigned depth)
{
    add(text, "[", 1);
    for (size_t i = 0; i < json_array_size(array); i++) {
        add(text, ",", i > 0 ? 1 : 0);
        if (!add_value(text, json_array_get(array, i), depth))
            return false;
    }
    add(text, "]", 1);
    return true;
}

/* False where it is left to jansson. */
static bool add_value(struct text *text, json_t *json, unsigned depth)
{
    if (depth == DEPTH_MOST)
        return false;
    switch (json_typeof(json)) {
    case JSON_OBJECT:
        return add_object(text, json, depth + 1);
    case JSON_ARRAY:
        return add_array(text, json, depth + 1);
    case JSON_STRING:
        return add_string(text, json_string_value(json), json_string_length(json));
    case JSON_INTEGER:
        add_integer(text, json_integer_value(json));
        return true;
    case JSON_TRUE:
        add(text, "true", 4);
        return true;
    case JSON_FALSE:
        add(text, "false", 5);
        return true;
    case JSON_NULL:
        add(text, "null", 4);
        return true;
    case JSON_REAL:
        return false;
    }
    return false;
}

static int take_bytes(const char *bytes, size_t size, void *context)
{
    add(context, bytes, size);
    return 0;
}

static bool write_by_jansson(const json_t *json, size_t flags, struct text *text)
{
    text->length = 0;
    return json_dump_callback(json, take_bytes, text, flags) == 0;
}

static void check_writing(const json_t *json, size_t flags, const struct text *text)
{
    struct text other = {0};
    CHECK(write_by_jansson(json, flags, &other));
    CHECK(other.length == text->length && memcmp(other.bytes, text->bytes, text->length) == 0);
    free(other.bytes);
}

char *json_dumps(const json_t *json, size_t flags)
{
    struct text text = {0};
    json_t *written;
    CHECK(flags == JSON_COMPACT);             /* as all of ours */
    memcpy(&written, &json, sizeof(written)); /* jansson's iterators change nothing in it */
    if (!add_value(&text, written, 0)) {
        if (!write_by_jansson(json, flags, &text)) {
            free(text.bytes);
            return NULL;
        }
    } else if (++writings % CHECK_EVERY == 0) {
        check_writing(json, flags, &text);
    }
    text.bytes[text.length] = '\0';
    keep(text.bytes, text.length, written, true);
    return text.bytes;
}
