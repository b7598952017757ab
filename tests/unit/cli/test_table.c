/* SPDX-License-Identifier: Apache-2.0 */
#include "table.h"

#include "common/unit_test.h"

static const char *const headings[] = {"NODE", "LOAD", "NOTE"};

static void add_row(struct table *table, const char *node, int64_t load, const char *note)
{
    table_add(table, COLOUR_NONE, node);
    table_add_figure(table, load);
    table_add(table, COLOUR_BAD, note);
}

static const char *draw(const struct table *table)
{
    static char text[16 * 1024];
    BUFFER_CLEANUP struct buffer out;
    buffer_init(&out, sizeof(text) - 1);
    table_draw(table, &out);
    strcpy(text, buffer_text(&out));
    return text;
}

static void columns_are_as_wide_as_their_widest_cell(void **state)
{
    TABLE_CLEANUP struct table table;
    (void)state;
    table_init(&table, headings, 3, false);
    add_row(&table, "bb1", 12345, "fine");
    add_row(&table, "zürich-1", -1, "");
    assert_string_equal(draw(&table), "NODE      LOAD   NOTE\n"
                                      "bb1       12345  fine\n"
                                      "zürich-1  -      -\n");
}

static void a_table_without_rows_has_its_headings(void **state)
{
    TABLE_CLEANUP struct table table;
    (void)state;
    table_init(&table, headings, 3, false);
    assert_string_equal(draw(&table), "NODE  LOAD  NOTE\n");
}

static void a_note_stands_below_its_row(void **state)
{
    TABLE_CLEANUP struct table table;
    (void)state;
    table_init(&table, headings, 3, false);
    add_row(&table, "bb1", 1, "x");
    table_note(&table, "hint: \x1B");
    add_row(&table, "bb2", 2, "y");
    assert_string_equal(draw(&table), "NODE  LOAD  NOTE\nbb1   1     x\n    hint: \\x1B\n"
                                      "bb2   2     y\n");
}

static void cells_are_clean_and_colours_take_no_room(void **state)
{
    TABLE_CLEANUP struct table table;
    (void)state;
    table_init(&table, headings, 3, true);
    add_row(&table, "\x1B[2J", 1, "\n");
    assert_non_null(strstr(draw(&table), "\n\\x1B[2J  1     \x1B[31m\\x0A\x1B[0m\n"));
}

static void no_line_ends_in_spaces(void **state)
{
    static const char *const open_ended[] = {"NODE", "LOAD", ""};
    TABLE_CLEANUP struct table table;
    (void)state;
    table_init(&table, open_ended, 3, true);
    table_add(&table, COLOUR_NONE, "bb1");
    table_add_or_blank(&table, COLOUR_BAD, "");
    table_add_or_blank(&table, COLOUR_BAD, "");
    table_add(&table, COLOUR_NONE, "bb2");
    table_add_or_blank(&table, COLOUR_BAD, "");
    table_add_or_blank(&table, COLOUR_NONE, "x");
    assert_string_equal(draw(&table), "\x1B[2mNODE\x1B[0m  \x1B[2mLOAD\x1B[0m\n"
                                      "bb1\n"
                                      "bb2         x\n");
}

static void a_table_grows(void **state)
{
    TABLE_CLEANUP struct table table;
    (void)state;
    table_init(&table, headings, 3, false);
    for (int i = 0; i < 100; i++) {
        add_row(&table, "bb", i, "x");
        table_note(&table, "n");
        table_note(&table, "m");
    }
    assert_non_null(strstr(draw(&table), "bb    99    x\n    m\n"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(columns_are_as_wide_as_their_widest_cell),
        cmocka_unit_test(a_table_without_rows_has_its_headings),
        cmocka_unit_test(a_note_stands_below_its_row),
        cmocka_unit_test(cells_are_clean_and_colours_take_no_room),
        cmocka_unit_test(no_line_ends_in_spaces),
        cmocka_unit_test(a_table_grows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
