/* SPDX-License-Identifier: Apache-2.0 */
#include "process_owner.h"

#include "look_service.h"
#include "memory.h"
#include "process_evidence.h"
#include "service.h"
#include "text.h"

#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define STATUS_BYTES ((size_t)64 * 1024) /* 1.5 KB, and the groups of its owner */
#define OWNER_IDS    4                   /* real, effective, saved, of file systems: see proc(5) */

static bool is_known(const struct process_owners *owners, uid_t id)
{
    for (size_t i = 0; i < owners->count; i++) {
        if (owners->believed[i] == id)
            return true;
    }
    return false;
}

static void add_id(struct process_owners *owners, uid_t id)
{
    if (owners->count < PROCESS_OWNERS && !is_known(owners, id))
        owners->believed[owners->count++] = id;
}

/* A unit may name its user by number. One that is not there owns no process. */
static void add_user(struct process_owners *owners, const char *user)
{
    uint64_t id;
    const struct passwd *entry = user[0] != '\0' ? getpwnam(user) : NULL;
    if (entry != NULL)
        add_id(owners, entry->pw_uid);
    else if (text_parse_u64(user, UINT32_MAX - 1, &id))
        add_id(owners, (uid_t)id);
}

void process_owners_init(struct process_owners *owners, const struct bitbucket_config *config)
{
    struct stat status;
    *owners = (struct process_owners){.config = config};
    add_id(owners, 0);
    add_id(owners, geteuid());
    if (config->home[0] != '\0' && stat(config->home, &status) == 0)
        add_id(owners, status.st_uid);
}

static void ask(struct process_owners *owners)
{
    char user[LIMIT_NAME] = "", where[LIMIT_PATH];
    if (!owners->has_asked) {
        owners->has_asked = true;
        if (service_of(owners->config)->user(owners->config, user, &owners->failure))
            add_user(owners, user);
        if (look_for_user_of_tree(owners->config, user, where))
            add_user(owners, user);
    }
}

/* The kernel escapes a newline in the process's name, which stands before it in this file. */
static bool read_ids(pid_t pid, uid_t ids[OWNER_IDS])
{
    struct buffer BUFFER_CLEANUP status;
    unsigned int numbers[OWNER_IDS];
    buffer_init(&status, STATUS_BYTES);
    if (!evidence_read(pid, "status", &status))
        return false;
    const char *line = strstr(buffer_text(&status), "\nUid:");
    if (line == NULL || sscanf(line, "\nUid: %u %u %u %u", &numbers[0], &numbers[1], &numbers[2],
                               &numbers[3]) != OWNER_IDS)
        return false;
    for (size_t i = 0; i < OWNER_IDS; i++)
        ids[i] = numbers[i];
    return true;
}

/* Of root's programs an agent that is not root itself sees nothing here, and they are believed. */
static bool has_callers_words(pid_t pid)
{
    struct stat status;
    char path[64];
    (void)snprintf(path, sizeof(path), "/proc/%d/exe", (int)pid);
    return stat(path, &status) == 0 && (status.st_mode & (S_ISUID | S_ISGID)) != 0;
}

bool process_owners_believe(struct process_owners *owners, pid_t pid, bool *ret_is_believed,
                            struct error *err)
{
    uid_t ids[OWNER_IDS];
    bool is_believed = read_ids(pid, ids) && !has_callers_words(pid);
    for (size_t i = 0; i < OWNER_IDS && is_believed; i++) {
        if (!is_known(owners, ids[i]))
            ask(owners);
        is_believed = is_known(owners, ids[i]);
        if (!is_believed && owners->failure.code != ERROR_NONE) {
            *err = owners->failure;
            error_wrap(err, "whether process %d is Bitbucket's", (int)pid);
            return false;
        }
    }
    *ret_is_believed = is_believed;
    return true;
}
