/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows and columns for people: cells are added from left to right, each is as wide as the widest of
 * its column. Cells take texts from outside and clean them (clean.h).
 */
#ifndef SHUNT_TABLE_H
#define SHUNT_TABLE_H

#include "clean.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct table_cell {
    char *text; /* owned, clean */
    enum colour colour;
};

struct table {
    const char *const *headings; /* borrowed */
    size_t column_count;
    bool is_coloured;
    struct table_cell *cells; /* row by row; owned */
    char **notes;             /* one a row, NULL = none; owned */
    size_t cell_count, row_capacity;
};

#define TABLE_CLEANUP __attribute__((cleanup(table_done)))

/* headings: one a column. */
void table_init(struct table *table, const char *const *headings, size_t column_count,
                bool is_coloured);
void table_done(struct table *table);

/* Adds the next cell; an empty text is drawn as "-". */
void table_add(struct table *table, enum colour colour, const char *text);
void table_add_or_blank(struct table *table, enum colour colour, const char *text);
void table_format(struct table *table, enum colour colour, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* A figure; a negative one is unknown, and drawn as "-". */
void table_add_figure(struct table *table, int64_t figure);

/* A line of its own below the row that was added last, which must be complete. */
void table_note(struct table *table, const char *text);

void table_draw(const struct table *table, struct buffer *out);

#endif
