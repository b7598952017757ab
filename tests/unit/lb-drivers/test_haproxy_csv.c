/* SPDX-License-Identifier: Apache-2.0 */
#include "haproxy_csv.h"

#include "common/unit_test.h"

#define STATE_HEAD                                                                                 \
    "1\n# be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_uweight "        \
    "srv_iweight srv_time_since_last_change srv_check_status srv_check_result srv_check_health "   \
    "srv_check_state srv_agent_state bk_f_forced_id srv_f_forced_id srv_fqdn srv_port\n"
#define STATE_ROW(name, admin, weight, check)                                                      \
    "3 bb 1 " name " 127.0.0.1 2 " admin " " weight " 1 2 8 2 0 " check " 0 0 0 - 1\n"

#define STAT_HEAD "# pxname,svname,qcur,qmax,scur,status,weight,act,bck,tracked,last_chk,\n"
#define STAT_ROW(name, queued, sessions, status)                                                   \
    "bb," name "," queued ",0," sessions "," status ",1,1,0,,,\n"

static bool read_state(const char *text, const char *server, struct haproxy_state *ret_state,
                       struct error *err)
{
    /* In memory of exactly its size: a sanitizer sees every byte read behind it. */
    size_t size = strlen(text);
    char *bytes = malloc(size > 0 ? size : 1);
    memcpy(bytes, text, size);
    bool is_read = haproxy_read_state(bytes, size, "bb", server, ret_state, err);
    free(bytes);
    return is_read;
}

static bool read_stat(const char *text, const char *server, struct haproxy_stat *ret_stat,
                      struct error *err)
{
    size_t size = strlen(text);
    char *bytes = malloc(size > 0 ? size : 1);
    memcpy(bytes, text, size);
    bool is_read = haproxy_read_stat(bytes, size, "bb", server, ret_stat, err);
    free(bytes);
    return is_read;
}

static void assert_state_fails(const char *text, enum error_code code)
{
    struct haproxy_state state = {.weight = 77};
    struct error err;

    assert_false(read_state(text, "n1", &state, &err));
    assert_int_equal(err.code, code);
    assert_int_equal(state.weight, 77);
}

static void assert_stat_fails(const char *text, enum error_code code)
{
    struct haproxy_stat stat = {.sessions = 77};
    struct error err;

    assert_false(read_stat(text, "n1", &stat, &err));
    assert_int_equal(err.code, code);
    assert_int_equal(stat.sessions, 77);
}

static void state_is_found_by_column_names(void **unused)
{
    struct haproxy_state state;
    struct error err;

    (void)unused;
    assert_true(read_state(STATE_HEAD STATE_ROW("n0", "1", "9", "6")
                               STATE_ROW("n1", "8", "5", "6") "\n",
                           "n1", &state, &err));
    assert_int_equal(state.backend_id, 3);
    assert_int_equal(state.admin_mask, 8);
    assert_int_equal(state.weight, 5);
    assert_int_equal(state.full_weight, 1);
    assert_int_equal(state.changed_s, 2);
    assert_true(state.is_checked);
    assert_false(state.has_agent);

    assert_true(read_state("1\n# srv_name srv_admin_state be_name srv_agent_state new_in_4_0 be_id "
                           "srv_uweight srv_time_since_last_change srv_iweight srv_check_state\nn1 "
                           "0 bb 0 what 7 1 9 1 0\n\n",
                           "n1", &state, &err));
    assert_int_equal(state.backend_id, 7);
    assert_false(state.is_checked);
}

static void a_name_that_begins_alike_is_another_server(void **unused)
{
    (void)unused;
    assert_state_fails(STATE_HEAD STATE_ROW("n10", "0", "1", "6")
                           STATE_ROW("n", "0", "1", "6") "\n",
                       ERROR_NOT_FOUND);
    assert_stat_fails(STAT_HEAD STAT_ROW("n10", "0", "0", "UP") STAT_ROW("n", "0", "0", "UP") "\n",
                      ERROR_NOT_FOUND);
}

