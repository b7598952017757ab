/* SPDX-License-Identifier: Apache-2.0 */
#include "exec_answer.h"

#include "common/unit_test.h"

static const char *const two[] = {"a/b", "c\"d"};

#define STATE     "\"admin\":\"drain\",\"health\":\"up\",\"peers_up\":2"
#define REST      ",\"checked\":true,\"sessions\":3,\"weight\":100,\"settle_ms\":1500"
#define ONE(text) "{\"members\":[{\"member\":\"a/b\"," text "}]}"

static bool read_states(const char *text, size_t count, struct lb_member_state *ret_states,
                        bool *ret_counts, struct error *err)
{
    /* In memory of exactly its size: a sanitizer sees every byte read behind it. */
    size_t size = strlen(text);
    char *bytes = malloc(size > 0 ? size : 1);
    memcpy(bytes, text, size);
    bool is_read = exec_read_members(bytes, size, two, count, ret_states, ret_counts, err);
    free(bytes);
    return is_read;
}

static void assert_refused(const char *text, const char *message)
{
    struct lb_member_state state = {.weight = 77};
    bool counts;
    assert_fails(read_states(text, 1, &state, &counts, &err), ERROR_PROTOCOL, message);
    assert_int_equal(state.weight, 77);
}

static void question_lists_the_members_as_json(void **unused)
{
    (void)unused;
    char *question = exec_write_question(two, 2);
    assert_string_equal(question, "{\"members\":[\"a/b\",\"c\\\"d\"]}");
    free(question);
}

static void every_key_is_read(void **unused)
{
    struct lb_member_state state;
    bool counts = false;

    (void)unused;
    assert_good(read_states(ONE(STATE REST), 1, &state, &counts, &err));
    assert_string_equal(state.member, "a/b");
    assert_int_equal(state.admin, LB_ADMIN_DRAIN);
    assert_int_equal(state.health, LB_HEALTH_UP);
    assert_true(state.is_checked);
    assert_int_equal(state.sessions, 3);
    assert_int_equal(state.weight, 100);
    assert_int_equal(state.peers_up, 2);
    assert_int_equal(state.settle_ms, 1500);
    assert_true(counts);
}

static void what_may_be_left_out_is_unknown(void **unused)
{
    struct lb_member_state state;
    bool counts = true;

    (void)unused;
    assert_good(read_states(ONE(STATE), 1, &state, &counts, &err));
    assert_false(state.is_checked);
    assert_int_equal(state.sessions, -1);
    assert_int_equal(state.weight, -1);
    assert_int_equal(state.settle_ms, 0);
    assert_false(counts);
}

static void null_sessions_are_unknown_and_not_asked_for_again(void **unused)
{
    struct lb_member_state state;
    bool counts = false;

    (void)unused;
    assert_good(read_states(ONE(STATE ",\"sessions\":null"), 1, &state, &counts, &err));
    assert_int_equal(state.sessions, -1);
    assert_true(counts);
}

static void members_come_in_any_order(void **unused)
{
    struct lb_member_state states[2];
    bool counts;

    (void)unused;
    assert_good(read_states("{\"members\":[{\"member\":\"c\\\"d\",\"admin\":\"down\","
                            "\"health\":\"unknown\",\"peers_up\":0},{\"member\":\"a/b\"," STATE
                            "}]}\n",
                            2, states, &counts, &err));
    assert_int_equal(states[0].admin, LB_ADMIN_DRAIN);
    assert_int_equal(states[1].admin, LB_ADMIN_DOWN);
    assert_string_equal(states[1].member, "c\"d");
}

static void answers_that_say_something_else_are_refused(void **unused)
{
    (void)unused;
    assert_refused("", "not JSON");
    assert_refused("{}", "'members' is not a list of the 1");
    assert_refused("[]", "not an object");
    assert_refused("{\"members\":{}}", "not a list");
    assert_refused("{\"members\":[]}", "not a list of the 1");
    assert_refused("{\"members\":[\"a/b\"]}", "'member'");
    assert_refused(ONE(STATE) " {}", "not JSON");
    assert_refused("{\"error\":{\"code\":\"busy\",\"message\":\"m\"}}", "'error' has no place");
    assert_refused(ONE(STATE ",\"session\":3"), "a/b: 'session' has no place");
    assert_refused("{\"members\":[{\"member\":\"a/c\"," STATE "}]}", "a/b: 'members' says nothing");
    assert_refused("{\"members\":[{\"member\":\"A/B\"," STATE "}]}", "a/b: 'members' says nothing");
}

