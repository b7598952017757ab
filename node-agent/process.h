/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bitbucket's processes on this node: found by evidence, watched by pidfd.
 *
 * The pid file is only a hint: it may be stale and its number may have gone to a stranger. A
 * process counts as Bitbucket's if its command line has -Dbitbucket.home=HOME, or if it is a Java
 * process with BITBUCKET_HOME=HOME in its environment, and its owner is believed
 * (process_owner.h): anybody may start a process with such words. The process named by the pid file
 * counts also while it is still the start script, a moment before it becomes the former. Shells
 * that only have the variable set, and git processes, do not count: a stop would wait for them for
 * ever.
 *
 * A pidfd stands for one process: it is opened first and the evidence read afterwards, so that the
 * evidence belongs to the process as long as the pidfd says that it lives.
 */
#ifndef SHUNT_PROCESS_H
#define SHUNT_PROCESS_H

#include "agent_config.h"
#include "clock.h"

#include <sys/types.h>

/* Bitbucket is one process; a launcher that talks to it and a second copy started by mistake are
 * all that was ever seen beside it. */
#define PROCESS_MOST 16

struct process {
    pid_t pid;
    int pidfd; /* readable once the process has ended */
};

/* The process of the pid file comes first, if it is one. */
struct process_list {
    struct process items[PROCESS_MOST];
    size_t count;
};

/* All processes of this home, by a scan of /proc; count 0 proves that there is none.
 * ERROR_SYSTEM if /proc cannot be read, ERROR_CONFLICT if there are more than PROCESS_MOST. */
bool process_find(const struct bitbucket_config *config, struct process_list *ret_list,
                  struct error *err);

/* The same of the pid file's process alone: cheap, and no proof of absence. */
bool process_find_by_pid_file(const struct bitbucket_config *config, struct process_list *ret_list,
                              struct error *err);

/* The number in the pid file where it is stale: none of the processes of this home has it. 0 where
 * it is not, or there is none. */
pid_t process_stale_pid(const struct bitbucket_config *config, const struct process_list *list);

void process_list_done(struct process_list *list); /* closes the pidfds */
#define PROCESS_LIST_CLEANUP __attribute__((cleanup(process_list_done)))

bool process_is_gone(const struct process *process);
bool process_list_is_gone(const struct process_list *list);

/* Waits for the end of the process or the deadline; true if it has ended. */
bool process_wait_gone(const struct process *process, struct deadline deadline);

/* The version whose tree the process runs from: a directory name under config->releases, or ""
 * where that cannot be told for sure. */
void process_release(const struct bitbucket_config *config, const struct process *process,
                     char version[LIMIT_VERSION]);

/* "1234" or "1234, 1240", for messages: those that live, or all where none does any more. */
void process_list_write(const struct process_list *list, char *text, size_t size);

#endif
