/* SPDX-License-Identifier: Apache-2.0 */
#include "contract.h"

#include "check.h"
#include "http.h"

#include "cmocka_setup.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>

#define PATIENCE_MS 10000 /* health checks run every 50 ms */
#define RETRY_MS    5

struct lb contract_lb;
static struct lb single[LB_ADDRESSES]; /* contract_one_process() */
static struct lb elsewhere;

bool contract_has_ssh(void)
{
    return contract_fixture.ssh_members[0] != NULL;
}

struct node_members contract_members(size_t node)
{
    return (struct node_members){
        {contract_fixture.http_members[node], contract_fixture.ssh_members[node]},
        contract_has_ssh() ? 2 : 1};
}

struct lb_member_state contract_read(const struct lb *lb, const char *member)
{
    struct lb_member_state state;
    struct error err;

    if (!lb->driver->read_members(lb, &member, 1, deadline_after_ms(CALL_MS), &state, &err))
        fail_msg("read %s: %s", member, err.message);
    return state;
}

void contract_set(const struct lb *lb, const char *const *members, size_t count,
                  enum lb_admin admin)
{
    struct deadline patience = deadline_after_ms(PATIENCE_MS);
    struct error err;

    while (!lb->driver->set_members(lb, members, count, admin, deadline_after_ms(CALL_MS), &err)) {
        if (err.code != ERROR_BUSY || deadline_is_over(patience))
            fail_msg("set %s %s: %s", members[0], lb_admin_name(admin), err.message);
        poll(NULL, 0, RETRY_MS);
    }
}

void contract_set_one(const struct lb *lb, const char *member, enum lb_admin admin)
{
    contract_set(lb, &member, 1, admin);
}

struct lb contract_one_process(size_t process)
{
    if (single[process].driver == NULL) {
        single[process] = contract_lb;
        memmove(single[process].options.addresses[0], contract_lb.options.addresses[process],
                LIMIT_PATH);
        single[process].options.address_count = 1;
        lb_open(&single[process]);
    }
    return single[process];
}

struct lb contract_elsewhere(const char *address)
{
    if (elsewhere.driver != NULL)
        lb_close(&elsewhere);
    elsewhere = contract_lb;
    snprintf(elsewhere.options.addresses[0], LIMIT_PATH, "%s", address);
    elsewhere.options.address_count = 1;
    lb_open(&elsewhere);
    return elsewhere;
}

static void close_all(void)
{
    lb_close(&contract_lb);
    for (size_t i = 0; i < LB_ADDRESSES; i++)
        if (single[i].driver != NULL)
            lb_close(&single[i]);
    if (elsewhere.driver != NULL)
        lb_close(&elsewhere);
}

bool contract_eventually(bool (*holds)(const void *context), const void *context)
{
    struct deadline deadline = deadline_after_ms(PATIENCE_MS);

    while (!holds(context)) {
        if (deadline_is_over(deadline))
            return false;
        poll(NULL, 0, RETRY_MS);
    }
    return true;
}

struct expectation {
    const char *member;
    int64_t value;
};

static bool sessions_hold(const void *context)
{
    const struct expectation *expected = context;
    return contract_read(&contract_lb, expected->member).sessions == expected->value;
}

static bool health_holds(const void *context)
{
    const struct expectation *expected = context;
    return (int64_t)contract_read(&contract_lb, expected->member).health == expected->value;
}

static bool peers_hold(const void *context)
{
    const struct expectation *expected = context;
    return contract_read(&contract_lb, expected->member).peers_up == expected->value;
}

bool contract_has_sessions(const char *member, int64_t sessions)
{
    struct expectation expected = {member, sessions};
    return contract_eventually(sessions_hold, &expected);
}

bool contract_has_health(const char *member, enum lb_health health)
{
    struct expectation expected = {member, (int64_t)health};
    return contract_eventually(health_holds, &expected);
}

bool contract_has_peers(const char *member, uint32_t peers)
{
    struct expectation expected = {member, peers};
    return contract_eventually(peers_hold, &expected);
}

int contract_reset(void **state)
{
    (void)state;
    nodes_release();
    for (size_t node = 0; node < NODE_COUNT; node++)
        node_set_sick(node, false);
    for (size_t node = 0; node < NODE_COUNT; node++) {
        struct node_members members = contract_members(node);
        contract_set(&contract_lb, members.names, members.count, LB_ADMIN_UP);
        for (size_t i = 0; i < members.count; i++) {
            assert_true(contract_has_health(members.names[i], LB_HEALTH_UP));
            if (!lb_is_blind(&contract_lb))
                assert_true(contract_has_sessions(members.names[i], 0));
        }
    }
    return 0;
}

int main(void)
{
    struct error err;
    nodes_start();
    CHECK(http_init(&err));
    contract_fixture.start(&contract_lb);
    lb_open(&contract_lb);
    int failures = contract_run_states() + contract_run_traffic() + contract_run_faults();
    if (contract_fixture.run_own != NULL)
        failures += contract_fixture.run_own();
    close_all();
    contract_fixture.stop();
    nodes_stop();
    return failures == 0 ? 0 : 1;
}
