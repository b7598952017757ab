/* SPDX-License-Identifier: Apache-2.0 */
#include "definition_text.h"

#include "common/unit_test.h"

#define ROOT "/opt/atlassian/bitbucket"
#define OLD  ROOT "/7.9.0"
#define NEW  ROOT "/7.9.4"

static const struct definition_places places = {
    .releases = {ROOT, "/data/bitbucket"},
    .links = {ROOT "/current", "/data/bitbucket/current"},
};

static struct definition_names read_names(const char *text)
{
    struct definition_names names;
    definition_text_read(text, &places, &names);
    return names;
}

static void assert_names(const char *text, const char *version, size_t count, bool has_link)
{
    struct definition_names names = read_names(text);
    assert_string_equal(names.version, version);
    assert_int_equal(names.count, count);
    assert_int_equal(names.has_link, has_link);
}

static void assert_edited(const char *text, const char *expected)
{
    BUFFER_CLEANUP struct buffer edited;
    buffer_init(&edited, DEFINITION_TEXT_BYTES);
    assert_true(definition_text_edit(text, &places, "7.9.0", "7.9.4", &edited));
    assert_string_equal(buffer_text(&edited), expected);
}

static void assert_untouched(const char *text)
{
    assert_edited(text, text);
}

/* ---- reading ---- */

static void names_the_release_of_each_directory(void **state)
{
    (void)state;
    assert_names("ExecStart=" OLD "/bin/start-bitbucket.sh --no-search\n"
                 "ExecStop=-" OLD "/bin/stop-bitbucket.sh\nWorkingDirectory=" OLD "\n",
                 "7.9.0", 3, false);
    assert_names("INST=\"" OLD "\"\nPATH=/bin:" OLD "/bin:/usr/bin\n", "7.9.0", 2, false);
    assert_names("ExecStart=/data/bitbucket/7.9.0/bin/start-bitbucket.sh", "7.9.0", 1, false);
}

static void knows_the_link_from_a_release(void **state)
{
    (void)state;
    assert_names("ExecStart=" ROOT "/current/bin/start-bitbucket.sh\n", "", 0, true);
    assert_names("ExecStart=/data/bitbucket/current/bin/start-bitbucket.sh\n", "", 0, true);
    assert_names("A=" ROOT "/current\nB=" OLD, "7.9.0", 1, true);
    assert_names("A=" ROOT "/currently\nB=" ROOT "/current.old/bin\n", "", 0, false);
}

static void tells_of_a_second_release(void **state)
{
    (void)state;
    struct definition_names names = read_names("A=" OLD "\nB=" NEW "\nC=" OLD "\n");
    assert_string_equal(names.version, "7.9.0");
    assert_string_equal(names.other, "7.9.4");
    assert_int_equal(names.count, 2);
}

static void comments_and_longer_names_name_nothing(void **state)
{
    (void)state;
    assert_names("# was " OLD "/bin\n ; " OLD "\n", "", 0, false);
    assert_names("A=" OLD ".bak/bin\nB=" OLD "1\nC=/mnt" OLD "\nD=x" OLD "\n", "", 0, false);
    assert_names("A=$ROOT" OLD "\nB=${ROOT}" OLD "\nC=" ROOT "\nD=" ROOT "/\n", "", 0, false);
    assert_names("", "", 0, false);
}

/* ---- the edit ---- */

static void edits_each_place_and_nothing_else(void **state)
{
    (void)state;
    assert_edited("# " OLD "/bin\n[Service]\nType=forking\n"
                  "ExecStart=" OLD "/bin/start-bitbucket.sh --no-search\n"
                  "ExecStop=" OLD "/bin/stop-bitbucket.sh\nVERSION=7.9.0\nA=" OLD ".bak\n",
                  "# " NEW "/bin\n[Service]\nType=forking\n"
                  "ExecStart=" NEW "/bin/start-bitbucket.sh --no-search\n"
                  "ExecStop=" NEW "/bin/stop-bitbucket.sh\nVERSION=7.9.0\nA=" OLD ".bak\n");
    assert_untouched("A=" ROOT "/7.8.9/bin\nB=" ROOT "/current\n");
}

