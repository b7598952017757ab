/* SPDX-License-Identifier: Apache-2.0 */
#include "home_script.h"

#include "common/unit_test.h"

#define BEFORE "#!/bin/bash\n# comment: BITBUCKET_HOME=/not/this\n"
#define GUARD  "if [ -z \"${BITBUCKET_HOME}\" ]; then\n"
#define AFTER  "fi\n\n\texport BITBUCKET_HOME \n# end"

static struct buffer edited;

static bool edit(const char *text, const char *home, struct error *err)
{
    buffer_done(&edited);
    buffer_init(&edited, HOME_SCRIPT_EDITED_BYTES);
    return home_script_edit(text, strlen(text), home, &edited, err);
}

static void expect(const char *text, const char *home, const char *expected)
{
    assert_good(edit(text, home, &err));
    assert_string_equal(buffer_text(&edited), expected);
    buffer_done(&edited);
}

static void refuse(const char *text, const char *message)
{
    assert_fails(edit(text, "/data", &err), ERROR_INTEGRITY, message);
    assert_int_equal(edited.length, 0);
    buffer_done(&edited);
}

static void sets_the_empty_value_and_keeps_all_other_bytes(void **state)
{
    (void)state;
    expect(BEFORE GUARD "    BITBUCKET_HOME=\n" AFTER, "/var/bb",
           BEFORE GUARD "    BITBUCKET_HOME=/var/bb\n" AFTER);
}

static void replaces_a_value_however_it_is_quoted(void **state)
{
    (void)state;
    expect(GUARD "BITBUCKET_HOME=/old # why\nfi\n", "/new",
           GUARD "BITBUCKET_HOME=/new # why\nfi\n");
    expect(GUARD "BITBUCKET_HOME=\"/o l\\\"d\"\nfi\n", "/new", GUARD "BITBUCKET_HOME=/new\nfi\n");
    expect(GUARD "BITBUCKET_HOME='/o l'd\\ e  \nfi\n", "/new", GUARD "BITBUCKET_HOME=/new  \nfi\n");
}

static void quotes_what_the_shell_would_read_otherwise(void **state)
{
    (void)state;
    expect(GUARD "BITBUCKET_HOME=\nfi\n", "/a b/$(reboot)`x`;&\"\\",
           GUARD "BITBUCKET_HOME='/a b/$(reboot)`x`;&\"\\'\nfi\n");
    expect(GUARD "BITBUCKET_HOME=\nfi\n", "/it's", GUARD "BITBUCKET_HOME='/it'\\''s'\nfi\n");
}

static void understands_the_guard_in_its_other_spellings(void **state)
{
    (void)state;
    expect("if [[ -z \"$BITBUCKET_HOME\" ]]; then\n# c\n\n BITBUCKET_HOME=\nfi", "/h",
           "if [[ -z \"$BITBUCKET_HOME\" ]]; then\n# c\n\n BITBUCKET_HOME=/h\nfi");
}

static void passes_over_a_guard_that_only_complains(void **state)
{
    (void)state;
    expect(GUARD "BITBUCKET_HOME=\nfi\n" GUARD "echo unset\nexit 1\nfi\n", "/h",
           GUARD "BITBUCKET_HOME=/h\nfi\n" GUARD "echo unset\nexit 1\nfi\n");
}

static void an_edit_of_an_edit_changes_nothing(void **state)
{
    char once[512];
    (void)state;
    assert_good(edit(GUARD "BITBUCKET_HOME=\nfi\n", "/a 'b", &err));
    snprintf(once, sizeof(once), "%s", buffer_text(&edited));
    expect(once, "/a 'b", once);
}

static void refuses_what_it_does_not_understand(void **state)
{
    (void)state;
    refuse("", "no line");
    refuse("BITBUCKET_HOME=/x\n", "line 1: sets BITBUCKET_HOME in a place");
    refuse(GUARD "echo\nBITBUCKET_HOME=\nfi\n", "line 3: sets BITBUCKET_HOME in a place");
    refuse(GUARD "BITBUCKET_HOME=\nfi\nexport BITBUCKET_HOME=/x\n", "line 4: sets");
    refuse(GUARD "BITBUCKET_HOME=\nBITBUCKET_HOME=\nfi\n", "line 3: sets");
    refuse(GUARD "BITBUCKET_HOME=\nfi\n" GUARD "BITBUCKET_HOME=\nfi\n", "a second time");
    refuse(GUARD "BITBUCKET_HOME=$(find)\nfi\n", "not one plain word");
    refuse(GUARD "BITBUCKET_HOME='/a\nb'\nfi\n", "not one plain word");
    refuse(GUARD "BITBUCKET_HOME= run\nfi\n", "not one plain word");
    refuse(GUARD "BITBUCKET_HOME=/a\\\nfi\n", "goes on");
    refuse("if [ -z \"${BITBUCKET_HOME}\" ]; then\r\nBITBUCKET_HOME=\r\nfi\r\n", "line 2");
}

static void refuses_bytes_that_are_no_script(void **state)
{
    static const char text[] = GUARD "BITBUCKET_HOME=\0\nfi\n";
    (void)state;
    buffer_init(&edited, HOME_SCRIPT_EDITED_BYTES);
    assert_fails(home_script_edit(text, sizeof(text) - 1, "/h", &edited, &err), ERROR_INTEGRITY,
                 "NUL");
    buffer_done(&edited);
}

static void refuses_a_home_that_no_line_can_hold(void **state)
{
    (void)state;
    assert_fails(edit(GUARD "BITBUCKET_HOME=\nfi\n", "/a\nb", &err), ERROR_INVALID, "control");
    assert_fails(edit(GUARD "BITBUCKET_HOME=\nfi\n", "relative", &err), ERROR_INVALID, "absolute");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sets_the_empty_value_and_keeps_all_other_bytes),
        cmocka_unit_test(replaces_a_value_however_it_is_quoted),
        cmocka_unit_test(quotes_what_the_shell_would_read_otherwise),
        cmocka_unit_test(understands_the_guard_in_its_other_spellings),
        cmocka_unit_test(passes_over_a_guard_that_only_complains),
        cmocka_unit_test(an_edit_of_an_edit_changes_nothing),
        cmocka_unit_test(refuses_what_it_does_not_understand),
        cmocka_unit_test(refuses_bytes_that_are_no_script),
        cmocka_unit_test(refuses_a_home_that_no_line_can_hold),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
