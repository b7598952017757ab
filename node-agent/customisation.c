/* SPDX-License-Identifier: Apache-2.0 */
#include "customisation.h"

#include "beneath.h"
#include "check.h"
#include "distribution.h"
#include "memory.h"
#include "text.h"

#include <errno.h>
#include <fts.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CHUNK_BYTES 16384

static const char *const kind_names[] = {
    [CUSTOMISATION_ADDED] = "added",
    [CUSTOMISATION_CHANGED] = "changed",
    [CUSTOMISATION_REMOVED] = "removed",
};
_Static_assert(sizeof(kind_names) / sizeof(kind_names[0]) == CUSTOMISATION_KIND_COUNT,
               "one name a kind");

const char *customisation_kind_name(enum customisation_kind kind)
{
    CHECK((unsigned)kind < CUSTOMISATION_KIND_COUNT);
    return kind_names[kind];
}

/* The paths that were shipped, as keyed hashes: 100,000 of them are to fit into little memory. */
struct shipped {
    unsigned char key[crypto_shorthash_KEYBYTES];
    uint64_t *hashes;
    size_t count, capacity;
};

struct finding {
    const struct customised_tree *tree;
    struct customisation_list *list;
    struct shipped shipped;
    size_t bases;
};

static uint64_t hash_path(const unsigned char key[crypto_shorthash_KEYBYTES], const char *path)
{
    unsigned char hash[crypto_shorthash_BYTES];
    uint64_t number;
    crypto_shorthash(hash, (const unsigned char *)path, strlen(path), key);
    memcpy(&number, hash, sizeof(number));
    return number;
}

/* ---- the list ---- */

void customisation_list_done(struct customisation_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        free(list->items[i].path);
    free(list->items);
    *list = (struct customisation_list){0};
}

static bool add(struct finding *finding, enum customisation_kind kind, const char *path,
                size_t base, struct error *err)
{
    struct customisation_list *list = finding->list;
    struct stat status = {0};
    if (list->count == CUSTOMISATIONS_MOST) {
        error_set(err, ERROR_INTEGRITY, "%s differs from '%s' in more than %d files",
                  finding->tree->path, finding->tree->distribution, CUSTOMISATIONS_MOST);
        error_hint(err, "is that the distribution of what is installed?");
        return false;
    }
    if (list->count == list->capacity) {
        list->capacity = list->capacity == 0 ? 32 : 2 * list->capacity;
        list->items = memory_resize(list->items, list->capacity, sizeof(list->items[0]));
    }
    if (!beneath_stat(finding->tree->root_fd, path, &status))
        status.st_size = -1;
    list->items[list->count++] = (struct customisation){
        .kind = kind,
        .path = memory_text(path),
        .base = base,
        .stamp = (uint64_t)status.st_size * 1000003 + (uint64_t)status.st_mtim.tv_sec * 31 +
                 (uint64_t)status.st_mtim.tv_nsec,
    };
    return true;
}

static int compare_items(const void *a, const void *b)
{
    const struct customisation *left = a;
    const struct customisation *right = b;
    return strcmp(left->path, right->path);
}

uint64_t customisations_stamp(const struct customisation_list *list)
{
    static const unsigned char key[crypto_shorthash_KEYBYTES] = {0};
    uint64_t stamp = 0;
    for (size_t i = 0; i < list->count; i++) {
        const struct customisation *item = &list->items[i];
        stamp = stamp * 1099511628211U + (hash_path(key, item->path) ^ item->stamp) +
                (uint64_t)item->kind;
    }
    return stamp;
}

/* ---- what was shipped ---- */

static void remember(struct shipped *shipped, const char *path)
{
    if (shipped->count == shipped->capacity) {
        shipped->capacity = shipped->capacity == 0 ? 4096 : 2 * shipped->capacity;
        shipped->hashes =
            memory_resize(shipped->hashes, shipped->capacity, sizeof(shipped->hashes[0]));
    }
    shipped->hashes[shipped->count++] = hash_path(shipped->key, path);
}

static int compare_hashes(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a;
    uint64_t right = *(const uint64_t *)b;
    return left < right ? -1 : left > right;
}

static bool was_shipped(const struct shipped *shipped, const char *path)
{
    uint64_t hash = hash_path(shipped->key, path);
    return shipped->count > 0 &&
           bsearch(&hash, shipped->hashes, shipped->count, sizeof(hash), compare_hashes) != NULL;
}

/* ---- comparing ---- */

/* Fills the chunk but at the end of the file; -1 if it cannot be read. */
static ssize_t read_full(int fd, char *chunk, off_t offset)
{
    size_t size = 0;
    while (size < CHUNK_BYTES) {
        ssize_t more = pread(fd, chunk + size, CHUNK_BYTES - size, offset + (off_t)size);
        if (more < 0 && errno == EINTR)
            continue;
        if (more < 0)
            return -1;
        if (more == 0)
            break;
        size += (size_t)more;
    }
    return (ssize_t)size;
}

