/* SPDX-License-Identifier: Apache-2.0 */
#include "merge.h"

#include "child.h"
#include "memory.h"
#include "text.h"

#include <string.h>
#include <unistd.h>

/* git merge-file: 0 for clean, the number of conflicts up to 127, 255 for an error; "error: Cannot
 * merge binary files" is the only one for files that can be read. */
#define STATUS_CONFLICTS 127
#define STATUS_ERROR     255

const char *merge_find_git(void)
{
    static const char *const places[] = {"/usr/bin/git",        "/usr/local/bin/git", "/bin/git",
                                         "/usr/local/sbin/git", "/usr/sbin/git",      "/sbin/git"};
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
        if (access(places[i], X_OK) == 0)
            return places[i];
    return NULL;
}

static const char *need_git(struct error *err)
{
    const char *git = merge_find_git();
    if (git != NULL)
        return git;
    error_set(err, ERROR_NOT_FOUND, "git is not installed: customised files cannot be merged");
    error_hint(err, "install it: Bitbucket needs it too");
    return NULL;
}

/* Neither the caller's configuration nor a repository around the directory has a say. */
static bool run_git(const struct merge_request *request, const char *const *argv,
                    struct child_result *ret_result, struct error *err)
{
    static const char *const environment[] = {"PATH=/usr/bin:/bin",
                                              "LC_ALL=C",
                                              "HOME=/nonexistent",
                                              "GIT_CONFIG_NOSYSTEM=1",
                                              "GIT_CONFIG_GLOBAL=/dev/null",
                                              "GIT_CEILING_DIRECTORIES=/",
                                              NULL};
    struct child_request child = {
        .argv = argv,
        .environment = environment,
        .directory = request->directory,
        .deadline = request->deadline,
        .keeps_errors_apart = true,
    };
    if (!child_run(&child, ret_result, err))
        return false;
    if (!ret_result->timed_out)
        return true;
    child_result_done(ret_result);
    error_set(err, ERROR_TIMEOUT, "git did not end before the deadline");
    return false;
}

bool merge_files(const struct merge_request *request, enum merge_outcome *ret_outcome,
                 struct error *err)
{
    struct child_result result;
    const char *git = need_git(err);
    const char *const argv[] = {git,
                                "merge-file",
                                "--diff3",
                                "-L",
                                request->ours_label,
                                "-L",
                                request->base_label,
                                "-L",
                                request->theirs_label,
                                request->ours,
                                request->base,
                                request->theirs,
                                NULL};
    if (git == NULL || !run_git(request, argv, &result, err))
        return false;
    int status = result.exit_status;
    bool is_binary =
        status == STATUS_ERROR && strstr(buffer_text(&result.errors), "binary") != NULL;
    if (status > STATUS_CONFLICTS && !is_binary)
        error_set(err, ERROR_SYSTEM, "git merge-file ended with %d: %.200s", status,
                  buffer_text(&result.errors));
    child_result_done(&result);
    if (status > STATUS_CONFLICTS && !is_binary)
        return false;
    if (is_binary)
        *ret_outcome = MERGE_NO_TEXT;
    else
        *ret_outcome = status == 0 ? MERGE_CLEAN : MERGE_CONFLICT;
    return true;
}

bool merge_show(const struct merge_request *request, struct buffer *ret_text, struct error *err)
{
    struct child_result result;
    const char *git = need_git(err);
    const char *const argv[] = {
        git,           "diff", "--no-index",  "--no-color",  "--no-ext-diff",
        "--no-prefix", "--",   request->base, request->ours, NULL};
    if (git == NULL || !run_git(request, argv, &result, err))
        return false;
    /* The first lines name our copies: the caller says what they are of. */
    const char *hunks = strstr(buffer_text(&result.output), "\n@@ ");
    if (hunks != NULL)
        buffer_add_text(ret_text, hunks + 1);
    child_result_done(&result);
    return true;
}
