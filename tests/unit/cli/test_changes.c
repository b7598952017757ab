/* SPDX-License-Identifier: Apache-2.0 */
#include "changes.h"

#include "status_text.h"

#define NOW_MS (BEGUN_MS + 75000)
#define NOW    "2026-09-21T14:14:35Z"

static const char *tell(struct changes *changes, const struct upgrade_summary *upgrade)
{
    static char text[64 * 1024];
    BUFFER_CLEANUP struct buffer out;
    buffer_init(&out, sizeof(text) - 1);
    changes_tell(changes, upgrade, NOW_MS, &out);
    strcpy(text, buffer_text(&out));
    return text;
}

static void the_first_look_tells_all_so_far(void **state)
{
    struct changes changes = {.has_last = false};
    (void)state;
    assert_string_equal(tell(&changes, &good_status()->upgrade),
                        "2026-09-21T14:13:20Z  git  upgrade 7.9.0 → 7.9.4\n" NOW
                        "  git  phase nodes\n" NOW "  git  cluster MIXED\n"
                        "2026-09-21T14:13:21Z  bb1  drain\n"
                        "2026-09-21T14:13:24Z  bb1  return\n"
                        "2026-09-21T14:13:30Z  bb2  drain\n"
                        "2026-09-21T14:13:31Z  bb2  empty\n" NOW "  bb1  new, version 7.9.4\n");
}

static void the_same_again_tells_nothing(void **state)
{
    struct changes changes = {.has_last = false};
    (void)state;
    tell(&changes, &good_status()->upgrade);
    assert_string_equal(tell(&changes, &good_status()->upgrade), "");
}

static void steps_between_two_looks_are_told_in_their_order(void **state)
{
    struct changes changes = {.has_last = false};
    struct upgrade_summary *upgrade = &good_status()->upgrade;
    (void)state;
    tell(&changes, upgrade);
    upgrade->nodes[1].passes[PASS_UP].steps[STEP_STOP].begun_ms = BEGUN_MS + 13000;
    upgrade->nodes[1].passes[PASS_UP].steps[STEP_DETACH].begun_ms = BEGUN_MS + 13000;
    upgrade->nodes[0].passes[PASS_BACK].steps[STEP_DRAIN].begun_ms = BEGUN_MS + 12000;
    assert_string_equal(tell(&changes, upgrade), "2026-09-21T14:13:32Z  bb1  back: drain\n"
                                                 "2026-09-21T14:13:33Z  bb2  detach\n"
                                                 "2026-09-21T14:13:33Z  bb2  stop\n");
}

static void a_step_that_begins_again_is_told_again(void **state)
{
    struct changes changes = {.has_last = false};
    struct upgrade_summary *upgrade = &good_status()->upgrade;
    (void)state;
    tell(&changes, upgrade);
    upgrade->nodes[1].passes[PASS_UP].steps[STEP_EMPTY].begun_ms = BEGUN_MS + 20000;
    assert_string_equal(tell(&changes, upgrade), "2026-09-21T14:13:40Z  bb2  empty\n");
}

static void failures_decisions_and_the_end_are_told(void **state)
{
    struct changes changes = {.has_last = false};
    struct upgrade_summary *upgrade = &good_status()->upgrade;
    (void)state;
    tell(&changes, upgrade);
    upgrade->is_paused = true;
    assert_string_equal(tell(&changes, upgrade), NOW "  git  paused\n");
    upgrade->is_paused = false;
    upgrade->is_waiting = true;
    upgrade->nodes[1].place = PLACE_HELD;
    error_set(&upgrade->nodes[1].error, ERROR_TIMEOUT, "no\nproof");
    error_set(&upgrade->reason, ERROR_TIMEOUT, "bb2 is held");
    assert_string_equal(tell(&changes, upgrade),
                        NOW "  bb2  held at empty: no\\x0Aproof\n" NOW "  git  resumed\n" NOW
                            "  git  waits for a decision: bb2 is held\n");
    upgrade->is_waiting = false;
    upgrade->outcome = OUTCOME_ABORTED;
    upgrade->ended_ms = BEGUN_MS + 60000;
    assert_string_equal(tell(&changes, upgrade), "2026-09-21T14:14:20Z  git  aborted\n");
}

static void another_upgrade_begins_anew(void **state)
{
    struct changes changes = {.has_last = false};
    struct upgrade_summary *upgrade = &good_status()->upgrade;
    (void)state;
    tell(&changes, upgrade);
    strcpy(upgrade->id, "another");
    assert_non_null(strstr(tell(&changes, upgrade), "upgrade 7.9.0 → 7.9.4\n"));
}

static void a_notice_is_told_when_it_comes_and_when_it_goes(void **state)
{
    struct changes changes = {.has_last = false};
    BUFFER_CLEANUP struct buffer out;
    (void)state;
    buffer_init(&out, 4096);
    changes_tell_notice(&changes, "git", "", NOW_MS, &out);
    changes_tell_notice(&changes, "git", "Redis is away", NOW_MS, &out);
    changes_tell_notice(&changes, "git", "Redis is away", NOW_MS, &out);
    changes_tell_notice(&changes, "git", "", NOW_MS, &out);
    assert_string_equal(buffer_text(&out), NOW "  git  Redis is away\n" NOW "  git  going on\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_look_tells_all_so_far),
        cmocka_unit_test(the_same_again_tells_nothing),
        cmocka_unit_test(steps_between_two_looks_are_told_in_their_order),
        cmocka_unit_test(a_step_that_begins_again_is_told_again),
        cmocka_unit_test(failures_decisions_and_the_end_are_told),
        cmocka_unit_test(another_upgrade_begins_anew),
        cmocka_unit_test(a_notice_is_told_when_it_comes_and_when_it_goes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
