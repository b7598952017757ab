/* SPDX-License-Identifier: Apache-2.0 */
#include "node_check.h"

#include "child.h"
#include "definition.h"
#include "home_guard.h"
#include "look.h"
#include "memory.h"
#include "merge.h"
#include "path_text.h"
#include "quote.h"
#include "release.h"
#include "service.h"
#include "service_candidates.h"
#include "text.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define ACCESS_MS 5000 /* test(1): a home on a file server that does not answer */

/* ---- complaints ---- */

void node_complain(struct node_complaints *complaints, const char *what, const char *hint,
                   const char *format, ...)
{
    char text[ERROR_MESSAGE_SIZE];
    char whole[ERROR_MESSAGE_SIZE + 64];
    va_list arguments;
    if (complaints->count++ >= MESSAGE_COMPLAINTS)
        return;
    struct node_complaint *complaint = &complaints->items[complaints->count - 1];
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    (void)snprintf(whole, sizeof(whole), "%s: %s", what, text);
    quote_text(complaint->message, sizeof(complaint->message), whole, strlen(whole));
    quote_text(complaint->hint, sizeof(complaint->hint), hint, strlen(hint));
}

static void complain_of_error(struct node_complaints *complaints, const char *what,
                              const struct error *err)
{
    node_complain(complaints, what, err->hint, "%s", err->message);
}

/* ---- directories ---- */

static bool is_read_only(const char *path)
{
    struct statvfs space;
    return statvfs(path, &space) == 0 && (space.f_flag & ST_RDONLY) != 0;
}

static void check_releases(const struct bitbucket_config *config,
                           struct node_complaints *complaints)
{
    static const char what[] = "bitbucket.releases";
    struct stat status;
    const char *path = config->releases;
    FREE_CLEANUP char *resolved = realpath(path, NULL);
    if (path[0] == '\0')
        return;
    if (stat(path, &status) == 0 && is_read_only(path))
        node_complain(complaints, what,
                      "mount it for writing, and allow the agent's unit to write there",
                      "'%s' is on a file system that is mounted read-only", path);
    else if (stat(path, &status) != 0 || !S_ISDIR(status.st_mode) ||
             access(path, R_OK | W_OK | X_OK) != 0)
        node_complain(complaints, what, "", "'%s' must be a directory that can be written", path);
    else if (resolved != NULL && !text_equal(resolved, path))
        node_complain(complaints, what,
                      "write the directory itself into the configuration, and into the service",
                      "'%s' leads through a symbolic link to '%s'", path, resolved);
}

/* Symbolic links can bring together what the texts keep apart. */
static void check_home_apart(const struct bitbucket_config *config, const char *home,
                             struct node_complaints *complaints)
{
    FREE_CLEANUP char *releases = realpath(config->releases, NULL);
    FREE_CLEANUP char *tree = realpath(config->install_link, NULL);
    if ((releases != NULL && path_is_inside(home, releases)) ||
        (tree != NULL && path_is_inside(home, tree)))
        node_complain(
            complaints, "bitbucket.home",
            "stop Bitbucket, move the home out, and set BITBUCKET_HOME to where it is then",
            "BITBUCKET_HOME must lie outside of releases and install tree, but is '%s'", home);
    if (releases != NULL && path_below(releases, home) != NULL)
        node_complain(
            complaints, "bitbucket.releases",
            "stop Bitbucket, move the releases out, and point service and link at where they are "
            "then",
            "must lie outside of BITBUCKET_HOME, where nothing is ever written, but is '%s'",
            releases);
}

/* In the agent the home is read-only (home_guard.h); so that is asked where the service lives. A
 * program that cannot tell says why; test(1) says nothing. */
static bool run_test(const char *const *argv, const char *user, bool *ret_is_told, bool *ret_is_so,
                     struct error *err)
{
    static const char *const environment[] = {NULL};
    const struct child_request request = {.argv = argv,
                                          .environment = environment,
                                          .user = user,
                                          .deadline = deadline_after_ms(ACCESS_MS),
                                          .keeps_errors_apart = true};
    struct child_result result;
    if (!child_run(&request, &result, err))
        return false;
    *ret_is_told = result.errors.length == 0;
    *ret_is_so = !result.timed_out && result.exit_status == 0;
    child_result_done(&result);
    return true;
}

