/* SPDX-License-Identifier: Apache-2.0 */
#include "nginx_tree.h"

#include "check.h"
#include "file.h"
#include "memory.h"
#include "text.h"

#include <errno.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILES_MOST   1024 /* a file a site, on a host with many */
#define VISITS_MOST  4096 /* a file may be included in several places */
#define LOAD_LOOKS   3    /* at a file that is being written */
#define PATTERN_SIZE ((size_t)2 * LIMIT_PATH)

/* A file to be read in a place. */
struct visit {
    struct nginx_place place;
    size_t file;
};

struct loading {
    struct nginx_tree *tree;
    char *directory; /* of the main file: names are relative to it, whatever file they stand in */
    struct visit *visits;
    size_t visit_count;
    size_t bytes; /* of all files */
};

void nginx_file_done(struct nginx_file *file)
{
    free(file->path);
    buffer_done(&file->bytes);
}

void nginx_tree_done(struct nginx_tree *tree)
{
    for (size_t i = 0; i < tree->file_count; i++)
        nginx_file_done(&tree->files[i]);
    free(tree->files);
    nginx_config_done(&tree->config);
    *tree = (struct nginx_tree){0};
}

void nginx_tree_drop_bytes(struct nginx_tree *tree)
{
    for (size_t i = 0; i < tree->file_count; i++)
        buffer_done(&tree->files[i].bytes);
}

static bool is_same(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
           memcmp(&a->st_mtim, &b->st_mtim, sizeof(a->st_mtim)) == 0 &&
           memcmp(&a->st_ctim, &b->st_ctim, sizeof(a->st_ctim)) == 0;
}

static bool get_status(const char *path, struct stat *ret_status, struct error *err)
{
    if (stat(path, ret_status) == 0)
        return true;
    error_set_errno(err, errno, "stat '%s'", path);
    return false;
}

bool nginx_file_load(const char *path, struct nginx_file *ret_file, struct error *err)
{
    struct nginx_file file = {.path = memory_text(path)};
    struct stat after;

    buffer_init(&file.bytes, LIMIT_LB_BYTES);
    for (int look = 0; look < LOAD_LOOKS; look++) {
        buffer_clear(&file.bytes);
        if (!get_status(path, &file.status, err) || !file_read(path, &file.bytes, err) ||
            !get_status(path, &after, err)) {
            nginx_file_done(&file);
            return false;
        }
        if (is_same(&file.status, &after)) {
            *ret_file = file;
            return true;
        }
    }
    nginx_file_done(&file);
    error_set(err, ERROR_UNAVAILABLE, "'%s' changes while it is read", path);
    return false;
}

/* The file of that real name, read when it is first met. */
static bool find_file(struct loading *loading, const char *path, size_t *ret_file,
                      struct error *err)
{
    struct nginx_tree *tree = loading->tree;
    FREE_CLEANUP char *real = realpath(path, NULL);

    if (real == NULL) {
        error_set_errno(err, errno, "open '%s'", path);
        return false;
    }
    for (*ret_file = 0; *ret_file < tree->file_count; (*ret_file)++) {
        if (text_equal(tree->files[*ret_file].path, real))
            return true;
    }
    if (tree->file_count == FILES_MOST) {
        error_set(err, ERROR_FULL, "more than %d files", FILES_MOST);
        return false;
    }
    tree->files = memory_resize(tree->files, tree->file_count + 1, sizeof(*tree->files));
    if (!nginx_file_load(real, &tree->files[tree->file_count], err))
        return false;
    loading->bytes += tree->files[tree->file_count++].bytes.length;
    if (loading->bytes <= LIMIT_LB_BYTES)
        return true;
    error_set(err, ERROR_FULL, "all files together have more than %d bytes", LIMIT_LB_BYTES);
    return false;
}

static bool add_visit(struct loading *loading, const char *path, struct nginx_place place,
                      struct error *err)
{
    size_t file;

