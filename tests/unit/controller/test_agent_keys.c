/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/accepting.h"

static struct agent_keys keys;

static int begin(void **state)
{
    (void)state;
    if (!accepting_begin())
        return -1;
    agent_keys_init(&keys, &config, &cluster_config);
    return 0;
}

static int end(void **state)
{
    (void)state;
    agent_keys_done(&keys);
    accepting_end();
    config.is_embedded = false;
    return 0;
}

/* What the store does with a text. */
static bool take(const char *agent, const char *text, bool *ret_is_news, struct error *err)
{
    struct acceptance acceptance;
    if (!agent_keys_judge(&keys, agent, text, &acceptance, ret_is_news, err))
        return false;
    if (*ret_is_news)
        agent_keys_take(&keys, agent, text, &acceptance);
    return true;
}

static void assert_taken(enum person person, const char *agent, enum made_key key, int64_t at_ms)
{
    bool is_news = false;
    FREE_CLEANUP char *text = accepting(person, agent, key, at_ms);
    assert_good(take(agent, text, &is_news, &err));
    assert_true(is_news);
    assert_has_key(&keys, agent, key);
}

static void assert_refused(const char *agent, char *text, enum error_code code, const char *part)
{
    bool is_news = false;
    FREE_CLEANUP char *owned = text;
    assert_fails(take(agent, owned, &is_news, &err), code, part);
    assert_false(is_news);
}

static void assert_refused_request(enum person signer, const struct request *request,
                                   enum error_code code, const char *part)
{
    assert_refused("bb1", accepting_sign(signer, KEY_DOMAIN_REQUEST, request), code, part);
    assert_has_none(&keys, "bb1");
}

static void key_that_nobody_accepted_is_not_known_and_it_is_said_what_to_do(void **state)
{
    struct key_public key;
    struct error told;
    (void)state;
    assert_false(agent_keys_find(&keys, "bb1", &key, &told));
    assert_int_equal(told.code, ERROR_NOT_FOUND);
    assert_string_equal(told.message, "the key of agent 'bb1' is not known");
    assert_string_equal(told.hint, "run `shunt-agent enroll` there and "
                                   "`shunt agents accept git bb1` here");
    assert_has_none(&keys, "lb1");
    assert_fails(agent_keys_has(&keys, "bb9", &err), ERROR_DENIED, "is no agent of this cluster");
    assert_fails(agent_keys_has(&keys, "n1", &err), ERROR_DENIED, "is no agent of this cluster");
}

static void accepted_key_is_known(void **state)
{
    (void)state;
    assert_taken(ANNA, "bb1", KEY_A, 1000);
    assert_taken(AMOS, "lb1", KEY_B, 1000);
    const struct accepted_key *accepted = agent_keys_accepted(&keys, "lb1");
    assert_string_equal(accepted->acceptance.operator, "amos");
    assert_int_equal(accepted->acceptance.issued_ms, 1000);
    assert_null(agent_keys_accepted(&keys, "bb2"));
    assert_null(agent_keys_accepted(&keys, "bb3"));
    assert_has_none(&keys, "bb2");
}

static void later_acceptance_takes_the_place_of_an_earlier_one(void **state)
{
    (void)state;
    assert_taken(ANNA, "bb1", KEY_A, 1000);
    assert_taken(AMOS, "bb1", KEY_B, 1001);
}

static void acceptance_that_is_not_later_changes_nothing(void **state)
{
    static const int64_t times_ms[] = {0, 999, 1000};
    (void)state;
    assert_taken(ANNA, "bb1", KEY_A, 1000);
    for (size_t i = 0; i < sizeof(times_ms) / sizeof(times_ms[0]); i++) {
        bool is_news = true;
        FREE_CLEANUP char *text = accepting(AMOS, "bb1", KEY_B, times_ms[i]);
        assert_good(take("bb1", text, &is_news, &err));
        assert_false(is_news);
        assert_has_key(&keys, "bb1", KEY_A);
    }
}

static void key_of_the_configuration_counts(void **state)
{
    (void)state;
    assert_has_key(&keys, "bb3", KEY_BB3);
    assert_refused("bb3", accepting(ANNA, "bb3", KEY_A, 1000), ERROR_CONFLICT,
                   "that one counts: `agent_key` of node 'n3'");
    assert_refused("lb2", accepting(ANNA, "lb2", KEY_A, 1000), ERROR_CONFLICT,
                   "that one counts: `key` of its entry in `agents`");
    assert_has_key(&keys, "bb3", KEY_BB3);
    config.is_embedded = true;
    assert_refused("bb3", accepting(ANNA, "bb3", KEY_A, 1000), ERROR_CONFLICT,
                   "the embedded set-up has made the key of agent 'bb3'");
}

static void no_two_agents_have_one_key(void **state)
{
    (void)state;
    assert_taken(ANNA, "bb1", KEY_A, 1000);
    assert_refused("bb2", accepting(ANNA, "bb2", KEY_A, 2000), ERROR_CONFLICT,
                   "agent 'bb1' has this key");
    assert_refused("bb2", accepting(ANNA, "bb2", KEY_BB3, 2000), ERROR_CONFLICT,
                   "agent 'bb3' has this key");
    assert_taken(ANNA, "bb1", KEY_A, 3000); /* its own, once more */
    assert_taken(ANNA, "bb1", KEY_B, 4000);
    assert_taken(ANNA, "bb2", KEY_A, 5000); /* free again */
}

