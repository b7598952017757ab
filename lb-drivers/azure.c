/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Azure Application Gateway, over the REST interface of Azure Resource Manager (ARM).
 *
 * It knows no drain: a member is in a pool, or taken out, and the gateway lets old requests go on
 * for a time. A change is the whole gateway written back, takes minutes, and is one of many that
 * others make; so each is computed from what is there at that moment, sent under its etag, followed
 * to its end and read back. An address of the LB is the id of a gateway.
 */
#include "lb_registry.h"

#include "azure_change.h"
#include "azure_read.h"
#include "check.h"
#include "lb_addresses.h"

#define COMPARE_MS 60000
#define CHANGE_MS  3600000 /* Azure's own updates have been seen to take 45 minutes */

static bool check_member(const char *text, struct error *err)
{
    struct azure_member member;
    return azure_member_parse(text, &member, err);
}

static bool job_init(struct azure_job *job, const char *const *members, size_t count,
                     enum lb_admin admin, struct error *err)
{
    CHECK(count > 0 && count <= LB_MEMBERS);
    *job = (struct azure_job){.count = count, .admin = admin};
    for (size_t i = 0; i < count; i++)
        if (!azure_member_parse(members[i], &job->members[i], err))
            return false;
    return true;
}

struct reading {
    struct azure_job job;
    struct lb_member_state states[LB_MEMBERS]; /* as read so far, over gateways */
    bool is_first;                             /* no gateway has been read yet */
};

static bool read_in_gateway(const struct lb *lb, size_t gateway, void *context,
                            struct deadline deadline, struct error *err)
{
    struct reading *reading = context;
    struct lb_member_state states[LB_MEMBERS];

    if (!azure_read(lb, gateway, &reading->job, deadline, states, err))
        return false;
    for (size_t i = 0; i < reading->job.count; i++)
        lb_state_collect(&reading->states[i], &states[i], reading->is_first);
    reading->is_first = false;
    return true;
}

static bool read_members(const struct lb *lb, const char *const *members, size_t count,
                         struct deadline deadline, struct lb_member_state *ret_states,
                         struct error *err)
{
    struct reading reading = {.is_first = true};

    if (!job_init(&reading.job, members, count, LB_ADMIN_UP, err) ||
        !lb_at_each_address(lb, &reading, deadline, read_in_gateway, false, err))
        return false;
    lb_states_give(reading.states, members, count, ret_states);
    return true;
}

static bool find_in_gateway(const struct lb *lb, size_t gateway, void *context,
                            struct deadline deadline, struct error *err)
{
    const struct azure_job *job = context;
    struct azure_view view AZURE_VIEW_CLEANUP = {.lb = lb};
    return azure_change_is_under_way(lb, gateway) ||
           azure_view_read(&view, lb, gateway, job, deadline, err);
}

static bool set_in_gateway(const struct lb *lb, size_t gateway, void *context,
                           struct deadline deadline, struct error *err)
{
    const struct azure_job *job = context;
    return azure_change(lb, gateway, job, deadline, err);
}

/* Of one gateway all is known before it is changed; of several, each is looked at before the first
 * is. */
static bool set_members(const struct lb *lb, const char *const *members, size_t count,
                        enum lb_admin admin, struct deadline deadline, struct error *err)
{
    struct azure_job job;

    if (!job_init(&job, members, count, admin, err))
        return false;
    if (admin != LB_ADMIN_UP && lb->options.address_count > 1 &&
        !lb_at_each_address(lb, &job, deadline, find_in_gateway, false, err))
        return false;
    return lb_at_each_address(lb, &job, deadline, set_in_gateway, true, err);
}

const struct lb_driver lb_azure_driver = {
    .name = "azure",
    .settings = azure_settings,
    .setting_count = AZURE_SETTING_COUNT,
    .takes_credentials = true,
    .needs_memory = true,
    .is_blind = true,
    .change_ms = CHANGE_MS,
    .compare_ms = COMPARE_MS,
    .look_ms = 3000,
    .check_options = azure_check_options,
    .check_member = check_member,
    .open = azure_session_open,
    .close = azure_session_close,
    .read_members = read_members,
    .set_members = set_members,
};
