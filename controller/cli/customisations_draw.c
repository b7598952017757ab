/* SPDX-License-Identifier: Apache-2.0 */
#include "customisations_draw.h"

#include "json.h"
#include "memory.h"
#include "message.h"
#include "table.h"

#include <string.h>

static bool add_item(struct table *table, const json_t *item, struct error *err)
{
    struct message_customisation row;
    if (!json_get_text(item, "path", row.path, sizeof(row.path), err) ||
        !json_get_text(item, "kind", row.kind, sizeof(row.kind), err))
        return false;
    table_add(table, COLOUR_NONE, row.path);
    table_add(table, COLOUR_NONE, row.kind);
    return true;
}

static bool draw_items(const json_t *items, bool is_coloured, struct buffer *out, struct error *err)
{
    static const char *const headings[] = {"FILE", "CHANGE"};
    TABLE_CLEANUP struct table table;
    table_init(&table, headings, sizeof(headings) / sizeof(headings[0]), is_coloured);
    for (size_t i = 0; i < json_array_size(items); i++) {
        if (!add_item(&table, json_array_get(items, i), err)) {
            error_wrap(err, "items[%zu]", i);
            return false;
        }
    }
    table_draw(&table, out);
    return true;
}

bool customisations_draw(const json_t *customisations, bool is_coloured, struct buffer *out,
                         struct error *err)
{
    const json_t *items = json_object_get(customisations, "items");
    int64_t total = 0;
    if (!json_is_array(items) || json_array_size(items) > LIMIT_CUSTOMISATIONS) {
        error_set(err, ERROR_PROTOCOL, "no list of customisations, or too long a one");
        return false;
    }
    if (!json_get_integer(customisations, "total", 0, INT64_MAX, &total, err))
        return false;
    if (total == 0) {
        buffer_add_text(out, "nothing was changed in the install directory\n");
        return true;
    }
    if (!draw_items(items, is_coloured, out, err))
        return false;
    if ((size_t)total > json_array_size(items))
        buffer_format(out, "and %lld more\n", (long long)total - (long long)json_array_size(items));
    return true;
}

/* Line by line: a line end is all that may pass of what moves the cursor. */
bool customisations_draw_hunks(const json_t *customisations, struct buffer *out, struct error *err)
{
    FREE_CLEANUP char *hunks = memory_zeroed(LIMIT_HUNKS, 1);
    if (!json_get_text(customisations, "hunks", hunks, LIMIT_HUNKS, err))
        return false;
    for (char *line = hunks, *end; *line != '\0'; line = end) {
        end = line + strcspn(line, "\n");
        bool has_end = *end != '\0';
        *end = '\0';
        end += has_end;
        clean_add(out, line);
        buffer_add_text(out, "\n");
    }
    return true;
}
