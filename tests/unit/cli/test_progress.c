/* SPDX-License-Identifier: Apache-2.0 */
#include "progress.h"

#include "status_text.h"
#include "text.h"

static const char *draw(const struct cluster_status *status, const char *notice)
{
    static char text[64 * 1024];
    const struct progress_view view = {.now_ms = BEGUN_MS + 75000, .notice = notice};
    BUFFER_CLEANUP struct buffer out;
    buffer_init(&out, sizeof(text) - 1);
    progress_draw(status, &view, &out);
    strcpy(text, buffer_text(&out));
    return text;
}

static const char *draw_end(const struct upgrade_summary *upgrade)
{
    static char text[64 * 1024];
    BUFFER_CLEANUP struct buffer out;
    buffer_init(&out, sizeof(text) - 1);
    progress_draw_end(upgrade, BEGUN_MS + 60000, false, &out);
    strcpy(text, buffer_text(&out));
    return text;
}

static void an_upgrade_is_a_header_and_a_line_a_node(void **state)
{
    (void)state;
    assert_string_equal(draw(good_status(), ""),
                        "git  7.9.0 → 7.9.4  nodes  1m 15s  MIXED  upgrade mode on  by ana\n"
                        "NODE  STEP          TIME     VERSION  STATE\n"
                        "bb1   new           -        7.9.4    ACTIVE\n"
                        "bb2   empty         1m 04s   7.9.0    DRAINING  3 sessions, 2 connections "
                        "left\n");
}

static void staging_shows_bytes(void **state)
{
    struct cluster_status *status = status_with("\"phase\":\"nodes\"", "\"phase\":\"stage\"");
    (void)state;
    status->upgrade.nodes[1].place = PLACE_OLD;
    assert_non_null(strstr(draw(status, ""), "120 MB of 300 MB (40 %)\n"));
    status->upgrade.nodes[1].bytes_total = -1;
    assert_non_null(strstr(draw(status, ""), "  120 MB\n"));
}

static void a_pass_back_and_a_held_node_are_marked(void **state)
{
    struct cluster_status *status = good_status();
    struct node_summary *node = &status->upgrade.nodes[1];
    (void)state;
    node->pass = PASS_BACK;
    assert_non_null(strstr(draw(status, ""), "back: empty"));
    node->place = PLACE_HELD;
    error_set(&node->error, ERROR_TIMEOUT, "no proof in 60 s");
    assert_non_null(strstr(draw(status, ""), "held at back: empty"));
    assert_non_null(strstr(draw(status, ""), "no proof in 60 s\n"));
}

static void notice_error_and_decision_stand_above_the_nodes(void **state)
{
    struct cluster_status *status = good_status();
    (void)state;
    status->upgrade.is_waiting = true;
    error_set(&status->upgrade.reason, ERROR_TIMEOUT, "node bb2 is held");
    error_hint(&status->upgrade.reason, "look at bb2");
    error_set(&status->error, ERROR_INTEGRITY, "journal damaged");
    const char *text = draw(status, "Redis is away");
    const char *marks[] = {"Redis is away\n", "the controller does not act: journal damaged\n",
                           "waits for a decision: node bb2 is held\n    hint: look at bb2\n",
                           "decide with shunt resume, rollback or abort git\n", "NODE "};
    for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++) {
        text = strstr(text, marks[i]);
        assert_non_null(text);
    }
}

static void approve_is_offered_where_it_can_be_given(void **state)
{
    struct cluster_status *status = good_status();
    (void)state;
    status->upgrade.is_waiting = true;
    assert_null(strstr(draw(status, ""), "approve"));
    (void)TEXT_COPY(status->upgrade.phase, "verify");
    assert_non_null(strstr(draw(status, ""), "resume, approve, rollback or abort git\n"));
}

static void clocks_that_differ_give_no_negative_time(void **state)
{
    struct cluster_status *status = good_status();
    (void)state;
    status->upgrade.begun_ms = status->upgrade.nodes[1].step_begun_ms = BEGUN_MS + 100000;
    assert_non_null(strstr(draw(status, ""), "nodes  0s  MIXED"));
    assert_non_null(strstr(draw(status, ""), "empty         0s"));
}

static void the_end_is_a_table_with_the_reason(void **state)
{
    struct upgrade_summary *upgrade = &good_status()->upgrade;
    (void)state;
    upgrade->outcome = OUTCOME_ROLLED_BACK;
    upgrade->ended_ms = BEGUN_MS + 20000;
    error_set(&upgrade->reason, ERROR_RELEASE, "node bb2: ERROR");
    assert_string_equal(draw_end(upgrade), "\ngit: rolled-back, 7.9.0 → 7.9.4, after 20.0s\n"
                                           "NODE  OUTCOME  VERSION  OUT OF SERVICE\n"
                                           "bb1   new      7.9.4    3.5s\n"
                                           "bb2   working  7.9.0    10.0s, still out\n"
                                           "reason: node bb2: ERROR\n");
}

static void the_end_may_be_a_wait(void **state)
{
    (void)state;
    assert_non_null(strstr(draw_end(&good_status()->upgrade),
                           "git: waiting for a decision, 7.9.0 → 7.9.4, after 1m 00s\n"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_upgrade_is_a_header_and_a_line_a_node),
        cmocka_unit_test(staging_shows_bytes),
        cmocka_unit_test(a_pass_back_and_a_held_node_are_marked),
        cmocka_unit_test(notice_error_and_decision_stand_above_the_nodes),
        cmocka_unit_test(approve_is_offered_where_it_can_be_given),
        cmocka_unit_test(clocks_that_differ_give_no_negative_time),
        cmocka_unit_test(the_end_is_a_table_with_the_reason),
        cmocka_unit_test(the_end_may_be_a_wait),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
