/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files of service definitions as they were before a switch edited them, by the release that they
 * start, so that a switch back puts them back byte for byte.
 *
 *     STATE_DIR/definitions/7.9.0/%2Fetc%2Finit.d%2Fatlbitbucket          as it was
 *     STATE_DIR/definitions/7.9.0/%2Fetc%2Finit.d%2Fatlbitbucket.written  what we made of it
 *
 * What the file holds now tells whether somebody else has changed it since: only what is still as
 * we have written it is put back.
 */
#ifndef SHUNT_DEFINITION_STORE_H
#define SHUNT_DEFINITION_STORE_H

#include "agent_config.h"
#include "buffer.h"

/* Durably, before the file itself is replaced. `path` is the file's; version the release that it
 * starts now. */
bool definition_store_keep(const struct agent_config *config, const char *version, const char *path,
                           const struct buffer *original, const struct buffer *written,
                           struct error *err);

/* Fills ret_original, which is empty, with the file as it was when it started `version`, if it now
 * is as we have written it then; *ret_is_found says so. */
bool definition_store_find(const struct agent_config *config, const char *version, const char *path,
                           const struct buffer *now, bool *ret_is_found,
                           struct buffer *ret_original, struct error *err);

/* The file is as we have left it, by whichever switch. */
bool definition_store_is_ours(const struct agent_config *config, const char *path,
                              const struct buffer *now);

/* With the release that it is about. */
bool definition_store_forget(const struct agent_config *config, const char *version,
                             struct error *err);

#endif
