/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What one NGINX runs, which is not always what its files say: they may have been changed and not
 * been reloaded, or the master may have refused them.
 *
 * What workers run was read by their master before they were started. So the files are what runs if
 * none of those that matter was changed (ctime) after the oldest worker that takes new traffic was
 * started. Once that was so, it stays true for as long as these very workers run, whatever becomes
 * of the files.
 */
#ifndef SHUNT_NGINX_RUNNING_H
#define SHUNT_NGINX_RUNNING_H

#include "nginx_master.h"
#include "nginx_tree.h"

/* One NGINX of this host. */
struct nginx_site {
    const char *config_path;
    const char *binary;
    const char *prefix;   /* of `-p`; NULL = the built-in one */
    const char *pid_file; /* NULL = what the configuration says */
};

/* Kept between calls. */
struct nginx_running {
    bool is_known;
    struct nginx_tree tree; /* as it was when these workers were seen */
    struct nginx_workers workers;
    int64_t first_ms; /* start of the oldest and the youngest worker that takes new traffic */
    int64_t last_ms;

    bool is_reloading; /* HUP was sent, and these took traffic then */
    struct nginx_workers before;
    int64_t give_up_ms;           /* monotonic: of the last HUP */
    char tried[LIMIT_SHA256_HEX]; /* the files that it was for; empty = none was sent */
};

/* A listen address that is taken is tried five times, every half second; a large configuration
 * with names to resolve is read in a few seconds. */
#define NGINX_RELOAD_MS 10000
/* What was refused for a reason outside of the files may be good later. */
#define NGINX_REFUSED_MS 60000

void nginx_running_done(struct nginx_running *running);

/* The master, by the pid file of the settings, of the configuration, or NGINX's usual one. */
bool nginx_running_open(const struct nginx_running *running, const struct nginx_site *site,
                        struct nginx_master *ret_master, struct error *err);

/* Brings `running` up to date. True if the tree in it is what the workers run of these members'
 * groups; ERROR_UNAVAILABLE where that is not known; ERROR_NOT_FOUND, ERROR_INVALID as of
 * nginx_member_find(). */
bool nginx_running_look(struct nginx_running *running, const struct nginx_site *site,
                        const struct nginx_master *master, const struct nginx_member *members,
                        size_t count, struct deadline deadline, struct error *err);

/* After a look: no file of this tree was changed since the workers were started, so that their
 * master has accepted it. */
bool nginx_running_has(const struct nginx_running *running, const struct nginx_tree *tree);

/* One HUP for the files of this digest. ERROR_CONFLICT where these very files were refused less
 * than NGINX_REFUSED_MS ago, by the master of these very workers. */
bool nginx_running_reload(struct nginx_running *running, const struct nginx_master *master,
                          const char *sha256, struct error *err);

/* Waits until the master has put new workers in the place of the old ones. ERROR_BUSY where the
 * deadline comes first: ask again, without another reload. ERROR_CONFLICT where the master has kept
 * its old workers for so long that it will not change its mind. */
bool nginx_running_wait(struct nginx_running *running, const struct nginx_master *master,
                        struct deadline deadline, struct error *err);

#endif
