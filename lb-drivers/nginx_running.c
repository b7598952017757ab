/* SPDX-License-Identifier: Apache-2.0 */
#include "nginx_running.h"

#include "memory.h"
#include "text.h"

#include <stdlib.h>

#define USUAL_PID_FILE "/run/nginx.pid"
#define LOOK_MS        5
#define SETTLE_MS      1000 /* of a reload by somebody else: old and new workers side by side */

void nginx_running_done(struct nginx_running *running)
{
    nginx_tree_done(&running->tree);
    running->is_known = false;
}

/* As NGINX resolves it: relative to the prefix, not to the configuration's directory. */
static char *pid_path(const struct nginx_site *site, const struct nginx_config *config,
                      struct error *err)
{
    const char *path = config->pid_file[0] != '\0' ? config->pid_file : USUAL_PID_FILE;

    if (path[0] == '/')
        return memory_text(path);
    if (site->prefix != NULL)
        return memory_format("%s/%s", site->prefix, path);
    error_set(err, ERROR_INVALID, "'pid %s' is relative to a directory built into NGINX", path);
    error_hint(err, "set pid_file, or prefix, or write an absolute path behind `pid`");
    return NULL;
}

static bool open_by_config(const struct nginx_site *site, const struct nginx_config *config,
                           struct nginx_master *ret_master, struct error *err)
{
    FREE_CLEANUP char *path = pid_path(site, config, err);
    return path != NULL && nginx_master_open(path, site->config_path, ret_master, err);
}

bool nginx_running_open(const struct nginx_running *running, const struct nginx_site *site,
                        struct nginx_master *ret_master, struct error *err)
{
    struct nginx_tree tree NGINX_TREE_CLEANUP = {.file_count = 0};

    if (site->pid_file != NULL)
        return nginx_master_open(site->pid_file, site->config_path, ret_master, err);
    if (running->is_known && open_by_config(site, &running->tree.config, ret_master, err))
        return true;
    return nginx_tree_load(site->config_path, &tree, err) &&
           open_by_config(site, &tree.config, ret_master, err);
}

/* The workers are seen first and the files read afterwards: a reload in between makes the files
 * younger than the workers, never the other way round. */
static bool refresh(struct nginx_running *running, const struct nginx_site *site,
                    const struct nginx_master *master, struct error *err)
{
    FREE_CLEANUP struct nginx_workers *workers = memory_zeroed(1, sizeof(*workers));
    struct nginx_tree tree;

    if (!nginx_master_workers(master, workers, err))
        return false;
    if (running->is_known && nginx_workers_are_same(workers, &running->workers)) {
        running->workers = *workers; /* the old ones become fewer */
        return true;
    }
    if (!nginx_tree_load(site->config_path, &tree, err))
        return false;
    nginx_tree_drop_bytes(&tree);
    nginx_tree_done(&running->tree);
    running->tree = tree;
    running->workers = *workers;
    running->first_ms = nginx_workers_first_ms(workers);
    running->last_ms = nginx_workers_last_ms(workers);
    running->is_known = !workers->is_starting && workers->live_count > 0;
    return true;
}

/* Files have a time as coarse as a tick of the kernel, and processes have one too: what is closer
 * together than that has no order. */
static bool is_before(int64_t changed_ms, int64_t start_ms)
{
    return changed_ms + NGINX_TICK_MS <= start_ms;
}

static bool last_change(const struct nginx_tree *tree, const struct nginx_member *members,
                        size_t count, int64_t *ret_changed_ms, struct error *err)
{
    int64_t changed_ms = 0;

    for (size_t i = 0; i < count; i++) {
        size_t group;
        if (!nginx_member_find(&tree->config, &members[i], &group, err))
            return false;
        int64_t group_ms = nginx_tree_group_changed_ms(tree, group);
        changed_ms = group_ms > changed_ms ? group_ms : changed_ms;
    }
    *ret_changed_ms = changed_ms;
    return true;
}

