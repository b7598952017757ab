/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The JSON of Bitbucket's REST interfaces as plain data, without any I/O. What was left out or has
 * an unknown word is "unknown"; what is of another type or size than documented, or of another
 * kind of answer, is ERROR_PROTOCOL that names the member. bytes need no NUL at their end.
 */
#ifndef SHUNT_BITBUCKET_READ_H
#define SHUNT_BITBUCKET_READ_H

#include "bitbucket.h"

#include <stddef.h>

/* {"upgradeModeEnabled", "state", "originalVersion", "nodes": [...]}; the flag and the list are
 * what makes it one. */
bool bitbucket_parse_view(const char *bytes, size_t size, struct cluster_view *ret_view,
                          struct error *err);

/* {"localNode": {...}, "nodes": [...]}; a member without a name has an empty one. */
bool bitbucket_parse_members(const char *bytes, size_t size, struct member_list *ret_members,
                             struct error *err);

/* {"version", ...} */
bool bitbucket_parse_version(const char *bytes, size_t size, char version[LIMIT_VERSION],
                             struct error *err);

#define BITBUCKET_COMPLAINT_SIZE 160

/* Bitbucket's own words for a failure, {"errors": [{"message"}]}, cut to the size; empty if the
 * answer has none. */
void bitbucket_parse_complaint(const char *bytes, size_t size,
                               char complaint[BITBUCKET_COMPLAINT_SIZE]);

#endif
