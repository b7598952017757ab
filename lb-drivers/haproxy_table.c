/* SPDX-License-Identifier: Apache-2.0 */
#include "haproxy_table.h"

#include "check.h"
#include "text.h"

#include <string.h>

#define NUMBER_SIZE 24 /* 20 digits of a uint64_t and a NUL */

bool haproxy_cell_is(const struct haproxy_cell *cell, const char *text)
{
    size_t length = strlen(text);
    return cell->size == length && memcmp(cell->start, text, length) == 0;
}

bool haproxy_cell_starts_with(const struct haproxy_cell *cell, const char *prefix)
{
    size_t length = strlen(prefix);
    return cell->size >= length && memcmp(cell->start, prefix, length) == 0;
}

/* The place behind a quoted cell that begins at `at`: its last quote stands alone. */
static const char *end_of_quoted(const char *at, const char *end)
{
    for (at++; at < end; at++) {
        if (*at != '"')
            continue;
        if (at + 1 < end && at[1] == '"')
            at++;
        else
            return at + 1;
    }
    return end;
}

/* Takes one cell and stops at its separator, its newline or the end. A quoted cell may hold both;
 * no wanted column is ever quoted, so that the quotes may stay on. */
static struct haproxy_cell take_cell(struct haproxy_table *table)
{
    const char *start = table->at;
    const char *at = start;

    if (table->separator == ',' && at < table->end && *at == '"')
        at = end_of_quoted(at, table->end);
    while (at < table->end && *at != table->separator && *at != '\n')
        at++;
    table->at = at;
    return (struct haproxy_cell){start, (size_t)(at - start)};
}

/* Steps over what stopped take_cell(): the separator, the newline, or '\0' for the end. */
static char take_stop(struct haproxy_table *table)
{
    return table->at < table->end ? *table->at++ : '\0';
}

/* The answer of a process that was stopped while it wrote ends anywhere. */
static bool check_line_end(const struct haproxy_table *table, char stop, struct error *err)
{
    if (stop == '\n')
        return true;
    error_set(err, ERROR_UNAVAILABLE, "the answer ends in the middle, at line %zu", table->row + 1);
    return false;
}

static bool assign_column(struct haproxy_table *table, size_t column, struct haproxy_cell name,
                          struct error *err)
{
    table->slot_of[column] = -1;
    for (size_t i = 0; i < table->wanted_count; i++) {
        if (!haproxy_cell_is(&name, table->wanted[i]))
            continue;
        if (table->cells[i].start != NULL) {
            error_set(err, ERROR_PROTOCOL, "column %s occurs twice", table->wanted[i]);
            return false;
        }
        table->cells[i] = name;
        table->slot_of[column] = (int8_t)i;
    }
    return true;
}

static bool check_all_assigned(const struct haproxy_table *table, struct error *err)
{
    for (size_t i = 0; i < table->wanted_count; i++) {
        if (table->cells[i].start == NULL) {
            error_set(err, ERROR_PROTOCOL, "column %s is missing in line %zu", table->wanted[i],
                      table->row + 1);
            return false;
        }
    }
    return true;
}

bool haproxy_table_open(struct haproxy_table *table, const char *bytes, size_t size, char separator,
                        const char *const *wanted, size_t wanted_count, struct error *err)
{
    size_t column = 0;
    char stop;

    CHECK(wanted_count <= HAPROXY_WANTED);
    *table = (struct haproxy_table){.at = bytes,
                                    .end = bytes + size,
                                    .separator = separator,
                                    .wanted = wanted,
                                    .wanted_count = wanted_count};
    memset(table->slot_of, -1, sizeof(table->slot_of));
    if (size < 2 || memcmp(bytes, "# ", 2) != 0) {
        error_set(err, ERROR_PROTOCOL, "the answer is no table: it has no head");
        return false;
    }
    table->at += 2;
    do {
        if (column >= HAPROXY_COLUMNS) {
            error_set(err, ERROR_PROTOCOL, "more than %d columns", HAPROXY_COLUMNS);
            return false;
        }
        if (!assign_column(table, column++, take_cell(table), err))
            return false;
        stop = take_stop(table);
    } while (stop == separator);
    return check_line_end(table, stop, err) && check_all_assigned(table, err);
}

bool haproxy_table_next(struct haproxy_table *table, struct error *err)
{
    size_t column = 0;
    char stop;

    if (table->at < table->end && *table->at == '\n') {
        table->is_whole = true;
        return false;
    }
    table->row++;
    memset(table->cells, 0, sizeof(table->cells));
    do {
        struct haproxy_cell cell = take_cell(table);
        int slot = column < HAPROXY_COLUMNS ? table->slot_of[column] : -1;
        if (slot >= 0)
            table->cells[slot] = cell;
        column++;
        stop = take_stop(table);
    } while (stop == table->separator);
    return check_line_end(table, stop, err) && check_all_assigned(table, err);
}

bool haproxy_table_is_whole(const struct haproxy_table *table)
{
    return table->is_whole;
}

bool haproxy_table_number(const struct haproxy_table *table, size_t column, uint64_t most,
                          uint64_t *ret_number, struct error *err)
{
    const struct haproxy_cell *cell = &table->cells[column];
    char text[NUMBER_SIZE];

    if (cell->size < sizeof(text)) {
        memcpy(text, cell->start, cell->size);
        text[cell->size] = '\0';
        /* An embedded NUL would hide what follows it. */
        if (strlen(text) == cell->size && text_parse_u64(text, most, ret_number))
            return true;
    }
    error_set(err, ERROR_PROTOCOL, "column %s of line %zu is no number", table->wanted[column],
              table->row + 1);
    return false;
}
