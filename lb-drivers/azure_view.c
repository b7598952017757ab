/* SPDX-License-Identifier: Apache-2.0 */
#include "azure_view.h"

#include "check.h"
#include "memory.h"
#include "text.h"

#include <string.h>

/* Members of all nodes that one LB entry can have. */
#define MOST_REMOVALS (LIMIT_NODES * LB_MEMBERS)

const char *azure_view_id(const struct azure_view *view)
{
    return view->lb->options.addresses[view->address];
}

static bool read_gateway(struct azure_view *view, struct deadline deadline, struct error *err)
{
    const struct azure_request request = {
        .method = "GET", .id = azure_view_id(view), .api_version = AZURE_NETWORK_VERSION};
    struct http_answer answer;

    if (!azure_ask_good(view->lb, &request, deadline, &answer, err))
        return false;
    bool is_good =
        azure_gateway_parse(buffer_text(&answer.body), answer.body.length, &view->gateway, err);
    http_answer_done(&answer);
    return is_good;
}

static bool read_resource(const struct azure_view *view, const struct azure_member *member,
                          struct deadline deadline, json_t **ret_resource, struct error *err)
{
    char id[AZURE_ID];
    struct http_answer answer;

    azure_member_resource_id(member, azure_view_id(view), id);
    const struct azure_request request = {.method = "GET",
                                          .id = id,
                                          .api_version = member->kind == AZURE_INTERFACE
                                                             ? AZURE_NETWORK_VERSION
                                                             : AZURE_COMPUTE_VERSION};
    if (!azure_ask_good(view->lb, &request, deadline, &answer, err))
        return false;
    bool is_good =
        json_read_object(buffer_text(&answer.body), answer.body.length, ret_resource, err);
    http_answer_done(&answer);
    return is_good;
}

/* An earlier member with the same resource. */
static json_t *find_resource(const struct azure_view *view, size_t index)
{
    char id[AZURE_ID], other[AZURE_ID];
    azure_member_resource_id(&view->job->members[index], azure_view_id(view), id);
    for (size_t i = 0; i < index; i++) {
        if (view->resources[i] == NULL)
            continue;
        azure_member_resource_id(&view->job->members[i], azure_view_id(view), other);
        if (text_equal(id, other))
            return view->resources[i];
    }
    return NULL;
}

static bool read_member(struct azure_view *view, size_t index, struct deadline deadline,
                        struct error *err)
{
    const struct azure_member *member = &view->job->members[index];

    view->pools[index] = azure_gateway_pool(view->gateway, member->pool);
    if (view->pools[index] == NULL) {
        error_set(err, ERROR_NOT_FOUND, "the gateway has no pool '%s'", member->pool);
        return false;
    }
    if (member->kind == AZURE_ADDRESS)
        return true;
    json_t *known = find_resource(view, index);
    if (known != NULL)
        view->resources[index] = json_incref(known);
    else if (!read_resource(view, member, deadline, &view->resources[index], err))
        return false;
    return azure_interface_find(view->resources[index], member, &view->configurations[index], err);
}

bool azure_view_read(struct azure_view *view, const struct lb *lb, size_t address,
                     const struct azure_job *job, struct deadline deadline, struct error *err)
{
    *view = (struct azure_view){.lb = lb, .address = address, .job = job};
    if (!read_gateway(view, deadline, err))
        return false;
    for (size_t i = 0; i < job->count; i++) {
        if (read_member(view, i, deadline, err))
            continue;
        error_wrap(err, "%s", job->members[i].text);
        return false;
    }
    return true;
}

void azure_view_done(struct azure_view *view)
{
    json_decref(view->gateway);
    for (size_t i = 0; i < LB_MEMBERS; i++)
        json_decref(view->resources[i]);
}

bool azure_view_is_listed(const struct azure_view *view, size_t index)
{
    const struct azure_member *member = &view->job->members[index];
    char id[AZURE_ID];

    if (member->kind == AZURE_ADDRESS)
        return azure_pool_has_address(view->pools[index], member->address);
    azure_member_configuration_id(member, azure_view_id(view), id);
    return azure_pool_has_configuration(view->pools[index], id);
}

bool azure_view_is_in(const struct azure_view *view, size_t member)
{
    return azure_view_is_listed(view, member) ||
           (view->configurations[member] != NULL &&
            azure_configuration_is_in(view->configurations[member],
                                      azure_pool_id(view->pools[member])));
}

static struct azure_removal *find_removal(const struct azure_view *view, size_t index)
{
    struct azure_place *place = azure_place(view->lb, view->address);
    for (size_t i = 0; i < place->removal_count; i++)
        if (text_equal(place->removals[i].member, view->job->members[index].text))
            return &place->removals[i];
    return NULL;
}

int64_t azure_view_out_since_ms(const struct azure_view *view, size_t member)
{
    const struct azure_removal *removal = find_removal(view, member);
    return removal != NULL ? removal->since_ms : -1;
}

static void add_removal(struct azure_place *place, const char *member)
{
    CHECK(place->removal_count < MOST_REMOVALS);
    place->removals =
        memory_resize(place->removals, place->removal_count + 1, sizeof(place->removals[0]));
    struct azure_removal *removal = &place->removals[place->removal_count++];
    TEXT_COPY(removal->member, member);
    removal->since_ms = clock_monotonic_ms();
}

/* A gateway whose change goes on, or has failed, need not do what its document says: what was known
 * before stays. */
void azure_view_note(const struct azure_view *view, size_t member)
{
    struct azure_place *place = azure_place(view->lb, view->address);
    struct azure_removal *removal = find_removal(view, member);
    bool is_in = azure_view_is_in(view, member);

    if (is_in && removal != NULL)
        *removal = place->removals[--place->removal_count];
    else if (!is_in && removal == NULL && azure_provisioning(view->gateway) == AZURE_SUCCEEDED)
        add_removal(place, view->job->members[member].text);
}
