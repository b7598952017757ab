/* SPDX-License-Identifier: Apache-2.0 */
#include "unit_settings.h"

#include "text.h"
#include "unit_bus.h"

#include <errno.h>
#include <glob.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILES_MOST 16 /* environment files of a unit */
#define LINE_SIZE  4096
#define WORDS_MOST 256         /* of one command, variables of an environment */
#define RELOAD_US  60000000ULL /* all generators are run again */

static bool open_unit(const struct bitbucket_config *config, struct unit_bus *bus,
                      struct error *err)
{
    return unit_bus_open(bus, config->unit, err) && unit_bus_load(bus, err);
}

static bool not_understood(const struct unit_bus *bus, const char *property, struct error *err)
{
    error_set(err, ERROR_PROTOCOL, "unit %s: %s cannot be understood", bus->unit, property);
    return false;
}

/* ---- environment ---- */

typedef bool (*take_word)(void *context, const char *word);

/* Each of an array of texts; false where it is of another form, or one was not taken. */
static bool read_words(sd_bus_message *reply, take_word take, void *context)
{
    const char *word;
    bool is_taken = sd_bus_message_enter_container(reply, 'a', "s") >= 0;
    for (int i = 0; i < WORDS_MOST && is_taken; i++) {
        int status = sd_bus_message_read(reply, "s", &word);
        if (status == 0)
            return sd_bus_message_exit_container(reply) >= 0;
        is_taken = status > 0 && take(context, word);
    }
    return false;
}

static bool read_strings(struct unit_bus *bus, const char *property, take_word take, void *context,
                         struct error *err)
{
    UNIT_REPLY_CLEANUP sd_bus_message *reply = NULL;
    return unit_bus_get(bus, UNIT_BUS_SERVICE, property, "as", &reply, err) &&
           (read_words(reply, take, context) || not_understood(bus, property, err));
}

static bool take_home(void *context, const char *word)
{
    const char *value = service_home_value(word);
    if (value != NULL)
        text_copy(context, LIMIT_PATH, value);
    return true;
}

/* systemd.exec(5), EnvironmentFile=: a value may stand in quotes. */
static void unquote(char *value)
{
    size_t length = strcspn(value, "\r\n");
    value[length] = '\0';
    if (length >= 2 && (value[0] == '"' || value[0] == '\'') && value[length - 1] == value[0]) {
        value[length - 1] = '\0';
        memmove(value, value + 1, length - 1);
    }
}

static void read_environment_file(const char *path, char home[LIMIT_PATH])
{
    char line[LINE_SIZE];
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return;
    while (fgets(line, sizeof(line), file) != NULL) {
        char *assignment = line + strspn(line, " \t");
        if (service_home_value(assignment) != NULL) {
            char *value = strchr(assignment, '=') + 1;
            unquote(value);
            text_copy(home, LIMIT_PATH, value);
        }
    }
    fclose(file);
}

/* Each is a pattern, as in the unit. */
static void read_environment_pattern(const char *pattern, char home[LIMIT_PATH])
{
    glob_t found;
    if (glob(pattern, 0, NULL, &found) != 0)
        return;
    for (size_t i = 0; i < found.gl_pathc && i < FILES_MOST; i++)
        read_environment_file(found.gl_pathv[i], home);
    globfree(&found);
}

/* The property is a(sb): a path, and whether it may be missing. Files win over Environment=. */
static bool read_environment_files(struct unit_bus *bus, char home[LIMIT_PATH], struct error *err)
{
    static const char property[] = "EnvironmentFiles";
    UNIT_REPLY_CLEANUP sd_bus_message *reply = NULL;
    const char *pattern;
    int may_be_missing;
    if (!unit_bus_get(bus, UNIT_BUS_SERVICE, property, "a(sb)", &reply, err))
        return false;
    int status = sd_bus_message_enter_container(reply, 'a', "(sb)");
    while (status >= 0 &&
           (status = sd_bus_message_read(reply, "(sb)", &pattern, &may_be_missing)) > 0)
        read_environment_pattern(pattern, home);
    return status >= 0 || not_understood(bus, property, err);
}

static const struct unit_property home_properties[] = {{UNIT_BUS_SERVICE, "Environment"},
                                                       {UNIT_BUS_SERVICE, "EnvironmentFiles"}};

