/* SPDX-License-Identifier: Apache-2.0 */
#include "yaml_tree.h"

#include "check.h"
#include "memory.h"
#include "text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PATH_BYTES      1024 /* what a complaint shows of a key's path */
#define COMPLAINT_BYTES 2048

enum yaml_kind yaml_kind(const struct yaml_node *node)
{
    return node->kind;
}

int yaml_line(const struct yaml_node *node)
{
    return node->line;
}

bool yaml_is_plain(const struct yaml_node *node)
{
    return node->is_plain;
}

const char *yaml_text(const struct yaml_node *node)
{
    CHECK(node->kind == YAML_SCALAR);
    return node->text;
}

size_t yaml_count(const struct yaml_node *node)
{
    return node->count;
}

const char *yaml_key(const struct yaml_node *node, size_t index)
{
    CHECK(node->kind == YAML_MAP && index < node->count);
    return node->items[index]->key;
}

const struct yaml_node *yaml_item(const struct yaml_node *node, size_t index)
{
    CHECK(index < node->count);
    return node->items[index];
}

bool yaml_is_null(const struct yaml_node *node)
{
    static const char *const nulls[] = {"", "~", "null", "Null", "NULL"};
    if (node->kind != YAML_SCALAR || !node->is_plain)
        return false;
    for (size_t i = 0; i < sizeof(nulls) / sizeof(nulls[0]); i++)
        if (text_equal(node->text, nulls[i]))
            return true;
    return false;
}

static bool is_known(const struct yaml_known *known, const char *key)
{
    for (size_t i = 0; i < known->count; i++)
        if (text_equal(known->keys[i], key))
            return true;
    return false;
}

static void remember_key(struct yaml_known *known, const char *key)
{
    if (is_known(known, key))
        return;
    known->keys = memory_resize(known->keys, known->count + 1, sizeof(*known->keys));
    known->keys[known->count++] = memory_text(key);
}

const struct yaml_node *yaml_find(const struct yaml_node *map, const char *key)
{
    if (!map)
        return NULL;
    CHECK(map->kind == YAML_MAP);
    remember_key(map->known, key);
    for (size_t i = 0; i < map->count; i++)
        if (text_equal(map->items[i]->key, key))
            return yaml_is_null(map->items[i]) ? NULL : map->items[i];
    return NULL;
}

void yaml_complain_unknown(struct yaml_document *document, const struct yaml_node *map)
{
    if (!map)
        return;
    CHECK(map->kind == YAML_MAP);
    for (size_t i = 0; i < map->count; i++) {
        const struct yaml_node *item = map->items[i];
        if (is_known(map->known, item->key))
            continue;
        const char *near = yaml_nearest(item->key, map->known->keys, map->known->count);
        yaml_complain_at(document, item->key_line, item->key_column, item, NULL,
                         near ? "unknown key; did you mean '%s'?" : "unknown key", near);
    }
}

/* "clusters[0].policy", outermost first. */
static void write_path(struct buffer *path, const struct yaml_node *node, const char *key)
{
    const struct yaml_node *nodes[YAML_LEVELS_MOST + 1];
    size_t count = 0;
    for (; node && node->parent; node = node->parent) {
        CHECK(count < YAML_LEVELS_MOST + 1);
        nodes[count++] = node;
    }
    while (count > 0) {
        const struct yaml_node *part = nodes[--count];
        if (part->key)
            buffer_format(path, "%s%s", path->length > 0 ? "." : "", part->key);
        else
            buffer_format(path, "[%zu]", part->index);
    }
    if (key)
        buffer_format(path, "%s%s", path->length > 0 ? "." : "", key);
    if (path->length > 0)
        buffer_add_text(path, ": ");
}

/* Text of the file goes to a terminal: it must not steer it. */
static void blank_control_characters(char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text < ' ' || *text == 0x7f)
            *text = '?';
}

static void add_complaint(struct yaml_document *document, const char *place,
                          const struct yaml_node *node, const char *key, const char *message)
{
    BUFFER_CLEANUP struct buffer path;
    char line[COMPLAINT_BYTES + PATH_BYTES];
    buffer_init(&path, PATH_BYTES);
    write_path(&path, node, key);
    snprintf(line, sizeof(line), "%s%s", buffer_text(&path), message);
    blank_control_characters(line);
    buffer_format(&document->complaints, "%s%s: %s\n", document->path, place, line);
    document->complaint_count++;
}

void yaml_complain_at(struct yaml_document *document, int line, int column,
                      const struct yaml_node *node, const char *key, const char *format, ...)
{
    char place[32], message[COMPLAINT_BYTES];
    va_list arguments;
    snprintf(place, sizeof(place), ":%d:%d", line, column);
    va_start(arguments, format);
    vsnprintf(message, sizeof(message), format, arguments);
    va_end(arguments);
    add_complaint(document, place, node, key, message);
}

void yaml_complain(struct yaml_document *document, const struct yaml_node *node, const char *format,
                   ...)
{
    char place[32] = "", message[COMPLAINT_BYTES];
    va_list arguments;
    if (node)
        snprintf(place, sizeof(place), ":%d:%d", node->line, node->column);
    va_start(arguments, format);
    vsnprintf(message, sizeof(message), format, arguments);
    va_end(arguments);
    add_complaint(document, place, node, NULL, message);
}

static void free_known(struct yaml_known *known)
{
    if (!known)
        return;
    for (size_t i = 0; i < known->count; i++)
        free(known->keys[i]);
    free(known->keys);
    free(known);
}

void yaml_tree_free(struct yaml_node *root)
{
    for (struct yaml_node *node = root, *next; node; node = next) {
        next = node->next;
        free_known(node->known);
        free(node->items);
        free(node->text);
        free(node->key);
        free(node);
    }
}

void yaml_done(struct yaml_document *document)
{
    yaml_tree_free(document->root);
    buffer_done(&document->complaints);
    free(document->path);
    *document = (struct yaml_document){.path = NULL};
}