bool customisation_same_files(int fd_a, const char *path_a, int fd_b, const char *path_b)
{
    char chunk_a[CHUNK_BYTES];
    char chunk_b[CHUNK_BYTES];
    struct error ignored;
    CLOSE_CLEANUP int a = -1;
    CLOSE_CLEANUP int b = -1;
    ssize_t size = 1;
    if (!beneath_open_file(fd_a, path_a, &a, &ignored) ||
        !beneath_open_file(fd_b, path_b, &b, &ignored))
        return false;
    for (off_t offset = 0; size > 0; offset += size) {
        size = read_full(a, chunk_a, offset);
        if (size < 0 || read_full(b, chunk_b, offset) != size ||
            memcmp(chunk_a, chunk_b, (size_t)size) != 0)
            return false;
    }
    return true;
}

void customisation_base_path(const struct customisation *item, char path[CUSTOMISATION_BASE_SIZE])
{
    snprintf(path, CUSTOMISATION_BASE_SIZE, "base/%zu", item->base);
}

static bool save_base(struct finding *finding, const struct distribution_entry *entry,
                      struct customisation *ret_item, struct error *err)
{
    char base[CUSTOMISATION_BASE_SIZE];
    CLOSE_CLEANUP int fd = -1;
    ret_item->base = ++finding->bases;
    customisation_base_path(ret_item, base);
    return beneath_make_file(finding->tree->work_fd, base, &fd, err) &&
           distribution_copy(entry, fd, err);
}

/* Same size and time: not looked into, as with make, rsync and git. */
static bool compare_file(struct finding *finding, const struct distribution_entry *entry,
                         struct error *err)
{
    const struct customised_tree *tree = finding->tree;
    struct customisation item = {0};
    char base[CUSTOMISATION_BASE_SIZE];
    struct stat status;
    bool is_there = beneath_stat(tree->root_fd, entry->path, &status);
    if (is_there && S_ISREG(status.st_mode) && status.st_size == entry->size &&
        status.st_mtim.tv_sec == entry->changed)
        return true;
    if (!save_base(finding, entry, &item, err))
        return false;
    customisation_base_path(&item, base);
    if (is_there && customisation_same_files(tree->root_fd, entry->path, tree->work_fd, base))
        return beneath_remove(tree->work_fd, base, err);
    return add(finding, is_there ? CUSTOMISATION_CHANGED : CUSTOMISATION_REMOVED, entry->path,
               item.base, err);
}

static bool compare_link(struct finding *finding, const struct distribution_entry *entry,
                         struct error *err)
{
    char target[BENEATH_LINK_SIZE];
    struct stat status;
    struct error ignored;
    if (!beneath_stat(finding->tree->root_fd, entry->path, &status))
        return add(finding, CUSTOMISATION_REMOVED, entry->path, 0, err);
    if (S_ISLNK(status.st_mode) &&
        beneath_read_link(finding->tree->root_fd, entry->path, target, &ignored) &&
        text_equal(target, entry->target))
        return true;
    return add(finding, CUSTOMISATION_CHANGED, entry->path, 0, err);
}

static bool compare_entry(void *context, const struct distribution_entry *entry, struct error *err)
{
    struct finding *finding = context;
    if (entry->kind == DISTRIBUTION_DIRECTORY)
        return true;
    remember(&finding->shipped, entry->path);
    if (entry->kind == DISTRIBUTION_FILE)
        return compare_file(finding, entry, err);
    return entry->kind == DISTRIBUTION_HARD_LINK || compare_link(finding, entry, err);
}

/* ---- what was added ---- */

static bool look_at(struct finding *finding, const FTSENT *found, struct error *err)
{
    size_t root = strlen(finding->tree->path);
    const char *path = found->fts_path + root + (found->fts_path[root] == '/');
    if (found->fts_info == FTS_DNR || found->fts_info == FTS_ERR || found->fts_info == FTS_NS) {
        error_set_errno(err, found->fts_errno, "read %s", found->fts_path);
        return false;
    }
    if (found->fts_info == FTS_D || found->fts_info == FTS_DP ||
        was_shipped(&finding->shipped, path))
        return true;
    return add(finding, CUSTOMISATION_ADDED, path, 0, err);
}

/* The walk gives names only; each is then opened from the root, without following a link. */
static bool find_added(struct finding *finding, struct error *err)
{
    FREE_CLEANUP char *path = memory_text(finding->tree->path);
    char *const roots[] = {path, NULL};
    FTSENT *found;
    FTS *walk = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR | FTS_XDEV, NULL);
    bool is_good = walk != NULL;
    errno = 0;
    while (is_good && (found = fts_read(walk)) != NULL) {
        is_good = look_at(finding, found, err);
        errno = 0;
    }
    if (walk == NULL || (is_good && errno != 0)) {
        error_set_errno(err, errno, "read %s", path);
        is_good = false;
    }
    if (walk != NULL)
        fts_close(walk);
    return is_good;
}

bool customisations_find(const struct customised_tree *tree, struct customisation_list *ret_list,
                         struct error *err)
{
    struct finding finding = {.tree = tree, .list = ret_list};
    struct shipped *shipped = &finding.shipped;
    crypto_shorthash_keygen(shipped->key);
    bool is_found = distribution_each(tree->distribution, tree->version, tree->sha256,
                                      tree->deadline, compare_entry, &finding, err);
    if (is_found && shipped->count > 0)
        qsort(shipped->hashes, shipped->count, sizeof(shipped->hashes[0]), compare_hashes);
    is_found = is_found && find_added(&finding, err);
    free(shipped->hashes);
    if (is_found && ret_list->count > 0)
        qsort(ret_list->items, ret_list->count, sizeof(ret_list->items[0]), compare_items);
    return is_found;
}