static void tell_unknown(const struct nginx_running *running, struct error *err)
{
    if (!running->is_known) {
        error_set(err, ERROR_UNAVAILABLE, "no worker takes traffic");
        return;
    }
    error_set(err, ERROR_UNAVAILABLE,
              "the configuration was changed after the workers were started, and not reloaded: "
              "what they run is not known");
    error_hint(err, "see that the files are as they should be, then reload NGINX");
}

bool nginx_running_look(struct nginx_running *running, const struct nginx_site *site,
                        const struct nginx_master *master, const struct nginx_member *members,
                        size_t count, struct deadline deadline, struct error *err)
{
    struct deadline patience = deadline_after_ms(SETTLE_MS);
    int64_t changed_ms;

    for (;;) {
        if (!refresh(running, site, master, err) ||
            !last_change(&running->tree, members, count, &changed_ms, err))
            return false;
        if (running->is_known && is_before(changed_ms, running->first_ms))
            return true;
        bool is_settling = !running->is_known || is_before(changed_ms, running->last_ms);
        if (!is_settling || deadline_is_over(patience) || deadline_is_over(deadline))
            break;
        clock_sleep_ms(LOOK_MS);
    }
    tell_unknown(running, err);
    return false;
}

bool nginx_running_has(const struct nginx_running *running, const struct nginx_tree *tree)
{
    return running->is_known && is_before(nginx_tree_changed_ms(tree), running->first_ms);
}

static const char refusal_hint[] =
    "NGINX's error log says why; a listen address that is taken is not seen by -t; mend it, then "
    "reload NGINX";

static bool was_refused(const struct nginx_running *running, const struct nginx_workers *workers,
                        const char *sha256)
{
    return text_equal(running->tried, sha256) &&
           !nginx_workers_are_new(workers, &running->before) &&
           clock_monotonic_ms() < running->give_up_ms + NGINX_REFUSED_MS;
}

bool nginx_running_reload(struct nginx_running *running, const struct nginx_master *master,
                          const char *sha256, struct error *err)
{
    FREE_CLEANUP struct nginx_workers *workers = memory_zeroed(1, sizeof(*workers));

    /* So that the files' time is before that of the new workers for everybody who looks. */
    clock_sleep_ms((int64_t)2 * NGINX_TICK_MS);
    if (!nginx_master_workers(master, workers, err))
        return false;
    if (was_refused(running, workers, sha256)) {
        error_set(err, ERROR_CONFLICT,
                  "master %d did not take this configuration before: it is not told again",
                  (int)master->pid);
        error_hint(err, "%s", refusal_hint);
        return false;
    }
    if (!nginx_master_reload(master, err))
        return false;
    running->before = *workers;
    running->is_reloading = true;
    running->give_up_ms = clock_monotonic_ms() + NGINX_RELOAD_MS;
    (void)TEXT_COPY(running->tried, sha256);
    return true;
}

bool nginx_running_wait(struct nginx_running *running, const struct nginx_master *master,
                        struct deadline deadline, struct error *err)
{
    FREE_CLEANUP struct nginx_workers *workers = memory_zeroed(1, sizeof(*workers));

    for (;;) {
        if (!nginx_master_workers(master, workers, err))
            return false;
        if (nginx_workers_are_new(workers, &running->before)) {
            running->is_reloading = false;
            return true;
        }
        if (clock_monotonic_ms() >= running->give_up_ms)
            break;
        if (deadline_is_over(deadline)) {
            error_set(err, ERROR_BUSY, "master %d was told to reload, and its old workers go on",
                      (int)master->pid);
            return false;
        }
        clock_sleep_ms(LOOK_MS);
    }
    running->is_reloading = false;
    error_set(err, ERROR_CONFLICT,
              "master %d did not take the new configuration: its old workers go on",
              (int)master->pid);
    error_hint(err, "%s", refusal_hint);
    return false;
}
