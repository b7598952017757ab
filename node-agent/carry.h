/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Carries customisations over into a new tree that nobody uses yet. Each ends in one of the
 * outcomes below; a conflict leaves the new tree's file as it is, and is for a person to decide.
 */
#ifndef SHUNT_CARRY_H
#define SHUNT_CARRY_H

#include "agent_config.h"
#include "customisation.h"

enum carry_outcome {
    CARRY_COPIED,
    CARRY_MERGED,
    CARRY_REMOVED,
    CARRY_SAME,    /* the new release has it so already */
    CARRY_DROPPED, /* as the configuration asks: what the new release has is kept */
    CARRY_CONFLICT,
    CARRY_OUTCOME_COUNT
};

/* "copied", "merged", … */
const char *carry_outcome_name(enum carry_outcome outcome);

struct carry_result {
    enum carry_outcome outcome;
    char why[128]; /* of a conflict */
};

struct carry {
    const struct bitbucket_config *config; /* its rules */
    const struct customised_tree *old;
    int new_fd; /* of the new tree; one file of it at least must be there for each that is to be
                   compared */
    const char *new_version;
    const char *work;     /* path of old->work_fd */
    bool is_trial;        /* outcomes only: nothing is changed in the new tree */
    struct buffer *hunks; /* of conflicts: what fits is added */
};

/* Fills results[0..count) of the list. False where something could not be done at all. */
bool carry_customisations(const struct carry *carry, const struct customisation_list *list,
                          struct carry_result *results, struct error *err);

/* Adds the difference of a changed text from what was shipped to carry->hunks, as far as it fits;
 * the new tree is not looked at. */
void carry_show_change(const struct carry *carry, const struct customisation *item);

#endif