static void keeps_how_the_directory_is_spelt(void **state)
{
    (void)state;
    assert_edited("A=/data/bitbucket/7.9.0/x B=" OLD, "A=/data/bitbucket/7.9.4/x B=" NEW);
}

static void keeps_line_ends_and_the_lack_of_a_last_one(void **state)
{
    (void)state;
    assert_edited("A=" OLD "\r\n\n\n\tB=" OLD, "A=" NEW "\r\n\n\n\tB=" NEW);
}

static void a_text_that_does_not_fit_is_no_success(void **state)
{
    BUFFER_CLEANUP struct buffer edited;
    (void)state;
    buffer_init(&edited, 8);
    assert_false(definition_text_edit("A=" OLD, &places, "7.9.0", "7.9.4", &edited));
}

/* ---- --no-search ---- */

static void adds_no_search_to_a_units_start(void **state)
{
    (void)state;
    assert_edited("ExecStart=" OLD "/bin/start-bitbucket.sh\n",
                  "ExecStart=" NEW "/bin/start-bitbucket.sh --no-search\n");
    assert_edited("ExecStart=-" OLD "/bin/start-bitbucket.sh -fg\n",
                  "ExecStart=-" NEW "/bin/start-bitbucket.sh --no-search -fg\n");
    assert_edited("ExecStart=/usr/bin/env A=b \\\n  " OLD "/bin/start-bitbucket.sh\n",
                  "ExecStart=/usr/bin/env A=b \\\n  " NEW "/bin/start-bitbucket.sh --no-search\n");
    assert_edited("ExecStart=\"" OLD "/bin/start-bitbucket.sh\"\n",
                  "ExecStart=\"" NEW "/bin/start-bitbucket.sh\" --no-search\n");
}

static void adds_no_search_to_commands_of_a_script(void **state)
{
    (void)state;
    assert_edited("  . \"$INST/bin/start-bitbucket.sh\"\n",
                  "  . \"$INST/bin/start-bitbucket.sh\" --no-search\n");
    assert_edited("su - bb -c \"$INST/bin/start-bitbucket.sh\" >/dev/null\n",
                  "su - bb -c \"$INST/bin/start-bitbucket.sh --no-search\" >/dev/null\n");
    assert_edited("su bb -c 'source " OLD "/bin/start-bitbucket.sh'\n",
                  "su bb -c 'source " NEW "/bin/start-bitbucket.sh --no-search'\n");
    assert_edited("[ -x $I/start-bitbucket.sh ] && $I/start-bitbucket.sh; x\n",
                  "[ -x $I/start-bitbucket.sh ] && $I/start-bitbucket.sh --no-search; x\n");
}

static void leaves_what_is_no_command_alone(void **state)
{
    (void)state;
    assert_untouched("# . $I/start-bitbucket.sh\n");
    assert_untouched("if [ ! -x $I/bin/start-bitbucket.sh ]; then\n");
    assert_untouched("START=\"$I/bin/start-bitbucket.sh\"\n");
    assert_untouched("pgrep -f start-bitbucket.sh\necho \"starting start-bitbucket.sh\"\n");
    assert_untouched("ConditionPathExists=/x/start-bitbucket.sh\n");
    assert_untouched("ExecStart=@/x/start-bitbucket.sh bitbucket\n");
    assert_untouched(". $I/start-bitbucket.sh.orig\n");
    assert_untouched(". $I/start-bitbucket.sh -fg --no-search\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_the_release_of_each_directory),
        cmocka_unit_test(knows_the_link_from_a_release),
        cmocka_unit_test(tells_of_a_second_release),
        cmocka_unit_test(comments_and_longer_names_name_nothing),
        cmocka_unit_test(edits_each_place_and_nothing_else),
        cmocka_unit_test(keeps_how_the_directory_is_spelt),
        cmocka_unit_test(keeps_line_ends_and_the_lack_of_a_last_one),
        cmocka_unit_test(a_text_that_does_not_fit_is_no_success),
        cmocka_unit_test(adds_no_search_to_a_units_start),
        cmocka_unit_test(adds_no_search_to_commands_of_a_script),
        cmocka_unit_test(leaves_what_is_no_command_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