bool unit_settings_home(const struct bitbucket_config *config, char home[LIMIT_PATH],
                        struct error *err)
{
    UNIT_BUS_CLEANUP struct unit_bus bus = {.bus = NULL};
    home[0] = '\0';
    if (!open_unit(config, &bus, err))
        return false;
    unit_bus_ask(&bus, home_properties, sizeof(home_properties) / sizeof(home_properties[0]));
    return read_strings(&bus, "Environment", take_home, home, err) &&
           read_environment_files(&bus, home, err);
}

bool unit_settings_user(const struct bitbucket_config *config, char user[LIMIT_NAME],
                        struct error *err)
{
    UNIT_BUS_CLEANUP struct unit_bus bus = {.bus = NULL};
    return open_unit(config, &bus, err) &&
           unit_bus_get_text(&bus, UNIT_BUS_SERVICE, "User", user, LIMIT_NAME, err);
}

/* ---- where it is written down, and what ---- */

/* Units of packages, and those that generators make, are replaced without asking anybody. A link in
 * /etc counts as what it leads to. */
static bool may_be_edited(const char *path)
{
    char resolved[PATH_MAX];
    return realpath(path, resolved) != NULL && text_starts_with(resolved, "/etc/");
}

static bool take_file(void *context, const char *path)
{
    struct service_definition *definition = context;
    if (path[0] == '\0')
        return true;
    if (definition->file_count == SERVICE_FILES ||
        !TEXT_COPY(definition->files[definition->file_count], path))
        return false;
    definition->may_be_edited[definition->file_count++] = may_be_edited(path);
    return true;
}

static bool read_files(struct unit_bus *bus, struct service_definition *definition,
                       struct error *err)
{
    UNIT_REPLY_CLEANUP sd_bus_message *reply = NULL;
    char path[LIMIT_PATH];
    if (!unit_bus_get_text(bus, UNIT_BUS_UNIT, "FragmentPath", path, sizeof(path), err) ||
        !unit_bus_get(bus, UNIT_BUS_UNIT, "DropInPaths", "as", &reply, err))
        return false;
    if (take_file(definition, path) && read_words(reply, take_file, definition))
        return true;
    error_set(err, ERROR_FULL, "unit %s has more than %d files", bus->unit, SERVICE_FILES);
    return false;
}

static bool add_word(void *context, const char *word)
{
    return buffer_add_text(context, word) && buffer_add_text(context, " ");
}

static bool add_line(void *context, const char *word)
{
    return buffer_add_text(context, word) && buffer_add_text(context, "\n");
}

/* One of a(sasbttttuii): the program, its words, and how it went the last time. */
static bool read_command(sd_bus_message *reply, struct buffer *commands)
{
    const char *program;
    return sd_bus_message_read(reply, "s", &program) > 0 && add_word(commands, program) &&
           read_words(reply, add_word, commands) && sd_bus_message_skip(reply, "bttttuii") >= 0 &&
           buffer_add_text(commands, "\n");
}

static bool read_command_list(sd_bus_message *reply, struct buffer *commands)
{
    bool is_read = sd_bus_message_enter_container(reply, 'a', "(sasbttttuii)") >= 0;
    for (int i = 0; i < WORDS_MOST && is_read; i++) {
        int status = sd_bus_message_enter_container(reply, 'r', "sasbttttuii");
        if (status == 0)
            return true;
        is_read = status > 0 && read_command(reply, commands) &&
                  sd_bus_message_exit_container(reply) >= 0;
    }
    return false;
}

static bool read_commands(struct unit_bus *bus, struct buffer *commands, struct error *err)
{
    static const char *const properties[] = {"ExecStart",     "ExecStop",     "ExecStartPre",
                                             "ExecStartPost", "ExecStopPost", "ExecReload"};
    for (size_t i = 0; i < sizeof(properties) / sizeof(properties[0]); i++) {
        UNIT_REPLY_CLEANUP sd_bus_message *reply = NULL;
        if (!unit_bus_get(bus, UNIT_BUS_SERVICE, properties[i], "a(sasbttttuii)", &reply, err))
            return false;
        if (!read_command_list(reply, commands))
            return not_understood(bus, properties[i], err);
    }
    return true;
}

