/* SPDX-License-Identifier: Apache-2.0 */
#include "nginx_mark.h"

#include "check.h"

#include <string.h>

/* Written into files that outlive this program: they never change. */
#define DOWN_MARK   " down # taken out by shunt\n"
#define FIRST_LINE  "# taken out by shunt: "
#define NEXT_LINE   "# taken out by shunt| "
#define DOWN_LENGTH strlen(DOWN_MARK)

#define MARK_LINES 64 /* of one directive; each costs a look at all lines before it */

bool nginx_mark_is_down(const struct nginx_lexer *lexer, const struct nginx_item *item)
{
    size_t stop = item->end - 1;

    if (item->word_count < 3 || item->word_count > NGINX_WORDS || stop < DOWN_LENGTH)
        return false;
    return memcmp(lexer->bytes + stop - DOWN_LENGTH, DOWN_MARK, DOWN_LENGTH) == 0 &&
           item->words[item->word_count - 1].begin == stop - DOWN_LENGTH + 1;
}

/* The text is one `server …;` and nothing else. */
static bool is_server(const struct buffer *text)
{
    struct nginx_lexer lexer = {.bytes = text->data, .size = text->length};
    struct nginx_item item;
    struct error ignored;

    return nginx_lexer_next(&lexer, &item, &ignored) && item.kind == NGINX_ITEM_DIRECTIVE &&
           item.begin == 0 && item.end == text->length &&
           nginx_word_is(&lexer, &item.words[0], "server");
}

/* Adds one line of the comment without what stands before it, and goes behind its newline. */
static bool take_line(const struct nginx_lexer *lexer, const char *prefix, size_t *at,
                      struct buffer *line)
{
    size_t length = strlen(prefix);

    if (lexer->size - *at < length || memcmp(lexer->bytes + *at, prefix, length) != 0)
        return false;
    const char *begin = lexer->bytes + *at + length;
    const char *end = memchr(begin, '\n', lexer->size - *at - length);
    size_t size = end != NULL ? (size_t)(end - begin) : lexer->size - *at - length;
    *at += length + size + (end != NULL);
    return buffer_add(line, begin, size);
}

bool nginx_mark_read_comment(const struct nginx_lexer *lexer, size_t begin,
                             struct buffer *ret_directive, size_t *ret_end)
{
    size_t at = begin;

    if (!take_line(lexer, FIRST_LINE, &at, ret_directive))
        return false;
    for (size_t line = 1; !is_server(ret_directive); line++) {
        if (line >= MARK_LINES || !buffer_add(ret_directive, "\n", 1) ||
            !take_line(lexer, NEXT_LINE, &at, ret_directive))
            return false;
    }
    *ret_end = at;
    return true;
}

/* Every line becomes a comment. */
static bool write_comment(const char *bytes, size_t size, struct buffer *text)
{
    const char *end = bytes + size;
    const char *newline;

    if (!buffer_add_text(text, FIRST_LINE))
        return false;
    for (; (newline = memchr(bytes, '\n', (size_t)(end - bytes))) != NULL; bytes = newline + 1) {
        if (!buffer_add(text, bytes, (size_t)(newline + 1 - bytes)) ||
            !buffer_add_text(text, NEXT_LINE))
            return false;
    }
    return buffer_add(text, bytes, (size_t)(end - bytes)) && buffer_add(text, "\n", 1);
}

static bool take_out(const char *bytes, size_t size, enum nginx_hold hold, struct buffer *text)
{
    if (hold == NGINX_HELD_OUT)
        return write_comment(bytes, size, text);
    return buffer_add(text, bytes, size - 1) && buffer_add_text(text, DOWN_MARK) &&
           buffer_add(text, ";", 1);
}

static bool put_back(const char *bytes, size_t size, enum nginx_hold found, struct buffer *text)
{
    struct nginx_lexer lexer = {.bytes = bytes, .size = size};
    struct buffer directive BUFFER_CLEANUP = {0};
    size_t end;

    if (found == NGINX_HELD_DOWN)
        return buffer_add(text, bytes, size - 1 - DOWN_LENGTH) && buffer_add(text, ";", 1);
    buffer_init(&directive, NGINX_MARK_BYTES);
    bool is_read = nginx_mark_read_comment(&lexer, 0, &directive, &end);
    CHECK(is_read && end == size); /* it was found so */
    return buffer_add(text, directive.data, directive.length);
}

static bool apply(const char *bytes, const struct nginx_change *change, struct buffer *text)
{
    size_t size = change->end - change->begin;

    if (change->hold == change->found)
        return buffer_add(text, bytes + change->begin, size);
    if (change->hold == NGINX_FREE)
        return put_back(bytes + change->begin, size, change->found, text);
    CHECK(change->found == NGINX_FREE);
    return take_out(bytes + change->begin, size, change->hold, text);
}

/* What is written must be read as a mark again. */
static bool check_size(const char *bytes, const struct nginx_change *change, struct error *err)
{
    size_t lines = 1;

    for (size_t i = change->begin; i < change->end; i++)
        lines += bytes[i] == '\n';
    if (change->hold != NGINX_HELD_OUT ||
        (lines <= MARK_LINES && change->end - change->begin < NGINX_MARK_BYTES))
        return true;
    error_set(err, ERROR_FULL, "a server of more than %d lines or %d bytes cannot be removed",
              MARK_LINES, NGINX_MARK_BYTES - 1);
    error_hint(err, "use mode: down, or take comments out of the directive");
    return false;
}

bool nginx_mark_apply(const char *bytes, size_t size, const struct nginx_change *changes,
                      size_t count, struct buffer *ret_bytes, struct error *err)
{
    size_t at = 0;
    bool fits = true;

    for (size_t i = 0; i < count && fits; i++) {
        CHECK(changes[i].begin >= at && changes[i].end <= size);
        if (!check_size(bytes, &changes[i], err))
            return false;
        fits = buffer_add(ret_bytes, bytes + at, changes[i].begin - at) &&
               apply(bytes, &changes[i], ret_bytes);
        at = changes[i].end;
    }
    if (fits && buffer_add(ret_bytes, bytes + at, size - at))
        return true;
    error_set(err, ERROR_FULL, "the file would have more than %zu bytes", ret_bytes->limit);
    return false;
}
