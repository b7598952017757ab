/* SPDX-License-Identifier: Apache-2.0 */
#include "lb_addresses.h"

#include "text.h"

#include <stdio.h>
#include <string.h>

bool lb_at_each_address(const struct lb *lb, void *job, struct deadline deadline,
                        lb_address_fn work, bool goes_on, struct error *err)
{
    size_t count = lb->options.address_count;
    bool is_good = true;

    for (size_t i = 0; i < count && (is_good || goes_on); i++) {
        struct deadline share = deadline_share(deadline, count - i);
        struct error later = {0};
        struct error *reason = is_good ? err : &later;
        if (work(lb, i, job, share, reason))
            continue;
        error_wrap(reason, "%s %s", lb->driver->name, lb->options.addresses[i]);
        is_good = false;
    }
    return is_good;
}

/* Unknown is not "none"; but what never knows them adds nothing to what others know. */
static int64_t add_sessions(const struct lb_member_state *sum, const struct lb_member_state *state)
{
    if (sum->is_blind || state->is_blind)
        return sum->is_blind ? state->sessions : sum->sessions;
    return sum->sessions < 0 || state->sessions < 0 ? -1 : sum->sessions + state->sessions;
}

/*
 * From good to bad. Only LB_HEALTH_UP is ever taken for good. Down is the more telling verdict, and
 * the one that is acted on: a member that is down gets no traffic, and may be taken out though it
 * be the last of its group. It must not hide that somebody is in the dark: behind him the member
 * may be serving.
 */
static enum lb_health worse(enum lb_health a, enum lb_health b)
{
    static const int rank[] = {[LB_HEALTH_UP] = 0,
                               [LB_HEALTH_CHANGING] = 1,
                               [LB_HEALTH_DOWN] = 2,
                               [LB_HEALTH_UNKNOWN] = 3};
    return rank[a] >= rank[b] ? a : b;
}

static void merge(struct lb_member_state *sum, const struct lb_member_state *state)
{
    if (state->admin < sum->admin)
        sum->admin = state->admin;
    sum->health = worse(sum->health, state->health);
    if (state->weight < sum->weight)
        sum->weight = state->weight;
    if (state->peers_up < sum->peers_up)
        sum->peers_up = state->peers_up;
    if (state->settle_ms > sum->settle_ms)
        sum->settle_ms = state->settle_ms;
    sum->is_checked = sum->is_checked && state->is_checked;
    sum->sessions = add_sessions(sum, state);
    sum->is_blind = sum->is_blind && state->is_blind;
}

/* Asked of each by itself: one process may serve through a member that another finds down. */
static bool is_last(const struct lb_member_state *state)
{
    return state->admin == LB_ADMIN_UP && state->health != LB_HEALTH_DOWN && state->peers_up == 0;
}

void lb_state_collect(struct lb_member_state *sum, const struct lb_member_state *state,
                      bool is_first)
{
    bool was_last = !is_first && sum->is_last;
    if (is_first)
        *sum = *state;
    else
        merge(sum, state);
    sum->is_last = was_last || is_last(state);
}

void lb_states_give(const struct lb_member_state *states, const char *const *members, size_t count,
                    struct lb_member_state *ret_states)
{
    for (size_t i = 0; i < count; i++) {
        ret_states[i] = states[i];
        (void)text_copy(ret_states[i].member, LB_MEMBER, members[i]);
    }
}

void lb_split_member(const char *text, char group[LB_MEMBER], char member[LB_MEMBER])
{
    const char *slash = strchr(text, '/');

    group[0] = member[0] = '\0';
    if (slash == NULL || strlen(text) >= LB_MEMBER)
        return;
    (void)snprintf(group, LB_MEMBER, "%.*s", (int)(slash - text), text);
    (void)text_copy(member, LB_MEMBER, slash + 1);
}

bool lb_check_addresses(const struct lb_options *options, size_t most, struct error *err)
{
    if (options->address_count == 0 || options->address_count > most) {
        error_set(err, ERROR_INVALID, "1 to %zu addresses are needed, and %zu are given", most,
                  options->address_count);
        return false;
    }
    for (size_t i = 0; i < options->address_count; i++) {
        for (size_t j = 0; j < i; j++) {
            if (!text_equal(options->addresses[i], options->addresses[j]))
                continue;
            error_set(err, ERROR_INVALID, "address '%.200s' is given twice", options->addresses[i]);
            return false;
        }
    }
    return true;
}

bool lb_is_obeyed(enum lb_admin asked, enum lb_admin found)
{
    return asked == LB_ADMIN_UP ? found == LB_ADMIN_UP : found >= asked;
}
