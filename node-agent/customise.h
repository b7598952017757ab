/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Takes what an administrator has changed in the install directory over into a new release: while
 * that is staged, so that the switch stays one rename; and before, to tell what would become of it.
 */
#ifndef SHUNT_CUSTOMISE_H
#define SHUNT_CUSTOMISE_H

#include "job.h"

#define CUSTOMISE_STAMP_SIZE 64

/* Carries the customisations of the release in use into the tree that is being staged. Nothing is
 * done where no release is in use, or where the configuration drops them all. ERROR_INVALID names
 * the first that a person must decide about. ret_stamp: of what was carried. */
bool customise_tree(const struct job *job, int new_fd, char ret_stamp[CUSTOMISE_STAMP_SIZE],
                    struct error *err);

/* False where customise_tree() would carry something else now than when it gave the stamp, or it
 * cannot be told. */
bool customise_is_unchanged(const struct job *job, const char *stamp);

#endif
