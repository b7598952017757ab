/* SPDX-License-Identifier: Apache-2.0 */
#include "memory.h"

#include "common/unit_test.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

static void copies_of_text_are_independent(void **state)
{
    (void)state;
    char text[] = "abc";
    FREE_CLEANUP char *copy = memory_text(text);
    text[0] = 'x';
    assert_string_equal(copy, "abc");
    assert_null(memory_text(NULL));
}

static void nothing_is_still_a_pointer(void **state)
{
    (void)state;
    FREE_CLEANUP char *none = memory_zeroed(0, 8);
    assert_non_null(none);
    none = memory_resize(none, 0, 8);
    assert_non_null(none);
}

static void format_gives_as_much_as_it_needs(void **state)
{
    (void)state;
    FREE_CLEANUP char *text = memory_format("%s/%05000d", "a", 7);
    assert_int_equal(strlen(text), 5002);
}

static void stolen_pointer_is_not_freed_by_its_scope(void **state)
{
    (void)state;
    char *kept = NULL;
    {
        FREE_CLEANUP char *text = memory_text("abc");
        kept = MEMORY_STEAL(text);
        assert_null(text);
    }
    assert_string_equal(kept, "abc");
    free(kept);
}

static void descriptor_is_closed_and_errno_kept(void **state)
{
    (void)state;
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    int none = -1;
    errno = ENOSPC;
    memory_close_fd(&fd);
    memory_close_fd(&none);
    assert_int_equal(errno, ENOSPC);
    assert_int_equal(fcntl(fd, F_GETFD), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(copies_of_text_are_independent),
        cmocka_unit_test(nothing_is_still_a_pointer),
        cmocka_unit_test(format_gives_as_much_as_it_needs),
        cmocka_unit_test(stolen_pointer_is_not_freed_by_its_scope),
        cmocka_unit_test(descriptor_is_closed_and_errno_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
