/* SPDX-License-Identifier: Apache-2.0 */
#include "look_service.h"

#include "file.h"
#include "release.h"
#include "service.h"
#include "service_candidates.h"
#include "start_settings.h"
#include "text.h"

#include <stdio.h>
#include <string.h>

#define USER "atlbitbucket" /* of the product's installer */

static void write_candidates(const struct service_candidates *candidates, char *text, size_t size)
{
    text[0] = '\0';
    for (size_t i = 0; i < candidates->count; i++) {
        if (i > 0)
            text_append(text, size, i + 1 < candidates->count ? ", " : " and ");
        text_append(text, size, candidates->paths[i]);
    }
}

static bool is_one(const struct service_candidates *candidates, struct error *err)
{
    char names[ERROR_MESSAGE_SIZE - 64];
    if (candidates->count == 1)
        return true;
    if (candidates->count == 0) {
        error_set(
            err, ERROR_NOT_FOUND,
            "no unit and no init script starts bin/start-bitbucket.sh of a tree that is there");
        error_hint(err,
                   "write which one does, as service: {kind: systemd, unit: …} or {kind: sysv, "
                   "script: …}; or {kind: script, user: …}, where the agent shall start it");
        return false;
    }
    write_candidates(candidates, names, sizeof(names));
    error_set(err, ERROR_CONFLICT, "%s start Bitbucket, and it cannot be told which is used",
              names);
    error_hint(err,
               "remove or mask (a script: chmod -x) the one that is not, or write the right one "
               "as service: {kind: systemd, unit: …} or {kind: sysv, script: …}");
    return false;
}

bool look_for_service(struct bitbucket_config *config, const char *root, struct error *err)
{
    struct service_candidates candidates;
    service_candidates_find(NULL, root, &candidates);
    if (!is_one(&candidates, err))
        return false;
    const char *path = candidates.paths[0];
    if (service_candidate_is_script(path, root)) {
        config->service = SERVICE_SYSV;
        TEXT_COPY(config->init_script, path);
        return true;
    }
    config->service = SERVICE_SYSTEMD;
    if (TEXT_COPY(config->unit, strrchr(path, '/') + 1))
        return true;
    error_set(err, ERROR_INVALID, "the name of unit %s is too long", path);
    return false;
}

/* ---- the user of an init script ---- */

/* As the installer's script and those of administrators call it. */
static const char *const user_variables[] = {"BITBUCKET_USER", "RUNUSER",  "RUN_USER", "RUN_AS",
                                             "APPUSER",        "APP_USER", "ATLUSER",  "USER"};

static bool names_user(const char *path, char user[LIMIT_NAME])
{
    BUFFER_CLEANUP struct buffer text;
    struct error ignored;
    char value[LIMIT_NAME];
    buffer_init(&text, SERVICE_COMMANDS_BYTES);
    if (!file_read(path, &text, &ignored))
        return false;
    for (size_t i = 0; i < sizeof(user_variables) / sizeof(user_variables[0]); i++) {
        if (start_setting_of(buffer_text(&text), user_variables[i], value, sizeof(value)) &&
            text_is_name(value))
            return text_copy(user, LIMIT_NAME, value);
    }
    return false;
}

bool look_for_user_of_tree(const struct bitbucket_config *config, char user[LIMIT_NAME],
                           char where[LIMIT_PATH])
{
    char version[LIMIT_VERSION];
    char script[RELEASE_PATH_SIZE + 32];
    release_linked(config, version);
    (void)snprintf(script, sizeof(script), "%s/%s/bin/set-bitbucket-user.sh", config->releases,
                   version);
    user[0] = '\0';
    if (version[0] == '\0' || !names_user(script, user))
        return false;
    text_copy(where, LIMIT_PATH, script);
    return true;
}

void look_for_user(struct bitbucket_config *config, char where[LIMIT_PATH])
{
    if (names_user(config->init_script, config->user)) {
        text_copy(where, LIMIT_PATH, config->init_script);
    } else if (!look_for_user_of_tree(config, config->user, where)) {
        TEXT_COPY(config->user, USER);
        text_copy(where, LIMIT_PATH, "the product's default");
    }
}