    if (loading->visit_count == VISITS_MOST) {
        error_set(err, ERROR_FULL, "more than %d includes: a file may include itself", VISITS_MOST);
        return false;
    }
    if (!find_file(loading, path, &file, err))
        return false;
    loading->visits =
        memory_resize(loading->visits, loading->visit_count + 1, sizeof(*loading->visits));
    loading->visits[loading->visit_count++] = (struct visit){place, file};
    return true;
}

/* NGINX takes a name without any of these as it is, and misses it; a pattern may match nothing. */
static bool add_include(struct loading *loading, const struct nginx_include *include,
                        struct error *err)
{
    char path[PATTERN_SIZE + LIMIT_PATH];
    glob_t found;
    bool is_good = true;

    snprintf(path, sizeof(path), "%s%s%s", include->pattern[0] == '/' ? "" : loading->directory,
             include->pattern[0] == '/' ? "" : "/", include->pattern);
    if (strpbrk(path, "*?[") == NULL)
        return add_visit(loading, path, include->place, err);
    int failure = glob(path, 0, NULL, &found);
    if (failure == GLOB_NOMATCH)
        return true;
    if (failure != 0) {
        error_set(err, ERROR_SYSTEM, "glob '%s' fails with %d", path, failure);
        return false;
    }
    for (size_t i = 0; i < found.gl_pathc && is_good; i++)
        is_good = add_visit(loading, found.gl_pathv[i], include->place, err);
    globfree(&found);
    return is_good;
}

/* Includes are followed in the order in which they are met; which of them comes first makes no
 * difference to what a group has. */
static bool visit_all(struct loading *loading, struct error *err)
{
    struct nginx_tree *tree = loading->tree;
    size_t followed = 0;

    for (size_t i = 0; i < loading->visit_count; i++) {
        struct visit visit = loading->visits[i];
        const struct nginx_file *file = &tree->files[visit.file];
        if (!nginx_config_read(&tree->config, visit.file, file->bytes.data, file->bytes.length,
                               visit.place, err)) {
            error_wrap(err, "%s", file->path);
            return false;
        }
        for (; followed < tree->config.include_count; followed++) {
            if (add_include(loading, &tree->config.includes[followed], err))
                continue;
            error_wrap(err, "include '%s'", tree->config.includes[followed].pattern);
            return false;
        }
    }
    return true;
}

bool nginx_tree_load(const char *main_path, struct nginx_tree *ret_tree, struct error *err)
{
    struct nginx_tree tree = {.file_count = 0};
    FREE_CLEANUP char *directory = file_directory(main_path);
    struct loading loading = {.tree = &tree, .directory = directory};
    struct nginx_place outside = {.level = NGINX_LEVEL_MAIN};

    bool is_good = add_visit(&loading, main_path, outside, err) && visit_all(&loading, err);
    free(loading.visits);
    if (!is_good) {
        nginx_tree_done(&tree);
        return false;
    }
    *ret_tree = tree;
    return true;
}

static void note_change(const struct nginx_tree *tree, size_t file, int64_t *last_ms)
{
    const struct timespec *changed = &tree->files[file].status.st_ctim;
    int64_t changed_ms = (int64_t)changed->tv_sec * 1000 + changed->tv_nsec / 1000000;

    if (changed_ms > *last_ms)
        *last_ms = changed_ms;
}

int64_t nginx_tree_changed_ms(const struct nginx_tree *tree)
{
    int64_t last_ms = 0;

    for (size_t i = 0; i < tree->file_count; i++)
        note_change(tree, i, &last_ms);
    return last_ms;
}

int64_t nginx_tree_group_changed_ms(const struct nginx_tree *tree, size_t group)
{
    const struct nginx_config *config = &tree->config;
    int64_t last_ms = 0;

    note_change(tree, config->groups[group].file, &last_ms);
    for (size_t i = 0; i < config->entry_count; i++) {
        if (config->entries[i].group == group)
            note_change(tree, config->entries[i].file, &last_ms);
    }
    return last_ms;
}
