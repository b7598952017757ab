/* SPDX-License-Identifier: Apache-2.0 */
#include "customise.h"

#include "beneath.h"
#include "carry.h"
#include "check.h"
#include "customisation_config.h"
#include "distribution.h"
#include "file.h"
#include "low_priority.h"
#include "mask.h"
#include "memory.h"
#include "process.h"
#include "quote.h"
#include "release.h"
#include "release_artifact.h"
#include "start_settings.h"
#include "text.h"
#include "verbs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* One look at the tree in use, with a private directory to work in. */
struct customising {
    const struct job *job;
    char version[LIMIT_VERSION]; /* in use; "" = there is nothing to carry */
    bool is_in_use;              /* the new release itself is */
    char path[RELEASE_PATH_SIZE];
    char artifact[RELEASE_ARTIFACT_SIZE];
    char sha256[LIMIT_SHA256_HEX];
    char work[RELEASE_PATH_SIZE];
    int lock;
    struct customised_tree tree;
    struct customisation_list list;
};

#define TURN_LOOK_MS 20 /* who has the turn keeps it for seconds */

/* What the install link names, or else what Bitbucket runs from. */
static bool find_version(const struct bitbucket_config *config, char version[LIMIT_VERSION],
                         struct error *err)
{
    struct process_list PROCESS_LIST_CLEANUP list = {.count = 0};
    release_linked(config, version);
    if (version[0] != '\0')
        return true;
    if (!process_find(config, &list, err))
        return false;
    if (list.count > 0)
        process_release(config, &list.items[0], version);
    return true;
}

static bool open_directory(const char *path, int *ret_fd, struct error *err)
{
    *ret_fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (*ret_fd >= 0)
        return true;
    error_set_errno(err, errno, "open %s", path);
    return false;
}

/* One look at a time; several that are asked for at once wait for each other. */
static bool wait_for_turn(struct customising *customising, struct error *err)
{
    char path[RELEASE_PATH_SIZE];
    const char *state_dir = customising->job->config->state_dir;
    snprintf(path, sizeof(path), "%s/customisations.lock", state_dir);
    if (!file_make_directory(state_dir, 0700, err))
        return false;
    while (!file_lock(path, &customising->lock, err)) {
        if (err->code != ERROR_CONFLICT || deadline_is_over(customising->job->deadline))
            return false;
        clock_sleep_ms(TURN_LOOK_MS);
    }
    return true;
}

/* A work directory that a run before this one has left is of no use to anybody. */
static bool open_work(struct customising *customising, struct error *err)
{
    if (!wait_for_turn(customising, err))
        return false;
    snprintf(customising->work, sizeof(customising->work), "%s/customisations",
             customising->job->config->state_dir);
    return file_remove_tree(customising->work, err) &&
           file_make_directory(customising->work, 0700, err) &&
           open_directory(customising->work, &customising->tree.work_fd, err);
}

/* The caller calls finish() in any case. */
static bool begin(const struct job *job, struct customising *customising, struct error *err)
{
    const struct bitbucket_config *config = &job->config->bitbucket;
    struct customised_tree *tree = &customising->tree;
    *customising =
        (struct customising){.job = job, .lock = -1, .tree = {.root_fd = -1, .work_fd = -1}};
    if (customisation_is_off(config))
        return true;
    if (!find_version(config, customising->version, err))
        return false;
    customising->is_in_use =
        customising->version[0] != '\0' && text_equal(customising->version, job->command->version);
    if (customising->is_in_use)
        customising->version[0] = '\0';
    if (customising->version[0] == '\0')
        return true;
    release_path(config, "", customising->version, customising->path);
    tree->path = customising->path;
    tree->version = customising->version;
    tree->distribution = customising->artifact;
    tree->sha256 = customising->sha256;
    tree->deadline = job->deadline;
    return release_artifact_find(job->config, customising->version, customising->artifact,
                                 customising->sha256, err) &&
           open_directory(customising->path, &tree->root_fd, err) && open_work(customising, err) &&
           customisations_find(tree, &customising->list, err);
}

static void finish(struct customising *customising)
{
    struct error ignored;
    customisation_list_done(&customising->list);
    memory_close_fd(&customising->tree.root_fd);
    memory_close_fd(&customising->tree.work_fd);
    if (customising->work[0] != '\0')
        file_remove_tree(customising->work, &ignored);
    memory_close_fd(&customising->lock);
}
#define FINISH_CLEANUP __attribute__((cleanup(finish)))