static bool test_home(const struct bitbucket_config *config, const char *user, bool *ret_is_told,
                      bool *ret_is_so, struct error *err)
{
    const struct passwd *entry = user[0] != '\0' ? getpwnam(user) : NULL;
    FREE_CLEANUP char *user_id = memory_format("--reuid=%s", entry != NULL ? user : "0");
    FREE_CLEANUP char *group_id = memory_format("--regid=%u", entry != NULL ? entry->pw_gid : 0);
    const char *const argv[] = {"/usr/bin/nsenter",
                                "--target=1",
                                "--mount",
                                "/usr/bin/setpriv",
                                user_id,
                                group_id,
                                "--init-groups",
                                "--",
                                "/usr/bin/test",
                                "-w",
                                config->home,
                                "-a",
                                "-x",
                                config->home,
                                NULL};
    const size_t before_test = 8;
    if (home_guard_holds())
        return run_test(argv, NULL, ret_is_told, ret_is_so, err);
    return run_test(argv + before_test, entry != NULL ? user : NULL, ret_is_told, ret_is_so, err);
}

/* By a process of that user: modes alone say little where there are ACLs or a file server. */
static void check_home_writable(const struct bitbucket_config *config, const char *user,
                                struct node_complaints *complaints)
{
    bool is_told, is_so;
    struct error err;
    if (!test_home(config, user, &is_told, &is_so, &err))
        complain_of_error(complaints, "bitbucket.home", &err);
    else if (is_told && !is_so)
        node_complain(complaints, "bitbucket.home",
                      "chown it to the user that the service runs as, and look at its mounts",
                      "the service's user %s cannot write in '%s'",
                      user[0] != '\0' ? user : "(ours)", config->home);
}

/* A unit may name its user by number, which need not have a name. */
static bool is_number(const char *name)
{
    return name[0] != '\0' && name[strspn(name, "0123456789")] == '\0';
}

/* True where we can become that user, to try what it may. */
static bool check_user(const struct bitbucket_config *config, const char *name,
                       struct node_complaints *complaints)
{
    static const char what[] = "bitbucket.service.user";
    if (is_number(name))
        return false;
    const struct passwd *user = name[0] != '\0' ? getpwnam(name) : NULL;
    bool is_there = name[0] == '\0' || user != NULL;
    bool can_become = !is_there || user == NULL || geteuid() == 0 || geteuid() == user->pw_uid;
    if (!is_there)
        node_complain(complaints, what, config->service == SERVICE_SYSV ? "service: {user: …}" : "",
                      "there is no user '%s'", name);
    else if (!can_become)
        node_complain(complaints, what, "", "only root can become '%s'", name);
    return is_there && can_become;
}

static void check_home(const struct bitbucket_config *config, struct node_complaints *complaints)
{
    struct stat status;
    struct error ignored;
    char user[LIMIT_NAME] = "";
    FREE_CLEANUP char *home = realpath(config->home, NULL);
    bool is_user_known = service_of(config)->user(config, user, &ignored);
    bool is_user_good = is_user_known && check_user(config, user, complaints);
    if (config->home[0] == '\0')
        return;
    if (home == NULL || stat(home, &status) != 0 || !S_ISDIR(status.st_mode) ||
        access(home, X_OK) != 0) {
        node_complain(complaints, "bitbucket.home", "", "'%s' must be a directory", config->home);
        return;
    }
    check_home_apart(config, home, complaints);
    if (is_user_good)
        check_home_writable(config, user, complaints);
}

/* ---- what is started ---- */

/* The link that a switch replaces: it must be one, and name a release. */
static void check_link(const struct bitbucket_config *config, struct node_complaints *complaints)
{
    static const char what[] = "bitbucket.install_link";
    struct stat status;
    char hint[ERROR_HINT_SIZE];
    FREE_CLEANUP char *releases = realpath(config->releases, NULL);
    FREE_CLEANUP char *target = realpath(config->install_link, NULL);
    if (config->install_link[0] == '\0' || releases == NULL)
        return;
    if (lstat(config->install_link, &status) != 0 || !S_ISLNK(status.st_mode)) {
        (void)snprintf(hint, sizeof(hint), "move the tree to '%.96s/VERSION' and link to it",
                       config->releases);
        node_complain(complaints, what, hint,
                      "'%s' must be a symbolic link, so that a switch is atomic",
                      config->install_link);
        return;
    }
    const char *name = target == NULL ? NULL : path_below(target, releases);
    if (name == NULL || strchr(name, '/') != NULL)
        node_complain(complaints, what, "", "'%s' names '%s' and not a directory in '%s'",
                      config->install_link, target == NULL ? "nothing" : target, releases);
}

/* Where both are there, both are switched, and must be at the same place before. */
static void check_link_agrees(const struct bitbucket_config *config,
                              const struct definition *definition,
                              struct node_complaints *complaints)
{
    struct stat status;
    char linked[LIMIT_VERSION];
    if (lstat(config->install_link, &status) != 0)
        return;
    check_link(config, complaints);
    release_linked(config, linked);
    if (linked[0] != '\0' && !text_equal(linked, definition->version))
        node_complain(complaints, "bitbucket.install_link",
                      "have the link name what the service starts, or remove it",
                      "'%s' names release %s, but %s starts release %s", config->install_link,
                      linked, definition->name, definition->version);
}

