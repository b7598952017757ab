/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Configuration files: YAML (libyaml) read into a tree whose every node knows its line and column,
 * and getters that collect complaints instead of stopping at the first, so that --check can print
 * all of them at once: "shunt.yaml:12:7: clusters[0].policy.soak: …".
 *
 * Left out on purpose, each with a clear complaint: anchors and aliases, tags, several documents,
 * duplicate keys, more than LIMIT_CONFIG_BYTES, more than 16 levels.
 */
#ifndef SHUNT_YAML_H
#define SHUNT_YAML_H

#include "buffer.h"
#include "error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum yaml_kind { YAML_SCALAR, YAML_LIST, YAML_MAP };

struct yaml_node; /* one value; owned by its document */

struct yaml_document {
    char *path;               /* as given, for messages */
    struct yaml_node *root;   /* NULL where nothing could be read */
    struct buffer complaints; /* one line each, in file order of discovery */
    size_t complaint_count;
};

/* root is a map; anything else at the top is a complaint, and root is NULL then, as it is where the
 * reading stopped early. Complaints are counted to the end, their texts kept up to 256 KB. */

/* Reads the file. False only where it cannot be read at all; syntax errors are complaints. */
bool yaml_open(const char *path, struct yaml_document *ret_document, struct error *err);
/* The same from memory; `name` stands in messages as the path. */
void yaml_parse(const char *name, const char *bytes, size_t size,
                struct yaml_document *ret_document);
void yaml_done(struct yaml_document *document);

/* Adds a complaint at the place of `node` (NULL: the file as a whole). */
void yaml_complain(struct yaml_document *document, const struct yaml_node *node, const char *format,
                   ...) __attribute__((format(printf, 3, 4)));

enum yaml_kind yaml_kind(const struct yaml_node *node);
int yaml_line(const struct yaml_node *node);
bool yaml_is_plain(const struct yaml_node *node); /* a scalar that was not quoted */

/* Scalar text, borrowed. CHECKs that it is a scalar. */
const char *yaml_text(const struct yaml_node *node);

/* Lists and maps. yaml_key() is the text of the i-th key, yaml_item() the i-th value. */
size_t yaml_count(const struct yaml_node *node);
const char *yaml_key(const struct yaml_node *node, size_t index);
const struct yaml_node *yaml_item(const struct yaml_node *node, size_t index);

/* The value of a key, NULL if absent or null. Marks the key as known. A NULL map, here and in the
 * getters, has no keys and gives no complaints: the one of its own absence is enough. */
const struct yaml_node *yaml_find(const struct yaml_node *map, const char *key);

/* Complains of each key of the map that no yaml_find() has asked for, with the nearest known key
 * as a suggestion. Call it when all keys of a map have been read. */
void yaml_complain_unknown(struct yaml_document *document, const struct yaml_node *map);

/* Typed getters of a map's member. `required` complains of absence; otherwise an absent key leaves
 * *value as it is (the caller put the default there). All complaints name the key's full path, the
 * value found and what is allowed. Return true if *value holds a good value. */
bool yaml_get_text(struct yaml_document *document, const struct yaml_node *map, const char *key,
                   bool required, char *array, size_t array_size);
bool yaml_get_name(struct yaml_document *document, const struct yaml_node *map, const char *key,
                   bool required, char *array, size_t array_size);
bool yaml_get_path(struct yaml_document *document, const struct yaml_node *map, const char *key,
                   bool required, char *array, size_t array_size); /* absolute */
bool yaml_get_url(struct yaml_document *document, const struct yaml_node *map, const char *key,
                  bool required, char *array, size_t array_size); /* http or https, no userinfo;
                                                                     a trailing / is taken off */
bool yaml_get_integer(struct yaml_document *document, const struct yaml_node *map, const char *key,
                      bool required, int64_t least, int64_t most, int64_t *value);
bool yaml_get_bool(struct yaml_document *document, const struct yaml_node *map, const char *key,
                   bool required, bool *value); /* true or false only */
/* "500ms", "30s", "5m", "2h": a unit is required. */
bool yaml_get_duration_ms(struct yaml_document *document, const struct yaml_node *map,
                          const char *key, bool required, int64_t least_ms, int64_t most_ms,
                          int64_t *value_ms);
/* One of the NULL-ended words; *value is its index. */
bool yaml_get_word(struct yaml_document *document, const struct yaml_node *map, const char *key,
                   bool required, const char *const *words, int *value);
/* A map or a list under the key; complains of another kind. NULL if absent or wrong. */
const struct yaml_node *yaml_get_map(struct yaml_document *document, const struct yaml_node *map,
                                     const char *key, bool required);
const struct yaml_node *yaml_get_list(struct yaml_document *document, const struct yaml_node *map,
                                      const char *key, bool required);

#endif
