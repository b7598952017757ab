/* SPDX-License-Identifier: Apache-2.0 */
#include "definition.h"
#include "definition_file.h"
#include "definition_store.h"
#include "log.h"
#include "service.h"
#include "text.h"

struct edit {
    const struct agent_config *config;
    const struct definition_places *places;
    const char *from;
    const char *to;
    bool has_edited;
};

/* The file as it was when it last started that release, if nobody has changed it since; or else as
 * it is, with the other directory. */
static bool make_text(const struct edit *edit, const struct definition_file *file,
                      struct buffer *ret_text, struct error *err)
{
    bool is_found = false;
    if (!definition_store_find(edit->config, edit->to, file->path, &file->text, &is_found, ret_text,
                               err))
        return false;
    if (is_found)
        return true;
    if (ret_text->length > 0)
        log_warning("%s was changed since the last switch: that stays, only the release is put "
                    "back; as it was before, it is kept in %s/definitions",
                    file->path, edit->config->state_dir);
    buffer_clear(ret_text);
    if (!definition_text_edit(buffer_text(&file->text), edit->places, edit->from, edit->to,
                              ret_text)) {
        error_set(err, ERROR_FULL, "%s is longer than %zu bytes", file->path, ret_text->limit);
        return false;
    }
    return definition_store_keep(edit->config, edit->from, file->path, &file->text, ret_text, err);
}

static bool edit_file(struct edit *edit, const char *path, struct error *err)
{
    DEFINITION_FILE_CLEANUP struct definition_file file = {.names = {.count = 0}};
    BUFFER_CLEANUP struct buffer text;
    buffer_init(&text, DEFINITION_TEXT_BYTES);
    if (!definition_file_read(&file, path, edit->places, err))
        return false;
    if (!text_equal(file.names.version, edit->from))
        return true;
    if (!make_text(edit, &file, &text, err) || !definition_file_replace(&file, &text, err))
        return false;
    edit->has_edited = true;
    return true;
}

static bool edit_files(struct edit *edit, struct error *err)
{
    const struct bitbucket_config *bitbucket = &edit->config->bitbucket;
    struct service_definition loaded = {.file_count = 0};
    buffer_init(&loaded.commands, SERVICE_COMMANDS_BYTES);
    bool is_well = service_of(bitbucket)->define(bitbucket, &loaded, err);
    for (size_t i = 0; i < loaded.file_count && is_well; i++)
        is_well = !loaded.may_be_edited[i] || edit_file(edit, loaded.files[i], err);
    buffer_done(&loaded.commands);
    return is_well;
}

static bool prove(const struct agent_config *config, const char *version, struct error *err)
{
    struct definition now;
    if (!definition_look(config, &now, err))
        return false;
    if (text_equal(now.version, version))
        return true;
    error_set(err, ERROR_CONFLICT, "%s still starts release %s after its files were edited",
              now.name, now.version[0] != '\0' ? now.version : "of no name");
    error_hint(err, "look for a file that overrules the others: systemctl cat");
    return false;
}

bool definition_switch(const struct agent_config *config, const struct definition *definition,
                       const char *version, struct error *err)
{
    const struct service *service = service_of(&config->bitbucket);
    struct definition_spellings spellings;
    struct edit edit = {
        .config = config, .places = &spellings.places, .from = definition->version, .to = version};
    if (definition->kind != DEFINITION_RELEASE ||
        (text_equal(definition->version, version) && !definition->needs_reload))
        return true;
    definition_spellings_init(&spellings, &config->bitbucket);
    if (!text_equal(edit.from, version) && !edit_files(&edit, err))
        return false;
    if (service->reload != NULL && (edit.has_edited || definition->needs_reload) &&
        !service->reload(&config->bitbucket, err))
        return false;
    return prove(config, version, err);
}