static void agent_must_be_one_of_the_cluster(void **state)
{
    (void)state;
    assert_refused("bb9", accepting(ANNA, "bb9", KEY_A, 1000), ERROR_NOT_FOUND,
                   "cluster git has no agent 'bb9'");
}

static void acceptance_of_who_may_not_is_denied(void **state)
{
    (void)state;
    for (unsigned person = VERA; person <= OTTO; person++) {
        const struct request request = accepting_request((enum person)person, "bb1", KEY_A, 1000);
        assert_refused_request((enum person)person, &request, ERROR_DENIED,
                               "accept-agent needs approver");
    }
}

static void acceptance_of_who_is_not_an_approver_any_more_is_denied(void **state)
{
    struct request request = accepting_request(ANNA, "bb1", KEY_A, 1000);
    (void)state;
    people[ANNA].role = ROLE_OPERATOR;
    assert_refused_request(ANNA, &request, ERROR_DENIED, "operator 'anna' is operator");
    people[ANNA].role = ROLE_APPROVER;
    config.operator_count = ANNA; /* those before her are left */
    assert_refused_request(ANNA, &request, ERROR_DENIED, "'anna', who is no operator here");
    config.operator_count = PEOPLE;
}

static void acceptance_in_the_name_of_another_is_denied(void **state)
{
    struct request request = accepting_request(AMOS, "bb1", KEY_A, 1000);
    (void)state;
    assert_refused_request(ANNA, &request, ERROR_DENIED, "names operator 'amos' and is signed by");
    FREE_CLEANUP char *text = accepting_sign(ANNA, KEY_DOMAIN_REQUEST, &request);
    memcpy(text, "amos", 4); /* as the signer, too */
    bool is_news = false;
    assert_fails(take("bb1", text, &is_news, &err), ERROR_DENIED, "the signature is not of this");
}

static void request_for_something_else_is_no_acceptance(void **state)
{
    struct request request = accepting_request(ANNA, "bb1", KEY_A, 1000);
    (void)state;
    TEXT_COPY(request.cluster, "wiki");
    assert_refused_request(ANNA, &request, ERROR_DENIED, "the request is for cluster 'wiki'");
    request = accepting_request(ANNA, "bb2", KEY_A, 1000);
    assert_refused_request(ANNA, &request, ERROR_DENIED, "a request of anna: accept-agent 'bb2'");
    request = accepting_request(ANNA, "bb1", KEY_A, 1000);
    request.verb = REQUEST_DRAIN;
    assert_refused_request(ANNA, &request, ERROR_DENIED, "a request of anna: drain 'bb1'");
    request.verb = REQUEST_ACCEPT_AGENT;
    assert_refused("bb1", accepting_sign(ANNA, KEY_DOMAIN_REPORT, &request), ERROR_DENIED,
                   KEY_DOMAIN_REQUEST);
}

static void changed_byte_is_noticed_wherever_it_is(void **state)
{
    FREE_CLEANUP char *text = accepting(ANNA, "bb1", KEY_A, 1000);
    (void)state;
    for (size_t i = 0; text[i] != '\0'; i++) {
        bool is_news = false;
        text[i] ^= 1;
        assert_fails(take("bb1", text, &is_news, &err), err.code, "acceptance of agent bb1: ");
        text[i] ^= 1;
    }
    assert_has_none(&keys, "bb1");
}

static void long_text_is_refused_before_it_is_looked_at(void **state)
{
    char *text = memory_zeroed(ACCEPTANCE_BYTES + 2, 1);
    (void)state;
    memset(text, ' ', ACCEPTANCE_BYTES + 1);
    assert_refused("bb1", text, ERROR_PROTOCOL, "8193 bytes; one has 8192 at most");
}

/* Most fleets: nothing is kept for them. */
static void cluster_with_all_keys_in_the_configuration_takes_none(void **state)
{
    struct agent_keys complete;
    struct acceptance acceptance;
    struct cluster_config third = {.name = "git", .nodes = &nodes[2], .node_count = 1};
    FREE_CLEANUP char *text = accepting(ANNA, "bb3", KEY_A, 1000);
    bool is_news = false;
    (void)state;
    agent_keys_init(&complete, &config, &third);
    assert_null(complete.accepted);
    assert_null(agent_keys_accepted(&complete, "bb3"));
    assert_has_key(&complete, "bb3", KEY_BB3);
    assert_fails(agent_keys_judge(&complete, "bb3", text, &acceptance, &is_news, &err),
                 ERROR_CONFLICT, "that one counts");
    agent_keys_done(&complete);
}

#define test_keys(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        test_keys(key_that_nobody_accepted_is_not_known_and_it_is_said_what_to_do),
        test_keys(accepted_key_is_known),
        test_keys(later_acceptance_takes_the_place_of_an_earlier_one),
        test_keys(acceptance_that_is_not_later_changes_nothing),
        test_keys(key_of_the_configuration_counts),
        test_keys(no_two_agents_have_one_key),
        test_keys(agent_must_be_one_of_the_cluster),
        test_keys(acceptance_of_who_may_not_is_denied),
        test_keys(acceptance_of_who_is_not_an_approver_any_more_is_denied),
        test_keys(acceptance_in_the_name_of_another_is_denied),
        test_keys(request_for_something_else_is_no_acceptance),
        test_keys(changed_byte_is_noticed_wherever_it_is),
        test_keys(long_text_is_refused_before_it_is_looked_at),
        test_keys(cluster_with_all_keys_in_the_configuration_takes_none),
    };
    return cmocka_run_group_tests_name("controller/agent_keys", tests, NULL, NULL);
}