static void check_candidates(const struct bitbucket_config *config,
                             const struct service_candidates *candidates,
                             struct node_complaints *complaints)
{
    for (size_t i = 0; i < candidates->count && config->service != SERVICE_SCRIPT; i++) {
        if (!service_candidate_is_configured(config, candidates->paths[i]))
            node_complain(
                complaints, "bitbucket.service",
                "remove or mask (a script: chmod -x) the one that is not used",
                "%s starts Bitbucket as well, and would start a wrong release at the boot",
                candidates->paths[i]);
    }
}

static void check_definition(const struct agent_config *config, struct node_complaints *complaints)
{
    static const char what[] = "bitbucket.service";
    const struct bitbucket_config *bitbucket = &config->bitbucket;
    struct definition definition;
    struct service_candidates candidates;
    struct error err;
    if (!service_is_told(bitbucket) || bitbucket->releases[0] == '\0')
        return;
    if (bitbucket->service == SERVICE_SYSTEMD && access("/run/systemd/system", F_OK) != 0) {
        node_complain(complaints, what, "kind: sysv, or kind: script", "systemd does not run here");
        return;
    }
    service_candidates_find(bitbucket, "", &candidates);
    if (definition_look(config, &definition, &err)) {
        check_candidates(bitbucket, &candidates, complaints);
        if (definition.kind == DEFINITION_RELEASE)
            check_link_agrees(bitbucket, &definition, complaints);
        else
            check_link(bitbucket, complaints);
        return;
    }
    if (err.code == ERROR_NOT_FOUND)
        service_candidates_hint(&candidates, &err);
    complain_of_error(complaints, what, &err);
}

void node_check_describe(const struct agent_config *config, char *text, size_t size)
{
    struct definition definition;
    struct error ignored;
    const char *link = config->bitbucket.install_link;
    text[0] = '\0';
    if (config->bitbucket.releases[0] == '\0' || !definition_look(config, &definition, &ignored))
        return;
    switch (definition.kind) {
    case DEFINITION_LINK:
        (void)snprintf(text, size, "%s starts through the link '%s': a switch moves that",
                       definition.name[0] != '\0' ? definition.name : "the agent", link);
        break;
    case DEFINITION_RELEASE:
        (void)snprintf(text, size, "%s names release %s in '%s': a switch edits it there",
                       definition.name, definition.version, definition.file);
        break;
    case DEFINITION_NEITHER:
        (void)snprintf(text, size,
                       "%s names neither the link '%s' nor a release: a switch moves the link, and "
                       "what is started must go through it",
                       definition.name, link);
        break;
    }
}

/* ---- the home, as service and trees have it ---- */

/* The trees that are started next: the one that is linked, and those that were staged. */
static void check_homes(const struct agent_config *config, struct node_complaints *complaints)
{
    const struct bitbucket_config *bitbucket = &config->bitbucket;
    struct release_list list;
    struct release_record record;
    char set[LIMIT_PATH], linked[LIMIT_VERSION];
    struct error err;
    if (!service_of(bitbucket)->environment_home(bitbucket, set, &err) ||
        !release_list_read(bitbucket, &list, &err))
        return;
    if (set[0] != '\0' && !release_is_home(bitbucket, set))
        node_complain(complaints, "bitbucket.home", "bitbucket.home must be what the service sets",
                      "the service sets BITBUCKET_HOME=%s, our configuration %s", set,
                      bitbucket->home);
    release_linked(bitbucket, linked);
    for (size_t i = 0; i < list.count && set[0] == '\0'; i++) {
        bool is_next = text_equal(list.versions[i], linked) ||
                       release_record_read(config, list.versions[i], &record, &err);
        if (is_next && !release_check_home(bitbucket, list.versions[i], &err))
            complain_of_error(complaints, "bitbucket.home", &err);
    }
}

/* ---- git ---- */

static void check_git(struct node_complaints *complaints)
{
    if (merge_find_git() != NULL)
        return;
    node_complain(complaints, "git", "install git: Bitbucket itself cannot do without it",
                  "there is none in the usual directories");
}

/* ---- the whole ---- */

void node_check(const struct agent_config *config, struct node_complaints *ret_complaints)
{
    const struct bitbucket_config *bitbucket = &config->bitbucket;
    ret_complaints->count = 0;
    check_releases(bitbucket, ret_complaints);
    check_home(bitbucket, ret_complaints);
    check_definition(config, ret_complaints);
    check_homes(config, ret_complaints);
    look_compare(bitbucket, ret_complaints);
    check_git(ret_complaints);
}
