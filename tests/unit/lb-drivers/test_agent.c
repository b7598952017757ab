/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The driver `agent` and what it makes of several agents; they are played by the transport.
 */
#include "lb_transport.h"

#include "common/unit_test.h"
#include "lb_driver.h"
#include "text.h"

static const char *const members[] = {"bb_http/n1", "bb_ssh/n1"};

static struct {
    char asked[256];          /* "lb1 lb-read edge|lb2 lb-set edge drain|" */
    const char *failing;      /* the agent whose calls fail */
    enum verb failing_verb;   /* these */
    struct report answers[2]; /* to LB_READ, of lb1 and lb2 */
} agents;

static struct lb lb;
static char other_name[] = "nginx";

static bool play(void *context, const struct command *command, struct deadline deadline,
                 struct report *ret_report, struct error *err)
{
    size_t used = strlen(agents.asked);
    assert_ptr_equal(context, &agents);
    assert_false(deadline_is_over(deadline));
    assert_int_equal(command->members.count, 2);
    (void)snprintf(agents.asked + used, sizeof(agents.asked) - used, "%s %s %s%s%s|", command->node,
                   verb_name(command->verb), command->load_balancer,
                   command->admin[0] != '\0' ? " " : "", command->admin);
    if (agents.failing != NULL && text_equal(command->node, agents.failing) &&
        command->verb == agents.failing_verb) {
        error_set(err, ERROR_DENIED, "Permission denied");
        error_hint(err, "level admin");
        return false;
    }
    *ret_report = agents.answers[text_equal(command->node, "lb2")];
    return true;
}

static const struct lb_transport transport = {play, &agents};

static int begin(void **state)
{
    (void)state;
    memset(&agents, 0, sizeof(agents));
    lb = (struct lb){.driver = lb_driver_find("agent"), .name = "edge", .transport = &transport};
    TEXT_COPY(lb.options.addresses[0], "lb1");
    TEXT_COPY(lb.options.addresses[1], "lb2");
    lb.options.address_count = 2;
    for (size_t i = 0; i < 2; i++) {
        struct report *answer = &agents.answers[i];
        answer->member_count = 2;
        for (size_t m = 0; m < 2; m++) {
            answer->members[m] = (struct message_member){
                .admin = "up", .health = "up", .sessions = 3, .weight = 100, .peers_up = 2};
            TEXT_COPY(answer->members[m].member, members[m]);
        }
    }
    return 0;
}

#define test_of_agents(test) cmocka_unit_test_setup(test, begin)

static bool read_both(struct lb_member_state states[2], struct error *err)
{
    return lb.driver->read_members(&lb, members, 2, deadline_after_ms(1000), states, err);
}

static bool set_both(enum lb_admin admin, struct error *err)
{
    return lb.driver->set_members(&lb, members, 2, admin, deadline_after_ms(1000), err);
}

static void states_of_all_agents_are_summed(void **unused)
{
    struct lb_member_state states[2];
    (void)unused;
    TEXT_COPY(agents.answers[0].members[1].admin, "drain");
    TEXT_COPY(agents.answers[1].members[1].admin, "down");
    TEXT_COPY(agents.answers[1].members[0].health, "changing");
    agents.answers[1].members[0].settle_ms = 1500;
    agents.answers[1].members[0].peers_up = 1;
    assert_good(read_both(states, &err));
    assert_string_equal(agents.asked, "lb1 lb-read edge|lb2 lb-read edge|");
    assert_string_equal(states[1].member, "bb_ssh/n1");
    assert_int_equal(states[0].admin, LB_ADMIN_UP);
    assert_int_equal(states[1].admin, LB_ADMIN_DRAIN);
    assert_int_equal(states[0].health, LB_HEALTH_CHANGING);
    assert_int_equal(states[0].sessions, 6);
    assert_int_equal(states[0].settle_ms, 1500);
    assert_int_equal(states[0].peers_up, 1);
    assert_false(states[0].is_blind);
}

