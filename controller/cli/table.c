/* SPDX-License-Identifier: Apache-2.0 */
#include "table.h"

#include "check.h"
#include "memory.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CELL_BYTES   (8 * 1024) /* an error's message, every byte of it escaped */
#define FORMAT_BYTES 1024       /* of table_format(): a message and a few words */
#define FIRST_ROWS   16
#define NOTE_INDENT  "    "

void table_init(struct table *table, const char *const *headings, size_t column_count,
                bool is_coloured)
{
    CHECK(column_count > 0);
    *table = (struct table){
        .headings = headings, .column_count = column_count, .is_coloured = is_coloured};
}

void table_done(struct table *table)
{
    for (size_t i = 0; i < table->cell_count; i++)
        free(table->cells[i].text);
    for (size_t i = 0; i < table->row_capacity; i++)
        free(table->notes[i]);
    free(table->cells);
    free(table->notes);
    *table = (struct table){.column_count = 1};
}

static void make_room(struct table *table)
{
    size_t rows = table->cell_count / table->column_count;
    if (rows < table->row_capacity)
        return;
    size_t capacity = rows > 0 ? 2 * rows : FIRST_ROWS;
    table->cells =
        memory_resize(table->cells, capacity * table->column_count, sizeof(*table->cells));
    table->notes = memory_resize(table->notes, capacity, sizeof(*table->notes));
    memset(table->notes + table->row_capacity, 0,
           (capacity - table->row_capacity) * sizeof(*table->notes));
    table->row_capacity = capacity;
}

static char *clean_copy(const char *text)
{
    struct buffer clean;
    buffer_init(&clean, CELL_BYTES);
    clean_add(&clean, text);
    return buffer_take(&clean);
}

void table_add_or_blank(struct table *table, enum colour colour, const char *text)
{
    make_room(table);
    table->cells[table->cell_count++] =
        (struct table_cell){.text = clean_copy(text), .colour = colour};
}

void table_add(struct table *table, enum colour colour, const char *text)
{
    table_add_or_blank(table, colour, text[0] != '\0' ? text : "-");
}

void table_format(struct table *table, enum colour colour, const char *format, ...)
{
    char text[FORMAT_BYTES];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    table_add(table, colour, text);
}

void table_add_figure(struct table *table, int64_t figure)
{
    if (figure < 0)
        table_add(table, COLOUR_NONE, "");
    else
        table_format(table, COLOUR_NONE, "%lld", (long long)figure);
}

void table_note(struct table *table, const char *text)
{
    CHECK(table->cell_count > 0 && table->cell_count % table->column_count == 0);
    size_t row = table->cell_count / table->column_count - 1;
    free(table->notes[row]);
    table->notes[row] = clean_copy(text);
}

static size_t column_width(const struct table *table, size_t column)
{
    size_t width = clean_columns(table->headings[column]);
    for (size_t i = column; i < table->cell_count; i += table->column_count) {
        size_t columns = clean_columns(table->cells[i].text);
        width = columns > width ? columns : width;
    }
    return width;
}

/* The gap before a cell is drawn with it, so that no line ends in spaces. */
static void draw_cell(const struct table *table, size_t width, enum colour colour, const char *text,
                      size_t *gap, struct buffer *out)
{
    if (text[0] != '\0') {
        (void)buffer_format(out, "%*s", (int)*gap, "");
        clean_add_coloured(out, table->is_coloured, colour, text);
        *gap = 0;
    }
    *gap += width - clean_columns(text) + 2;
}

static void draw_headings(const struct table *table, const size_t *widths, struct buffer *out)
{
    size_t gap = 0;
    for (size_t column = 0; column < table->column_count; column++)
        draw_cell(table, widths[column], COLOUR_FAINT, table->headings[column], &gap, out);
    (void)buffer_add_text(out, "\n");
}

static void draw_row(const struct table *table, size_t row, const size_t *widths,
                     struct buffer *out)
{
    const struct table_cell *cells = table->cells + row * table->column_count;
    size_t gap = 0;
    for (size_t column = 0; column < table->column_count; column++)
        draw_cell(table, widths[column], cells[column].colour, cells[column].text, &gap, out);
    (void)buffer_add_text(out, "\n");
    if (table->notes[row] != NULL)
        (void)buffer_format(out, NOTE_INDENT "%s\n", table->notes[row]);
}

void table_draw(const struct table *table, struct buffer *out)
{
    CHECK(table->column_count > 0 && table->cell_count % table->column_count == 0);
    FREE_CLEANUP size_t *widths = memory_zeroed(table->column_count, sizeof(*widths));
    for (size_t column = 0; column < table->column_count; column++)
        widths[column] = column_width(table, column);
    draw_headings(table, widths, out);
    for (size_t row = 0; row < table->cell_count / table->column_count; row++)
        draw_row(table, row, widths, out);
}
