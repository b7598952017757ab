/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where Bitbucket listens, as HOME/shared/bitbucket.properties says.
 */
#ifndef SHUNT_LOOK_LISTENING_H
#define SHUNT_LOOK_LISTENING_H

#include "agent_config.h"

struct found_listening {
    int http_port; /* server.port; 0 = not told */
    int ssh_port;  /* plugin.ssh.port, 0 where plugin.ssh.enabled=false; BITBUCKET_SSH_PORT_OPEN */
    int cluster_port; /* hazelcast.port, or its default */
    bool has_address; /* server.address: a literal one, or "" for any */
    char address[64];
    bool has_context_path; /* server.context-path */
    char context_path[128];
};

#define LISTENING_PROPERTIES "shared/bitbucket.properties"

/* A file that is not there tells nothing, nor does a value that cannot be used of what is written
 * in the configuration. It is read as the service's user where root may not, as on a file server.
 * ERROR_INTEGRITY and ERROR_INVALID for such values of what is open. */
bool look_for_listening(const struct bitbucket_config *config, struct found_listening *ret_found,
                        struct error *err);

#endif
