/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The editor of set-bitbucket-home.sh: whatever it is given, it changes one stretch and leaves all
 * bytes before and behind it as they were, and an edit of an edit changes nothing.
 */
#include "check.h"
#include "home_script.h"

#include <stdint.h>
#include <string.h>

#define HOME "/data/it's a $(home)"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool edit(const char *text, size_t size, struct buffer *ret_text)
{
    struct error err;
    buffer_init(ret_text, HOME_SCRIPT_EDITED_BYTES);
    return home_script_edit(text, size, HOME, ret_text, &err);
}

/* A home that is read can be written, and reads the same then. */
static void check_reading(const char *text, size_t size)
{
    char home[LIMIT_PATH], again[LIMIT_PATH];
    struct buffer edited;
    struct error err;
    home_script_read(text, size, home);
    CHECK(strlen(home) < sizeof(home));
    buffer_init(&edited, HOME_SCRIPT_EDITED_BYTES);
    if (home[0] == '/' && home_script_edit(text, size, home, &edited, &err)) {
        home_script_read(edited.data, edited.length, again);
        CHECK(strcmp(home, again) == 0);
    }
    buffer_done(&edited);
}

static size_t common_head(const char *a, const char *b, size_t most)
{
    size_t size = 0;
    while (size < most && a[size] == b[size])
        size++;
    return size;
}

static size_t common_tail(const char *a_end, const char *b_end, size_t most)
{
    size_t size = 0;
    while (size < most && a_end[-1 - (ptrdiff_t)size] == b_end[-1 - (ptrdiff_t)size])
        size++;
    return size;
}

/* All of the new text that the old one does not have is within the quoted value. */
static void check_change(const char *old, size_t old_size, const struct buffer *new)
{
    static const char value[] = "'/data/it'\\''s a $(home)'";
    size_t most = old_size < new->length ? old_size : new->length;
    size_t head = common_head(old, new->data, most);
    size_t tail = common_tail(old + old_size, new->data + new->length, most - head);
    CHECK(strstr(new->data, value) != NULL);
    CHECK(new->length - head - tail <= strlen(value));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buffer once;
    struct buffer twice;
    const char *text = size > 0 ? (const char *)data : "";
    check_reading(text, size);
    if (edit(text, size, &once)) {
        check_change(text, size, &once);
        CHECK(edit(once.data, once.length, &twice));
        CHECK(twice.length == once.length && memcmp(twice.data, once.data, once.length) == 0);
        buffer_done(&twice);
    }
    buffer_done(&once);
    return 0;
}
