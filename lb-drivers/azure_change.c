/* SPDX-License-Identifier: Apache-2.0 */
#include "azure_change.h"

#include "azure_refusal.h"
#include "check.h"
#include "text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define RETRY_MS          5000 /* after a refusal that does not say when to come again */
#define UPDATING_MS       2000 /* somebody else's change has no Retry-After */
#define INTERFACE_MS      250  /* nor has that of an interface, and it takes seconds */
#define OPERATION_MOST_MS (2LL * 3600 * 1000) /* twice what a change may take: then it is lost */

#define STATUS_ACCEPTED            202
#define STATUS_PRECONDITION_FAILED 412 /* somebody else was faster: it can be tried at once */

static bool is_in_wanted(const struct azure_job *job)
{
    return job->admin == LB_ADMIN_UP;
}

static void name_owner(const struct azure_job *job, char owner[LB_MEMBER + 8])
{
    (void)snprintf(owner, LB_MEMBER + 8, "%s %s", is_in_wanted(job) ? "up" : "down",
                   job->members[0].text);
}

bool azure_change_is_under_way(const struct lb *lb, size_t address)
{
    return azure_place(lb, address)->change.url != NULL;
}

static bool tell_busy(const struct azure_operation *operation, struct error *err)
{
    error_set(err, ERROR_BUSY, "being updated since %" PRId64 " s",
              (clock_monotonic_ms() - operation->begun_ms) / 1000);
    return false;
}

/* By the status of the body, or where there is only a Location by that of the answer. */
static bool judge(const struct azure_operation *operation, const struct http_answer *answer,
                  bool *ret_goes_on, struct error *err)
{
    JSON_CLEANUP json_t *document = NULL;
    const char *body = buffer_text(&answer->body);

    *ret_goes_on = false;
    if (!operation->is_status) {
        *ret_goes_on = answer->status == STATUS_ACCEPTED;
        return true;
    }
    if (!azure_operation_parse(body, answer->body.length, &document, err))
        return false;
    *ret_goes_on = azure_goes_on(document);
    return *ret_goes_on || azure_check_end(document, err);
}

/* Asks how the operation is; ended ones are forgotten, whatever their end. */
static bool look(const struct lb *lb, struct azure_operation *operation, struct deadline deadline,
                 struct error *err)
{
    const struct azure_request request = {.method = "GET", .url = operation->url};
    struct http_answer answer;
    bool goes_on;

    if (!azure_ask_good(lb, &request, deadline, &answer, err)) {
        if (!error_code_is_transient(err->code) || err->code == ERROR_BUSY)
            azure_operation_end(operation); /* by Location, this is how a failure looks */
        return false;
    }
    int64_t look_at_ms = azure_look_at_ms(&answer, RETRY_MS);
    bool is_good = judge(operation, &answer, &goes_on, err);
    http_answer_done(&answer);
    operation->look_at_ms = look_at_ms;
    if (is_good && goes_on)
        return tell_busy(operation, err);
    if (is_good || err->code != ERROR_PROTOCOL)
        azure_operation_end(operation);
    return is_good;
}

/* Follows the change that is under way, if one is, to its end. How that of another order ended is
 * for that order to find out, and of one that Azure knows no more the resource tells. */
static bool follow(const struct lb *lb, size_t address, const char *owner, struct deadline deadline,
                   struct error *err)
{
    struct azure_place *place = azure_place(lb, address);
    struct azure_operation *change = &place->change;
    int64_t now_ms = clock_monotonic_ms();
    struct error end;

    if (change->url == NULL)
        return true;
    if (now_ms - change->begun_ms > OPERATION_MOST_MS)
        azure_operation_end(change);
    else if (now_ms < change->look_at_ms)
        return tell_busy(change, err);
    else if (!look(lb, change, deadline, &end)) {
        bool is_told = change->url != NULL || end.code == ERROR_BUSY ||
                       (end.code != ERROR_NOT_FOUND && text_equal(place->change_owner, owner));
        if (is_told)
            *err = end;
        return !is_told;
    }
    azure_forget_report(place);
    return true;
}

/* Nothing is tried before the time that Azure gave, or that we gave ourselves. */
static bool check_time(const struct azure_place *place, struct error *err)
{
    int64_t left_ms = place->change_at_ms - clock_monotonic_ms();
    if (left_ms <= 0)
        return true;
    error_set(err, ERROR_BUSY, "waits for another update; looked at again in %" PRId64 " s",
              (left_ms + 999) / 1000);
    return false;
}

static bool check_idle(struct azure_place *place, const json_t *resource, int64_t wait_ms,
                       struct error *err)
{
    if (azure_provisioning(resource) != AZURE_UPDATING)
        return true;
    place->change_at_ms = clock_monotonic_ms() + wait_ms;
    error_set(err, ERROR_BUSY, "being updated, by somebody else or since before a restart");
    return false;
}

static bool check_running(const struct azure_view *view, struct error *err)
{
    if (azure_gateway_is_running(view->gateway))
        return true;
    error_set(err, ERROR_CONFLICT, "the gateway is %s, and a change would start it",
              azure_gateway_operational_state(view->gateway));
    error_hint(err, "start it first, or take it out of the configuration");
    return false;
}

/* Always false: with ERROR_BUSY once it is accepted, because only what is read back later counts.
 */
static bool write_resource(const struct azure_view *view, const char *id, const char *api_version,
                           const char *etag, const json_t *document, struct deadline deadline,
                           struct error *err)
{
    struct azure_place *place = azure_place(view->lb, view->address);
    char *body = json_write(document);
    const struct azure_request request = {
        .method = "PUT", .id = id, .api_version = api_version, .etag = etag, .body = body};
    struct http_answer answer;
    bool is_answered = azure_ask(view->lb, &request, deadline, &answer, err);

