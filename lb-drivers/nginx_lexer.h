/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The syntax of NGINX's configuration files, as its own reader (ngx_conf_read_token() of 1.22) has
 * it: words, quotes, escapes, comments, blocks. What that reader refuses is refused here.
 *
 * The lexer goes over the bytes once and knows each item by its place in them, so that an editor
 * can leave every other byte as it is. The bytes belong to the caller and outlive the lexer.
 */
#ifndef SHUNT_NGINX_LEXER_H
#define SHUNT_NGINX_LEXER_H

#include "error.h"

#include <stddef.h>

#define NGINX_WORDS 32 /* kept of one directive; `server` of an upstream knows about a dozen */

enum nginx_item_kind {
    NGINX_ITEM_DIRECTIVE, /* ends with ';' */
    NGINX_ITEM_BLOCK,     /* ends with '{' */
    NGINX_ITEM_CLOSE,     /* '}' */
    NGINX_ITEM_COMMENT,   /* between two directives; those inside of one are passed over */
    NGINX_ITEM_END,
};

/* What stands between the quotes, if it has any; escapes are still in it. */
struct nginx_word {
    size_t begin;
    size_t end;
};

struct nginx_item {
    enum nginx_item_kind kind;
    size_t begin; /* of its first word with its quote, or of '#' */
    size_t end;   /* behind ';', '{' or '}', and before the newline of a comment */
    struct nginx_word words[NGINX_WORDS];
    size_t word_count; /* also of those that are not kept */
};

struct nginx_lexer {
    const char *bytes;
    size_t size;
    size_t at;
};

/* ERROR_INVALID for a byte-order mark, which NGINX takes for the name of a directive. */
bool nginx_lexer_open(struct nginx_lexer *lexer, const char *bytes, size_t size, struct error *err);

/* ERROR_INVALID, with the line, for what NGINX would refuse. */
bool nginx_lexer_next(struct nginx_lexer *lexer, struct nginx_item *ret_item, struct error *err);

/* Goes behind the '}' that ends a block of Lua, whose quotes and comments are Lua's. */
bool nginx_lexer_skip_lua(struct nginx_lexer *lexer, struct error *err);

/* The word with its escapes resolved; false if it does not fit or holds a NUL. */
bool nginx_word_text(const struct nginx_lexer *lexer, const struct nginx_word *word, char *array,
                     size_t array_size);
bool nginx_word_is(const struct nginx_lexer *lexer, const struct nginx_word *word,
                   const char *text);

/* Sets err to ERROR_INVALID with the line of that place. */
void nginx_lexer_complain(const struct nginx_lexer *lexer, size_t at, struct error *err,
                          const char *what);

#endif