static struct carry carry_of(const struct customising *customising, int new_fd,
                             struct buffer *hunks)
{
    return (struct carry){
        .config = &customising->job->config->bitbucket,
        .old = &customising->tree,
        .new_fd = new_fd,
        .new_version = customising->job->command->version,
        .work = customising->work,
        .hunks = hunks,
    };
}

static void write_stamp(const struct customising *customising, char stamp[CUSTOMISE_STAMP_SIZE])
{
    stamp[0] = '\0';
    if (customising->version[0] != '\0')
        snprintf(stamp, CUSTOMISE_STAMP_SIZE, "%s-%016llx", customising->version,
                 (unsigned long long)customisations_stamp(&customising->list));
}

/* ---- while a release is staged ---- */

static bool check_results(const struct customising *customising, const struct carry_result *results,
                          struct error *err)
{
    const struct customisation_list *list = &customising->list;
    size_t conflicts = 0, first = 0;
    char path[256];
    for (size_t i = list->count; i-- > 0;) {
        if (results[i].outcome != CARRY_CONFLICT)
            continue;
        conflicts++;
        first = i;
    }
    if (conflicts == 0)
        return true;
    quote_text(path, sizeof(path), list->items[first].path, strlen(list->items[first].path));
    error_set(err, ERROR_INVALID, "customisation %s: %s", path, results[first].why);
    if (conflicts > 1) {
        char more[48];
        snprintf(more, sizeof(more), " (and %zu more)", conflicts - 1);
        text_append(err->message, sizeof(err->message), more);
    }
    error_hint(err, "`shunt plan` shows it; decide with a rule copy or keep-new under "
                    "bitbucket.customisations of the agent");
    return false;
}

bool customise_tree(const struct job *job, int new_fd, char ret_stamp[CUSTOMISE_STAMP_SIZE],
                    struct error *err)
{
    FINISH_CLEANUP struct customising customising;
    struct buffer BUFFER_CLEANUP hunks;
    buffer_init(&hunks, LIMIT_HUNKS - 1);
    bool has_begun = begin(job, &customising, err);
    if (!has_begun) {
        error_wrap(err, "customisations");
        return false;
    }
    write_stamp(&customising, ret_stamp);
    if (customising.version[0] == '\0')
        return true;
    FREE_CLEANUP struct carry_result *results =
        memory_zeroed(customising.list.count + 1, sizeof(*results));
    const struct carry carry = carry_of(&customising, new_fd, &hunks);
    return carry_customisations(&carry, &customising.list, results, err) &&
           check_results(&customising, results, err) &&
           start_settings_check(&job->config->bitbucket, new_fd, err);
}

bool customise_is_unchanged(const struct job *job, const char *stamp)
{
    FINISH_CLEANUP struct customising customising;
    char now[CUSTOMISE_STAMP_SIZE];
    struct error ignored;
    if (!begin(job, &customising, &ignored))
        return false;
    write_stamp(&customising, now);
    return customising.is_in_use || text_equal(now, stamp);
}

/* ---- before: what would become of them ---- */

/* Those files of the new release that a customisation is about. */
struct extraction {
    const struct customisation_list *list;
    int new_fd;
};

static int compare_path(const void *key, const void *item)
{
    return strcmp(key, ((const struct customisation *)item)->path);
}

static bool extract(void *context, const struct distribution_entry *entry, struct error *err)
{
    const struct extraction *extraction = context;
    const struct customisation_list *list = extraction->list;
    CLOSE_CLEANUP int fd = -1;
    if (list->count == 0 || bsearch(entry->path, list->items, list->count, sizeof(list->items[0]),
                                    compare_path) == NULL)
        return true;
    if (entry->kind == DISTRIBUTION_LINK)
        return beneath_make_link(extraction->new_fd, entry->path, entry->target, err);
    return entry->kind != DISTRIBUTION_FILE ||
           (beneath_make_file(extraction->new_fd, entry->path, &fd, err) &&
            distribution_copy(entry, fd, err));
}

