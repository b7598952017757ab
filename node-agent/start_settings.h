/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a tree's start scripts give the node: its memory, its arguments and its name in the cluster.
 * A name that is lost in a switch brings the node back as a stranger; so they are read back from
 * the new tree and compared with what the process that runs was started with.
 *
 * Understood is an assignment of plain text, as the scripts are shipped and as people edit them:
 * JVM_MAXIMUM_MEMORY=4g, or with quotes. One that a shell would have to expand is left alone.
 */
#ifndef SHUNT_START_SETTINGS_H
#define SHUNT_START_SETTINGS_H

#include "agent_config.h"

/* The last assignment of `name` in a script, without its quotes. False where there is none, or
 * where it is not plain text. */
bool start_setting_of(const char *script, const char *name, char *value, size_t value_size);

/* ERROR_INVALID names what the tree's scripts would start otherwise than the process that runs was
 * started. Nothing runs: nothing to compare with, and all is well. */
bool start_settings_check(const struct bitbucket_config *config, int tree_fd, struct error *err);

#endif
