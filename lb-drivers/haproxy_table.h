/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A table as HAProxy prints it: a head "# name name …", rows, an empty line. Cells are separated by
 * a comma (and may be quoted, RFC 4180) or by a space.
 *
 * The reader goes over the bytes once, from head to end, and keeps only the wanted columns. The
 * bytes belong to the caller and outlive the table.
 */
#ifndef SHUNT_HAPROXY_TABLE_H
#define SHUNT_HAPROXY_TABLE_H

#include "error.h"

#include <stddef.h>
#include <stdint.h>

#define HAPROXY_COLUMNS 512 /* 2.6 has 122, and each release adds a few */
#define HAPROXY_WANTED  9

struct haproxy_cell {
    const char *start; /* NULL = the row has no such cell */
    size_t size;
};

struct haproxy_table {
    const char *at;
    const char *end;
    char separator;
    bool is_whole;
    const char *const *wanted; /* names of the wanted columns */
    size_t wanted_count;
    int8_t slot_of[HAPROXY_COLUMNS];           /* index into wanted, or -1 */
    size_t row;                                /* number of the current one, the first is 1 */
    struct haproxy_cell cells[HAPROXY_WANTED]; /* of the current row, in the order of wanted */
};

/* Reads the head. ERROR_PROTOCOL where it is none, or lacks or repeats a wanted column. */
bool haproxy_table_open(struct haproxy_table *table, const char *bytes, size_t size, char separator,
                        const char *const *wanted, size_t wanted_count, struct error *err);

/* Goes to the next row. False at the end and at a fault: haproxy_table_is_whole() tells which, and
 * err is set for a fault only. */
bool haproxy_table_next(struct haproxy_table *table, struct error *err);
bool haproxy_table_is_whole(const struct haproxy_table *table);

/* The cell as a decimal number of at most `most`; ERROR_PROTOCOL otherwise. */
bool haproxy_table_number(const struct haproxy_table *table, size_t column, uint64_t most,
                          uint64_t *ret_number, struct error *err);

bool haproxy_cell_is(const struct haproxy_cell *cell, const char *text);
bool haproxy_cell_starts_with(const struct haproxy_cell *cell, const char *prefix);

#endif
