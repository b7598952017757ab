/* SPDX-License-Identifier: Apache-2.0 */
/*
 * jansson's json_loadb(), with a memory: a record of the journal is read by all controllers that
 * follow, by themselves again with their next look at their own copy, and by the rules. Whoever
 * reads changes nothing in what was read, so that all may have the same.
 */
#include "edge.h"
#include "json.h"
#include "memory.h"

#include <stdlib.h>
#include <string.h>

#define KEPT 32 /* what is read again is read soon */

static struct memory {
    char *bytes;
    size_t size, flags;
    json_t *json;
} kept[KEPT];

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

static void keep(const char *bytes, size_t size, size_t flags, json_t *json)
{
    static size_t next;
    struct memory *place = &kept[next++ % KEPT];
    free(place->bytes);
    json_decref(place->json);
    *place = (struct memory){memory_zeroed(1, size + 1), size, flags, json_incref(json)};
    memcpy(place->bytes, bytes, size);
}

json_t *json_loadb(const char *bytes, size_t size, size_t flags, json_error_t *ret_error)
{
    struct rest rest = {bytes, size};
    for (size_t i = 0; i < KEPT; i++)
        if (kept[i].size == size && kept[i].flags == flags && kept[i].bytes != NULL &&
            memcmp(kept[i].bytes, bytes, size) == 0)
            return json_incref(kept[i].json);
    json_t *json = json_load_callback(read_rest, &rest, flags, ret_error);
    if (json != NULL)
        keep(bytes, size, flags, json);
    return json;
}

void edge_json_forget(void)
{
    for (size_t i = 0; i < KEPT; i++) {
        free(kept[i].bytes);
        json_decref(kept[i].json);
    }
    memset(kept, 0, sizeof(kept));
}