static void another_backend_of_the_table_is_skipped(void **unused)
{
    (void)unused;
    assert_state_fails(
        "1\n# be_id be_name srv_name srv_admin_state srv_uweight srv_iweight "
        "srv_time_since_last_change srv_check_state srv_agent_state\n4 bbb n1 0 1 1 9 6 0\n\n",
        ERROR_NOT_FOUND);
}

static void admin_state_is_judged_by_its_bits(void **unused)
{
    static const struct {
        uint64_t mask;
        int64_t weight;
        enum lb_admin admin;
    } rows[] = {
        {0, 1, LB_ADMIN_UP},
        {4, 1, LB_ADMIN_UP},  /* disabled in the configuration, made ready since */
        {64, 1, LB_ADMIN_UP}, /* its name was changed */
        {8, 1, LB_ADMIN_DRAIN},
        {16, 1, LB_ADMIN_DRAIN}, /* by the server it tracks */
        {24 | 4, 1, LB_ADMIN_DRAIN},
        {0, 0, LB_ADMIN_DRAIN}, /* weight 0 */
        {1, 1, LB_ADMIN_DOWN},
        {2, 1, LB_ADMIN_DOWN},  /* by the server it tracks */
        {32, 1, LB_ADMIN_DOWN}, /* its name does not resolve */
        {1 | 8, 0, LB_ADMIN_DOWN},
        {5, 1, LB_ADMIN_DOWN},
    };

    (void)unused;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct haproxy_state state = {.admin_mask = rows[i].mask, .weight = rows[i].weight};
        assert_int_equal(haproxy_admin(&state), rows[i].admin);
        assert_string_not_equal(haproxy_conflict_reason(&state), "");
    }
}

static void a_conflict_is_laid_to_who_may_have_caused_it(void **unused)
{
    static const struct {
        struct haproxy_state state;
        const char *reason;
    } rows[] = {
        {{.admin_mask = 2, .weight = 1, .has_agent = true}, "tracks"},
        {{.admin_mask = 32, .weight = 1, .has_agent = true}, "host name"},
        {{.admin_mask = 0, .weight = 1, .has_agent = true}, "agent-check"},
        {{.admin_mask = 8, .weight = 1, .has_agent = true}, "agent-check"},
        {{.admin_mask = 0, .weight = 0, .has_agent = true}, "agent-check"},
        {{.admin_mask = 0, .weight = 0}, "weight is 0"},
        {{.admin_mask = 8, .weight = 1}, "somebody else"},
    };

    (void)unused;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_non_null(strstr(haproxy_conflict_reason(&rows[i].state), rows[i].reason));
}

static void an_agent_check_counts_where_it_is_switched_on(void **unused)
{
    static const struct {
        const char *bits;
        bool has_agent;
    } rows[] = {{"0", false}, {"18", false}, {"20", false}, {"22", true}, {"6", true}};
    struct haproxy_state state;
    struct error err;

    (void)unused;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char text[256];
        snprintf(text, sizeof(text),
                 "1\n# be_id be_name srv_name srv_admin_state srv_uweight srv_iweight "
                 "srv_time_since_last_change "
                 "srv_check_state srv_agent_state\n3 bb n1 0 1 1 9 0 %s\n\n",
                 rows[i].bits);
        assert_true(read_state(text, "n1", &state, &err));
        assert_int_equal(state.has_agent, rows[i].has_agent);
        assert_int_equal(state.is_checked, rows[i].has_agent);
    }
}

static void a_share_is_never_no_weight_at_all(void **unused)
{
    static const struct {
        int64_t full;
        unsigned percent;
        int64_t weight;
    } rows[] = {{100, 10, 10}, {100, 100, 100}, {256, 50, 128}, {15, 10, 1},
                {1, 10, 1},    {1, 100, 1},     {0, 10, 0},     {0, 100, 0}};

    (void)unused;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct haproxy_state state = {.full_weight = rows[i].full};
        assert_int_equal(haproxy_share(&state, rows[i].percent), rows[i].weight);
    }
}

