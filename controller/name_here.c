/* SPDX-License-Identifier: Apache-2.0 */
/* Who this process is, as the machine says. */
#include "file.h"
#include "name_holder.h"
#include "text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The random number of this boot: a machine that was cloned has another one. */
static bool read_boot(char *boot, size_t size)
{
    BUFFER_CLEANUP struct buffer bytes;
    struct error ignored;
    buffer_init(&bytes, size - 1);
    if (!file_read("/proc/sys/kernel/random/boot_id", &bytes, &ignored))
        return false;
    (void)snprintf(boot, size, "%.*s", (int)strcspn(buffer_text(&bytes), " \n"),
                   buffer_text(&bytes));
    return boot[0] != '\0';
}

void name_holder_here(const char *instance, int lock_fd, struct name_holder *ret_holder)
{
    char host[256] = "", boot[48] = "";
    struct stat status;
    memset(ret_holder, 0, sizeof(*ret_holder));
    (void)TEXT_COPY(ret_holder->instance, instance);
    (void)gethostname(host, sizeof(host) - 1);
    (void)snprintf(ret_holder->host, sizeof(ret_holder->host), "%.*s", (int)strcspn(host, " "),
                   host);
    (void)snprintf(ret_holder->pid, sizeof(ret_holder->pid), "%d", (int)getpid());
    if (read_boot(boot, sizeof(boot)) && fstat(lock_fd, &status) == 0)
        (void)snprintf(ret_holder->lock, sizeof(ret_holder->lock), "%s:%" PRIxMAX ":%" PRIxMAX,
                       boot, (uintmax_t)status.st_dev, (uintmax_t)status.st_ino);
    else
        (void)TEXT_COPY(ret_holder->lock, "-");
}