static bool try_carrying(const struct customising *customising, const char *artifact,
                         struct buffer *hunks, struct carry_result *results, struct error *err)
{
    const struct command *command = customising->job->command;
    char path[RELEASE_PATH_SIZE + 8];
    CLOSE_CLEANUP int new_fd = -1;
    snprintf(path, sizeof(path), "%s/new", customising->work);
    if (!file_make_directory(path, 0700, err) || !open_directory(path, &new_fd, err))
        return false;
    struct extraction extraction = {.list = &customising->list, .new_fd = new_fd};
    struct carry carry = carry_of(customising, new_fd, hunks);
    carry.is_trial = true;
    return distribution_each(artifact, command->version, command->sha256,
                             customising->tree.deadline, extract, &extraction, err) &&
           carry_customisations(&carry, &customising->list, results, err);
}

static void tell_one(struct report *report, const struct customisation *item,
                     const struct carry_result *result)
{
    if (report->customisation_count == LIMIT_CUSTOMISATIONS)
        return;
    struct message_customisation *told = &report->customisations[report->customisation_count++];
    quote_text(told->path, sizeof(told->path), item->path, strlen(item->path));
    TEXT_COPY(told->kind, customisation_kind_name(item->kind));
    if (result == NULL)
        return;
    TEXT_COPY(told->outcome, carry_outcome_name(result->outcome));
    TEXT_COPY(told->why, result->why);
}

/* Conflicts first: there is room for some only. */
static void tell(const struct customisation_list *list, const struct carry_result *results,
                 const struct buffer *hunks, struct report *report)
{
    struct buffer BUFFER_CLEANUP masked;
    buffer_init(&masked, LIMIT_HUNKS - 1);
    mask_secrets(buffer_text(hunks), &masked);
    report->customisations_total = (int64_t)list->count;
    for (int pass = 0; pass < 2; pass++) {
        for (size_t i = 0; i < list->count; i++) {
            bool is_conflict = results != NULL && results[i].outcome == CARRY_CONFLICT;
            if (is_conflict == (pass == 0))
                tell_one(report, &list->items[i], results != NULL ? &results[i] : NULL);
            report->conflicts_total += pass == 0 && is_conflict;
        }
    }
    TEXT_COPY(report->hunks, buffer_text(&masked));
}

/* The new release where its bytes are at hand: the file that was named, or, for a URL, one that is
 * kept here under its version. "" = nowhere. */
static void find_new(const struct job *job, char path[RELEASE_ARTIFACT_SIZE])
{
    const struct command *command = job->command;
    char sha256[LIMIT_SHA256_HEX];
    struct error ignored;
    path[0] = '\0';
    if (command->artifact[0] == '/')
        (void)text_copy(path, RELEASE_ARTIFACT_SIZE, command->artifact);
    else if (command->artifact[0] != '\0' && command->sha256[0] != '\0' &&
             !release_artifact_find(job->config, command->version, path, sha256, &ignored))
        path[0] = '\0';
}

/* A file of the same version that has other bytes than the artifact says nothing about it. */
static bool try_or_leave(const struct customising *customising, struct buffer *hunks,
                         struct carry_result **ret_results, struct error *err)
{
    const struct job *job = customising->job;
    char path[RELEASE_ARTIFACT_SIZE];
    struct error failure;
    find_new(job, path);
    if (path[0] == '\0')
        return true;
    FREE_CLEANUP struct carry_result *results =
        memory_zeroed(customising->list.count + 1, sizeof(*results));
    bool is_tried =
        customising->list.count == 0 || try_carrying(customising, path, hunks, results, &failure);
    if (!is_tried && (job->command->artifact[0] == '/' || failure.code != ERROR_INTEGRITY)) {
        *err = failure;
        return false;
    }
    if (is_tried) {
        *ret_results = results;
        results = NULL;
    } else {
        buffer_clear(hunks);
    }
    return true;
}

/* With an artifact that is not at hand, only what there is can be told. */
bool verb_customisations(struct job *job, struct error *err)
{
    FINISH_CLEANUP struct customising customising;
    FREE_CLEANUP struct carry_result *results = NULL;
    struct buffer BUFFER_CLEANUP hunks;
    buffer_init(&hunks, LIMIT_HUNKS - 1);
    low_priority_begin();
    if (!begin(job, &customising, err) || !try_or_leave(&customising, &hunks, &results, err))
        return false;
    const struct customisation_list *list = &customising.list;
    const struct carry carry = carry_of(&customising, -1, &hunks);
    for (size_t i = 0; results == NULL && i < list->count; i++)
        carry_show_change(&carry, &list->items[i]);
    tell(list, results, &hunks, &job->report);
    return true;
}