static void only_a_whole_table_of_servers_may_be_kept(void **unused)
{
    static const char text[] =
        STATE_HEAD STATE_ROW("n1", "0", "1", "6") STATE_ROW("n2", "8", "1", "6") "\n";
    struct error err;

    (void)unused;
    assert_true(haproxy_check_states(text, sizeof(text) - 1, &err));
    for (size_t size = 0; size < sizeof(text) - 1; size++)
        assert_false(haproxy_check_states(text, size, &err));
    assert_false(haproxy_check_states("Permission denied\n", 18, &err));
}

static void status_words_tell_the_health(void **unused)
{
    static const struct {
        const char *word;
        enum lb_health health;
    } rows[] = {
        {"UP", LB_HEALTH_UP},
        {"no check", LB_HEALTH_UP},
        {"DRAIN", LB_HEALTH_UP},
        {"DRAIN (agent)", LB_HEALTH_UP},
        {"UP 1/2", LB_HEALTH_CHANGING},
        {"DOWN 1/2", LB_HEALTH_CHANGING},
        {"DRAIN 1/2", LB_HEALTH_CHANGING},
        {"NOLB", LB_HEALTH_CHANGING},
        {"NOLB 1/3", LB_HEALTH_CHANGING},
        {"DOWN", LB_HEALTH_DOWN},
        {"DOWN (agent)", LB_HEALTH_DOWN},
        {"MAINT", LB_HEALTH_UNKNOWN},
        {"MAINT (via bb/n1)", LB_HEALTH_UNKNOWN},
        {"MAINT (resolution)", LB_HEALTH_UNKNOWN},
        {"UPSIDE", LB_HEALTH_UNKNOWN},
        {"up", LB_HEALTH_UNKNOWN},
        {"", LB_HEALTH_UNKNOWN},
    };

    (void)unused;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char text[256];
        struct haproxy_stat stat;
        struct error err;
        snprintf(text, sizeof(text), STAT_HEAD "bb,n1,0,0,0,%s,1,1,0,,,\n\n", rows[i].word);
        assert_true(read_stat(text, "n1", &stat, &err));
        assert_int_equal(stat.health, rows[i].health);
    }
}

static void sessions_are_those_at_work_and_those_queued(void **unused)
{
    struct haproxy_stat stat;
    struct error err;

    (void)unused;
    assert_true(read_stat(STAT_HEAD STAT_ROW("n1", "4", "38", "DOWN") "\n", "n1", &stat, &err));
    assert_int_equal(stat.sessions, 42);
}

static void peers_are_other_servers_that_take_traffic(void **unused)
{
    struct haproxy_stat stat;
    struct error err;

    (void)unused;
    assert_true(
        read_stat(STAT_HEAD "bb,FRONTEND,,0,0,OPEN,,,,,,\n" STAT_ROW("n1", "0", "0", "UP")
                      STAT_ROW("n2", "0", "0", "UP") STAT_ROW("n3", "0", "0", "no check")
                          STAT_ROW("n4", "0", "0", "UP 1/2") STAT_ROW("n5", "0", "0", "DRAIN")
                              STAT_ROW("n6", "0", "0", "MAINT") "bb,n7,0,0,0,UP,0,1,0,,,\n"
                                                                "bb,sorry,0,0,0,UP,1,0,1,,,\n"
                                                                "other,n2,0,0,0,UP,1,1,0,,,\n"
                                                                "bb,BACKEND,0,0,0,UP,3,3,1,,,\n\n",
                  "n1", &stat, &err));
    assert_int_equal(stat.peers_up, 2);
}

