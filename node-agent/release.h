/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Releases on this node's disk: where they are, which one the install link names, and the record of
 * those that were staged whole.
 *
 *     RELEASES/7.9.4              a tree, complete by construction: it gets this name last
 *     RELEASES/.staging-7.9.4     being unpacked; rubbish if nobody does
 *     RELEASES/.removed-7.9.4     being removed
 *     STATE_DIR/releases/7.9.4.json  the record: there only while the tree is whole
 *     STATE_DIR/staging/          downloads that were cut off
 *     STATE_DIR/previous-release  what the link named before the last switch
 */
#ifndef SHUNT_RELEASE_H
#define SHUNT_RELEASE_H

#include "agent_config.h"
#include "process.h"

#define RELEASE_MOST 64 /* of the releases on disk, as many as are listed */

/* A path under a configured directory: that, a prefix, a version or a suffix. */
#define RELEASE_PATH_SIZE (LIMIT_PATH + LIMIT_VERSION + 64)

struct release_record {
    char sha256[LIMIT_SHA256_HEX]; /* of the artifact */
    char artifact[LIMIT_URL];      /* without a query, which may hold a signature */
    int64_t staged_at_ms;
    char customisations[64]; /* stamp of those that were carried over; "" = none were looked for */
    char signed_by[MINISIGN_ID_SIZE]; /* the key that the artifact was signed with; "" = none */
};

struct release_list {
    char versions[RELEASE_MOST][LIMIT_VERSION]; /* lowest first */
    size_t count;
};

/* RELEASES/<prefix><version> */
void release_path(const struct bitbucket_config *config, const char *prefix, const char *version,
                  char path[RELEASE_PATH_SIZE]);
#define RELEASE_STAGING ".staging-"
#define RELEASE_REMOVED ".removed-"

/* The version in a path that has no symbolic links; false if it is not inside a release. */
bool release_of_resolved_path(const struct bitbucket_config *config, const char *path,
                              char version[LIMIT_VERSION]);

/* The release that is started next: the one that the install link names, or, where there is no
 * link, the service definition. "" if that is none of ours. */
void release_linked(const struct bitbucket_config *config, char version[LIMIT_VERSION]);

/* ERROR_NOT_FOUND, or ERROR_INTEGRITY, unless the tree has its start script. */
bool release_check_tree(const struct bitbucket_config *config, const char *version,
                        struct error *err);

/* The path is BITBUCKET_HOME; links on the way make no difference. */
bool release_is_home(const struct bitbucket_config *config, const char *path);

/* ERROR_INVALID if the tree's own bin/set-bitbucket-home.sh names another home than ours, and the
 * service sets none, which would overrule it. */
bool release_check_home(const struct bitbucket_config *config, const char *version,
                        struct error *err);

/* The directories under RELEASES whose names are versions, lowest first. */
bool release_list_read(const struct bitbucket_config *config, struct release_list *ret_list,
                       struct error *err);

/* ERROR_NOT_FOUND if the release was not staged whole by us. */
bool release_record_read(const struct agent_config *config, const char *version,
                         struct release_record *ret_record, struct error *err);
bool release_record_write(const struct agent_config *config, const char *version,
                          const struct release_record *record, struct error *err);
bool release_record_remove(const struct agent_config *config, const char *version,
                           struct error *err);

/* The release that was linked before the last switch: the way back. "" if there is none. */
void release_previous_read(const struct agent_config *config, char version[LIMIT_VERSION]);
bool release_previous_write(const struct agent_config *config, const char *version,
                            struct error *err);

/* ERROR_CONFLICT if the release is linked, started by the service definition, running, or holds the
 * home directory: nothing may replace or remove it. */
bool release_check_idle(const struct agent_config *config, const char *version, struct error *err);

/* Removes record and tree, in this order, so that a half-removed tree never passes for a release,
 * and what was kept of definitions that start it; a missing one is fine. The caller has done
 * release_check_idle(). */
bool release_remove(const struct agent_config *config, const char *version, struct error *err);

/* One change of the trees at a time: an exclusive lock that ends with the process or the fd.
 * ERROR_CONFLICT while another job holds it. */
bool release_lock(const struct agent_config *config, int *ret_fd, struct error *err);

#endif
