/* SPDX-License-Identifier: Apache-2.0 */
#include "facts.h"

#include "clock.h"
#include "node_check.h"
#include "process.h"
#include "release.h"
#include "stage_room.h"
#include "text.h"
#include "verbs.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

static void collect_process(const struct bitbucket_config *config, struct node_facts *facts)
{
    struct process_list PROCESS_LIST_CLEANUP list = {.count = 0};
    struct error ignored;
    if (!process_find(config, &list, &ignored))
        return;
    facts->pid = 0;
    if (list.count > 0) {
        facts->pid = list.items[0].pid;
        process_release(config, &list.items[0], facts->running_version);
    }
}

/* The lowest that fit; a node with more releases than that wants pruning anyway. */
static void collect_releases(const struct bitbucket_config *config, struct node_facts *facts)
{
    struct release_list list;
    struct error ignored;
    size_t used = 0;
    if (!release_list_read(config, &list, &ignored))
        return;
    for (size_t i = 0; i < list.count; i++) {
        size_t length = strlen(list.versions[i]) + (i > 0);
        if (used + length >= sizeof(facts->releases))
            return;
        snprintf(facts->releases + used, sizeof(facts->releases) - used, "%s%s", i > 0 ? " " : "",
                 list.versions[i]);
        used += length;
    }
}

static void collect_space(const struct bitbucket_config *config, struct node_facts *facts)
{
    struct statvfs space;
    if (statvfs(config->releases, &space) != 0)
        return;
    facts->free_bytes = (int64_t)(space.f_bavail * space.f_frsize);
    if (space.f_files > 0) /* btrfs has no fixed number of them */
        facts->free_inodes = (int64_t)space.f_favail;
}

static void collect_bitbucket(const struct bitbucket_config *config, struct node_facts *facts)
{
    TEXT_COPY(facts->install_root, config->releases);
    TEXT_COPY(facts->home, config->home);
    release_linked(config, facts->linked_version);
    collect_process(config, facts);
    collect_releases(config, facts);
    collect_space(config, facts);
}

void facts_collect(const struct agent_config *config, struct node_facts *ret_facts)
{
    double load;
    *ret_facts = (struct node_facts){.pid = -1, .free_bytes = -1, .free_inodes = -1};
    TEXT_COPY(ret_facts->agent_version, SHUNT_VERSION);
    if (config->has_bitbucket)
        collect_bitbucket(&config->bitbucket, ret_facts);
    ret_facts->load_1m_x100 = getloadavg(&load, 1) == 1 ? (int64_t)(load * 100) : -1;
    ret_facts->clock_ms = clock_wall_ms();
}

static void collect_complaints(struct job *job)
{
    struct node_facts *facts = &job->report.facts;
    struct node_complaints complaints = {.count = 0};
    if (job->config->has_bitbucket)
        node_check(job->config, &complaints);
    facts->complaint_count =
        complaints.count < MESSAGE_COMPLAINTS ? complaints.count : MESSAGE_COMPLAINTS;
    memcpy(facts->complaints, complaints.items, sizeof(facts->complaints));
}

/* With an artifact on this node's disk: it must be there. With its version too: staging it must
 * find room. */
bool verb_facts(struct job *job, struct error *err)
{
    struct stat status;
    const char *artifact = job->command->artifact;
    facts_collect(job->config, &job->report.facts);
    collect_complaints(job);
    job->report.has_facts = true;
    if (artifact[0] == '/' && stat(artifact, &status) != 0) {
        error_set_errno(err, errno, "artifact '%s'", artifact);
        error_hint(err, "copy it to every node, or give a URL");
        return false;
    }
    if (artifact[0] == '/' && !S_ISREG(status.st_mode)) {
        error_set(err, ERROR_INVALID, "artifact '%s' is not a regular file", artifact);
        return false;
    }
    if (artifact[0] == '\0' || !job->config->has_bitbucket)
        return true;
    if (job->command->version[0] != '\0')
        stage_room_look(job, &job->report.facts.room);
    else
        (void)TEXT_COPY(job->report.facts.room.detail, "not looked at until it is staged");
    return true;
}