static void a_server_that_tracks_a_checked_one_is_checked(void **unused)
{
    struct haproxy_stat stat;
    struct error err;

    (void)unused;
    assert_true(read_stat(STAT_HEAD "bb,n1,0,0,0,UP,1,1,0,web/n1,,\n\n", "n1", &stat, &err));
    assert_true(stat.is_tracking);
    assert_true(read_stat(STAT_HEAD "bb,n1,0,0,0,no check,1,1,0,web/n1,,\n\n", "n1", &stat, &err));
    assert_false(stat.is_tracking);
}

static void quoted_cells_hide_their_commas_and_newlines(void **unused)
{
    struct haproxy_stat stat;
    struct error err;

    (void)unused;
    assert_true(read_stat("# pxname,last_chk,svname,qcur,scur,status,weight,bck,tracked\n"
                          "bb,\"bb,n1,9,9,UP\n\nbb \"\"n1\"\",\",n2,0,0,UP,1,0,\n"
                          "bb,\"\",n1,1,2,DOWN,1,0,\n\n",
                          "n1", &stat, &err));
    assert_int_equal(stat.sessions, 3);
    assert_int_equal(stat.peers_up, 1);
    assert_int_equal(stat.health, LB_HEALTH_DOWN);
}

static void every_cut_of_a_good_answer_is_an_error(void **unused)
{
    static const char state_text[] = STATE_HEAD STATE_ROW("n1", "8", "5", "6") "\n";
    static const char stat_text[] = STAT_HEAD STAT_ROW("n1", "0", "0", "UP") "\n";

    (void)unused;
    for (size_t size = 0; size < strlen(state_text); size++) {
        char text[sizeof(state_text)];
        struct haproxy_state state;
        struct error err;
        snprintf(text, size + 1, "%s", state_text);
        assert_false(read_state(text, "n1", &state, &err));
        assert_true(err.code == ERROR_PROTOCOL || err.code == ERROR_UNAVAILABLE);
    }
    for (size_t size = 0; size < strlen(stat_text); size++) {
        char text[sizeof(stat_text)];
        struct haproxy_stat stat;
        struct error err;
        snprintf(text, size + 1, "%s", stat_text);
        assert_false(read_stat(text, "n1", &stat, &err));
        assert_true(err.code == ERROR_PROTOCOL || err.code == ERROR_UNAVAILABLE);
    }
}

static void a_table_without_its_last_line_may_be_asked_for_again(void **unused)
{
    (void)unused;
    assert_state_fails(STATE_HEAD STATE_ROW("n1", "0", "1", "6"), ERROR_UNAVAILABLE);
    assert_stat_fails(STAT_HEAD STAT_ROW("n1", "0", "0", "UP"), ERROR_UNAVAILABLE);
    assert_stat_fails(STAT_HEAD "bb,\"never closed", ERROR_UNAVAILABLE);
}

static void what_is_no_table_is_refused(void **unused)
{
    (void)unused;
    assert_state_fails("", ERROR_PROTOCOL);
    assert_state_fails("1\n", ERROR_PROTOCOL);
    assert_state_fails("2\n# be_id\n\n", ERROR_PROTOCOL);
    assert_state_fails("1\n\n", ERROR_PROTOCOL);
    assert_stat_fails("", ERROR_PROTOCOL);
    assert_stat_fails("#", ERROR_PROTOCOL);
    assert_stat_fails("\n\n\n", ERROR_PROTOCOL);
    assert_stat_fails("pxname,svname\n\n", ERROR_PROTOCOL);
    assert_stat_fails("HTTP/1.0 200 OK\r\n\r\n", ERROR_PROTOCOL);
}

static void a_missing_or_repeated_column_is_refused(void **unused)
{
    (void)unused;
    assert_stat_fails("# pxname,svname,qcur,status,weight,bck,tracked\nbb,n1,0,UP,1,0,\n\n",
                      ERROR_PROTOCOL);
    assert_stat_fails(
        "# pxname,svname,qcur,scur,status,weight,bck,tracked,scur\nbb,n1,0,0,UP,1,0,,0\n\n",
        ERROR_PROTOCOL);
}

