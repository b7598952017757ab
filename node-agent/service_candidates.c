/* SPDX-License-Identifier: Apache-2.0 */
#include "service_candidates.h"

#include "definition_file.h"
#include "file.h"
#include "memory.h"
#include "quote.h"
#include "text.h"
#include "tree_paths.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ENTRIES_MOST 4096 /* of a directory: a full desktop has 600 units */
#define SUFFIX       ".service"

/* systemd.unit(5): the first one that has a name wins. */
static const char *const unit_directories[] = {"/etc/systemd/system", "/run/systemd/system",
                                               "/usr/local/lib/systemd/system",
                                               "/usr/lib/systemd/system", "/lib/systemd/system"};
#define UNIT_DIRECTORIES (sizeof(unit_directories) / sizeof(unit_directories[0]))

static const char init_directory[] = "/etc/init.d";

struct search {
    const char *root;
    size_t unit_directories; /* 0 where systemd does not run: sd_booted(3) */
    bool is_for_any_tree;
    struct definition_spellings spellings;
    struct service_candidates *candidates;
};

static bool is_unit_name(const char *name)
{
    size_t length = strlen(name), suffix = strlen(SUFFIX);
    return length > suffix && text_equal(name + length - suffix, SUFFIX);
}

/* Whether a unit of that name stands in one of the first so many directories. */
static bool has_unit(const struct search *search, const char *name, size_t directories)
{
    for (size_t i = 0; i < directories; i++) {
        FREE_CLEANUP char *path = memory_format("%s%s/%s", search->root, unit_directories[i], name);
        if (access(path, F_OK) == 0)
            return true;
    }
    return false;
}

static bool is_known(const struct search *search, const char *path)
{
    FREE_CLEANUP char *resolved = realpath(path, NULL);
    for (size_t i = 0; i < search->candidates->count; i++) {
        FREE_CLEANUP char *known = realpath(search->candidates->paths[i], NULL);
        if (known != NULL && resolved != NULL && text_equal(known, resolved))
            return true;
    }
    return false;
}

static bool names_tree(const struct search *search, const struct definition_file *file)
{
    struct tree_paths trees;
    if (!search->is_for_any_tree)
        return file->names.has_link || file->names.version[0] != '\0';
    tree_paths_find(buffer_text(&file->text), &trees);
    return trees.count > 0;
}

static bool starts_bitbucket(const struct search *search, const char *path)
{
    DEFINITION_FILE_CLEANUP struct definition_file file = {.names = {.count = 0}};
    struct error ignored;
    return definition_file_read(&file, path, &search->spellings.places, &ignored) &&
           definition_text_has_start(buffer_text(&file.text)) && names_tree(search, &file);
}

static void look_at(struct search *search, const char *path)
{
    struct service_candidates *candidates = search->candidates;
    if (candidates->count == SERVICE_CANDIDATES || !starts_bitbucket(search, path) ||
        is_known(search, path))
        return;
    quote_text(candidates->paths[candidates->count++], LIMIT_PATH, path, strlen(path));
}

static void look_at_unit(struct search *search, const char *name, size_t index)
{
    FREE_CLEANUP char *path = memory_format("%s%s/%s", search->root, unit_directories[index], name);
    if (is_unit_name(name) && !has_unit(search, name, index))
        look_at(search, path);
}

static void look_at_script(struct search *search, const char *name)
{
    FREE_CLEANUP char *path = memory_format("%s%s/%s", search->root, init_directory, name);
    FREE_CLEANUP char *unit = memory_format("%s" SUFFIX, name);
    if (access(path, X_OK) == 0 && !has_unit(search, unit, search->unit_directories))
        look_at(search, path);
}

/* index: UNIT_DIRECTORIES for the init scripts. */
static void look_into(struct search *search, size_t index)
{
    const struct dirent *entry;
    FREE_CLEANUP char *path = memory_format(
        "%s%s", search->root, index < UNIT_DIRECTORIES ? unit_directories[index] : init_directory);
    DIR *directory = opendir(path);
    if (directory == NULL)
        return;
    for (int i = 0; i < ENTRIES_MOST && (entry = readdir(directory)) != NULL; i++) {
        if (entry->d_name[0] == '.')
            continue;
        if (index < UNIT_DIRECTORIES)
            look_at_unit(search, entry->d_name, index);
        else
            look_at_script(search, entry->d_name);
    }
    closedir(directory);
}

void service_candidates_find(const struct bitbucket_config *config, const char *root,
                             struct service_candidates *ret_candidates)
{
    struct search search = {
        .root = root, .is_for_any_tree = config == NULL, .candidates = ret_candidates};
    FREE_CLEANUP char *systemd = memory_format("%s/run/systemd/system", root);
    search.unit_directories = access(systemd, F_OK) == 0 ? UNIT_DIRECTORIES : 0;
    ret_candidates->count = 0;
    if (config != NULL)
        definition_spellings_init(&search.spellings, config);
    for (size_t i = 0; i < search.unit_directories; i++)
        look_into(&search, i);
    look_into(&search, UNIT_DIRECTORIES);
}

bool service_candidate_is_script(const char *path, const char *root)
{
    FREE_CLEANUP char *directory = memory_format("%s%s/", root, init_directory);
    return text_starts_with(path, directory);
}

void service_candidates_hint(const struct service_candidates *candidates, struct error *err)
{
    for (size_t i = 0; i < candidates->count; i++) {
        const char *path = candidates->paths[i];
        if (is_unit_name(path))
            error_hint(err, "service: {kind: systemd, unit: %.180s}", strrchr(path, '/') + 1);
        else
            error_hint(err, "service: {kind: sysv, script: %.180s}", path);
    }
    error_hint(err, "service: {kind: script, user: …}, where neither systemd nor init starts it");
}

static bool is_same_file(const char *a, const char *b)
{
    FREE_CLEANUP char *resolved_a = realpath(a, NULL);
    FREE_CLEANUP char *resolved_b = realpath(b, NULL);
    return resolved_a != NULL && resolved_b != NULL && text_equal(resolved_a, resolved_b);
}

/* By one of its names: systemd.unit(5) knows links as aliases. */
static bool is_unit_of_name(const char *path, const char *unit)
{
    FREE_CLEANUP char *directory = file_directory(path);
    FREE_CLEANUP char *beside = memory_format("%s/%s", directory, unit);
    FREE_CLEANUP char *resolved = realpath(path, NULL);
    return text_equal(strrchr(path, '/') + 1, unit) || is_same_file(path, beside) ||
           (resolved != NULL && text_equal(strrchr(resolved, '/') + 1, unit));
}

/* systemd-sysv-generator(8) makes NAME.service from /etc/init.d/NAME. */
bool service_candidate_is_configured(const struct bitbucket_config *config, const char *path)
{
    const char *name = strrchr(path, '/') + 1;
    size_t length = strlen(name);
    switch (config->service) {
    case SERVICE_SYSTEMD:
        return is_unit_of_name(path, config->unit) || (strncmp(config->unit, name, length) == 0 &&
                                                       text_equal(config->unit + length, SUFFIX));
    case SERVICE_SYSV:
        return is_same_file(path, config->init_script);
    case SERVICE_SCRIPT:
        return false;
    }
    return false;
}
