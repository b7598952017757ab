/* SPDX-License-Identifier: Apache-2.0 */
#include "name_holder.h"

#include "common/unit_test.h"

#include <unistd.h>

static void this_process_survives_the_wire(void **state)
{
    struct name_holder here, read;
    char text[NAME_HOLDER_SIZE], pid[16];
    int lock = -1;
    (void)state;
    assert_good(file_lock(scratch_path("lock"), &lock, &err));
    name_holder_here("0123456789abcdef0123456789abcdef", lock, &here);
    name_holder_write(&here, text);
    name_holder_read(text, &read);
    (void)snprintf(pid, sizeof(pid), "%d", (int)getpid());
    assert_string_equal(read.instance, "0123456789abcdef0123456789abcdef");
    assert_string_equal(read.host, here.host);
    assert_string_equal(read.pid, pid);
    assert_string_equal(read.lock, here.lock);
    assert_true(name_holder_succeeds(&here, &read));
    close(lock);
}

static void another_state_directory_is_no_predecessor(void **state)
{
    struct name_holder one, two;
    int locks[2] = {-1, -1};
    (void)state;
    assert_good(file_lock(scratch_path("one"), &locks[0], &err));
    assert_good(file_lock(scratch_path("two"), &locks[1], &err));
    name_holder_here("a", locks[0], &one);
    name_holder_here("b", locks[1], &two);
    assert_false(name_holder_succeeds(&one, &two));
    close(locks[0]);
    close(locks[1]);
}

static void unknown_lock_is_like_no_other(void **state)
{
    struct name_holder here, other;
    (void)state;
    name_holder_here("a", -1, &here);
    name_holder_read("b host 1 -", &other);
    assert_string_equal(here.lock, "-");
    assert_false(name_holder_succeeds(&here, &other));
}

static void text_of_a_stranger_is_read_as_far_as_it_goes(void **state)
{
    char longest[400];
    struct name_holder holder;
    (void)state;
    name_holder_read("", &holder);
    assert_string_equal(holder.instance, "?");
    assert_string_equal(holder.lock, "?");
    name_holder_read("only two", &holder);
    assert_string_equal(holder.instance, "only");
    assert_string_equal(holder.host, "two");
    assert_string_equal(holder.pid, "?");
    memset(longest, 'x', sizeof(longest) - 1);
    longest[sizeof(longest) - 1] = '\0';
    name_holder_read(longest, &holder);
    assert_int_equal(strlen(holder.instance), sizeof(holder.instance) - 1);
    assert_string_equal(holder.host, "?");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test_in_scratch(this_process_survives_the_wire),
        test_in_scratch(another_state_directory_is_no_predecessor),
        cmocka_unit_test(unknown_lock_is_like_no_other),
        cmocka_unit_test(text_of_a_stranger_is_read_as_far_as_it_goes),
    };
    return cmocka_run_group_tests_name("controller/name_holder", tests, NULL, NULL);
}
