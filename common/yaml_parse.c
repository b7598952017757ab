/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From libyaml's events to our tree. What is left out on purpose is complained of and passed over
 * where the rest still makes sense; otherwise reading stops and the document has no root.
 */
#include "yaml_tree.h"

#include "check.h"
#include "file.h"
#include "limit.h"
#include "memory.h"
#include "text.h"

#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#define COMPLAINTS_BYTES 262144  /* 256 KB: more than anybody reads */
#define NODES_MOST       1000000 /* 2,500 clusters of 4 nodes have some 200,000 */
#define MAP_KEYS_MOST    1024    /* each new key is compared with all before it */

struct builder {
    struct yaml_document *document;
    struct yaml_node *first, *last; /* the chain of all nodes */
    size_t node_count;
    struct yaml_node *open[YAML_LEVELS_MOST]; /* lists and maps not ended yet, outermost first */
    size_t depth;
    char *key; /* whose value comes next; NULL if none */
    int key_line, key_column;
};

static int line_of(yaml_mark_t mark)
{
    return (int)mark.line + 1;
}

static int column_of(yaml_mark_t mark)
{
    return (int)mark.column + 1;
}

static struct yaml_node *innermost(const struct builder *builder)
{
    return builder->depth > 0 ? builder->open[builder->depth - 1] : NULL;
}

/* Complains at a mark, inside the list or map that is being read. */
#define COMPLAIN(builder, mark, ...)                                                               \
    yaml_complain_at((builder)->document, line_of(mark), column_of(mark), innermost(builder),      \
                     (builder)->key, __VA_ARGS__)

static bool is_key_next(const struct builder *builder)
{
    const struct yaml_node *node = innermost(builder);
    return node && node->kind == YAML_MAP && !builder->key;
}

/* Quadratic in the keys of one map, whose number is bounded. */
static const struct yaml_node *find_key(const struct yaml_node *map, const char *key)
{
    for (size_t i = 0; i < map->count; i++)
        if (text_equal(map->items[i]->key, key))
            return map->items[i];
    return NULL;
}

static void add_item(struct yaml_node *parent, struct yaml_node *node)
{
    if (parent->count == parent->capacity) {
        parent->capacity = parent->capacity > 0 ? 2 * parent->capacity : 4;
        parent->items = memory_resize(parent->items, parent->capacity, sizeof(*parent->items));
    }
    node->index = parent->count;
    parent->items[parent->count++] = node;
}

static struct yaml_node *new_node(struct builder *builder, enum yaml_kind kind, yaml_mark_t mark)
{
    struct yaml_node *node = memory_zeroed(1, sizeof(*node));
    node->kind = kind;
    node->line = line_of(mark);
    node->column = column_of(mark);
    node->parent = innermost(builder);
    if (kind == YAML_MAP)
        node->known = memory_zeroed(1, sizeof(*node->known));
    if (builder->last)
        builder->last->next = node;
    else
        builder->first = node;
    builder->last = node;
    builder->node_count++;
    return node;
}

/* Gives the new node its place; a duplicate gets none. */
static bool place_node(struct builder *builder, struct yaml_node *node, yaml_mark_t mark)
{
    struct yaml_node *parent = innermost(builder);
    if (!parent)
        return true;
    if (parent->kind == YAML_LIST) {
        add_item(parent, node);
        return true;
    }
    const struct yaml_node *earlier = find_key(parent, builder->key);
    node->key_line = builder->key_line;
    node->key_column = builder->key_column;
    node->key = MEMORY_STEAL(builder->key);
    if (earlier) {
        yaml_complain_at(builder->document, node->key_line, node->key_column, node, NULL,
                         "duplicate key; the first is in line %d", earlier->key_line);
        return true;
    }
    add_item(parent, node);
    if (parent->count <= MAP_KEYS_MOST)
        return true;
    COMPLAIN(builder, mark, "more than %d keys", MAP_KEYS_MOST);
    return false;
}

static struct yaml_node *add_node(struct builder *builder, enum yaml_kind kind, yaml_mark_t mark)
{
    if (builder->node_count >= NODES_MOST) {
        COMPLAIN(builder, mark, "more than %d values in the file", NODES_MOST);
        return NULL;
    }
    struct yaml_node *node = new_node(builder, kind, mark);
    return place_node(builder, node, mark) ? node : NULL;
}

static void refuse_extras(struct builder *builder, const yaml_char_t *anchor,
                          const yaml_char_t *tag, yaml_mark_t mark)
{
    if (anchor)
        COMPLAIN(builder, mark, "anchors ('&%.60s') are not supported", (const char *)anchor);
    if (tag)
        COMPLAIN(builder, mark, "tags ('%.60s') are not supported", (const char *)tag);
}

static bool take_key(struct builder *builder, const char *text, size_t size, yaml_mark_t mark)
{
    if (size > YAML_KEY_BYTES) {
        COMPLAIN(builder, mark, "a key of more than %d bytes", YAML_KEY_BYTES);
        return false;
    }
    builder->key = memory_text(text);
    builder->key_line = line_of(mark);
    builder->key_column = column_of(mark);
    return true;
}

static bool take_scalar(struct builder *builder, const char *text, size_t size, bool is_plain,
                        yaml_mark_t mark)
{
    if (strlen(text) != size)
        COMPLAIN(builder, mark, "a NUL character in text");
    if (is_key_next(builder))
        return take_key(builder, text, size, mark);
    struct yaml_node *node = add_node(builder, YAML_SCALAR, mark);
    if (!node)
        return false;
    node->text = memory_text(text);
    node->is_plain = is_plain;
    return true;
}

