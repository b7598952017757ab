/* SPDX-License-Identifier: Apache-2.0 */
#include "look_home.h"

#include "file.h"
#include "home_script.h"
#include "look_places.h"
#include "memory.h"
#include "path_text.h"
#include "process_evidence.h"
#include "process_owner.h"
#include "release.h"
#include "service.h"
#include "start_settings.h"
#include "text.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/* ---- who says it ---- */

static bool read_text(const char *path, size_t most, struct buffer *ret_text)
{
    struct error ignored;
    buffer_init(ret_text, most);
    return file_read(path, ret_text, &ignored);
}

/* An init script may set it for the user that it becomes; the product's own scripts come second. */
static bool ask_script(const struct bitbucket_config *config, struct found_home *home)
{
    BUFFER_CLEANUP struct buffer text = {.data = NULL};
    (void)snprintf(home->where, sizeof(home->where), "%s", config->init_script);
    return read_text(config->init_script, SERVICE_COMMANDS_BYTES, &text) &&
           start_setting_of(buffer_text(&text), "BITBUCKET_HOME", home->path, sizeof(home->path)) &&
           home->path[0] != '\0';
}

static bool ask_service(const struct bitbucket_config *config, struct found_home *home)
{
    struct error ignored;
    if (config->service == SERVICE_SYSV)
        return ask_script(config, home);
    (void)snprintf(home->where, sizeof(home->where), "%s%s",
                   config->service == SERVICE_SYSTEMD ? "unit " : "service.environment",
                   config->unit);
    return service_of(config)->environment_home(config, home->path, &ignored) &&
           home->path[0] != '\0';
}

static bool ask_tree(const struct bitbucket_config *config, struct found_home *home)
{
    BUFFER_CLEANUP struct buffer text = {.data = NULL};
    char path[RELEASE_PATH_SIZE];
    char version[LIMIT_VERSION];
    release_linked(config, version);
    release_path(config, "", version, path);
    (void)snprintf(home->where, sizeof(home->where), "%.*s/bin/set-bitbucket-home.sh", LIMIT_PATH,
                   path);
    if (version[0] == '\0' || !read_text(home->where, HOME_SCRIPT_BYTES, &text))
        return false;
    home_script_read(buffer_text(&text), text.length, home->path);
    return home->path[0] != '\0';
}

/* ---- the process ---- */

static bool names_home(pid_t pid, struct buffer *scratch, char home[LIMIT_PATH])
{
    const char *named =
        evidence_read(pid, "cmdline", scratch) ? evidence_word_after(scratch, EVIDENCE_HOME) : NULL;
    return named != NULL && text_copy(home, LIMIT_PATH, named) && home[0] == '/';
}

/* A container of this host has the same paths to other files. */
static bool has_our_root(pid_t pid)
{
    char path[64];
    struct stat ours, theirs;
    (void)snprintf(path, sizeof(path), "/proc/%d/root/", (int)pid);
    return stat("/", &ours) == 0 && stat(path, &theirs) == 0 && ours.st_dev == theirs.st_dev &&
           ours.st_ino == theirs.st_ino;
}

static bool is_of_releases(pid_t pid, const struct bitbucket_config *config)
{
    char version[LIMIT_VERSION];
    if (!has_our_root(pid))
        return false;
    evidence_release(pid, config, version);
    return version[0] != '\0';
}

/* One look at all processes. */
struct home_search {
    const struct bitbucket_config *config;
    const char *wanted;
    struct process_owners owners;
    struct buffer scratch;
    struct process_homes *homes;
};

/* True where there is no need to look on. */
static bool take_home_of(struct home_search *search, pid_t pid, const char *home)
{
    struct process_homes *homes = search->homes;
    bool is_wanted = search->wanted[0] != '\0' && file_is_same_place(home, search->wanted);
    size_t at = is_wanted ? 0 : homes->count;
    if (is_wanted || homes->count == 0 ||
        (homes->count == 1 && !file_is_same_place(home, homes->items[0].path))) {
        TEXT_COPY(homes->items[at].path, home);
        (void)snprintf(homes->items[at].where, sizeof(homes->items[at].where), "process %d",
                       (int)pid);
        homes->count = at + 1;
    }
    return is_wanted;
}

