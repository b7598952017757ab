/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What /proc says of one process. Everything here is a snapshot: the caller must hold a pidfd, and
 * ask it afterwards whether the process still lives.
 */
#ifndef SHUNT_PROCESS_EVIDENCE_H
#define SHUNT_PROCESS_EVIDENCE_H

#include "agent_config.h"
#include "buffer.h"

#include <sys/types.h>

/* The home as it may be spelt in a command line. */
struct home_names {
    char given[LIMIT_PATH];
    char resolved[LIMIT_PATH]; /* through symbolic links; equals given where it cannot be */
};
void home_names_of(const struct bitbucket_config *config, struct home_names *ret_names);

/* Asked of every process but our own; false ends the scan. */
typedef bool (*evidence_visitor)(pid_t pid, void *context);
bool evidence_scan(evidence_visitor visit, void *context, struct error *err);

enum evidence {
    EVIDENCE_STRANGER,
    /* It has the words of a Bitbucket, of this home or another one; anybody can start such. */
    EVIDENCE_BITBUCKET,
    /* It has a program but no command line: it is in the middle of execve(2), for less than a
     * millisecond, and can be anything. */
    EVIDENCE_UNCLEAR,
};

/* What the process looks like. Nothing that its words name is looked at, for they may be a trap: a
 * path can lead to a server that never answers. may_be_script: its start script counts too, which
 * is about to become Bitbucket. `scratch` saves an allocation a process while all of /proc is
 * scanned. */
enum evidence evidence_of(pid_t pid, bool may_be_script, struct buffer *scratch);

/* The same, and of this home. To be asked only of a process whose owner is believed
 * (process_owner.h), and after that. */
enum evidence evidence_of_home(pid_t pid, const struct bitbucket_config *config,
                               const struct home_names *home, bool may_be_script,
                               struct buffer *scratch);

#define EVIDENCE_HOME "-Dbitbucket.home="

/* The most that is read of one of these files: ARG_MAX is larger, a JVM's line is 4 KB. */
#define EVIDENCE_BYTES ((size_t)256 * 1024)

/* Replaces the text by that of /proc/PID/NAME: "cmdline" or "environ". */
bool evidence_read(pid_t pid, const char *name, struct buffer *ret_text);

/* The NUL-separated words of those: the next one after `word` (NULL: the first), NULL at the end.
 */
const char *evidence_next_word(const struct buffer *words, const char *word);

/* What follows the prefix in the first word that begins with it; NULL without one. */
const char *evidence_word_after(const struct buffer *words, const char *prefix);

/* The version of the tree that the process has its working directory, executable or files in, or
 * else that its command line names; "" if none can be told. */
void evidence_release(pid_t pid, const struct bitbucket_config *config,
                      char version[LIMIT_VERSION]);

#endif
