/* SPDX-License-Identifier: Apache-2.0 */
#include "definition_file.h"

#include "file.h"
#include "memory.h"
#include "text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void definition_spellings_init(struct definition_spellings *spellings,
                               const struct bitbucket_config *config)
{
    char directory[PATH_MAX];
    const char *name = strrchr(config->install_link, '/');
    FREE_CLEANUP char *given = file_directory(config->install_link);
    spellings->places = (struct definition_places){.releases = {config->releases, NULL},
                                                   .links = {config->install_link, NULL}};
    if (realpath(config->releases, spellings->releases) != NULL)
        spellings->places.releases[1] = spellings->releases;
    if (name != NULL && realpath(given, directory) != NULL &&
        text_copy(spellings->link, sizeof(spellings->link), directory) &&
        text_append(spellings->link, sizeof(spellings->link), name))
        spellings->places.links[1] = spellings->link;
}

bool definition_file_read(struct definition_file *file, const char *path,
                          const struct definition_places *places, struct error *err)
{
    buffer_init(&file->text, DEFINITION_TEXT_BYTES);
    if (realpath(path, file->path) == NULL || stat(file->path, &file->status) != 0) {
        error_set_errno(err, errno, "%s", path);
        return false;
    }
    if (!file_read(file->path, &file->text, err))
        return false;
    if (strlen(buffer_text(&file->text)) != file->text.length) {
        error_set(err, ERROR_INTEGRITY, "%s is not a text: it has NUL bytes", path);
        return false;
    }
    definition_text_read(buffer_text(&file->text), places, &file->names);
    return true;
}

void definition_file_done(struct definition_file *file)
{
    buffer_done(&file->text);
}

static bool is_same_time(struct timespec a, struct timespec b)
{
    return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

bool definition_file_replace(const struct definition_file *file, const struct buffer *text,
                             struct error *err)
{
    struct stat now;
    if (stat(file->path, &now) != 0) {
        error_set_errno(err, errno, "%s", file->path);
        return false;
    }
    if (now.st_ino != file->status.st_ino || now.st_size != file->status.st_size ||
        !is_same_time(now.st_ctim, file->status.st_ctim)) {
        error_set(err, ERROR_CONFLICT, "%s is being changed by somebody at this moment",
                  file->path);
        return false;
    }
    return file_replace_like(file->path, buffer_text(text), text->length, &file->status, err);
}
