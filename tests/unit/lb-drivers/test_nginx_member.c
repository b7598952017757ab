/* SPDX-License-Identifier: Apache-2.0 */
#include "lb-drivers/nginx_text.h"

static struct nginx_member member_of(const char *text)
{
    struct nginx_member member;
    assert_good(nginx_member_parse(text, &member, &err));
    return member;
}

static struct lb_member_state state_of(const char *text, const char *name)
{
    struct nginx_config config;
    struct nginx_member member = member_of(name);
    struct lb_member_state state;

    assert_good(read_text(text, &config, &err));
    assert_good(nginx_member_read(&config, &member, &state, &err));
    nginx_config_done(&config);
    return state;
}

static void assert_not_found(const char *text, const char *name, enum error_code code,
                             const char *complaint)
{
    struct nginx_config config;
    struct nginx_member member = member_of(name);
    struct lb_member_state state;

    assert_good(read_text(text, &config, &err));
    assert_fails(nginx_member_read(&config, &member, &state, &err), code, complaint);
    nginx_config_done(&config);
}

/* Takes them out, and returns whether the check lets it happen. */
static bool may_take_out(const char *text, const char *const *names, size_t count,
                         struct error *err)
{
    struct nginx_config config;
    struct nginx_plan plan NGINX_PLAN_CLEANUP = {0};

    assert_true(read_text(text, &config, err));
    for (size_t i = 0; i < count; i++) {
        struct nginx_member member = member_of(names[i]);
        assert_true(nginx_plan_add(&plan, &config, &member, NGINX_HELD_DOWN, err));
    }
    nginx_plan_sort(&plan);
    bool is_good = nginx_plan_check(&plan, &config, err);
    nginx_config_done(&config);
    return is_good;
}

static void a_member_is_taken_apart(void **state)
{
    struct nginx_member member = member_of("bb_http/10.0.0.11:7990");

    (void)state;
    assert_false(member.has_module);
    assert_string_equal(member.group, "bb_http");
    assert_string_equal(member.address, "10.0.0.11:7990");
    member = member_of("stream:bb.ssh/[2001:db8::11]:7999");
    assert_true(member.has_module);
    assert_int_equal(member.module, NGINX_STREAM);
    assert_string_equal(member.group, "bb.ssh");
    assert_string_equal(member.address, "[2001:db8::11]:7999");
    member = member_of("http/unix:/run/a/b.sock");
    assert_false(member.has_module);
    assert_string_equal(member.group, "http");
    assert_string_equal(member.address, "unix:/run/a/b.sock");
}

static void only_the_exact_address_is_the_member(void **state)
{
    static const char text[] = "http { upstream a { server 10.0.0.1:80; } }";

    (void)state;
    assert_int_equal(state_of(text, "a/10.0.0.1:80").admin, LB_ADMIN_UP);
    assert_not_found(text, "a/10.0.0.1:8", ERROR_NOT_FOUND, "a/10.0.0.1:8: ");
    assert_not_found(text, "a/10.0.0.1:800", ERROR_NOT_FOUND, "no such server");
    assert_not_found(text, "a/10.0.0.1", ERROR_NOT_FOUND, "no such server");
    assert_not_found(text, "b/10.0.0.1:80", ERROR_NOT_FOUND, "there is no upstream 'b'");
    assert_not_found(text, "stream:a/10.0.0.1:80", ERROR_NOT_FOUND,
                     "there is no upstream 'a' in stream");
}

static void a_name_in_http_and_stream_needs_its_module(void **state)
{
    static const char text[] = "http { upstream a { server x:1; } }\n"
                               "stream { upstream a { server x:1 down; } }";

    (void)state;
    assert_not_found(text, "a/x:1", ERROR_INVALID, "in http and in stream");
    assert_int_equal(state_of(text, "http:a/x:1").admin, LB_ADMIN_UP);
    assert_int_equal(state_of(text, "stream:a/x:1").admin, LB_ADMIN_DOWN);
}

