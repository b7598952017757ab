/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Standard output and standard error of the program: text or JSON, a terminal or not. Nothing else
 * in this folder writes to them.
 */
#ifndef SHUNT_OUTPUT_H
#define SHUNT_OUTPUT_H

#include "buffer.h"
#include "error.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

struct output {
    bool is_json;     /* --json: documents only */
    bool is_stream;   /* --json --watch: one document a line, errors as well */
    bool is_terminal; /* standard output can be redrawn in place */
    bool is_coloured;
    bool has_document; /* one was written */
    int failure;       /* errno of a write that has lost something; 0 */
};

/* Looks at standard output and the environment (NO_COLOR, TERM). */
void output_init(struct output *output);

/* Size of the terminal now; 80 by 24 where it does not say. */
void output_size(size_t *ret_columns, size_t *ret_rows);

/* At once and whole, so that a redrawn screen does not flicker. Texts are clean already (clean.h):
 * they may hold our own colours. */
void output_text(struct output *output, const char *text);

/* False where something that was told did not arrive, as on a full disk. */
bool output_is_whole(const struct output *output, struct error *err);

/* One line, ASCII only: what came from outside must not steer a terminal here either. */
void output_document(struct output *output, const json_t *json);

/* "shunt: MESSAGE" and "hint: …" on standard error; with --json also {"ok":false,"error":{…}},
 * unless a document has been written. */
void output_failure(struct output *output, const struct error *err);

#endif
