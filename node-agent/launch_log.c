/* SPDX-License-Identifier: Apache-2.0 */
#include "launch_log.h"

#include "memory.h"
#include "quote.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SEARCH_BYTES ((size_t)64 * 1024) /* of the end of the application's log */
#define TAIL_BYTES   240                 /* of last lines in a message: about three */

static void log_path(const struct bitbucket_config *config, const char *name,
                     char path[LIMIT_PATH + 64])
{
    snprintf(path, LIMIT_PATH + 64, "%s/log/%s", config->home, name);
}

static int open_log(const struct bitbucket_config *config, const char *name)
{
    char path[LIMIT_PATH + 64];
    log_path(config, name, path);
    return open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
}

static int64_t log_bytes(const struct bitbucket_config *config, const char *name)
{
    struct stat status;
    char path[LIMIT_PATH + 64];
    log_path(config, name, path);
    return stat(path, &status) == 0 ? status.st_size : 0;
}

void launch_log_mark(const struct bitbucket_config *config, struct launch_log_mark *ret_mark)
{
    ret_mark->launcher_bytes = log_bytes(config, "launcher.log");
    ret_mark->application_bytes = log_bytes(config, "atlassian-bitbucket.log");
}

/* The last bytes, at most `most`, written since the log was `mark` bytes long; with a NUL. */
static size_t read_since(const struct bitbucket_config *config, const char *name, int64_t mark,
                         char *bytes, size_t most)
{
    struct stat status;
    bytes[0] = '\0';
    CLOSE_CLEANUP int fd = open_log(config, name);
    if (fd < 0 || fstat(fd, &status) != 0 || !S_ISREG(status.st_mode))
        return 0;
    int64_t from = mark <= status.st_size ? mark : 0;
    if (status.st_size - from > (int64_t)most - 1)
        from = status.st_size - (int64_t)most + 1;
    ssize_t size = pread(fd, bytes, most - 1, from);
    if (size < 0)
        size = 0;
    bytes[size] = '\0';
    return (size_t)size;
}

static void append_tail(const struct bitbucket_config *config, const char *name, int64_t mark,
                        struct error *err)
{
    char bytes[TAIL_BYTES + 1];
    char quoted[3 * TAIL_BYTES];
    size_t size = read_since(config, name, mark, bytes, sizeof(bytes));
    while (size > 0 && bytes[size - 1] == '\n')
        size--;
    if (size == 0)
        return;
    quote_text(quoted, sizeof(quoted), bytes, size);
    struct error whole = *err;
    error_set(&whole, err->code, "%s; %s: %s", err->message, name, quoted);
    memcpy(err->message, whole.message, sizeof(err->message));
}

/* BSERV-20412: Liquibase waits for a row that a start which was cut off never took back. The words
 * are Liquibase's. */
static bool tells_of_lock(const char *text)
{
    static const char *const words[] = {"databasechangeloglock", "DATABASECHANGELOGLOCK",
                                        "change log lock", "changelog lock"};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (strstr(text, words[i]) != NULL)
            return true;
    }
    return false;
}

void launch_log_explain(const struct bitbucket_config *config, const struct launch_log_mark *mark,
                        struct error *err)
{
    FREE_CLEANUP char *application = memory_zeroed(SEARCH_BYTES, 1);
    char launcher[SEARCH_BYTES / 16];
    read_since(config, "atlassian-bitbucket.log", mark->application_bytes, application,
               SEARCH_BYTES);
    read_since(config, "launcher.log", mark->launcher_bytes, launcher, sizeof(launcher));
    if (tells_of_lock(application) || tells_of_lock(launcher)) {
        error_wrap(err, "the database is locked (databasechangeloglock)");
        error_hint(err, "a start or stop that was cut off has left the lock (BSERV-20412): make "
                        "sure that no node is migrating, set LOCKED to false in the table "
                        "databasechangeloglock, then start again");
    }
    append_tail(config, launcher[0] != '\0' ? "launcher.log" : "atlassian-bitbucket.log",
                launcher[0] != '\0' ? mark->launcher_bytes : mark->application_bytes, err);
}