static void admin_weight_and_peers_are_read(void **state)
{
    static const char text[] =
        "http { upstream a { server x:1 weight=7; server y:1; server y:1; server z:1 down;\n"
        "# taken out by shunt: server v:1 weight=3;\n"
        "server w:1 backup; server u:1 down # taken out by shunt\n; } upstream b { server q:1; } }";
    struct lb_member_state read = state_of(text, "a/x:1");

    (void)state;
    assert_int_equal(read.admin, LB_ADMIN_UP);
    assert_int_equal(read.health, LB_HEALTH_UP);
    assert_false(read.is_checked);
    assert_int_equal(read.weight, 7);
    assert_int_equal(read.peers_up, 1);
    assert_int_equal(state_of(text, "a/y:1").peers_up, 1);
    assert_int_equal(state_of(text, "a/v:1").admin, LB_ADMIN_DOWN);
    assert_int_equal(state_of(text, "a/v:1").weight, 3);
    assert_int_equal(state_of(text, "a/v:1").peers_up, 2);
    assert_int_equal(state_of(text, "a/u:1").admin, LB_ADMIN_DOWN);
    assert_int_equal(state_of(text, "a/z:1").admin, LB_ADMIN_DOWN);
}

static void an_address_that_stands_there_twice_is_down_when_both_are(void **state)
{
    (void)state;
    assert_int_equal(
        state_of("http { upstream a { server x:1 down; server x:1; } }", "a/x:1").admin,
        LB_ADMIN_UP);
    assert_int_equal(
        state_of("http { upstream a { server x:1 down; server x:1 down; } }", "a/x:1").admin,
        LB_ADMIN_DOWN);
}

static void the_last_server_of_a_group_is_not_taken_out(void **state)
{
    static const char *const one[] = {"a/x:1"};
    static const char *const two[] = {"a/x:1", "a/y:1"};
    static const char *const rows[] = {
        "http { upstream a { server x:1; } }",
        "http { upstream a { server x:1; server y:1 backup; } }",
        "http { upstream a { server x:1; server y:1 down; } }",
        "http { upstream a { server x:1; server y:1 down # taken out by shunt\n; } }",
        "http { upstream a { server x:1;\n# taken out by shunt: server y:1;\n } }",
        "http { upstream a { server x:1; server x:1; } }",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_fails(may_take_out(rows[i], one, 1, &err), ERROR_CONFLICT, "nothing is left");
    assert_good(may_take_out("http { upstream a { server x:1; server y:1; } }", one, 1, &err));
    assert_fails(may_take_out("http { upstream a { server x:1; server y:1; } }", two, 2, &err),
                 ERROR_CONFLICT, "upstream 'a' (http)");
    assert_good(may_take_out("http { upstream a { server x:1 down; } }", one, 1, &err));
}

/* Two groups that include the same file: the lines are edited once, and count in both. */
static void a_server_that_stands_in_two_groups_is_taken_out_of_both(void **state)
{
    static const char shared[] = "server x:1; server y:1;";
    struct nginx_config config;
    struct nginx_plan plan NGINX_PLAN_CLEANUP = {0};
    struct nginx_member members[] = {member_of("a/x:1"), member_of("b/x:1")};

    (void)state;
    assert_good(read_text("http { upstream a { } upstream b { } }", &config, &err));
    for (size_t group = 0; group < 2; group++) {
        struct nginx_place place = {.level = NGINX_LEVEL_GROUP, .group = group};
        assert_good(nginx_config_read(&config, 1, shared, strlen(shared), place, &err));
    }
    for (size_t i = 0; i < 2; i++)
        assert_good(nginx_plan_add(&plan, &config, &members[i], NGINX_HELD_DOWN, &err));
    assert_int_equal(plan.count, 1);
    assert_good(nginx_plan_check(&plan, &config, &err));
    nginx_config_done(&config);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_member_is_taken_apart),
        cmocka_unit_test(only_the_exact_address_is_the_member),
        cmocka_unit_test(a_name_in_http_and_stream_needs_its_module),
        cmocka_unit_test(admin_weight_and_peers_are_read),
        cmocka_unit_test(an_address_that_stands_there_twice_is_down_when_both_are),
        cmocka_unit_test(the_last_server_of_a_group_is_not_taken_out),
        cmocka_unit_test(a_server_that_stands_in_two_groups_is_taken_out_of_both),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
