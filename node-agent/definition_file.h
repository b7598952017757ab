/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One file of a service definition: read, told what it names, and replaced.
 */
#ifndef SHUNT_DEFINITION_FILE_H
#define SHUNT_DEFINITION_FILE_H

#include "agent_config.h"
#include "definition_text.h"

#include <limits.h>
#include <sys/stat.h>

/* Where releases and link are, with and without symbolic links on the way. */
struct definition_spellings {
    char releases[PATH_MAX];
    char link[PATH_MAX];
    struct definition_places places; /* of the configuration, which it must not outlive */
};
void definition_spellings_init(struct definition_spellings *spellings,
                               const struct bitbucket_config *config);

struct definition_file {
    char path[PATH_MAX]; /* without links, so that no link is replaced by a file */
    struct buffer text;
    struct stat status;
    struct definition_names names;
};

/* definition_file_done() is right after a failure, too. ERROR_INTEGRITY where it is no text. */
bool definition_file_read(struct definition_file *file, const char *path,
                          const struct definition_places *places, struct error *err);
void definition_file_done(struct definition_file *file);
#define DEFINITION_FILE_CLEANUP __attribute__((cleanup(definition_file_done)))

/* Durably, with its owner and mode. ERROR_CONFLICT where somebody has changed it since it was
 * read. */
bool definition_file_replace(const struct definition_file *file, const struct buffer *text,
                             struct error *err);

#endif