static void a_row_too_short_is_refused(void **unused)
{
    (void)unused;
    assert_stat_fails(STAT_HEAD "bb,n1,0\n\n", ERROR_PROTOCOL);
    assert_stat_fails(STAT_HEAD "x\n" STAT_ROW("n1", "0", "0", "UP") "\n", ERROR_PROTOCOL);
}

static void what_is_no_number_is_refused(void **unused)
{
    static const char *const numbers[] = {
        "",
        "-1",
        "+1",
        "1.5",
        "0x1",
        " 1",
        "1 ",
        "nan",
        "18446744073709551616",
        "1099511627777",
        "99999999999999999999999999999999999999999999999999",
        "\"1\"",
    };

    (void)unused;
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        char text[256];
        snprintf(text, sizeof(text), STAT_HEAD "bb,n1,0,0,%s,UP,1,1,0,,,\n\n", numbers[i]);
        assert_stat_fails(text, ERROR_PROTOCOL);
    }
}

static void a_number_with_a_nul_in_it_is_refused(void **unused)
{
    static const char text[] = STAT_HEAD "bb,n1,0,0,1\0002,UP,1,1,0,,,\n\n";
    struct haproxy_stat stat;
    struct error err;

    (void)unused;
    assert_false(haproxy_read_stat(text, sizeof(text) - 1, "bb", "n1", &stat, &err));
    assert_int_equal(err.code, ERROR_PROTOCOL);
}

static void too_many_columns_are_refused(void **unused)
{
    char text[4096] = "# pxname,svname,qcur,scur,status,weight,bck,tracked";
    size_t length = strlen(text);

    (void)unused;
    memset(text + length, ',', 600);
    strcpy(text + length + 600, "\n\n");
    assert_stat_fails(text, ERROR_PROTOCOL);
}

static void a_row_longer_than_the_head_is_fine(void **unused)
{
    char text[4096] = "# pxname,svname,qcur,scur,status,weight,bck,tracked\nbb,n1,0,7,UP,1,0,";
    size_t length = strlen(text);
    struct haproxy_stat stat;
    struct error err;

    (void)unused;
    memset(text + length, ',', 2000);
    strcpy(text + length + 2000, "\n\n");
    assert_true(read_stat(text, "n1", &stat, &err));
    assert_int_equal(stat.sessions, 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(state_is_found_by_column_names),
        cmocka_unit_test(a_name_that_begins_alike_is_another_server),
        cmocka_unit_test(another_backend_of_the_table_is_skipped),
        cmocka_unit_test(admin_state_is_judged_by_its_bits),
        cmocka_unit_test(a_conflict_is_laid_to_who_may_have_caused_it),
        cmocka_unit_test(an_agent_check_counts_where_it_is_switched_on),
        cmocka_unit_test(a_share_is_never_no_weight_at_all),
        cmocka_unit_test(only_a_whole_table_of_servers_may_be_kept),
        cmocka_unit_test(status_words_tell_the_health),
        cmocka_unit_test(sessions_are_those_at_work_and_those_queued),
        cmocka_unit_test(peers_are_other_servers_that_take_traffic),
        cmocka_unit_test(a_server_that_tracks_a_checked_one_is_checked),
        cmocka_unit_test(quoted_cells_hide_their_commas_and_newlines),
        cmocka_unit_test(every_cut_of_a_good_answer_is_an_error),
        cmocka_unit_test(a_table_without_its_last_line_may_be_asked_for_again),
        cmocka_unit_test(what_is_no_table_is_refused),
        cmocka_unit_test(a_missing_or_repeated_column_is_refused),
        cmocka_unit_test(a_row_too_short_is_refused),
        cmocka_unit_test(what_is_no_number_is_refused),
        cmocka_unit_test(a_number_with_a_nul_in_it_is_refused),
        cmocka_unit_test(too_many_columns_are_refused),
        cmocka_unit_test(a_row_longer_than_the_head_is_fine),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
