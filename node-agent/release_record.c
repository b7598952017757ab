/* SPDX-License-Identifier: Apache-2.0 */
#include "release.h"

#include "file.h"
#include "json.h"
#include "memory.h"
#include "text.h"
#include "version.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define RECORD_BYTES 4096

static void record_path(const struct agent_config *config, const char *version,
                        char path[RELEASE_PATH_SIZE])
{
    snprintf(path, RELEASE_PATH_SIZE, "%s/releases/%s.json", config->state_dir, version);
}

bool release_record_read(const struct agent_config *config, const char *version,
                         struct release_record *ret_record, struct error *err)
{
    static const char *const keys[] = {"sha256",         "artifact",  "staged_at_ms",
                                       "customisations", "signed_by", NULL};
    char path[RELEASE_PATH_SIZE];
    struct buffer BUFFER_CLEANUP bytes;
    struct release_record record = {0};
    json_t JSON_CLEANUP *object = NULL;
    record_path(config, version, path);
    buffer_init(&bytes, RECORD_BYTES);
    if (!file_read(path, &bytes, err))
        return false;
    bool is_read =
        json_read_object(buffer_text(&bytes), bytes.length, &object, err) &&
        json_only_keys(object, keys, err) &&
        json_get_text(object, "sha256", record.sha256, sizeof(record.sha256), err) &&
        json_get_text(object, "artifact", record.artifact, sizeof(record.artifact), err) &&
        json_get_integer(object, "staged_at_ms", 0, INT64_MAX, &record.staged_at_ms, err) &&
        json_find_text(object, "customisations", record.customisations,
                       sizeof(record.customisations), err) &&
        json_find_text(object, "signed_by", record.signed_by, sizeof(record.signed_by), err);
    if (!is_read) {
        error_wrap(err, "%s", path);
        return false;
    }
    *ret_record = record;
    return true;
}

bool release_record_write(const struct agent_config *config, const char *version,
                          const struct release_record *record, struct error *err)
{
    char path[RELEASE_PATH_SIZE];
    char directory[RELEASE_PATH_SIZE];
    json_t JSON_CLEANUP *object = json_pack(
        "{s:s, s:s, s:I, s:s}", "sha256", record->sha256, "artifact", record->artifact,
        "staged_at_ms", (json_int_t)record->staged_at_ms, "customisations", record->customisations);
    if (object == NULL) {
        error_set(err, ERROR_INVALID, "the artifact's name is not UTF-8");
        return false;
    }
    if (record->signed_by[0] != '\0')
        json_object_set_new(object, "signed_by", json_text(record->signed_by));
    FREE_CLEANUP char *text = json_write(object);
    snprintf(directory, sizeof(directory), "%s/releases", config->state_dir);
    record_path(config, version, path);
    return file_make_directory(directory, 0700, err) &&
           file_replace(path, text, strlen(text), 0600, err);
}

bool release_record_remove(const struct agent_config *config, const char *version,
                           struct error *err)
{
    char path[RELEASE_PATH_SIZE];
    char directory[RELEASE_PATH_SIZE];
    record_path(config, version, path);
    if (unlink(path) != 0) {
        if (errno == ENOENT)
            return true;
        error_set_errno(err, errno, "remove %s", path);
        return false;
    }
    snprintf(directory, sizeof(directory), "%s/releases", config->state_dir);
    return file_sync_directory(directory, err);
}

static void previous_path(const struct agent_config *config, char path[RELEASE_PATH_SIZE])
{
    snprintf(path, RELEASE_PATH_SIZE, "%s/previous-release", config->state_dir);
}

void release_previous_read(const struct agent_config *config, char version[LIMIT_VERSION])
{
    char path[RELEASE_PATH_SIZE];
    struct buffer BUFFER_CLEANUP bytes;
    struct version parsed;
    struct error ignored;
    previous_path(config, path);
    buffer_init(&bytes, LIMIT_VERSION);
    bool is_read = file_read(path, &bytes, &ignored) &&
                   version_parse(buffer_text(&bytes), &parsed, &ignored) &&
                   text_copy(version, LIMIT_VERSION, buffer_text(&bytes));
    if (!is_read)
        version[0] = '\0';
}

bool release_previous_write(const struct agent_config *config, const char *version,
                            struct error *err)
{
    char path[RELEASE_PATH_SIZE];
    char known[LIMIT_VERSION];
    release_previous_read(config, known);
    if (text_equal(known, version)) /* this runs while the node is down: no needless fsync */
        return true;
    previous_path(config, path);
    return file_replace(path, version, strlen(version), 0600, err);
}