/* Its words are read a second time, now that their author is known. */
static bool visit_process(pid_t pid, void *context)
{
    struct home_search *search = context;
    char home[LIMIT_PATH];
    bool is_believed;
    struct error ignored;
    if (!names_home(pid, &search->scratch, home) ||
        !process_owners_believe(&search->owners, pid, &is_believed, &ignored) || !is_believed ||
        !names_home(pid, &search->scratch, home) || !is_of_releases(pid, search->config))
        return true;
    return !take_home_of(search, pid, home);
}

void look_for_homes_of_processes(const struct bitbucket_config *config, const char *wanted,
                                 struct process_homes *ret_homes)
{
    struct home_search search = {.config = config, .wanted = wanted, .homes = ret_homes};
    struct error ignored;
    ret_homes->count = 0;
    process_owners_init(&search.owners, config);
    buffer_init(&search.scratch, EVIDENCE_BYTES);
    (void)evidence_scan(visit_process, &search, &ignored);
    buffer_done(&search.scratch);
}

/* ---- what they say ---- */

static bool take_home(struct found_home *said, struct found_home *home, struct error *err)
{
    path_trim_slashes(said->path);
    if (!path_is_normal(said->path) || strcmp(said->path, "/") == 0) {
        error_set(err, ERROR_INVALID, "%s says %s, which is no plain path", said->where,
                  said->path);
        error_hint(err, "write the path there without '.', '..' and '//'");
        return false;
    }
    if (home->path[0] == '\0')
        *home = *said;
    if (file_is_same_place(said->path, home->path))
        return true;
    error_set(err, ERROR_CONFLICT, "%s says %s, but %s says %s", home->where, home->path,
              said->where, said->path);
    error_hint(err, "have both say the same, or write the right one as bitbucket.home");
    return false;
}

/* ---- what a process said before ---- */

static void remembered_path(const char *state_dir, char path[LIMIT_PATH + 16])
{
    (void)snprintf(path, LIMIT_PATH + 16, "%s/found-home", state_dir);
}

static bool recall(const char *state_dir, struct found_home *home)
{
    BUFFER_CLEANUP struct buffer text = {.data = NULL};
    char path[LIMIT_PATH + 16];
    remembered_path(state_dir, path);
    TEXT_COPY(home->where, path);
    return read_text(path, LIMIT_PATH - 1, &text) && path_is_normal(buffer_text(&text)) &&
           TEXT_COPY(home->path, buffer_text(&text));
}

bool look_remember_home(const char *state_dir, const char *home, struct error *err)
{
    char path[LIMIT_PATH + 16];
    remembered_path(state_dir, path);
    return file_make_directory(state_dir, 0700, err) &&
           file_replace(path, home, strlen(home), 0600, err);
}

/* ---- the whole ---- */

bool look_for_home(const struct bitbucket_config *config, const char *state_dir,
                   struct found_home *ret_home, struct error *err)
{
    static bool (*const ask[])(const struct bitbucket_config *, struct found_home *) = {ask_service,
                                                                                        ask_tree};
    struct found_home home = {.path = ""};
    struct process_homes homes;
    for (size_t i = 0; i < sizeof(ask) / sizeof(ask[0]); i++) {
        struct found_home said = {.path = ""};
        if (ask[i](config, &said) && !take_home(&said, &home, err))
            return false;
    }
    look_for_homes_of_processes(config, home.path, &homes);
    for (size_t i = 0; i < homes.count; i++) {
        if (!take_home(&homes.items[i], &home, err))
            return false;
    }
    if (home.path[0] == '\0' && !recall(state_dir, &home)) {
        error_set(err, ERROR_NOT_FOUND,
                  "neither the service, nor bin/set-bitbucket-home.sh of the "
                  "tree in use, nor a process that runs says where it is");
        error_hint(err, "write it: bitbucket: {home: /var/atlassian/application-data/bitbucket}");
        return false;
    }
    *ret_home = home;
    return true;
}