static bool read_directory(struct unit_bus *bus, struct buffer *commands, struct error *err)
{
    char directory[LIMIT_PATH];
    return unit_bus_get_text(bus, UNIT_BUS_SERVICE, "WorkingDirectory", directory,
                             sizeof(directory), err) &&
           (add_line(commands, directory) || not_understood(bus, "WorkingDirectory", err));
}

/* systemd.unit(5): "loaded", or why not. */
static bool check_loaded(struct unit_bus *bus, struct error *err)
{
    char state[32];
    if (!unit_bus_get_text(bus, UNIT_BUS_UNIT, "LoadState", state, sizeof(state), err))
        return false;
    if (text_equal(state, "loaded"))
        return true;
    if (text_equal(state, "not-found"))
        error_set(err, ERROR_NOT_FOUND, "there is no unit %s", bus->unit);
    else
        error_set(err, ERROR_INVALID, "unit %s cannot be used: systemd calls it '%s'", bus->unit,
                  state);
    return false;
}

static bool read_unit(struct unit_bus *bus, struct service_definition *definition,
                      struct error *err)
{
    return read_files(bus, definition, err) && read_commands(bus, &definition->commands, err) &&
           read_directory(bus, &definition->commands, err) &&
           read_strings(bus, "Environment", add_line, &definition->commands, err);
}

/* systemd-sysv-generator(8): such a unit only calls the script. */
static bool read_unit_or_script(struct unit_bus *bus, struct service_definition *definition,
                                struct error *err)
{
    char source[LIMIT_PATH];
    if (!unit_bus_get_text(bus, UNIT_BUS_UNIT, "SourcePath", source, sizeof(source), err))
        return false;
    if (text_starts_with(source, "/etc/init.d/"))
        return service_define_script(source, definition, err);
    return read_unit(bus, definition, err);
}

/* All that is read below. */
static const struct unit_property definition_properties[] = {
    {UNIT_BUS_UNIT, "LoadState"},        {UNIT_BUS_UNIT, "NeedDaemonReload"},
    {UNIT_BUS_UNIT, "SourcePath"},       {UNIT_BUS_UNIT, "FragmentPath"},
    {UNIT_BUS_UNIT, "DropInPaths"},      {UNIT_BUS_SERVICE, "ExecStart"},
    {UNIT_BUS_SERVICE, "ExecStop"},      {UNIT_BUS_SERVICE, "ExecStartPre"},
    {UNIT_BUS_SERVICE, "ExecStartPost"}, {UNIT_BUS_SERVICE, "ExecStopPost"},
    {UNIT_BUS_SERVICE, "ExecReload"},    {UNIT_BUS_SERVICE, "WorkingDirectory"},
    {UNIT_BUS_SERVICE, "Environment"},
};

bool unit_settings_define(const struct bitbucket_config *config,
                          struct service_definition *ret_definition, struct error *err)
{
    UNIT_BUS_CLEANUP struct unit_bus bus = {.bus = NULL};
    (void)snprintf(ret_definition->name, sizeof(ret_definition->name), "unit %s", config->unit);
    ret_definition->file_count = 0;
    if (!open_unit(config, &bus, err))
        return false;
    unit_bus_ask(&bus, definition_properties,
                 sizeof(definition_properties) / sizeof(definition_properties[0]));
    return check_loaded(&bus, err) &&
           unit_bus_get_flag(&bus, UNIT_BUS_UNIT, "NeedDaemonReload", &ret_definition->has_changed,
                             err) &&
           read_unit_or_script(&bus, ret_definition, err);
}

bool unit_settings_reload(const struct bitbucket_config *config, struct error *err)
{
    UNIT_BUS_CLEANUP struct unit_bus bus = {.bus = NULL};
    sd_bus_error failure = SD_BUS_ERROR_NULL;
    if (!unit_bus_open(&bus, config->unit, err))
        return false;
    sd_bus_set_method_call_timeout(bus.bus, RELOAD_US);
    int status = sd_bus_call_method(bus.bus, UNIT_BUS_SYSTEMD, UNIT_BUS_PATH, UNIT_BUS_MANAGER,
                                    "Reload", &failure, NULL, "");
    return status >= 0 || unit_bus_failed(&bus, "daemon-reload", status, &failure, err);
}
