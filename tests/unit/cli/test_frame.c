/* SPDX-License-Identifier: Apache-2.0 */
#include "frame.h"

#include "common/unit_test.h"

static const char *draw(struct frame *frame, const char *text, size_t columns, size_t rows)
{
    static char drawn[4096];
    BUFFER_CLEANUP struct buffer out;
    buffer_init(&out, sizeof(drawn) - 1);
    frame_draw(frame, text, columns, rows, &out);
    strcpy(drawn, buffer_text(&out));
    return drawn;
}

static void the_first_frame_begins_where_the_cursor_is(void **state)
{
    struct frame frame = {0};
    (void)state;
    assert_string_equal(draw(&frame, "a\nb\n", 80, 24), "a\x1B[K\nb\x1B[K\n\x1B[J");
    assert_int_equal(frame.lines, 2);
}

static void the_next_frame_goes_back_over_the_last(void **state)
{
    struct frame frame = {.lines = 2};
    (void)state;
    assert_string_equal(draw(&frame, "c\n", 80, 24), "\x1B[2A\rc\x1B[K\n\x1B[J");
    assert_int_equal(frame.lines, 1);
}

static void lines_never_wrap(void **state)
{
    struct frame frame = {0};
    (void)state;
    assert_string_equal(draw(&frame, "abcdef\n\x1B[31mghijk\x1B[0m\n", 3, 24),
                        "abc\x1B[K\n\x1B[31mghi\x1B[0m\x1B[K\n\x1B[J");
}

static void what_does_not_fit_the_height_is_counted(void **state)
{
    struct frame frame = {0};
    (void)state;
    assert_string_equal(draw(&frame, "1\n2\n3\n4\n", 80, 4),
                        "1\x1B[K\n2\x1B[K\n(2 more lines)\x1B[K\n\x1B[J");
    assert_int_equal(frame.lines, 3);
    frame.lines = 0;
    assert_string_equal(draw(&frame, "1\n2\n", 80, 1), "(2 more lines)\x1B[K\n\x1B[J");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_frame_begins_where_the_cursor_is),
        cmocka_unit_test(the_next_frame_goes_back_over_the_last),
        cmocka_unit_test(lines_never_wrap),
        cmocka_unit_test(what_does_not_fit_the_height_is_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
