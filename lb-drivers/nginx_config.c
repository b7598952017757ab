/* SPDX-License-Identifier: Apache-2.0 */
#include "nginx_config.h"

#include "check.h"
#include "memory.h"
#include "nginx_lexer.h"
#include "nginx_mark.h"
#include "text.h"

#include <stdlib.h>
#include <string.h>

#define WEIGHT_MOST 1000000000

/* One file that is being read. */
struct reading {
    struct nginx_config *config;
    size_t file;
    struct nginx_lexer lexer;
    struct nginx_place place;
    enum nginx_level floor; /* the file's own level: it may not close what includes it */
    size_t foreign_depth;   /* blocks that can hold no upstream */
};

const char *nginx_module_name(enum nginx_module module)
{
    return module == NGINX_HTTP ? "http" : "stream";
}

bool nginx_entry_is_live(const struct nginx_entry *entry)
{
    return entry->hold == NGINX_FREE && !entry->is_down;
}

void nginx_config_done(struct nginx_config *config)
{
    free(config->groups);
    free(config->entries);
    free(config->includes);
    *config = (struct nginx_config){0};
}

/* Makes room for one more: the array doubles whenever its count is a power of two. */
static bool make_room(void **items, size_t count, size_t limit, size_t size, const char *what,
                      struct error *err)
{
    if (count >= limit) {
        error_set(err, ERROR_FULL, "more than %zu %s", limit, what);
        return false;
    }
    if ((count & (count - 1)) == 0)
        *items = memory_resize(*items, count > 0 ? 2 * count : 1, size);
    return true;
}

static const struct nginx_word *word_of(const struct nginx_item *item, size_t index)
{
    return index < item->word_count && index < NGINX_WORDS ? &item->words[index] : NULL;
}

static bool is_named(const struct reading *reading, const struct nginx_item *item, const char *name)
{
    return nginx_word_is(&reading->lexer, &item->words[0], name);
}

static bool add_include(struct reading *reading, const struct nginx_item *item, struct error *err)
{
    struct nginx_config *config = reading->config;
    struct nginx_include include = {.place = reading->place, .file = reading->file};

    if (item->word_count != 2 || !nginx_word_text(&reading->lexer, &item->words[1], include.pattern,
                                                  sizeof(include.pattern))) {
        nginx_lexer_complain(&reading->lexer, item->begin, err,
                             "'include' takes one path of at most 511 bytes");
        return false;
    }
    if (!make_room((void **)&config->includes, config->include_count, NGINX_INCLUDES,
                   sizeof(include), "includes", err))
        return false;
    config->includes[config->include_count++] = include;
    return true;
}

static bool add_group(struct reading *reading, const struct nginx_item *item, struct error *err)
{
    struct nginx_config *config = reading->config;
    struct nginx_group group = {.module = reading->place.module, .file = reading->file};
    const struct nginx_word *name = word_of(item, 1);

    if (name == NULL || !nginx_word_text(&reading->lexer, name, group.name, sizeof(group.name)))
        group.name[0] = '\0';
    if (!make_room((void **)&config->groups, config->group_count, NGINX_GROUPS, sizeof(group),
                   "upstreams", err))
        return false;
    reading->place.level = NGINX_LEVEL_GROUP;
    reading->place.group = config->group_count;
    config->groups[config->group_count++] = group;
    return true;
}

static void read_parameter(const struct nginx_lexer *lexer, const struct nginx_word *word,
                           struct nginx_entry *entry)
{
    char text[64];
    uint64_t weight;

    if (!nginx_word_text(lexer, word, text, sizeof(text)))
        return; /* none of those that are looked for */
    if (text_equal(text, "down"))
        entry->is_down = true;
    else if (text_equal(text, "backup"))
        entry->is_backup = true;
    else if (text_starts_with(text, "weight=") &&
             text_parse_u64(text + strlen("weight="), WEIGHT_MOST, &weight))
        entry->weight = (int64_t)weight;
}

/* A `server` with its parameters, but for a `down` that is a mark. */
static bool read_entry(const struct nginx_lexer *lexer, const struct nginx_item *item,
                       struct nginx_entry *entry, struct error *err)
{
    size_t count = item->word_count;

    entry->weight = 1;
    if (count < 2 ||
        !nginx_word_text(lexer, &item->words[1], entry->address, sizeof(entry->address)))
        entry->address[0] = '\0';
    if (nginx_mark_is_down(lexer, item)) {
        entry->hold = NGINX_HELD_DOWN;
        count--;
    }
    if (count >= NGINX_WORDS) { /* the last place is the mark's */
        nginx_lexer_complain(lexer, item->begin, err, "a server with more than 29 parameters");
        return false;
    }
    for (size_t i = 2; i < count; i++)
        read_parameter(lexer, &item->words[i], entry);
    return true;
}

static bool add_entry(struct reading *reading, const struct nginx_entry *entry, struct error *err)
{
    struct nginx_config *config = reading->config;

    if (!make_room((void **)&config->entries, config->entry_count, NGINX_ENTRIES, sizeof(*entry),
                   "servers in upstreams", err))
        return false;
    config->entries[config->entry_count] = *entry;
    config->entries[config->entry_count].group = reading->place.group;
    config->entries[config->entry_count++].file = reading->file;
    return true;
}

