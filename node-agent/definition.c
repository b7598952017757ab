/* SPDX-License-Identifier: Apache-2.0 */
#include "definition.h"

#include "definition_file.h"
#include "definition_store.h"
#include "service.h"
#include "text.h"

/* ---- which of its files name the release ---- */

struct files {
    char editable[LIMIT_PATH]; /* the first that we may edit; "" = none */
    char foreign[LIMIT_PATH];  /* the first that we may not */
    bool is_ours;              /* one is as a switch has left it */
};

static bool look_at_file(const struct agent_config *config, const struct definition_places *places,
                         const struct service_definition *loaded, size_t index, struct files *files,
                         struct error *err)
{
    DEFINITION_FILE_CLEANUP struct definition_file file = {.names = {.count = 0}};
    const char *path = loaded->files[index];
    if (!definition_file_read(&file, path, places, err))
        return false;
    if (file.names.version[0] == '\0')
        return true;
    if (!loaded->may_be_edited[index])
        return files->foreign[0] != '\0' || TEXT_COPY(files->foreign, path);
    if (files->editable[0] == '\0')
        TEXT_COPY(files->editable, path);
    if (config != NULL && definition_store_is_ours(config, file.path, &file.text))
        files->is_ours = true;
    return true;
}

static bool check_files(const struct service_definition *loaded, const char *version,
                        const struct files *files, struct error *err)
{
    if (files->editable[0] == '\0' && files->foreign[0] != '\0') {
        error_set(err, ERROR_DENIED,
                  "%s names release %s in %s, which is not the administrator's and so never edited",
                  loaded->name, version, files->foreign);
        error_hint(err, "a drop-in in /etc (systemctl edit) with ExecStart= and ExecStop= through "
                        "the install link");
        return false;
    }
    if (files->editable[0] == '\0') {
        error_set(err, ERROR_INVALID, "%s names release %s, but in none of its own files",
                  loaded->name, version);
        error_hint(err, "write the install link there, or the directory into the unit itself");
        return false;
    }
    if (loaded->has_changed && !files->is_ours) {
        error_set(err, ERROR_CONFLICT, "%s was changed on disk, and systemd has not read that",
                  loaded->name);
        error_hint(err, "systemctl daemon-reload, when it is as it shall be");
        return false;
    }
    return true;
}

static bool look_at_files(const struct agent_config *config, const struct definition_places *places,
                          const struct service_definition *loaded, struct definition *definition,
                          struct error *err)
{
    struct files files = {.is_ours = false};
    for (size_t i = 0; i < loaded->file_count; i++) {
        if (!look_at_file(config, places, loaded, i, &files, err))
            return false;
    }
    if (config != NULL && !check_files(loaded, definition->version, &files, err))
        return false;
    TEXT_COPY(definition->file, files.editable);
    definition->needs_reload = loaded->has_changed;
    return true;
}

/* ---- the whole ---- */

static bool take_names(const struct service_definition *loaded,
                       const struct definition_places *places, struct definition *definition,
                       struct error *err)
{
    struct definition_names names;
    definition_text_read(buffer_text(&loaded->commands), places, &names);
    if (names.other[0] != '\0') {
        error_set(err, ERROR_CONFLICT, "%s names two releases, %s and %s", loaded->name,
                  names.version, names.other);
        error_hint(err, "have it start and stop the same one, or go through the install link");
        return false;
    }
    TEXT_COPY(definition->version, names.version);
    definition->kind = names.version[0] != '\0' ? DEFINITION_RELEASE
                       : names.has_link         ? DEFINITION_LINK
                                                : DEFINITION_NEITHER;
    return true;
}

/* config: NULL where only the version is wanted, and no rule holds. */
static bool look(const struct agent_config *config, const struct bitbucket_config *bitbucket,
                 struct definition *definition, struct error *err)
{
    const struct service *service = service_of(bitbucket);
    struct service_definition loaded = {.file_count = 0};
    struct definition_spellings spellings;
    *definition = (struct definition){.kind = DEFINITION_LINK};
    if (service->define == NULL)
        return true;
    buffer_init(&loaded.commands, SERVICE_COMMANDS_BYTES);
    definition_spellings_init(&spellings, bitbucket);
    bool is_well = service->define(bitbucket, &loaded, err) &&
                   take_names(&loaded, &spellings.places, definition, err);
    TEXT_COPY(definition->name, loaded.name);
    if (is_well && definition->kind == DEFINITION_RELEASE)
        is_well = look_at_files(config, &spellings.places, &loaded, definition, err);
    buffer_done(&loaded.commands);
    return is_well;
}

bool definition_look(const struct agent_config *config, struct definition *ret_definition,
                     struct error *err)
{
    struct definition definition;
    if (!look(config, &config->bitbucket, &definition, err))
        return false;
    *ret_definition = definition;
    return true;
}

void definition_release(const struct bitbucket_config *config, char version[LIMIT_VERSION])
{
    struct definition definition;
    struct error ignored;
    bool is_seen = look(NULL, config, &definition, &ignored);
    text_copy(version, LIMIT_VERSION, is_seen ? definition.version : "");
}
