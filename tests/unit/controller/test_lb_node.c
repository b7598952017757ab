/* SPDX-License-Identifier: Apache-2.0 */
/* Nodes at load balancers that a driver of this test plays: a group in memory. */
#include "jobs.h"

#include "clock.h"
#include "common/unit_test.h"
#include "lb_addresses.h"
#include "text.h"

#include <pthread.h>
#include <time.h>

#define NODES   3
#define LBS     2
#define MEET_MS 200 /* two drains that are not kept apart meet well within it */

static const char *const names[NODES] = {"n1", "n2", "n3"};

/* What one load balancer has of each node. */
struct group {
    enum lb_admin admin[NODES];
    enum lb_health health;
    int64_t sessions;
    bool is_blind, cannot_read, is_slow;
    unsigned sets;
};

static struct group groups[LBS];
static struct cluster_lb lbs[LBS];
static struct lb_config lb_configs[LBS];
static struct lb_node_members members[LBS][NODES];
static char member_names[NODES][1][LB_MEMBER];
static struct cluster_config config;
static struct cluster cluster;
static struct pool_job job;

static pthread_mutex_t meeting = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t came = PTHREAD_COND_INITIALIZER;
static unsigned expected, present; /* readers of a drain */

/* Both have looked before either goes on, if nothing keeps them apart. */
static void meet(void)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += MEET_MS * 1000000L;
    until.tv_sec += until.tv_nsec / 1000000000L;
    until.tv_nsec %= 1000000000L;
    pthread_mutex_lock(&meeting);
    present++;
    pthread_cond_broadcast(&came);
    while (present < expected && pthread_cond_timedwait(&came, &meeting, &until) == 0)
        continue;
    pthread_mutex_unlock(&meeting);
}

static size_t find(const char *name)
{
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (text_equal(names[i], name))
            return i;
    fail_msg("there is no member %s", name);
    return 0;
}

static struct group *group_of(const struct lb *lb)
{
    return text_equal(lb->name, "front") ? &groups[0] : &groups[1];
}

static bool read_members(const struct lb *lb, const char *const *asked, size_t count,
                         struct deadline deadline, struct lb_member_state *ret_states,
                         struct error *err)
{
    const struct group *group = group_of(lb);
    (void)deadline;
    if (group->cannot_read) {
        error_set(err, ERROR_UNAVAILABLE, "not just now");
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        size_t node = find(asked[i]);
        struct lb_member_state state = {.admin = group->admin[node],
                                        .health = group->health,
                                        .sessions = group->is_blind ? -1 : group->sessions,
                                        .is_blind = group->is_blind};
        TEXT_COPY(state.member, asked[i]);
        for (size_t peer = 0; peer < NODES; peer++)
            state.peers_up += peer != node && group->admin[peer] == LB_ADMIN_UP;
        lb_state_collect(&ret_states[i], &state, true);
    }
    meet();
    return true;
}

static bool set_members(const struct lb *lb, const char *const *asked, size_t count,
                        enum lb_admin admin, struct deadline deadline, struct error *err)
{
    struct group *group = group_of(lb);
    (void)deadline;
    group->sets++;
    for (size_t i = 0; i < count; i++)
        group->admin[find(asked[i])] = admin;
    if (!group->is_slow)
        return true;
    error_set(err, ERROR_BUSY, "under way");
    return false;
}

static bool cut_sessions(const struct lb *lb, const char *const *asked, size_t count,
                         struct deadline deadline, struct error *err)
{
    (void)lb;
    (void)asked;
    (void)count;
    (void)deadline;
    error_set(err, ERROR_DENIED, "may only look");
    return false;
}

static const struct lb_driver driver = {.name = "played",
                                        .read_members = read_members,
                                        .set_members = set_members,
                                        .cut_sessions = cut_sessions};

static int begin(void **state)
{
    (void)state;
    memset(groups, 0, sizeof(groups));
    memset(&cluster, 0, sizeof(cluster));
    memset(&job, 0, sizeof(job));
    expected = present = 0;
    for (size_t i = 0; i < LBS; i++) {
        lbs[i] = (struct cluster_lb){.lb = {.driver = &driver}};
        TEXT_COPY(lbs[i].lb.name, i == 0 ? "front" : "inner");
        pthread_mutex_init(&lbs[i].lock, NULL);
        lb_configs[i].nodes = members[i];
        for (size_t node = 0; node < NODES; node++) {
            TEXT_COPY(member_names[node][0], names[node]);
            members[i][node] = (struct lb_node_members){member_names[node], 1};
        }
    }
    config = (struct cluster_config){.name = "git", .lbs = lb_configs, .lb_count = LBS};
    cluster.config = &config;
    cluster.lbs = lbs;
    atomic_init(&cluster.lease_until_ms, INT64_MAX);
    return 0;
}

static bool drain(int node, unsigned *begun, size_t *ret_set, struct error *ret_err)
{
    return lb_drain_node(&cluster, &job, node, begun, ret_set, ret_err);
}

struct drainer {
    int node;
    bool is_drained;
    struct error err;
};

static void *drain_beside(void *context)
{
    struct drainer *drainer = context;
    unsigned begun = 0;
    size_t set;
    drainer->is_drained = drain(drainer->node, &begun, &set, &drainer->err);
    return NULL;
}

