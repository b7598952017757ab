/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tree behind yaml.h. Private to yaml_*.c.
 *
 * All nodes of a document, also those of duplicate keys, which hang nowhere, are in one chain that
 * begins at the root, so that freeing needs no recursion.
 */
#ifndef SHUNT_YAML_TREE_H
#define SHUNT_YAML_TREE_H

#include "yaml.h"

#include <stdarg.h>

#define YAML_LEVELS_MOST 16
#define YAML_KEY_BYTES   128 /* a key is a word that somebody types */

/* The keys that yaml_find() was asked for in one map, whether they were there or not. */
struct yaml_known {
    char **keys;
    size_t count;
};

struct yaml_node {
    enum yaml_kind kind;
    int line, column; /* from 1 */
    bool is_plain;
    char *text; /* of a scalar */

    const struct yaml_node *parent;
    char *key; /* in a map */
    int key_line, key_column;
    size_t index; /* in a list */

    struct yaml_node **items; /* of a list or map */
    size_t count, capacity;
    struct yaml_known *known; /* of a map */

    struct yaml_node *next; /* in the chain of all */
};

void yaml_tree_free(struct yaml_node *root);

/* A scalar that YAML takes for "no value". */
bool yaml_is_null(const struct yaml_node *node);

/* Adds a complaint at a place; `key` is put behind the node's path unless NULL. */
void yaml_complain_at(struct yaml_document *document, int line, int column,
                      const struct yaml_node *node, const char *key, const char *format, ...)
    __attribute__((format(printf, 6, 7)));

/* The word of the list that somebody who typed `text` most likely meant; NULL if none is near. */
const char *yaml_nearest(const char *text, char *const *words, size_t count);

#endif
