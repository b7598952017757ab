/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads a distribution (atlassian-bitbucket-VERSION.tar.gz) entry by entry without unpacking it:
 * what the vendor shipped, to compare with. Names are held to the rules of unpack_name.h.
 */
#ifndef SHUNT_DISTRIBUTION_H
#define SHUNT_DISTRIBUTION_H

#include "clock.h"
#include "error.h"

#include <stdint.h>
#include <time.h>

struct tar_reader;

enum distribution_kind {
    DISTRIBUTION_FILE,
    DISTRIBUTION_DIRECTORY,
    DISTRIBUTION_LINK,
    DISTRIBUTION_HARD_LINK, /* another name of a file before it */
};

struct distribution_entry {
    const char *path; /* below the top folder */
    enum distribution_kind kind;
    int64_t size;
    time_t changed;
    const char *target;        /* of a link */
    struct tar_reader *reader; /* for distribution_copy() */
};

/* False, with *err set, ends the reading. */
typedef bool (*distribution_fn)(void *context, const struct distribution_entry *entry,
                                struct error *err);

/* Calls `take` for each entry but the top folder. ERROR_NOT_FOUND where the file is missing,
 * ERROR_INTEGRITY where it is no distribution of this version, or not whole. sha256: of the file,
 * lower-case hex, checked at its end; "" = not known. */
bool distribution_each(const char *path, const char *version, const char *sha256,
                       struct deadline deadline, distribution_fn take, void *context,
                       struct error *err);

/* Writes the contents of the file that `entry` is to fd. Once an entry. */
bool distribution_copy(const struct distribution_entry *entry, int fd, struct error *err);

#endif