static void of_two_that_drain_the_last_two_nodes_one_is_refused(void **unused)
{
    struct drainer drainers[2] = {{.node = 0}, {.node = 1}};
    pthread_t threads[2];
    (void)unused;
    config.lb_count = 1;
    groups[0].admin[2] = LB_ADMIN_DOWN;
    expected = 2;
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, drain_beside, &drainers[i]), 0);
    for (size_t i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    assert_int_not_equal(drainers[0].is_drained, drainers[1].is_drained);
    const struct drainer *refused = &drainers[drainers[0].is_drained];
    assert_int_equal(refused->err.code, ERROR_CONFLICT);
    assert_non_null(strstr(refused->err.message, "load balancer front: n"));
    assert_int_equal(groups[0].admin[refused->node], LB_ADMIN_UP);
}

static void last_node_of_one_load_balancer_is_told_which_others_were_set(void **unused)
{
    unsigned begun = 0;
    size_t set;
    (void)unused;
    groups[1].admin[1] = groups[1].admin[2] = LB_ADMIN_DOWN;
    assert_fails(drain(0, &begun, &set, &err), ERROR_CONFLICT,
                 "load balancer inner: n1: no other member of its group takes traffic");
    assert_int_equal(set, 1);
    assert_int_equal(begun, 1);
    assert_int_equal(groups[1].sets, 0);
}

/* While a change is under way its own load balancer may show it half. */
static void drain_that_has_begun_is_not_judged_again(void **unused)
{
    unsigned begun = 0;
    size_t set;
    (void)unused;
    groups[0].is_slow = true;
    assert_fails(drain(0, &begun, &set, &err), ERROR_BUSY, "load balancer front: under way");
    groups[0] = (struct group){.admin = {LB_ADMIN_UP, LB_ADMIN_DOWN, LB_ADMIN_DOWN}};
    assert_good(drain(0, &begun, &set, &err));
    assert_int_equal(groups[0].admin[0], LB_ADMIN_DRAIN);
}

static void health_that_is_being_found_out_is_awaited(void **unused)
{
    unsigned begun = 0;
    size_t set;
    (void)unused;
    groups[0].admin[1] = groups[0].admin[2] = LB_ADMIN_DOWN;
    groups[0].health = LB_HEALTH_CHANGING;
    assert_fails(drain(0, &begun, &set, &err), ERROR_BUSY, "n1: the health of its group");
    assert_int_equal(begun, 0);
}

static void node_that_is_down_is_not_missed(void **unused)
{
    unsigned begun = 0;
    size_t set;
    (void)unused;
    groups[0].admin[1] = groups[0].admin[2] = LB_ADMIN_DOWN;
    groups[0].health = LB_HEALTH_DOWN;
    assert_good(drain(0, &begun, &set, &err));
}

static void what_cannot_be_read_is_left_to_the_drain(void **unused)
{
    unsigned begun = 0;
    size_t set;
    (void)unused;
    groups[0].cannot_read = true;
    assert_good(drain(0, &begun, &set, &err));
    assert_int_equal(groups[0].admin[0], LB_ADMIN_DRAIN);
}

static void nothing_is_changed_without_the_lease(void **unused)
{
    unsigned begun = 0;
    size_t set;
    (void)unused;
    atomic_store(&cluster.lease_until_ms, 0);
    assert_fails(drain(0, &begun, &set, &err), ERROR_UNAVAILABLE, "lease");
    assert_int_equal(groups[0].sets + begun, 0);
}

static void sessions_of_blind_ones_are_nobodys_but_it_is_told(void **unused)
{
    struct lb_member_state sum;
    (void)unused;
    groups[0].sessions = 7;
    groups[1].is_blind = true;
    assert_good(lb_read_everywhere(&cluster, 0, &sum, &err));
    assert_int_equal(sum.sessions, 7);
    assert_true(sum.is_blind);
    groups[0].is_blind = true;
    assert_good(lb_read_everywhere(&cluster, 0, &sum, &err));
    assert_int_equal(sum.sessions, 0);
    assert_true(sum.is_blind);
}

static void sessions_that_should_be_known_and_are_not_make_the_sum_unknown(void **unused)
{
    struct lb_member_state sum;
    (void)unused;
    groups[0].sessions = -1;
    groups[1].sessions = 3;
    assert_good(lb_read_everywhere(&cluster, 0, &sum, &err));
    assert_int_equal(sum.sessions, -1);
    assert_false(sum.is_blind);
}

static void cut_that_fails_names_the_load_balancer(void **unused)
{
    (void)unused;
    assert_fails(lb_cut_node(&cluster, &job, 0, &err), ERROR_DENIED,
                 "load balancer front: may only look");
}

#define CASE(test) cmocka_unit_test_setup(test, begin)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(of_two_that_drain_the_last_two_nodes_one_is_refused),
        CASE(last_node_of_one_load_balancer_is_told_which_others_were_set),
        CASE(drain_that_has_begun_is_not_judged_again),
        CASE(health_that_is_being_found_out_is_awaited),
        CASE(node_that_is_down_is_not_missed),
        CASE(what_cannot_be_read_is_left_to_the_drain),
        CASE(nothing_is_changed_without_the_lease),
        CASE(sessions_of_blind_ones_are_nobodys_but_it_is_told),
        CASE(sessions_that_should_be_known_and_are_not_make_the_sum_unknown),
        CASE(cut_that_fails_names_the_load_balancer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
