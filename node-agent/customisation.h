/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an administrator has changed in an install directory: the tree as it is, compared with the
 * distribution that it came from. Owners and modes alone are no customisation: a new tree takes
 * them over as a whole.
 */
#ifndef SHUNT_CUSTOMISATION_H
#define SHUNT_CUSTOMISATION_H

#include "clock.h"
#include "error.h"

#include <stddef.h>
#include <stdint.h>

/* More than that is no customisation: the distribution is another one. */
#define CUSTOMISATIONS_MOST 10000

enum customisation_kind {
    CUSTOMISATION_ADDED,
    CUSTOMISATION_CHANGED, /* other contents, another target, or another type of file */
    CUSTOMISATION_REMOVED,
    CUSTOMISATION_KIND_COUNT
};

/* "added", "changed" or "removed" */
const char *customisation_kind_name(enum customisation_kind kind);

struct customisation {
    enum customisation_kind kind;
    char *path;     /* below the tree, owned */
    size_t base;    /* number of the copy of what was shipped, from 1; 0 = none is kept */
    uint64_t stamp; /* differs where size or time of change of the file do */
};

struct customisation_list {
    struct customisation *items; /* owned, sorted by path */
    size_t count, capacity;
};

/* What is compared. */
struct customised_tree {
    int root_fd;              /* of the tree as it is */
    const char *path;         /* of the same */
    const char *version;      /* that it is of */
    const char *distribution; /* the archive of that version */
    const char *sha256;       /* of the archive; "" = not known */
    int work_fd;              /* a private directory: "base/N" are the files as shipped */
    struct deadline deadline;
};

/* The caller calls customisation_list_done() in any case. ERROR_INTEGRITY where there are more than
 * CUSTOMISATIONS_MOST, or the distribution is damaged. */
bool customisations_find(const struct customised_tree *tree, struct customisation_list *ret_list,
                         struct error *err);
void customisation_list_done(struct customisation_list *list);
#define CUSTOMISATION_LIST_CLEANUP __attribute__((cleanup(customisation_list_done)))

/* "base/N" in the work directory; the size holds any N. */
#define CUSTOMISATION_BASE_SIZE 32
void customisation_base_path(const struct customisation *item, char path[CUSTOMISATION_BASE_SIZE]);

/* True where both are regular files with the same bytes; false too where one cannot be read. */
bool customisation_same_files(int fd_a, const char *path_a, int fd_b, const char *path_b);

/* Another value, nearly always, for other customisations. */
uint64_t customisations_stamp(const struct customisation_list *list);

#endif