    free(body);
    if (!is_answered)
        return false;
    if (answer.status >= 200 && answer.status <= 299) {
        name_owner(view->job, place->change_owner);
        azure_forget_report(place);
        (void)azure_operation_begin(&place->change, &answer);
        error_set(err, ERROR_BUSY, "the update is accepted");
    } else {
        azure_refusal(answer.status, buffer_text(&answer.body), answer.body.length, err);
        if (err->code == ERROR_BUSY)
            place->change_at_ms = azure_look_at_ms(
                &answer, answer.status == STATUS_PRECONDITION_FAILED ? 0 : RETRY_MS);
    }
    http_answer_done(&answer);
    return false;
}

/* Members of the job that are bound to the pool from their own side, and are to go. */
static size_t leaving_configurations(const struct azure_view *view, const json_t *pool)
{
    size_t count = 0;
    for (size_t i = 0; i < view->job->count; i++)
        count += view->pools[i] == pool && view->configurations[i] != NULL &&
                 azure_view_is_listed(view, i);
    return count;
}

/* A pool without members answers everything with 502. */
static bool take_out(const struct azure_view *view, size_t index, bool *changed, struct error *err)
{
    const struct azure_member *member = &view->job->members[index];
    json_t *pool = view->pools[index];
    size_t leaving = leaving_configurations(view, pool);

    if (member->kind == AZURE_ADDRESS && azure_pool_set_address(pool, member->address, false))
        *changed = true;
    else if (leaving == 0)
        return true;
    if (azure_pool_count(pool) > leaving)
        return true;
    error_set(err, ERROR_CONFLICT, "%s: it is the last member of its pool", member->text);
    error_hint(err, "give the pool another member first");
    return false;
}

/* All addresses by one write. */
static bool change_addresses(const struct azure_view *view, struct deadline deadline,
                             struct error *err)
{
    const struct azure_job *job = view->job;
    bool is_changed = false, is_known = true;

    for (size_t i = 0; i < job->count; i++) {
        const struct azure_member *member = &job->members[i];
        if (!is_in_wanted(job)) {
            if (!take_out(view, i, &is_changed, err))
                return false;
        } else if (member->kind == AZURE_ADDRESS) {
            is_changed |= azure_pool_set_address(view->pools[i], member->address, true);
        }
        is_known = is_known && azure_view_out_since_ms(view, i) >= 0;
    }
    /* What a failed update was to take out may still get traffic: it is made once more. */
    if (!is_in_wanted(job) && !is_known && azure_provisioning(view->gateway) == AZURE_FAILED)
        is_changed = true;
    if (!is_changed)
        return true;
    return check_running(view, err) &&
           write_resource(view, azure_view_id(view), AZURE_NETWORK_VERSION,
                          azure_etag(view->gateway), view->gateway, deadline, err);
}

/* All configurations of the member's resource by one write. */
static bool change_resource(const struct azure_view *view, size_t index, struct deadline deadline,
                            struct error *err)
{
    const struct azure_job *job = view->job;
    const struct azure_member *member = &job->members[index];
    json_t *resource = view->resources[index];
    bool is_changed = false;
    char id[AZURE_ID];

    for (size_t i = index; i < job->count; i++)
        if (view->resources[i] == resource)
            is_changed |= azure_configuration_set(view->configurations[i],
                                                  azure_pool_id(view->pools[i]), is_in_wanted(job));
    if (!check_idle(azure_place(view->lb, view->address), resource, INTERFACE_MS, err))
        return false;
    if (!is_changed)
        return true;
    if (!check_running(view, err))
        return false;
    JSON_CLEANUP json_t *body = azure_interface_body(resource, member);
    azure_member_resource_id(member, azure_view_id(view), id);
    return write_resource(
        view, id, member->kind == AZURE_INTERFACE ? AZURE_NETWORK_VERSION : AZURE_COMPUTE_VERSION,
        azure_etag(resource), body, deadline, err);
}

static bool change_resources(const struct azure_view *view, struct deadline deadline,
                             struct error *err)
{
    for (size_t i = 0; i < view->job->count; i++) {
        if (view->resources[i] == NULL || change_resource(view, i, deadline, err))
            continue;
        error_wrap(err, "%s", view->job->members[i].text);
        return false;
    }
    return true;
}

/* An interface is changed at once, and the gateway follows some time after. */
static bool check_followed(const struct azure_view *view, struct error *err)
{
    for (size_t i = 0; i < view->job->count; i++) {
        azure_view_note(view, i);
        if (azure_view_is_in(view, i) == is_in_wanted(view->job) &&
            azure_view_is_listed(view, i) == is_in_wanted(view->job))
            continue;
        azure_place(view->lb, view->address)->change_at_ms = clock_monotonic_ms() + UPDATING_MS;
        error_set(err, ERROR_BUSY, "%s: the gateway has not taken the change over yet",
                  view->job->members[i].text);
        return false;
    }
    return true;
}

bool azure_change(const struct lb *lb, size_t address, const struct azure_job *job,
                  struct deadline deadline, struct error *err)
{
    struct azure_place *place = azure_place(lb, address);
    struct azure_view view AZURE_VIEW_CLEANUP = {.lb = lb};
    char owner[LB_MEMBER + 8];

    name_owner(job, owner);
    return follow(lb, address, owner, deadline, err) && check_time(place, err) &&
           azure_view_read(&view, lb, address, job, deadline, err) &&
           check_idle(place, view.gateway, UPDATING_MS, err) &&
           change_addresses(&view, deadline, err) && change_resources(&view, deadline, err) &&
           check_followed(&view, err);
}