static bool add_server(struct reading *reading, const struct nginx_item *item, struct error *err)
{
    struct nginx_entry entry = {.begin = item->begin, .end = item->end};
    return read_entry(&reading->lexer, item, &entry, err) && add_entry(reading, &entry, err);
}

/* A comment is an entry if the mark is in front of it and a server is in it. */
static bool read_comment(struct reading *reading, const struct nginx_item *item, struct error *err)
{
    struct nginx_entry entry = {.begin = item->begin};
    struct buffer directive BUFFER_CLEANUP = {0};
    struct nginx_lexer inside;
    struct nginx_item server;

    buffer_init(&directive, NGINX_MARK_BYTES);
    if (!nginx_mark_read_comment(&reading->lexer, item->begin, &directive, &entry.end))
        return true;
    inside = (struct nginx_lexer){.bytes = directive.data, .size = directive.length};
    if (!nginx_lexer_next(&inside, &server, err) || !read_entry(&inside, &server, &entry, err))
        return false;
    entry.hold = NGINX_HELD_OUT;
    reading->lexer.at = entry.end;
    return add_entry(reading, &entry, err);
}

static bool read_directive(struct reading *reading, const struct nginx_item *item,
                           struct error *err)
{
    struct nginx_config *config = reading->config;

    if (is_named(reading, item, "include"))
        return add_include(reading, item, err);
    if (reading->place.level == NGINX_LEVEL_GROUP && is_named(reading, item, "server"))
        return add_server(reading, item, err);
    if (reading->place.level != NGINX_LEVEL_MAIN || !is_named(reading, item, "pid"))
        return true;
    if (item->word_count == 2 && nginx_word_text(&reading->lexer, &item->words[1], config->pid_file,
                                                 sizeof(config->pid_file)))
        return true;
    nginx_lexer_complain(&reading->lexer, item->begin, err,
                         "'pid' takes one path of at most 511 bytes");
    return false;
}

static bool is_lua(const struct reading *reading, const struct nginx_item *item)
{
    static const char end[] = "_by_lua_block";
    const struct nginx_word *name = &item->words[0];
    size_t length = strlen(end);

    return name->end - name->begin >= length &&
           memcmp(reading->lexer.bytes + name->end - length, end, length) == 0;
}

static bool open_block(struct reading *reading, const struct nginx_item *item, struct error *err)
{
    struct nginx_place *place = &reading->place;

    if (is_lua(reading, item))
        return nginx_lexer_skip_lua(&reading->lexer, err);
    if (reading->foreign_depth == 0 && place->level == NGINX_LEVEL_MODULE &&
        is_named(reading, item, "upstream"))
        return add_group(reading, item, err);
    bool is_http = is_named(reading, item, "http");
    if (reading->foreign_depth == 0 && place->level == NGINX_LEVEL_MAIN &&
        (is_http || is_named(reading, item, "stream"))) {
        place->level = NGINX_LEVEL_MODULE;
        place->module = is_http ? NGINX_HTTP : NGINX_STREAM;
        return true;
    }
    reading->foreign_depth++;
    return true;
}

static bool close_block(struct reading *reading, const struct nginx_item *item, struct error *err)
{
    if (reading->foreign_depth > 0) {
        reading->foreign_depth--;
        return true;
    }
    if (reading->place.level > reading->floor) {
        reading->place.level--;
        return true;
    }
    nginx_lexer_complain(&reading->lexer, item->begin, err, "'}' without a block to close");
    return false;
}

static bool is_at_end(const struct reading *reading, struct error *err)
{
    if (reading->foreign_depth == 0 && reading->place.level == reading->floor)
        return true;
    nginx_lexer_complain(&reading->lexer, reading->lexer.size, err,
                         "the file ends and a block is not closed");
    return false;
}

static bool read_item(struct reading *reading, const struct nginx_item *item, struct error *err)
{
    switch (item->kind) {
    case NGINX_ITEM_DIRECTIVE:
        return reading->foreign_depth > 0 || read_directive(reading, item, err);
    case NGINX_ITEM_BLOCK:
        return open_block(reading, item, err);
    case NGINX_ITEM_CLOSE:
        return close_block(reading, item, err);
    case NGINX_ITEM_COMMENT:
        return reading->foreign_depth > 0 || reading->place.level != NGINX_LEVEL_GROUP ||
               read_comment(reading, item, err);
    case NGINX_ITEM_END:
        return is_at_end(reading, err);
    }
    return true;
}

bool nginx_config_read(struct nginx_config *config, size_t file, const char *bytes, size_t size,
                       struct nginx_place place, struct error *err)
{
    struct reading reading = {.config = config, .file = file, .place = place, .floor = place.level};
    struct nginx_item item;

    CHECK(place.level != NGINX_LEVEL_GROUP || place.group < config->group_count);
    if (!nginx_lexer_open(&reading.lexer, bytes, size, err))
        return false;
    do {
        if (!nginx_lexer_next(&reading.lexer, &item, err) || !read_item(&reading, &item, err))
            return false;
    } while (item.kind != NGINX_ITEM_END);
    return true;
}
