/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The two forms in which Shunt writes into the file itself that it has taken a server out, and how
 * both are taken back. What NGINX reads and what a person reads is the same text, no other file has
 * to be kept with it, and whoever leads next finds it there.
 *
 *   server 10.0.0.11:7990 weight=2 down # taken out by shunt
 *   ;
 *   # taken out by shunt: server 10.0.0.11:7990 weight=2;
 *
 * The first adds `down` with a comment and a newline right in front of the ';'. The second makes
 * the lines of the directive comments and adds a newline behind the last. Neither changes another
 * byte, so that taking it back gives the bytes that were there.
 */
#ifndef SHUNT_NGINX_MARK_H
#define SHUNT_NGINX_MARK_H

#include "buffer.h"
#include "nginx_config.h"
#include "nginx_lexer.h"

#define NGINX_MARK_BYTES (8 * 1024) /* one server with its comments; a usual one has 60 */

/* Whether the last parameter of the directive is the mark. */
bool nginx_mark_is_down(const struct nginx_lexer *lexer, const struct nginx_item *item);

/* The one `server` that the comment at `begin` and those below it hold, and the place behind them;
 * false if it is a comment like any other. */
bool nginx_mark_read_comment(const struct nginx_lexer *lexer, size_t begin,
                             struct buffer *ret_directive, size_t *ret_end);

/* One server of a file, to be taken out (`hold` says how), or back (NGINX_FREE). */
struct nginx_change {
    size_t file;
    size_t begin; /* as of the nginx_entry */
    size_t end;
    enum nginx_hold found;
    enum nginx_hold hold;
};

/* Adds the file with the changes in it; they are in the order of the file, and do not overlap.
 * ERROR_FULL for a directive beyond NGINX_MARK_BYTES, or a file beyond the buffer. */
bool nginx_mark_apply(const char *bytes, size_t size, const struct nginx_change *changes,
                      size_t count, struct buffer *ret_bytes, struct error *err);

#endif
