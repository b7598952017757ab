/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One gateway as it is now: its document, the members of a job, and the resources that members are
 * bound from. And what is remembered of members that are out.
 */
#ifndef SHUNT_AZURE_VIEW_H
#define SHUNT_AZURE_VIEW_H

#include "azure_gateway.h"
#include "azure_interface.h"
#include "azure_session.h"

#define AZURE_NETWORK_VERSION "2023-09-01"
#define AZURE_COMPUTE_VERSION "2024-07-01" /* the first in which an instance has an etag */

/* What is asked of each gateway. */
struct azure_job {
    struct azure_member members[LB_MEMBERS];
    size_t count;
    enum lb_admin admin; /* to set */
};

struct azure_view {
    const struct lb *lb;
    size_t address;
    const struct azure_job *job;
    json_t *gateway;
    json_t *pools[LB_MEMBERS];          /* of each member; borrowed from the gateway */
    json_t *resources[LB_MEMBERS];      /* owned; NULL for addresses. Members of one interface have
                                           the same one */
    json_t *configurations[LB_MEMBERS]; /* borrowed from the resources */
};

#define AZURE_VIEW_CLEANUP __attribute__((cleanup(azure_view_done)))

/* Reads the gateway and each member's resource. ERROR_NOT_FOUND, naming the member, where it has no
 * such pool, or there is no such interface. */
bool azure_view_read(struct azure_view *view, const struct lb *lb, size_t address,
                     const struct azure_job *job, struct deadline deadline, struct error *err);
void azure_view_done(struct azure_view *view);

const char *azure_view_id(const struct azure_view *view); /* of the gateway */
/* By the gateway's own list, or by the member's own resource. */
bool azure_view_is_in(const struct azure_view *view, size_t member);
/* By the gateway's own list alone. */
bool azure_view_is_listed(const struct azure_view *view, size_t member);

/* What is seen now is remembered: since when a member is out, in force. */
void azure_view_note(const struct azure_view *view, size_t member);
/* Since when it is known to be out; -1 = it is not. */
int64_t azure_view_out_since_ms(const struct azure_view *view, size_t member);

#endif