static bool begin_collection(struct builder *builder, enum yaml_kind kind, yaml_mark_t mark)
{
    if (is_key_next(builder)) {
        COMPLAIN(builder, mark, "a key must be text");
        return false;
    }
    if (builder->depth == YAML_LEVELS_MOST) {
        COMPLAIN(builder, mark, "more than %d levels", YAML_LEVELS_MOST);
        return false;
    }
    struct yaml_node *node = add_node(builder, kind, mark);
    if (!node)
        return false;
    builder->open[builder->depth++] = node;
    return true;
}

static bool begin_document(struct builder *builder, yaml_mark_t mark)
{
    if (!builder->first)
        return true;
    COMPLAIN(builder, mark, "a second document; one file has one");
    return false;
}

/* False where reading must stop; a complaint says why. */
static bool take_event(struct builder *builder, const yaml_event_t *event)
{
    yaml_mark_t mark = event->start_mark;
    switch (event->type) {
    case YAML_ALIAS_EVENT:
        COMPLAIN(builder, mark, "aliases ('*%.60s') are not supported",
                 (const char *)event->data.alias.anchor);
        return take_scalar(builder, "", 0, true, mark);
    case YAML_SCALAR_EVENT:
        refuse_extras(builder, event->data.scalar.anchor, event->data.scalar.tag, mark);
        return take_scalar(builder, (const char *)event->data.scalar.value,
                           event->data.scalar.length,
                           event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE, mark);
    case YAML_SEQUENCE_START_EVENT:
        refuse_extras(builder, event->data.sequence_start.anchor, event->data.sequence_start.tag,
                      mark);
        return begin_collection(builder, YAML_LIST, mark);
    case YAML_MAPPING_START_EVENT:
        refuse_extras(builder, event->data.mapping_start.anchor, event->data.mapping_start.tag,
                      mark);
        return begin_collection(builder, YAML_MAP, mark);
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        builder->depth--;
        return true;
    case YAML_DOCUMENT_START_EVENT:
        return begin_document(builder, mark);
    case YAML_NO_EVENT:
    case YAML_STREAM_START_EVENT:
    case YAML_STREAM_END_EVENT:
    case YAML_DOCUMENT_END_EVENT:
        break;
    }
    return true;
}

/* Bytes that are no text are found ahead of the marks, by their offset. */
static yaml_mark_t mark_of_offset(const char *bytes, size_t offset)
{
    yaml_mark_t mark = {.index = offset};
    for (size_t i = 0; i < offset; i++) {
        mark.column++;
        if (bytes[i] == '\n') {
            mark.line++;
            mark.column = 0;
        }
    }
    return mark;
}

static void complain_of_syntax(struct builder *builder, const yaml_parser_t *parser,
                               const char *bytes, size_t size)
{
    size_t offset = parser->problem_offset < size ? parser->problem_offset : size;
    bool is_about_bytes = parser->error == YAML_READER_ERROR;
    yaml_mark_t mark = is_about_bytes ? mark_of_offset(bytes, offset) : parser->problem_mark;
    const char *problem = parser->problem ? parser->problem : "cannot be read";
    yaml_complain_at(builder->document, line_of(mark), column_of(mark), NULL, NULL,
                     parser->context ? "%s (%s)" : "%s", problem, parser->context);
}

/* True when the whole text was read. */
static bool read_events(struct builder *builder, const char *bytes, size_t size)
{
    yaml_parser_t parser;
    bool is_good = true, is_at_end = false;
    CHECK(yaml_parser_initialize(&parser) == 1);
    yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&parser, (const unsigned char *)bytes, size);
    while (is_good && !is_at_end) {
        yaml_event_t event;
        if (!yaml_parser_parse(&parser, &event)) {
            CHECK(parser.error != YAML_MEMORY_ERROR);
            complain_of_syntax(builder, &parser, bytes, size);
            is_good = false;
        } else {
            is_good = take_event(builder, &event);
            is_at_end = event.type == YAML_STREAM_END_EVENT;
            yaml_event_delete(&event);
        }
    }
    yaml_parser_delete(&parser);
    return is_good;
}

static void init_document(const char *name, struct yaml_document *document)
{
    *document = (struct yaml_document){.path = memory_text(name)};
    buffer_init(&document->complaints, COMPLAINTS_BYTES);
}

static void read_document(const char *bytes, size_t size, struct yaml_document *document)
{
    struct builder builder = {.document = document};
    bool is_whole = read_events(&builder, bytes, size);
    bool is_map = builder.first && builder.first->kind == YAML_MAP;
    if (is_whole && !is_map)
        yaml_complain(document, builder.first, "a map (\"key: value\") is expected at the top");
    if (is_whole && is_map)
        document->root = builder.first;
    else
        yaml_tree_free(builder.first);
    free(builder.key);
}

void yaml_parse(const char *name, const char *bytes, size_t size,
                struct yaml_document *ret_document)
{
    init_document(name, ret_document);
    if (size > LIMIT_CONFIG_BYTES)
        yaml_complain(ret_document, NULL, "larger than %d bytes", LIMIT_CONFIG_BYTES);
    else
        read_document(bytes, size, ret_document);
}

bool yaml_open(const char *path, struct yaml_document *ret_document, struct error *err)
{
    BUFFER_CLEANUP struct buffer bytes;
    struct error reason;
    buffer_init(&bytes, LIMIT_CONFIG_BYTES);
    if (file_read(path, &bytes, &reason)) {
        yaml_parse(path, buffer_text(&bytes), bytes.length, ret_document);
        return true;
    }
    if (reason.code != ERROR_FULL) {
        *err = reason;
        return false;
    }
    init_document(path, ret_document);
    yaml_complain(ret_document, NULL, "larger than %d bytes", LIMIT_CONFIG_BYTES);
    return true;
}
