/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as a configuration of NGINX, which is read, and each server in it taken out and put
 * back. Whatever the file is: taking one out makes that one held and leaves all others as they are,
 * and putting it back gives the bytes that were there.
 *
 * The first byte says in which block the file stands, and how servers are taken out.
 */
#include "check.h"
#include "nginx_mark.h"
#include "text.h"

#include <stdlib.h>
#include <string.h>

#define ENTRIES_MOST 16 /* taken out of one input, one by one: each reads the file twice more */

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static bool read_config(const char *bytes, size_t size, struct nginx_place place,
                        struct nginx_config *ret_config)
{
    struct nginx_place module = {.level = NGINX_LEVEL_MODULE};
    struct error err = {0};

    *ret_config = (struct nginx_config){0};
    if (place.level == NGINX_LEVEL_GROUP)
        CHECK(nginx_config_read(ret_config, 0, "upstream a {}", 13, module, &err));
    if (nginx_config_read(ret_config, 0, bytes, size, place, &err))
        return true;
    CHECK(err.code == ERROR_INVALID || err.code == ERROR_FULL);
    nginx_config_done(ret_config);
    return false;
}

static bool apply(const struct buffer *bytes, const struct nginx_entry *entry, enum nginx_hold hold,
                  struct buffer *ret_bytes)
{
    struct nginx_change change = {
        .begin = entry->begin, .end = entry->end, .found = entry->hold, .hold = hold};
    struct error err = {0};

    buffer_init(ret_bytes, (size_t)16 * 1024 * 1024);
    if (nginx_mark_apply(bytes->data, bytes->length, &change, 1, ret_bytes, &err))
        return true;
    CHECK(err.code == ERROR_FULL);
    buffer_done(ret_bytes);
    return false;
}

static void check_others(const struct nginx_config *before, const struct nginx_config *after,
                         size_t taken)
{
    CHECK(before->entry_count == after->entry_count && before->group_count == after->group_count);
    CHECK(before->include_count == after->include_count);
    for (size_t i = 0; i < before->entry_count; i++) {
        const struct nginx_entry *a = &before->entries[i];
        const struct nginx_entry *b = &after->entries[i];
        CHECK(a->group == b->group && a->weight == b->weight && a->is_backup == b->is_backup);
        CHECK(text_equal(a->address, b->address) && a->is_down == b->is_down);
        CHECK(i == taken || a->hold == b->hold);
    }
}

static void check_round_trip(const struct buffer *bytes, struct nginx_place place,
                             const struct nginx_config *config, size_t taken, enum nginx_hold hold)
{
    struct buffer out, back;
    struct nginx_config after;

    if (!apply(bytes, &config->entries[taken], hold, &out))
        return;
    CHECK(read_config(out.data, out.length, place, &after));
    check_others(config, &after, taken);
    CHECK(after.entries[taken].hold == hold && !nginx_entry_is_live(&after.entries[taken]));
    CHECK(apply(&out, &after.entries[taken], NGINX_FREE, &back));
    CHECK(back.length == bytes->length && memcmp(back.data, bytes->data, back.length) == 0);
    nginx_config_done(&after);
    buffer_done(&out);
    buffer_done(&back);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const enum nginx_hold holds[] = {NGINX_HELD_DOWN, NGINX_HELD_OUT};
    struct buffer bytes;
    struct nginx_config config;
    size_t tried = 0;

    if (size == 0)
        return 0;
    struct nginx_place place = {.level = (enum nginx_level)(data[0] % 3)};
    enum nginx_hold hold = holds[data[0] / 3 % 2];
    buffer_init(&bytes, size);
    CHECK(buffer_add(&bytes, data + 1, size - 1));
    if (read_config(bytes.data, bytes.length, place, &config)) {
        for (size_t i = 0; i < config.entry_count && tried < ENTRIES_MOST; i++) {
            if (config.entries[i].hold != NGINX_FREE || config.entries[i].address[0] == '\0')
                continue;
            check_round_trip(&bytes, place, &config, i, hold);
            tried++;
        }
        nginx_config_done(&config);
    }
    buffer_done(&bytes);
    return 0;
}
