/* SPDX-License-Identifier: Apache-2.0 */
#include "lb-drivers/nginx_text.h"

#define TEXT_SIZE     4096
#define GROUP(inside) "http {\n upstream a {\n" inside "\n }\n}\n"

static void assert_edited(const char *text, const char *address, enum nginx_hold hold,
                          const char *expected)
{
    char member[LB_MEMBER], edited[TEXT_SIZE], back[TEXT_SIZE];
    const char *members[] = {member};

    snprintf(member, sizeof(member), "a/%s", address);
    edit_text(text, members, 1, hold, edited, sizeof(edited));
    if (expected != NULL)
        assert_string_equal(edited, expected);
    assert_string_not_equal(edited, text);
    edit_text(edited, members, 1, NGINX_FREE, back, sizeof(back));
    assert_string_equal(back, text);
}

static void down_is_added_in_front_of_the_semicolon(void **state)
{
    (void)state;
    assert_edited(GROUP("server x:1 weight=2; # node 1\nserver y:1;"), "x:1", NGINX_HELD_DOWN,
                  GROUP("server x:1 weight=2 down # taken out by shunt\n; # node 1\nserver y:1;"));
}

static void a_removed_server_is_a_comment_in_its_place(void **state)
{
    (void)state;
    assert_edited(GROUP("server x:1 weight=2; # node 1\nserver y:1;"), "x:1", NGINX_HELD_OUT,
                  GROUP("# taken out by shunt: server x:1 weight=2;\n # node 1\nserver y:1;"));
    assert_edited(GROUP("server\n  x:1 # ; here\n  ;server y:1;"), "x:1", NGINX_HELD_OUT,
                  GROUP("# taken out by shunt: server\n# taken out by shunt|   x:1 # ; here\n"
                        "# taken out by shunt|   ;\nserver y:1;"));
}

static void every_form_that_nginx_takes_comes_back_as_it_was(void **state)
{
    static const struct {
        const char *text;
        const char *address;
    } rows[] = {
        {GROUP("server x:1;server y:1; server z:1;"), "y:1"},
        {GROUP("server x:1; server y:1; }upstream b {server x:1;"), "x:1"},
        {GROUP("server\n\tx:1\n\tweight=2\n\tmax_fails=0\n;"), "x:1"},
        {GROUP("server x:1 # first\n # ; server q:1;\n weight=2 # last\n ;"), "x:1"},
        {GROUP("\"server\" \"x:1\";"), "x:1"},
        {GROUP("'server' 'x:1' \"weight=2\";"), "x:1"},
        {GROUP("server [2001:db8::1]:7990;"), "[2001:db8::1]:7990"},
        {GROUP("server unix:/run/x.sock;"), "unix:/run/x.sock"},
        {GROUP("server bb1.example.org;"), "bb1.example.org"},
        {GROUP("server x:1 weight=5 max_conns=9 fail_timeout=3s backup;"), "x:1"},
        {GROUP("server x:1;\r\nserver y:1;\r"), "x:1"},
        {GROUP("server x:1\r\n weight=2\r\n;\r\n"), "x:1"},
        {GROUP("server x:1; server x:1 backup;"), "x:1"},
        {GROUP("zone a 64k;ip_hash;server x:1;"), "x:1"},
        {GROUP("server x:1;# taken out by shunt| y"), "x:1"},
        {GROUP("# taken out by shunt: what?\nserver x:1;"), "x:1"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_edited(rows[i].text, rows[i].address, NGINX_HELD_DOWN, NULL);
        assert_edited(rows[i].text, rows[i].address, NGINX_HELD_OUT, NULL);
    }
}

static void several_members_of_one_file_are_edited_together(void **state)
{
    static const char text[] = "http { upstream a { server x:1; server y:1; } }\n"
                               "stream { upstream b { server y:2; server x:2; } }";
    static const char *const members[] = {"b/x:2", "a/x:1"};
    char edited[TEXT_SIZE], back[TEXT_SIZE];

    (void)state;
    edit_text(text, members, 2, NGINX_HELD_DOWN, edited, sizeof(edited));
    assert_string_equal(edited,
                        "http { upstream a { server x:1 down # taken out by shunt\n; server y:1; } "
                        "}\nstream { upstream b { server y:2; server x:2 down # taken out by "
                        "shunt\n; } }");
    edit_text(edited, members, 2, NGINX_FREE, back, sizeof(back));
    assert_string_equal(back, text);
}

/* What a person has marked down is not taken out once more, and does not come back with ours. */
static void what_a_person_did_is_left_alone(void **state)
{
    static const char *const rows[] = {
        GROUP("server x:1 down;"),
        GROUP("server x:1 \"down\" weight=2;"),
        GROUP("server x:1 down # by hand\n;"),
        GROUP("server x:1 down # taken out by shunt\n ;"),
        GROUP("server x:1 down down;"),
    };
    static const char *const members[] = {"a/x:1"};
    char edited[TEXT_SIZE];

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        edit_text(rows[i], members, 1, NGINX_HELD_DOWN, edited, sizeof(edited));
        assert_string_equal(edited, rows[i]);
        edit_text(rows[i], members, 1, NGINX_FREE, edited, sizeof(edited));
        assert_string_equal(edited, rows[i]);
    }
}

