/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The editor of units and init scripts: after an edit no place names the old release, all that
 * named it name the new one, and what names neither has only ever gained the option; an edit back
 * and forth changes nothing more.
 */
#include "check.h"
#include "definition_text.h"
#include "text_input.h"

#include <string.h>

#define OLD "7.9.0"
#define NEW "7.9.4"

static const struct definition_places places = {.releases = {"/o", "/data/o"},
                                                .links = {"/o/current", NULL}};

static size_t count_of(const struct definition_names *names, const char *version)
{
    return strcmp(names->version, version) == 0 ? names->count : 0;
}

static bool edit(const char *text, const char *from, const char *to, struct buffer *ret_text)
{
    buffer_init(ret_text, 2 * DEFINITION_TEXT_BYTES);
    return definition_text_edit(text, &places, from, to, ret_text);
}

static void check_text(const char *text)
{
    struct definition_names before, after;
    struct buffer there, back, again;
    CHECK(edit(text, OLD, NEW, &there));
    definition_text_read(text, &places, &before);
    definition_text_read(buffer_text(&there), &places, &after);
    CHECK(strcmp(after.version, OLD) != 0 && strcmp(after.other, OLD) != 0);
    CHECK(before.has_link == after.has_link);
    if (before.other[0] == '\0')
        CHECK(count_of(&after, NEW) == count_of(&before, OLD) + count_of(&before, NEW));
    CHECK(edit(buffer_text(&there), NEW, OLD, &back));
    CHECK(edit(buffer_text(&back), OLD, NEW, &again));
    CHECK(again.length == there.length &&
          memcmp(buffer_text(&again), buffer_text(&there), there.length) == 0);
    buffer_done(&there);
    buffer_done(&back);
    buffer_done(&again);
}
