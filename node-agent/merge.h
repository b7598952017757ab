/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Merging and comparing text files with git, which Bitbucket needs on each node anyway. It runs in
 * a private directory, on copies, without any configuration of its own.
 */
#ifndef SHUNT_MERGE_H
#define SHUNT_MERGE_H

#include "buffer.h"
#include "clock.h"
#include "error.h"

enum merge_outcome {
    MERGE_CLEAN,
    MERGE_CONFLICT, /* both sides have changed the same lines */
    MERGE_NO_TEXT,
};

/* Three files in `directory`, by their names there, and what to call them in conflict marks. */
struct merge_request {
    const char *directory;
    const char *ours, *base, *theirs;
    const char *ours_label, *base_label, *theirs_label;
    struct deadline deadline;
};

/* The git of this host; NULL where there is none in the usual directories. */
const char *merge_find_git(void);

/* The result, with marks where there are conflicts, stands in the file `ours`. ERROR_NOT_FOUND
 * where git is not installed. */
bool merge_files(const struct merge_request *request, enum merge_outcome *ret_outcome,
                 struct error *err);

/* Adds the difference from base to ours in the unified form, as far as it fits; "" for equal
 * ones. */
bool merge_show(const struct merge_request *request, struct buffer *ret_text, struct error *err);

#endif
