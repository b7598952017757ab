/* SPDX-License-Identifier: Apache-2.0 */
#include "nginx_lexer.h"

#include "text.h"

#include <string.h>

bool nginx_lexer_open(struct nginx_lexer *lexer, const char *bytes, size_t size, struct error *err)
{
    *lexer = (struct nginx_lexer){.bytes = bytes, .size = size};
    if (size < 3 || memcmp(bytes, "\xEF\xBB\xBF", 3) != 0)
        return true;
    error_set(err, ERROR_INVALID, "line 1: begins with a byte-order mark");
    error_hint(err, "take off the first three bytes: NGINX refuses the file too");
    return false;
}

void nginx_lexer_complain(const struct nginx_lexer *lexer, size_t at, struct error *err,
                          const char *what)
{
    size_t line = 1;

    for (size_t i = 0; i < at && i < lexer->size; i++)
        line += lexer->bytes[i] == '\n';
    error_set(err, ERROR_INVALID, "line %zu: %s", line, what);
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static bool ends_word(char c)
{
    return is_space(c) || c == ';' || c == '{';
}

static bool is_more(const struct nginx_lexer *lexer)
{
    return lexer->at < lexer->size;
}

static void skip_space(struct nginx_lexer *lexer)
{
    while (is_more(lexer) && is_space(lexer->bytes[lexer->at]))
        lexer->at++;
}

static void skip_line(struct nginx_lexer *lexer)
{
    const char *end = memchr(lexer->bytes + lexer->at, '\n', lexer->size - lexer->at);
    lexer->at = end != NULL ? (size_t)(end - lexer->bytes) : lexer->size;
}

/* A backslash takes the sting out of whatever comes behind it, be it a quote or a newline. */
static bool take_quoted(struct nginx_lexer *lexer, struct nginx_word *word, struct error *err)
{
    size_t begin = lexer->at;
    char quote = lexer->bytes[lexer->at++];

    word->begin = lexer->at;
    while (is_more(lexer) && lexer->bytes[lexer->at] != quote)
        lexer->at += lexer->bytes[lexer->at] == '\\' ? 2 : 1;
    if (!is_more(lexer)) {
        nginx_lexer_complain(lexer, begin, err, "a quote that is opened here is not closed");
        return false;
    }
    word->end = lexer->at++;
    if (is_more(lexer) && !ends_word(lexer->bytes[lexer->at]) && lexer->bytes[lexer->at] != ')') {
        nginx_lexer_complain(lexer, lexer->at, err, "no space behind a closing quote");
        return false;
    }
    return true;
}

/* '{' ends a word, unless it opens the name of a variable, as in ${name}. */
static void take_plain(struct nginx_lexer *lexer, struct nginx_word *word)
{
    bool is_variable = false;

    word->begin = lexer->at;
    for (; is_more(lexer); lexer->at++) {
        char c = lexer->bytes[lexer->at];
        if (c == '{' && is_variable)
            continue;
        is_variable = c == '$';
        if (c == '\\')
            lexer->at++;
        else if (ends_word(c))
            break;
    }
    if (lexer->at > lexer->size)
        lexer->at = lexer->size;
    word->end = lexer->at;
}

static bool take_word(struct nginx_lexer *lexer, struct nginx_item *item, struct error *err)
{
    struct nginx_word word;
    char first = lexer->bytes[lexer->at];

    if (first != '"' && first != '\'')
        take_plain(lexer, &word);
    else if (!take_quoted(lexer, &word, err))
        return false;
    if (item->word_count < NGINX_WORDS)
        item->words[item->word_count] = word;
    item->word_count++;
    return true;
}

/* An item that is one character: the end of a directive, of its head, or of a block. */
static bool take_stop(struct nginx_lexer *lexer, struct nginx_item *item, struct error *err)
{
    char stop = lexer->bytes[lexer->at];
    bool is_close = stop == '}';

    if (is_close != (item->word_count == 0)) {
        nginx_lexer_complain(lexer, lexer->at, err,
                             is_close ? "'}' in the middle of a directive"
                                      : "';' or '{' without a directive before it");
        return false;
    }
    item->kind = is_close      ? NGINX_ITEM_CLOSE
                 : stop == ';' ? NGINX_ITEM_DIRECTIVE
                               : NGINX_ITEM_BLOCK;
    item->end = ++lexer->at;
    return true;
}

static bool take_end(const struct nginx_lexer *lexer, struct nginx_item *item, struct error *err)
{
    if (item->word_count > 0) {
        nginx_lexer_complain(lexer, item->begin, err, "a directive that begins here has no end");
        return false;
    }
    item->kind = NGINX_ITEM_END;
    item->end = lexer->at;
    return true;
}

bool nginx_lexer_next(struct nginx_lexer *lexer, struct nginx_item *ret_item, struct error *err)
{
    struct nginx_item *item = ret_item;

    item->word_count = 0;
    for (;;) {
        skip_space(lexer);
        if (item->word_count == 0)
            item->begin = lexer->at;
        if (!is_more(lexer))
            return take_end(lexer, item, err);
        char c = lexer->bytes[lexer->at];
        if (c == ';' || c == '{' || c == '}')
            return take_stop(lexer, item, err);
        if (c != '#') {
            if (!take_word(lexer, item, err))
                return false;
            continue;
        }
        skip_line(lexer);
        if (item->word_count > 0)
            continue;
        item->kind = NGINX_ITEM_COMMENT;
        item->end = lexer->at;
        return true;
    }
}

/* The character that `\c` stands for; '\0' where the backslash stays. */
static char escaped(char c)
{
    switch (c) {
    case '"':
    case '\'':
    case '\\':
        return c;
    case 't':
        return '\t';
    case 'r':
        return '\r';
    case 'n':
        return '\n';
    default:
        return '\0';
    }
}

bool nginx_word_text(const struct nginx_lexer *lexer, const struct nginx_word *word, char *array,
                     size_t array_size)
{
    size_t length = 0;

    for (size_t i = word->begin; i < word->end; i++) {
        char c = lexer->bytes[i];
        char meant = c == '\\' && i + 1 < word->end ? escaped(lexer->bytes[i + 1]) : '\0';
        if (meant != '\0') {
            c = meant;
            i++;
        }
        if (c == '\0' || length + 1 >= array_size)
            return false;
        array[length++] = c;
    }
    array[length] = '\0';
    return true;
}

bool nginx_word_is(const struct nginx_lexer *lexer, const struct nginx_word *word, const char *text)
{
    char array[32];
    return nginx_word_text(lexer, word, array, sizeof(array)) && text_equal(array, text);
}
