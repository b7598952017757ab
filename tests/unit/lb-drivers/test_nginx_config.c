/* SPDX-License-Identifier: Apache-2.0 */
#include "lb-drivers/nginx_text.h"

static void groups_of_http_and_stream_are_found_with_their_servers(void **state)
{
    struct nginx_config config;

    (void)state;
    assert_good(read_text("pid run/x.pid;\nhttp {\n upstream a { zone z 64k; server 10.0.0.1:80 "
                          "weight=3; server [::1]:80 backup; }\n server { listen 80; }\n}\n"
                          "stream { upstream a { server unix:/run/x.sock down max_fails=0; } }",
                          &config, &err));
    assert_string_equal(config.pid_file, "run/x.pid");
    assert_int_equal(config.group_count, 2);
    assert_int_equal(config.groups[0].module, NGINX_HTTP);
    assert_int_equal(config.groups[1].module, NGINX_STREAM);
    assert_string_equal(config.groups[1].name, "a");
    assert_int_equal(config.entry_count, 3);
    assert_string_equal(config.entries[0].address, "10.0.0.1:80");
    assert_int_equal(config.entries[0].weight, 3);
    assert_true(nginx_entry_is_live(&config.entries[0]));
    assert_string_equal(config.entries[1].address, "[::1]:80");
    assert_true(config.entries[1].is_backup);
    assert_int_equal(config.entries[2].group, 1);
    assert_string_equal(config.entries[2].address, "unix:/run/x.sock");
    assert_true(config.entries[2].is_down);
    assert_int_equal(config.entries[2].hold, NGINX_FREE);
    assert_int_equal(config.entries[2].weight, 1);
    nginx_config_done(&config);
}

static void what_only_looks_like_a_group_is_none(void **state)
{
    struct nginx_config config;

    (void)state;
    assert_good(read_text("upstream x { server a; }\n"
                          "mail { upstream x { server a; } }\n"
                          "http { server { upstream x { server a; } } map $a $b { server a; }\n"
                          " # upstream x { server a; }\n"
                          " set $x \"upstream x { server a; }\";\n"
                          " content_by_lua_block { upstream x { server a; } } }\n",
                          &config, &err));
    assert_int_equal(config.group_count, 0);
    assert_int_equal(config.entry_count, 0);
    nginx_config_done(&config);
}

static void includes_are_told_with_their_place(void **state)
{
    struct nginx_config config;

    (void)state;
    assert_good(read_text("include a/*.conf;\nhttp { include 'b'; upstream x { include c; }\n"
                          " server { include d; } }\nstream { include e; }",
                          &config, &err));
    assert_int_equal(config.include_count, 4);
    assert_string_equal(config.includes[0].pattern, "a/*.conf");
    assert_int_equal(config.includes[0].place.level, NGINX_LEVEL_MAIN);
    assert_string_equal(config.includes[1].pattern, "b");
    assert_int_equal(config.includes[1].place.level, NGINX_LEVEL_MODULE);
    assert_string_equal(config.includes[2].pattern, "c");
    assert_int_equal(config.includes[2].place.level, NGINX_LEVEL_GROUP);
    assert_int_equal(config.includes[2].place.group, 0);
    assert_string_equal(config.includes[3].pattern, "e");
    assert_int_equal(config.includes[3].place.module, NGINX_STREAM);
    nginx_config_done(&config);
}

static void a_file_is_read_in_the_place_of_its_include(void **state)
{
    static const char text[] = "server b;";
    struct nginx_config config;
    struct nginx_place place = {.level = NGINX_LEVEL_GROUP};

    (void)state;
    assert_good(read_text("http { upstream a { include x; } }", &config, &err));
    assert_good(nginx_config_read(&config, 7, text, strlen(text), place, &err));
    assert_int_equal(config.entry_count, 1);
    assert_int_equal(config.entries[0].file, 7);
    assert_int_equal(config.entries[0].begin, 0);
    assert_int_equal(config.entries[0].end, strlen(text));
    assert_fails(nginx_config_read(&config, 7, "}", 1, place, &err), ERROR_INVALID,
                 "'}' without a block to close");
    nginx_config_done(&config);
}

static void blocks_that_do_not_match_are_refused(void **state)
{
    struct nginx_config config;

    (void)state;
    assert_fails(read_text("http {\n upstream a {\n", &config, &err), ERROR_INVALID,
                 "line 3: the file ends and a block is not closed");
    assert_fails(read_text("events { } }", &config, &err), ERROR_INVALID, "without a block");
    assert_fails(read_text("include;", &config, &err), ERROR_INVALID, "'include' takes one path");
    assert_fails(read_text("pid a b;", &config, &err), ERROR_INVALID, "'pid' takes one path");
}

static void a_server_keeps_a_place_for_the_mark(void **state)
{
    char text[256] = "http { upstream a { server x";
    struct nginx_config config;

    (void)state;
    for (int i = 0; i < 29; i++)
        strcat(text, " y");
    strcat(text, "; } }");
    assert_good(read_text(text, &config, &err));
    nginx_config_done(&config);
    strcpy(strstr(text, ";"), " y; } }");
    assert_fails(read_text(text, &config, &err), ERROR_INVALID, "more than 29 parameters");
}

static void names_too_long_for_a_member_are_there_and_nameless(void **state)
{
    char name[LB_MEMBER + 1], text[3 * LB_MEMBER];
    struct nginx_config config;

    (void)state;
    memset(name, 'x', LB_MEMBER);
    name[LB_MEMBER] = '\0';
    snprintf(text, sizeof(text), "http { upstream %s { server %s; } }", name, name);
    assert_good(read_text(text, &config, &err));
    assert_string_equal(config.groups[0].name, "");
    assert_string_equal(config.entries[0].address, "");
    nginx_config_done(&config);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(groups_of_http_and_stream_are_found_with_their_servers),
        cmocka_unit_test(what_only_looks_like_a_group_is_none),
        cmocka_unit_test(includes_are_told_with_their_place),
        cmocka_unit_test(a_file_is_read_in_the_place_of_its_include),
        cmocka_unit_test(blocks_that_do_not_match_are_refused),
        cmocka_unit_test(a_server_keeps_a_place_for_the_mark),
        cmocka_unit_test(names_too_long_for_a_member_are_there_and_nameless),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