static void values_without_a_meaning_are_refused(void **unused)
{
    (void)unused;
    assert_refused(ONE("\"health\":\"up\",\"peers_up\":2"), "'admin' is missing");
    assert_refused(ONE("\"admin\":\"up\",\"peers_up\":2"), "'health' is missing");
    assert_refused(ONE("\"admin\":\"up\",\"health\":\"up\""), "'peers_up' is missing");
    assert_refused(ONE("\"admin\":\"maint\",\"health\":\"up\",\"peers_up\":2"),
                   "a/b: 'admin' is 'maint'");
    assert_refused(ONE("\"admin\":\"up\",\"health\":\"UP\",\"peers_up\":2"), "'health' is 'UP'");
    assert_refused(ONE("\"admin\":\"up\",\"health\":\"up\",\"peers_up\":-1"), "'peers_up'");
    assert_refused(ONE("\"admin\":\"up\",\"health\":\"up\",\"peers_up\":\"2\""), "'peers_up'");
    assert_refused(ONE(STATE ",\"sessions\":-1"), "'sessions'");
    assert_refused(ONE(STATE ",\"sessions\":1.5"), "'sessions'");
    assert_refused(ONE(STATE ",\"sessions\":2147483648"), "'sessions'");
    assert_refused(ONE(STATE ",\"checked\":1"), "'checked'");
    assert_refused(ONE(STATE ",\"weight\":-2"), "'weight'");
    assert_refused(ONE(STATE ",\"settle_ms\":86400001"), "'settle_ms'");
}

static void a_member_that_is_told_twice_is_refused(void **unused)
{
    struct lb_member_state states[2];
    bool counts;

    (void)unused;
    assert_fails(read_states("{\"members\":[{\"member\":\"a/b\"," STATE
                             "},{\"member\":\"a/b\"," STATE "}]}",
                             2, states, &counts, &err),
                 ERROR_PROTOCOL, "a/b: 'members' has it twice");
}

/* A program that was killed while it wrote. */
static void a_half_answer_is_no_answer(void **unused)
{
    static const char whole[] = ONE(STATE REST);
    struct lb_member_state state;
    bool counts;

    (void)unused;
    for (size_t size = 0; size < strlen(whole); size++) {
        char *half = strndup(whole, size);
        assert_fails(read_states(half, 1, &state, &counts, &err), ERROR_PROTOCOL, "");
        free(half);
    }
}

static void sessions_are_read_into_the_states(void **unused)
{
    struct lb_member_state states[2] = {{.sessions = -1, .weight = 7}, {.sessions = 5}};
    static const char good[] = "{\"members\":[{\"member\":\"a/b\",\"sessions\":4},"
                               "{\"member\":\"c\\\"d\",\"sessions\":null}]}";
    static const char bad[] = "{\"members\":[{\"member\":\"a/b\",\"sessions\":9},"
                              "{\"member\":\"c\\\"d\",\"sessions\":\"9\"}]}";

    (void)unused;
    assert_good(exec_read_sessions(good, strlen(good), two, 2, states, &err));
    assert_int_equal(states[0].sessions, 4);
    assert_int_equal(states[0].weight, 7);
    assert_int_equal(states[1].sessions, -1);
    assert_fails(exec_read_sessions(bad, strlen(bad), two, 2, states, &err), ERROR_PROTOCOL,
                 "c\"d: 'sessions'");
    assert_int_equal(states[0].sessions, 4);
}

static void only_an_empty_object_says_that_a_change_is_done(void **unused)
{
    static const char *const others[] = {"", "{}{}", "[]", "null", "{\"ok\":true}", "{"};

    (void)unused;
    assert_good(exec_read_done("{}", 2, &err));
    assert_good(exec_read_done(" { }\n", 5, &err));
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        assert_fails(exec_read_done(others[i], strlen(others[i]), &err), ERROR_PROTOCOL, "");
}

