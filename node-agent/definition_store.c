/* SPDX-License-Identifier: Apache-2.0 */
#include "definition_store.h"

#include "definition_text.h"
#include "file.h"
#include "memory.h"
#include "release.h"
#include "text.h"

#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#define WRITTEN ".written"

/* Of an original, and of what was made of it. */
#define STORE_PATH_SIZE (RELEASE_PATH_SIZE + NAME_MAX + 1)

static void directory_path(const struct agent_config *config, const char *version,
                           char path[RELEASE_PATH_SIZE])
{
    (void)snprintf(path, RELEASE_PATH_SIZE, "%s/definitions%s%s", config->state_dir,
                   version[0] != '\0' ? "/" : "", version);
}

/* The path as one name: no two have the same. False where it is too long for one. */
static bool write_name(const char *path, char name[NAME_MAX + 1])
{
    size_t length = 0;
    for (const char *at = path; *at != '\0'; at++) {
        bool is_plain = *at != '/' && *at != '%';
        if (length + 3 + sizeof(WRITTEN) > NAME_MAX)
            return false;
        length += (size_t)snprintf(name + length, NAME_MAX + 1 - length, is_plain ? "%c" : "%%%02X",
                                   (unsigned char)*at);
    }
    return length > 0;
}

static bool store_path(const struct agent_config *config, const char *version, const char *path,
                       const char *suffix, char stored[STORE_PATH_SIZE], struct error *err)
{
    char directory[RELEASE_PATH_SIZE];
    char name[NAME_MAX + 1];
    directory_path(config, version, directory);
    if (!write_name(path, name)) {
        error_set(err, ERROR_INVALID, "'%s' is too long a path to be kept", path);
        return false;
    }
    (void)snprintf(stored, STORE_PATH_SIZE, "%s/%s%s", directory, name, suffix);
    return true;
}

static bool keep_one(const struct agent_config *config, const char *version, const char *path,
                     const char *suffix, const struct buffer *bytes, struct error *err)
{
    char stored[STORE_PATH_SIZE];
    return store_path(config, version, path, suffix, stored, err) &&
           file_replace(stored, buffer_text(bytes), bytes->length, 0600, err);
}

bool definition_store_keep(const struct agent_config *config, const char *version, const char *path,
                           const struct buffer *original, const struct buffer *written,
                           struct error *err)
{
    char directory[RELEASE_PATH_SIZE];
    directory_path(config, version, directory);
    return file_make_directory(directory, 0700, err) &&
           keep_one(config, version, path, "", original, err) &&
           keep_one(config, version, path, WRITTEN, written, err);
}

/* True with an empty buffer where there is none. */
static bool read_one(const struct agent_config *config, const char *version, const char *path,
                     const char *suffix, struct buffer *ret_bytes, struct error *err)
{
    char stored[STORE_PATH_SIZE];
    if (!store_path(config, version, path, suffix, stored, err))
        return false;
    if (file_read(stored, ret_bytes, err))
        return true;
    if (err->code != ERROR_NOT_FOUND)
        return false;
    error_clear(err);
    return true;
}

static bool is_same(const struct buffer *a, const struct buffer *b)
{
    return a->length == b->length && memcmp(buffer_text(a), buffer_text(b), a->length) == 0;
}

bool definition_store_find(const struct agent_config *config, const char *version, const char *path,
                           const struct buffer *now, bool *ret_is_found,
                           struct buffer *ret_original, struct error *err)
{
    BUFFER_CLEANUP struct buffer written;
    buffer_init(&written, DEFINITION_TEXT_BYTES);
    if (!read_one(config, version, path, WRITTEN, &written, err) ||
        !read_one(config, version, path, "", ret_original, err))
        return false;
    *ret_is_found = ret_original->length > 0 && is_same(&written, now);
    return true;
}

static bool is_kept_as(const struct agent_config *config, const char *version, const char *path,
                       const char *suffix, const struct buffer *now)
{
    BUFFER_CLEANUP struct buffer kept;
    struct error ignored;
    buffer_init(&kept, DEFINITION_TEXT_BYTES);
    return read_one(config, version, path, suffix, &kept, &ignored) && kept.length > 0 &&
           is_same(&kept, now);
}

bool definition_store_is_ours(const struct agent_config *config, const char *path,
                              const struct buffer *now)
{
    char directory[RELEASE_PATH_SIZE];
    const struct dirent *entry;
    bool is_ours = false;
    directory_path(config, "", directory);
    DIR *versions = opendir(directory);
    if (versions == NULL)
        return false;
    for (int i = 0; i < RELEASE_MOST && !is_ours && (entry = readdir(versions)) != NULL; i++)
        is_ours = entry->d_name[0] != '.' && strlen(entry->d_name) < LIMIT_VERSION &&
                  (is_kept_as(config, entry->d_name, path, WRITTEN, now) ||
                   is_kept_as(config, entry->d_name, path, "", now));
    closedir(versions);
    return is_ours;
}

bool definition_store_forget(const struct agent_config *config, const char *version,
                             struct error *err)
{
    char directory[RELEASE_PATH_SIZE];
    directory_path(config, version, directory);
    return file_remove_tree(directory, err);
}
