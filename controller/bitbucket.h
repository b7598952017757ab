/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bitbucket's REST interfaces that an upgrade needs (rolling-upgrade API, status, application
 * properties, cluster membership). One client serves one cluster, in one thread at a time; it
 * remembers which form of the rolling-upgrade paths answered.
 *
 * Errors: 401 and 403 are ERROR_DENIED, 404 ERROR_NOT_FOUND, 409 ERROR_CONFLICT, 5xx and half
 * answers ERROR_UNAVAILABLE, HTML or other JSON than documented ERROR_PROTOCOL; each names the
 * URL and what was expected.
 */
#ifndef SHUNT_BITBUCKET_H
#define SHUNT_BITBUCKET_H

#include "clock.h"
#include "cluster_view.h"
#include "config.h"
#include "error.h"

struct bitbucket;

/* Reads credentials from their file or the environment, each time it is called. The configuration
 * is borrowed for the client's life. */
bool bitbucket_new(const struct cluster_config *cluster, struct bitbucket **ret_bitbucket,
                   struct error *err);
void bitbucket_free(struct bitbucket *bitbucket);

/* url: a node's own, or the cluster's base URL. */
bool bitbucket_read_view(struct bitbucket *bitbucket, const char *url, struct deadline deadline,
                         struct cluster_view *ret_view, struct error *err);

enum bitbucket_change { BITBUCKET_START, BITBUCKET_CANCEL, BITBUCKET_APPROVE };

/* POST, both path forms. A 409 is ERROR_CONFLICT: the caller looks at the view, because START while
 * the mode is on, and CANCEL while it is off, are no failure. */
bool bitbucket_change(struct bitbucket *bitbucket, const char *url, enum bitbucket_change change,
                      struct deadline deadline, struct error *err);

/* GET /rest/api/latest/admin/cluster of one node: the names of the members that it sees itself. */
struct member_list {
    char local_name[LIMIT_NAME];
    uint32_t count;
    char names[CLUSTER_VIEW_NODES][LIMIT_NAME];
};
bool bitbucket_read_members(struct bitbucket *bitbucket, const char *url, struct deadline deadline,
                            struct member_list *ret_members, struct error *err);

/* GET /rest/api/1.0/application-properties. */
bool bitbucket_read_version(struct bitbucket *bitbucket, const char *url, struct deadline deadline,
                            char version[LIMIT_VERSION], struct error *err);

#endif
