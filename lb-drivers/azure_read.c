/* SPDX-License-Identifier: Apache-2.0 */
#include "azure_read.h"

#include "azure_health.h"
#include "azure_refusal.h"

#define FRESH_MS   2000  /* a report younger than that is not asked for again */
#define USABLE_MS  60000 /* one older than that says nothing while the next is on its way */
#define IDLE_MS    60000 /* where all members are out, and only their peers are looked at */
#define LOOK_MS    1000  /* at a question that has no Retry-After */
#define RESERVE_MS 1000  /* of the deadline, not to be waited away */
#define LOOKS_MOST 64    /* at one question in one call */

#define STATUS_OK       200
#define STATUS_ACCEPTED 202

static bool take_report(struct azure_place *place, const struct http_answer *answer,
                        struct error *err)
{
    json_t *report;
    if (!azure_health_parse(buffer_text(&answer->body), answer->body.length, &report, err))
        return false;
    azure_forget_report(place);
    place->report = report;
    place->report_ms = clock_monotonic_ms();
    return true;
}

/* The answer to the question, or to a look at it. */
static bool take_answer(struct azure_place *place, const struct http_answer *answer,
                        struct error *err)
{
    if (answer->status == STATUS_OK)
        return take_report(place, answer, err);
    if (answer->status == STATUS_ACCEPTED && place->question.url != NULL) {
        place->question.look_at_ms = azure_look_at_ms(answer, LOOK_MS);
        return true;
    }
    error_set(err, ERROR_PROTOCOL, "status %d to a question for health", answer->status);
    return false;
}

static bool ask_health(const struct azure_view *view, struct deadline deadline, struct error *err)
{
    struct azure_place *place = azure_place(view->lb, view->address);
    const struct azure_request request = {.method = "POST",
                                          .id = azure_view_id(view),
                                          .action = "/backendhealth",
                                          .api_version = AZURE_NETWORK_VERSION};
    struct http_answer answer;

    if (!azure_ask_good(view->lb, &request, deadline, &answer, err))
        return false;
    if (answer.status == STATUS_ACCEPTED) {
        (void)azure_operation_begin(&place->question, &answer);
        place->question.is_status = false;
    }
    bool is_good = take_answer(place, &answer, err);
    http_answer_done(&answer);
    return is_good;
}

static bool look_at_health(const struct azure_view *view, struct deadline deadline,
                           struct error *err)
{
    struct azure_place *place = azure_place(view->lb, view->address);
    const struct azure_request request = {.method = "GET", .url = place->question.url};
    struct http_answer answer;

    if (clock_monotonic_ms() < place->question.look_at_ms)
        return true;
    if (!azure_ask_good(view->lb, &request, deadline, &answer, err)) {
        azure_operation_end(&place->question);
        return false;
    }
    bool is_good = take_answer(place, &answer, err);
    http_answer_done(&answer);
    if (!is_good)
        azure_operation_end(&place->question);
    return is_good;
}

static bool has_report(const struct azure_place *place, int64_t most_ms)
{
    return place->report != NULL && clock_monotonic_ms() - place->report_ms < most_ms;
}

/* One step: asks, or looks at what was asked. A gateway at work says nothing of health. */
static bool step(const struct azure_view *view, struct deadline deadline, struct error *err)
{
    struct error reason;
    bool is_good = azure_place(view->lb, view->address)->question.url == NULL
                       ? ask_health(view, deadline, &reason)
                       : look_at_health(view, deadline, &reason);
    if (is_good || reason.code == ERROR_BUSY)
        return true;
    *err = reason;
    error_wrap(err, "backendhealth");
    return false;
}

/* Waits where that is short: a call that has no report of its own has to say "changing". */
static bool wait_for_report(const struct azure_view *view, struct deadline deadline,
                            struct error *err)
{
    const struct azure_place *place = azure_place(view->lb, view->address);
    for (int looks = 0; looks < LOOKS_MOST; looks++) {
        if (!step(view, deadline, err))
            return false;
        if (has_report(place, USABLE_MS) || place->question.url == NULL)
            return true;
        int64_t wait_ms = place->question.look_at_ms - clock_monotonic_ms();
        if (wait_ms + RESERVE_MS > deadline_poll_ms(deadline))
            return true;
        clock_sleep_ms(wait_ms > 0 ? wait_ms : 0);
    }
    return true;
}

/* The report there is afterwards, if any, may be used. */
static bool bring_report(const struct azure_view *view, bool is_any_in, struct deadline deadline,
                         struct error *err)
{
    const struct azure_place *place = azure_place(view->lb, view->address);
    if (!azure_gateway_is_running(view->gateway) ||
        has_report(place, is_any_in ? FRESH_MS : IDLE_MS))
        return true;
    return wait_for_report(view, deadline, err);
}

static void read_health(const struct azure_view *view, size_t index, struct lb_member_state *state)
{
    const struct azure_place *place = azure_place(view->lb, view->address);
    const struct azure_member *member = &view->job->members[index];
    const json_t *pool = view->pools[index];
    bool is_bound = view->configurations[index] != NULL;
    char id[AZURE_ID] = "";

    if (is_bound)
        azure_member_configuration_id(member, azure_view_id(view), id);
    const struct azure_server server = {
        .address =
            is_bound ? azure_configuration_address(view->configurations[index]) : member->address,
        .id = id,
    };
    if (!azure_gateway_is_running(view->gateway)) {
        state->health = LB_HEALTH_DOWN;
    } else if (!has_report(place, USABLE_MS)) {
        state->health = LB_HEALTH_CHANGING;
    } else {
        state->peers_up = azure_health_peers(place->report, pool, &server);
        state->health = azure_health_of(place->report, azure_pool_id(pool), &server);
    }
    if (state->admin != LB_ADMIN_UP)
        state->health = LB_HEALTH_UNKNOWN;
}

/* Where it is out by the document alone, and that is not known to be in force, it counts as in. */
static void read_admin(const struct azure_view *view, size_t index, struct lb_member_state *state)
{
    int64_t out_since_ms;

    azure_view_note(view, index);
    out_since_ms = azure_view_out_since_ms(view, index);
    *state = (struct lb_member_state){
        .admin = out_since_ms >= 0 ? LB_ADMIN_DOWN : LB_ADMIN_UP,
        .is_checked = true,
        .sessions = -1,
        .weight = -1,
    };
    if (out_since_ms < 0)
        return;
    int64_t left_ms = azure_gateway_drain_ms(view->gateway, azure_pool_id(view->pools[index])) -
                      (clock_monotonic_ms() - out_since_ms);
    state->settle_ms = left_ms > 0 ? left_ms : 0;
}

bool azure_read(const struct lb *lb, size_t address, const struct azure_job *job,
                struct deadline deadline, struct lb_member_state *ret_states, struct error *err)
{
    struct azure_view view AZURE_VIEW_CLEANUP = {.lb = lb};
    bool is_any_in = false;

    if (!azure_view_read(&view, lb, address, job, deadline, err))
        return false;
    for (size_t i = 0; i < job->count; i++)
        is_any_in = is_any_in || azure_view_is_in(&view, i);
    if (!bring_report(&view, is_any_in, deadline, err))
        return false;
    for (size_t i = 0; i < job->count; i++) {
        read_admin(&view, i, &ret_states[i]);
        read_health(&view, i, &ret_states[i]);
    }
    return true;
}