static void unknown_sessions_stay_unknown_but_those_of_a_blind_one_are_nobodys(void **unused)
{
    struct lb_member_state states[2];
    (void)unused;
    agents.answers[0].members[0].sessions = -1;
    assert_good(read_both(states, &err));
    assert_int_equal(states[0].sessions, -1);
    assert_false(states[0].is_blind);
    agents.answers[0].is_blind = true;
    assert_good(read_both(states, &err));
    assert_int_equal(states[0].sessions, 3);
    assert_false(states[0].is_blind);
    agents.answers[1].is_blind = true;
    agents.answers[1].members[0].sessions = -1;
    assert_good(read_both(states, &err));
    assert_int_equal(states[0].sessions, -1);
    assert_true(states[0].is_blind);
}

static void nothing_is_taken_away_unless_all_agents_know_the_members(void **unused)
{
    (void)unused;
    agents.failing = "lb2";
    agents.failing_verb = VERB_LB_READ;
    assert_fails(set_both(LB_ADMIN_DRAIN, &err), ERROR_DENIED, "agent lb2: Permission denied");
    assert_string_equal(agents.asked, "lb1 lb-read edge|lb2 lb-read edge|");
}

static void all_agents_are_asked_and_then_told(void **unused)
{
    (void)unused;
    assert_good(set_both(LB_ADMIN_DOWN, &err));
    assert_string_equal(agents.asked, "lb1 lb-read edge|lb2 lb-read edge|"
                                      "lb1 lb-set edge down|lb2 lb-set edge down|");
}

static void only_agent_is_told_at_once(void **unused)
{
    (void)unused;
    lb.options.address_count = 1;
    assert_good(set_both(LB_ADMIN_DRAIN, &err));
    assert_string_equal(agents.asked, "lb1 lb-set edge drain|");
}

static void traffic_is_given_back_wherever_that_can_be_done(void **unused)
{
    struct error err = {0};
    (void)unused;
    agents.failing = "lb1";
    agents.failing_verb = VERB_LB_SET;
    assert_false(set_both(LB_ADMIN_UP, &err));
    assert_int_equal(err.code, ERROR_DENIED);
    assert_string_equal(err.hint, "level admin");
    assert_string_equal(agents.asked, "lb1 lb-set edge up|lb2 lb-set edge up|");
}

static void sessions_are_cut_at_all_agents(void **unused)
{
    (void)unused;
    assert_good(lb.driver->cut_sessions(&lb, members, 2, deadline_after_ms(1000), &err));
    assert_string_equal(agents.asked, "lb1 lb-cut edge|lb2 lb-cut edge|");
}

static void agents_are_asked_by_the_name_that_they_know(void **unused)
{
    struct lb_member_state states[2];
    (void)unused;
    lb.options.values[0] = other_name;
    assert_good(read_both(states, &err));
    assert_string_equal(agents.asked, "lb1 lb-read nginx|lb2 lb-read nginx|");
}

static void answer_about_other_members_is_none(void **unused)
{
    struct lb_member_state states[2];
    (void)unused;
    TEXT_COPY(agents.answers[0].members[1].member, "bb_ssh/n2");
    assert_fails(read_both(states, &err), ERROR_PROTOCOL, "agent lb1: told of other members");
    agents.answers[0].member_count = 1;
    assert_fails(read_both(states, &err), ERROR_PROTOCOL, "agent lb1: told of other members");
}

static void nobody_is_asked_when_the_time_is_over(void **unused)
{
    struct error err = {0};
    (void)unused;
    assert_false(lb.driver->set_members(&lb, members, 2, LB_ADMIN_UP, deadline_after_ms(0), &err));
    assert_int_equal(err.code, ERROR_TIMEOUT);
    assert_string_equal(agents.asked, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test_of_agents(states_of_all_agents_are_summed),
        test_of_agents(unknown_sessions_stay_unknown_but_those_of_a_blind_one_are_nobodys),
        test_of_agents(nothing_is_taken_away_unless_all_agents_know_the_members),
        test_of_agents(all_agents_are_asked_and_then_told),
        test_of_agents(only_agent_is_told_at_once),
        test_of_agents(traffic_is_given_back_wherever_that_can_be_done),
        test_of_agents(sessions_are_cut_at_all_agents),
        test_of_agents(agents_are_asked_by_the_name_that_they_know),
        test_of_agents(answer_about_other_members_is_none),
        test_of_agents(nobody_is_asked_when_the_time_is_over),
    };
    return cmocka_run_group_tests_name("lb-drivers/agent", tests, NULL, NULL);
}
