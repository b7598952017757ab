/* SPDX-License-Identifier: Apache-2.0 */
#include "carry.h"

#include "beneath.h"
#include "carry_file.h"
#include "check.h"
#include "customisation_config.h"
#include "disk_space.h"
#include "memory.h"
#include "merge.h"
#include "text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define OURS       "ours"
#define THEIRS     "theirs"
#define LABEL_SIZE (LIMIT_VERSION + 32)

static const char *const outcome_names[] = {
    [CARRY_COPIED] = "copied", [CARRY_MERGED] = "merged",   [CARRY_REMOVED] = "removed",
    [CARRY_SAME] = "same",     [CARRY_DROPPED] = "dropped", [CARRY_CONFLICT] = "conflict",
};
_Static_assert(sizeof(outcome_names) / sizeof(outcome_names[0]) == CARRY_OUTCOME_COUNT,
               "one name an outcome");

const char *carry_outcome_name(enum carry_outcome outcome)
{
    CHECK((unsigned)outcome < CARRY_OUTCOME_COUNT);
    return outcome_names[outcome];
}

static bool conflict(struct carry_result *result, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* True: it has been said, and the others go on. */
static bool conflict(struct carry_result *result, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(result->why, sizeof(result->why), format, arguments);
    va_end(arguments);
    result->outcome = CARRY_CONFLICT;
    return true;
}

/* ---- one customisation ---- */

/* A carried file that names the tree of the old version would lead back to it, until it is pruned.
 */
static bool leads_to_old_tree(const struct carry *carry, int root, const char *path)
{
    char directory[LIMIT_PATH + LIMIT_VERSION];
    snprintf(directory, sizeof(directory), "%s/%s", carry->config->releases, carry->old->version);
    return carry_names_directory(root, path, directory);
}

static bool say_leads_to_old_tree(const struct carry *carry, struct carry_result *result)
{
    return conflict(result, "names the directory of %s, which is not its place any more",
                    carry->old->version);
}

static bool copy_link(const struct carry *carry, const char *path, struct error *err)
{
    char target[BENEATH_LINK_SIZE];
    return beneath_read_link(carry->old->root_fd, path, target, err) &&
           beneath_remove(carry->new_fd, path, err) &&
           beneath_make_link(carry->new_fd, path, target, err);
}

static bool copy(const struct carry *carry, const char *path, struct carry_result *result,
                 struct error *err)
{
    struct stat status;
    if (!beneath_stat(carry->old->root_fd, path, &status)) {
        error_set(err, ERROR_CONFLICT, "%s has gone while it was being copied", path);
        return false;
    }
    if (leads_to_old_tree(carry, carry->old->root_fd, path))
        return say_leads_to_old_tree(carry, result);
    if (!S_ISLNK(status.st_mode) && !S_ISREG(status.st_mode))
        return conflict(result, "is neither a file nor a link");
    result->outcome = CARRY_COPIED;
    if (carry->is_trial)
        return true;
    if (S_ISLNK(status.st_mode))
        return copy_link(carry, path, err);
    struct disk_space needed = {.bytes = status.st_size, .inodes = 1};
    return disk_space_check(carry->config->releases, needed, err) &&
           carry_copy_file(carry->old->root_fd, path, carry->new_fd, path, err) &&
           carry_set_status(carry->new_fd, path, &status, &status, err);
}

static bool remove_new(const struct carry *carry, const char *path, struct carry_result *result,
                       struct error *err)
{
    result->outcome = CARRY_REMOVED;
    return carry->is_trial || (beneath_remove(carry->new_fd, path, err) &&
                               beneath_remove_empty_parents(carry->new_fd, path, err));
}

/* The lines between the marks of each conflict, as far as they fit. */
static void show_conflicts(const struct carry *carry, const char *path)
{
    struct error ignored;
    CLOSE_CLEANUP int fd = -1;
    FREE_CLEANUP char *text = memory_zeroed(CARRY_TEXT_BYTES + 1, 1);
    if (!beneath_open_file(carry->old->work_fd, OURS, &fd, &ignored) ||
        pread(fd, text, CARRY_TEXT_BYTES, 0) <= 0)
        return;
    buffer_format(carry->hunks, "%s:\n", path);
    for (char *at = strstr(text, "<<<<<<< "); at != NULL; at = strstr(at, "<<<<<<< ")) {
        char *end = strstr(at, "\n>>>>>>> ");
        size_t size = end == NULL ? strlen(at) : (size_t)(end + 1 - at) + strcspn(end + 1, "\n");
        if (!buffer_add(carry->hunks, at, size) || !buffer_add_text(carry->hunks, "\n"))
            return;
        at += size;
    }
}

static struct merge_request merge_request(const struct carry *carry, const char *base,
                                          char labels[3][LABEL_SIZE])
{
    snprintf(labels[0], LABEL_SIZE, "%s on this node", carry->old->version);
    snprintf(labels[1], LABEL_SIZE, "%s as shipped", carry->old->version);
    snprintf(labels[2], LABEL_SIZE, "%s as shipped", carry->new_version);
    return (struct merge_request){
        .directory = carry->work,
        .ours = OURS,
        .base = base,
        .theirs = THEIRS,
        .ours_label = labels[0],
        .base_label = labels[1],
        .theirs_label = labels[2],
        .deadline = carry->old->deadline,
    };
}

/* The merged text is judged before it replaces the new one. */
static bool take_merged(const struct carry *carry, const char *path, struct carry_result *result,
                        struct error *err)
{
    struct stat old, new;
    if (leads_to_old_tree(carry, carry->old->work_fd, OURS))
        return say_leads_to_old_tree(carry, result);
    if (!beneath_stat(carry->old->root_fd, path, &old) ||
        !beneath_stat(carry->new_fd, path, &new)) {
        error_set(err, ERROR_CONFLICT, "%s has gone while it was being merged", path);
        return false;
    }
    result->outcome = CARRY_MERGED;
    return carry->is_trial ||
           (carry_copy_file(carry->old->work_fd, OURS, carry->new_fd, path, err) &&
            carry_set_status(carry->new_fd, path, &old, &new, err));
}

static bool merge(const struct carry *carry, const struct customisation *item,
                  struct carry_result *result, struct error *err)
{
    char base[CUSTOMISATION_BASE_SIZE];
    char labels[3][LABEL_SIZE];
    enum merge_outcome outcome;
    customisation_base_path(item, base);
    struct merge_request request = merge_request(carry, base, labels);
    if (!carry_copy_file(carry->old->root_fd, item->path, carry->old->work_fd, OURS, err) ||
        !carry_copy_file(carry->new_fd, item->path, carry->old->work_fd, THEIRS, err) ||
        !merge_files(&request, &outcome, err))
        return false;
    if (outcome == MERGE_CLEAN)
        return take_merged(carry, item->path, result, err);
    if (outcome == MERGE_NO_TEXT)
        return conflict(result, "changed here and in %s, and it is no text", carry->new_version);
    show_conflicts(carry, item->path);
    return conflict(result, "changed here and in %s, in the same lines", carry->new_version);
}

/* ---- deciding ---- */

static bool is_same_link(const struct carry *carry, const char *path)
{
    char old[BENEATH_LINK_SIZE];
    char new[BENEATH_LINK_SIZE];
    struct stat a, b;
    struct error ignored;
    return beneath_stat(carry->old->root_fd, path, &a) && S_ISLNK(a.st_mode) &&
           beneath_stat(carry->new_fd, path, &b) && S_ISLNK(b.st_mode) &&
           beneath_read_link(carry->old->root_fd, path, old, &ignored) &&
           beneath_read_link(carry->new_fd, path, new, &ignored) && text_equal(old, new);
}

static bool is_same(const struct carry *carry, const char *path)
{
    return customisation_same_files(carry->old->root_fd, path, carry->new_fd, path) ||
           is_same_link(carry, path);
}

/* The vendor has not changed the file: whatever was done to it here is all there is. */
static bool is_as_before(const struct carry *carry, const struct customisation *item)
{
    char base[CUSTOMISATION_BASE_SIZE];
    customisation_base_path(item, base);
    return item->base != 0 &&
           customisation_same_files(carry->old->work_fd, base, carry->new_fd, item->path);
}

static bool carry_added(const struct carry *carry, const struct customisation *item,
                        struct carry_result *result, struct error *err)
{
    struct stat status;
    if (beneath_stat(carry->new_fd, item->path, &status) && !S_ISDIR(status.st_mode))
        return conflict(result, "added here, and %s has another one", carry->new_version);
    return copy(carry, item->path, result, err);
}

static bool carry_changed(const struct carry *carry, const struct customisation *item,
                          struct carry_result *result, struct error *err)
{
    struct stat old, new;
    if (!beneath_stat(carry->new_fd, item->path, &new))
        return conflict(result, "changed here, and %s has it no more", carry->new_version);
    if (is_as_before(carry, item))
        return copy(carry, item->path, result, err);
    if (beneath_stat(carry->old->root_fd, item->path, &old) && S_ISREG(old.st_mode) &&
        S_ISREG(new.st_mode) && item->base != 0)
        return merge(carry, item, result, err);
    return conflict(result, "another type of file here than in %s", carry->new_version);
}

static bool carry_removed(const struct carry *carry, const struct customisation *item,
                          struct carry_result *result, struct error *err)
{
    struct stat status;
    if (!beneath_stat(carry->new_fd, item->path, &status)) {
        result->outcome = CARRY_SAME;
        return true;
    }
    if (item->base != 0 && !is_as_before(carry, item))
        return conflict(result, "removed here, and changed in %s", carry->new_version);
    return remove_new(carry, item->path, result, err);
}

static bool carry_by_kind(const struct carry *carry, const struct customisation *item,
                          struct carry_result *result, struct error *err)
{
    switch (item->kind) {
    case CUSTOMISATION_ADDED:
        return carry_added(carry, item, result, err);
    case CUSTOMISATION_CHANGED:
        return carry_changed(carry, item, result, err);
    case CUSTOMISATION_REMOVED:
        return carry_removed(carry, item, result, err);
    case CUSTOMISATION_KIND_COUNT:
        break;
    }
    CHECK(!"a customisation of no kind");
}

static bool carry_one(const struct carry *carry, const struct customisation *item,
                      struct carry_result *result, struct error *err)
{
    if (is_same(carry, item->path)) {
        result->outcome = CARRY_SAME;
        return true;
    }
    switch (customisation_manner_of(carry->config, item->path)) {
    case CUSTOMISATION_KEEP_NEW:
        result->outcome = CARRY_DROPPED;
        return true;
    case CUSTOMISATION_ASK:
        return conflict(result, "the configuration wants a person to decide");
    case CUSTOMISATION_COPY:
        return item->kind == CUSTOMISATION_REMOVED ? remove_new(carry, item->path, result, err)
                                                   : copy(carry, item->path, result, err);
    case CUSTOMISATION_MERGE:
        break;
    }
    return carry_by_kind(carry, item, result, err);
}

/* What was removed goes first: a link may stand where a directory was. */
static bool carry_pass(const struct carry *carry, const struct customisation_list *list,
                       bool is_removal, struct carry_result *results, struct error *err)
{
    for (size_t i = 0; i < list->count; i++) {
        const struct customisation *item = &list->items[i];
        if ((item->kind == CUSTOMISATION_REMOVED) != is_removal)
            continue;
        if (!carry_one(carry, item, &results[i], err)) {
            error_wrap(err, "customisation %s", item->path);
            return false;
        }
    }
    return true;
}

bool carry_customisations(const struct carry *carry, const struct customisation_list *list,
                          struct carry_result *results, struct error *err)
{
    memset(results, 0, list->count * sizeof(*results));
    return carry_pass(carry, list, true, results, err) &&
           carry_pass(carry, list, false, results, err);
}

void carry_show_change(const struct carry *carry, const struct customisation *item)
{
    char base[CUSTOMISATION_BASE_SIZE];
    char labels[3][LABEL_SIZE];
    struct error ignored;
    customisation_base_path(item, base);
    struct merge_request request = merge_request(carry, base, labels);
    if (item->base == 0 || item->kind != CUSTOMISATION_CHANGED ||
        !carry_copy_file(carry->old->root_fd, item->path, carry->old->work_fd, OURS, &ignored))
        return;
    buffer_format(carry->hunks, "%s:\n", item->path);
    merge_show(&request, carry->hunks, &ignored);
}