static void our_mark_goes_and_a_persons_down_stays(void **state)
{
    static const char *const members[] = {"a/x:1"};
    char edited[TEXT_SIZE];

    (void)state;
    edit_text(GROUP("server x:1 down down # taken out by shunt\n;"), members, 1, NGINX_FREE, edited,
              sizeof(edited));
    assert_string_equal(edited, GROUP("server x:1 down;"));
}

/* Who put what out in the other mode is told by the mark, not by the configuration of today. */
static void what_is_out_in_one_form_is_not_taken_out_in_the_other(void **state)
{
    static const char *const members[] = {"a/x:1"};
    char out[TEXT_SIZE], again[TEXT_SIZE];

    (void)state;
    edit_text(GROUP("server x:1;"), members, 1, NGINX_HELD_OUT, out, sizeof(out));
    edit_text(out, members, 1, NGINX_HELD_DOWN, again, sizeof(again));
    assert_string_equal(again, out);
    edit_text(out, members, 1, NGINX_FREE, again, sizeof(again));
    assert_string_equal(again, GROUP("server x:1;"));
}

static void a_damaged_mark_is_a_comment(void **state)
{
    static const char *const rows[] = {
        GROUP("# taken out by shunt: server x:1"),
        GROUP("# taken out by shunt: server x:1; server y:1;"),
        GROUP("# taken out by shunt: zone x:1 64k;"),
        GROUP("# taken out by shunt: server x:1 {"),
        GROUP("# taken out by shunt: server\n# taken out by hand|  x:1;"),
        GROUP("# taken out by shunt:server x:1;"),
        GROUP("zone # taken out by shunt: server x:1;\n a 64k;"),
    };
    struct nginx_config config;

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_good(read_text(rows[i], &config, &err));
        assert_int_equal(config.entry_count, 0);
        nginx_config_done(&config);
    }
}

static void a_server_too_large_to_come_back_is_not_removed(void **state)
{
    char text[TEXT_SIZE] = "http { upstream a { server";
    struct nginx_config config;
    struct nginx_change change;
    struct buffer edited;

    (void)state;
    for (int i = 0; i < 64; i++)
        strcat(text, "\n");
    strcat(text, "x:1; } }");
    assert_good(read_text(text, &config, &err));
    change = (struct nginx_change){
        .begin = config.entries[0].begin, .end = config.entries[0].end, .hold = NGINX_HELD_OUT};
    buffer_init(&edited, TEXT_SIZE);
    assert_fails(nginx_mark_apply(text, strlen(text), &change, 1, &edited, &err), ERROR_FULL,
                 "more than 64 lines");
    change.hold = NGINX_HELD_DOWN;
    assert_good(nginx_mark_apply(text, strlen(text), &change, 1, &edited, &err));
    buffer_done(&edited);
    buffer_init(&edited, 8);
    assert_fails(nginx_mark_apply(text, strlen(text), &change, 1, &edited, &err), ERROR_FULL,
                 "more than 8 bytes");
    buffer_done(&edited);
    nginx_config_done(&config);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(down_is_added_in_front_of_the_semicolon),
        cmocka_unit_test(a_removed_server_is_a_comment_in_its_place),
        cmocka_unit_test(every_form_that_nginx_takes_comes_back_as_it_was),
        cmocka_unit_test(several_members_of_one_file_are_edited_together),
        cmocka_unit_test(what_a_person_did_is_left_alone),
        cmocka_unit_test(our_mark_goes_and_a_persons_down_stays),
        cmocka_unit_test(what_is_out_in_one_form_is_not_taken_out_in_the_other),
        cmocka_unit_test(a_damaged_mark_is_a_comment),
        cmocka_unit_test(a_server_too_large_to_come_back_is_not_removed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
