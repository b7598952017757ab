/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The end of a `…_by_lua_block { … }`: braces count, unless they stand in a string or a comment of
 * Lua (reference manual of 5.1, 2.1).
 */
#include "nginx_lexer.h"

#include <string.h>

/* At '[', the number of '=' of a long bracket `[==[` plus one; 0 if it is none. */
static size_t long_bracket(const struct nginx_lexer *lexer, size_t at)
{
    size_t level = 1;

    while (at + level < lexer->size && lexer->bytes[at + level] == '=')
        level++;
    return at + level < lexer->size && lexer->bytes[at + level] == '[' ? level : 0;
}

/* The place behind `]==]`; the end where there is none. */
static size_t behind_long_bracket(const struct nginx_lexer *lexer, size_t at, size_t level)
{
    for (at += level + 1; at + level < lexer->size; at++) {
        size_t equals = 1;
        if (lexer->bytes[at] != ']')
            continue;
        while (equals < level && lexer->bytes[at + equals] == '=')
            equals++;
        if (equals == level && lexer->bytes[at + level] == ']')
            return at + level + 1;
    }
    return lexer->size;
}

static size_t behind_string(const struct nginx_lexer *lexer, size_t at)
{
    char quote = lexer->bytes[at++];

    while (at < lexer->size && lexer->bytes[at] != quote && lexer->bytes[at] != '\n')
        at += lexer->bytes[at] == '\\' ? 2 : 1;
    return at + 1 < lexer->size ? at + 1 : lexer->size;
}

/* At "--". */
static size_t behind_comment(const struct nginx_lexer *lexer, size_t at)
{
    size_t level = 0;

    at += 2;
    if (at < lexer->size && lexer->bytes[at] == '[')
        level = long_bracket(lexer, at);
    if (level > 0)
        return behind_long_bracket(lexer, at, level);
    const char *end = memchr(lexer->bytes + at, '\n', lexer->size - at);
    return end != NULL ? (size_t)(end - lexer->bytes) : lexer->size;
}

/* The place behind the token at `at`. */
static size_t behind_token(const struct nginx_lexer *lexer, size_t at)
{
    char c = lexer->bytes[at];
    size_t level;

    if (c == '"' || c == '\'')
        return behind_string(lexer, at);
    if (c == '-' && at + 1 < lexer->size && lexer->bytes[at + 1] == '-')
        return behind_comment(lexer, at);
    if (c == '[' && (level = long_bracket(lexer, at)) > 0)
        return behind_long_bracket(lexer, at, level);
    return at + 1;
}

bool nginx_lexer_skip_lua(struct nginx_lexer *lexer, struct error *err)
{
    size_t begin = lexer->at;
    size_t depth = 1;

    while (lexer->at < lexer->size) {
        char c = lexer->bytes[lexer->at];
        depth += c == '{';
        depth -= c == '}';
        lexer->at = behind_token(lexer, lexer->at);
        if (depth == 0)
            return true;
    }
    nginx_lexer_complain(lexer, begin, err, "a block of Lua that begins here has no end");
    return false;
}
