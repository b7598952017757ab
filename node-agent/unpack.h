/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Unpacks a distribution of Bitbucket (tar, plain or gzip) that nobody has vouched for yet.
 *
 * Whatever the archive says, nothing outside the root is made or changed: an entry is a regular
 * file, a directory, a symbolic link or a hard link; its name is atlassian-bitbucket-VERSION/ and
 * then plain components, which are walked one by one without following links; a link's target stays
 * in the tree. What breaks a rule ends the unpacking with ERROR_INTEGRITY "entry 'NAME': rule".
 * So does what programs read in more ways than one: names that are not UTF-8, damaged extended
 * headers, anything behind the end. Set-id and sticky bits and the world's write permission are
 * taken off.
 */
#ifndef SHUNT_UNPACK_H
#define SHUNT_UNPACK_H

#include "error.h"
#include "limit.h"

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Gives the next bytes of the archive, borrowed until the next call; size 0 at the end. */
typedef bool (*unpack_read_fn)(void *context, const void **ret_bytes, size_t *ret_size,
                               struct error *err);

struct unpack_request {
    int root_fd; /* an empty directory, which becomes atlassian-bitbucket-VERSION/ */
    const char *version;
    int model_fd; /* a tree whose owners and modes are taken where it has the same; -1 = none */
    bool is_owner_set; /* else the files belong to this process */
    uid_t uid;
    gid_t gid;
    int64_t most_bytes;    /* on the disk; beyond it ERROR_FULL */
    int64_t most_entries;  /* likewise */
    bool allows_plain_tar; /* whose truncation nothing but a hash would tell */
    unpack_read_fn read;
    void *context;
};

/* On failure what was unpacked so far is left in the root, for the caller to remove. */
bool unpack_run(const struct unpack_request *request, struct error *err);

#endif
