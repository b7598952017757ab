/* SPDX-License-Identifier: Apache-2.0 */
#include "home_guard.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>

static bool holds; /* of this process and its children: there is one home */

bool home_guard_holds(void)
{
    return holds;
}

bool home_guard_is_possible(const struct bitbucket_config *config)
{
    return config->service == SERVICE_SYSTEMD;
}

/* What the host mounts later is seen here as well, and what it unmounts goes: a slave, not a
 * private copy. */
bool home_guard_begin(const struct bitbucket_config *config, struct error *err)
{
    struct mount_attr read_only = {.attr_set = MOUNT_ATTR_RDONLY};
    if (unshare(CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_SLAVE | MS_REC, NULL) == 0 &&
        mount(config->home, config->home, NULL, MS_BIND | MS_REC, NULL) == 0 &&
        mount_setattr(AT_FDCWD, config->home, AT_RECURSIVE, &read_only, sizeof(read_only)) == 0) {
        holds = true;
        return true;
    }
    error_set_errno(err, errno, "mount %s read-only for the agent", config->home);
    return false;
}