/* What is made of the two outputs of a program that ended with status 3. */
static struct error error_of(const char *output, const char *errors)
{
    struct buffer out BUFFER_CLEANUP = {0}, errs BUFFER_CLEANUP = {0};
    struct error err = {0};
    buffer_init(&out, 4096);
    buffer_init(&errs, 4096);
    assert_true(buffer_add_text(&out, output) && buffer_add_text(&errs, errors));
    exec_read_error(&out, &errs, 3, &err);
    return err;
}

static void errors_keep_their_code_message_and_hint(void **unused)
{
    static const struct {
        const char *word;
        enum error_code code;
    } rows[] = {
        {"not-found", ERROR_NOT_FOUND},     {"denied", ERROR_DENIED},
        {"unavailable", ERROR_UNAVAILABLE}, {"busy", ERROR_BUSY},
        {"conflict", ERROR_CONFLICT},       {"invalid", ERROR_INVALID},
        {"timeout", ERROR_TIMEOUT},         {"protocol", ERROR_PROTOCOL},
    };
    char text[256];

    (void)unused;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        snprintf(text, sizeof(text),
                 "{\"error\":{\"code\":\"%s\",\"message\":\"a/b\\u001b[1m\\nx\",\"hint\":\"do\"}}",
                 rows[i].word);
        struct error err = error_of(text, "not of interest\n");
        assert_int_equal(err.code, rows[i].code);
        assert_string_equal(err.message, "a/b [1m x");
        assert_string_equal(err.hint, "do");
    }
    assert_string_equal(error_of("{\"error\":{\"code\":\"busy\",\"message\":\"m\"}}", "").hint, "");
}

static void a_long_message_is_cut_and_its_code_stays(void **unused)
{
    char text[8192] = "{\"error\":{\"code\":\"unavailable\",\"message\":\"";
    size_t length = strlen(text);

    (void)unused;
    memset(text + length, 'x', 3000);
    strcpy(text + length + 3000, "\"}}");
    struct error err = error_of(text, "");
    assert_int_equal(err.code, ERROR_UNAVAILABLE);
    assert_int_equal(strlen(err.message), ERROR_MESSAGE_SIZE - 1);
}

static void other_failures_are_told_by_standard_error(void **unused)
{
    static const char *const outputs[] = {
        "",
        "{}",
        "oops",
        "{\"error\":\"busy\"}",
        "{\"error\":{\"code\":\"integrity\",\"message\":\"not its to say\"}}",
        "{\"error\":{\"code\":\"none\",\"message\":\"m\"}}",
        "{\"error\":{\"code\":\"busy\"}}",
        "{\"error\":{\"code\":\"busy\",\"message\":\"\"}}",
        "{\"error\":{\"code\":\"busy\",\"message\":\"m\",\"more\":1}}",
        "{\"error\":{\"code\":\"busy\",\"message\":\"m\"},\"members\":[]}",
    };

    (void)unused;
    for (size_t i = 0; i < sizeof(outputs) / sizeof(outputs[0]); i++) {
        struct error err = error_of(outputs[i], "\nfirst\x01line\nmiddle\n  last line\n\n");
        assert_int_equal(err.code, ERROR_PROTOCOL);
        assert_non_null(strstr(err.message, "exit status 3"));
        assert_non_null(strstr(err.message, "says: first line … last line"));
        assert_string_not_equal(err.hint, "");
    }
    assert_non_null(strstr(error_of("", "alone").message, "says: alone"));
    assert_null(strstr(error_of("", "alone\n").message, "…"));
    assert_non_null(strstr(error_of("", " \n").message, "says: nothing"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(question_lists_the_members_as_json),
        cmocka_unit_test(every_key_is_read),
        cmocka_unit_test(what_may_be_left_out_is_unknown),
        cmocka_unit_test(null_sessions_are_unknown_and_not_asked_for_again),
        cmocka_unit_test(members_come_in_any_order),
        cmocka_unit_test(answers_that_say_something_else_are_refused),
        cmocka_unit_test(values_without_a_meaning_are_refused),
        cmocka_unit_test(a_member_that_is_told_twice_is_refused),
        cmocka_unit_test(a_half_answer_is_no_answer),
        cmocka_unit_test(sessions_are_read_into_the_states),
        cmocka_unit_test(only_an_empty_object_says_that_a_change_is_done),
        cmocka_unit_test(errors_keep_their_code_message_and_hint),
        cmocka_unit_test(a_long_message_is_cut_and_its_code_stays),
        cmocka_unit_test(other_failures_are_told_by_standard_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
