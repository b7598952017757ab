/* SPDX-License-Identifier: Apache-2.0 */
#include "staged_tree.h"

#include "beneath.h"
#include "home_script.h"
#include "memory.h"
#include "quote.h"
#include "service.h"
#include "text.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define HOME_SCRIPT      "bin/set-bitbucket-home.sh"
#define PROPERTIES_BYTES ((size_t)64 * 1024) /* Maven writes four lines */
#define PROPERTIES                                                                                 \
    "app/META-INF/maven/com.atlassian.bitbucket.server/bitbucket-webapp/pom.properties"

static bool check_script(int root_fd, const char *path, mode_t wanted, struct error *err)
{
    struct stat status;
    if (fstatat(root_fd, path, &status, AT_SYMLINK_NOFOLLOW) != 0) {
        error_set(err, ERROR_INTEGRITY, "%s is missing", path);
        return false;
    }
    if (S_ISREG(status.st_mode) && (status.st_mode & wanted) == wanted)
        return true;
    error_set(err, ERROR_INTEGRITY, "%s is not %s file", path,
              wanted != 0 ? "an executable" : "a regular");
    return false;
}

/* A regular file; ERROR_NOT_FOUND if there is none. The caller closes it, also after a failure. */
static bool open_file(int root_fd, const char *path, int flags, int *ret_fd, struct error *err)
{
    struct stat status;
    *ret_fd = openat(root_fd, path, flags | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (*ret_fd >= 0 && fstat(*ret_fd, &status) == 0 && S_ISREG(status.st_mode))
        return true;
    if (*ret_fd >= 0 || errno == ELOOP)
        error_set(err, ERROR_INTEGRITY, "%s is not a regular file", path);
    else
        error_set_errno(err, errno == ENOTDIR ? ENOENT : errno, "%s", path);
    return false;
}

/* The value of the line "version=…" of a Java properties file, as Maven writes it. */
static bool find_version(const char *text, char *version, size_t size)
{
    static const char key[] = "version=";
    while (text != NULL && !text_starts_with(text, key)) {
        text = strchr(text, '\n');
        text += text != NULL;
    }
    if (text == NULL)
        return false;
    text += strlen(key);
    quote_text(version, size, text, strcspn(text, "\r\n"));
    return true;
}

static bool check_inner_version(int root_fd, const char *wanted, struct error *err)
{
    struct buffer BUFFER_CLEANUP text;
    CLOSE_CLEANUP int fd = -1;
    char version[64];
    buffer_init(&text, PROPERTIES_BYTES);
    if (!open_file(root_fd, PROPERTIES, O_RDONLY, &fd, err))
        return err->code == ERROR_NOT_FOUND; /* not all distributions need have it */
    if (!beneath_read(fd, PROPERTIES, &text, err))
        return false;
    if (find_version(buffer_text(&text), version, sizeof(version)) && text_equal(version, wanted))
        return true;
    error_set(err, ERROR_INTEGRITY, "%s: the version inside is not %s", PROPERTIES, wanted);
    return false;
}

bool staged_tree_check(int root_fd, const char *version, struct error *err)
{
    return check_script(root_fd, "bin/start-bitbucket.sh", S_IXUSR, err) &&
           check_script(root_fd, "bin/stop-bitbucket.sh", S_IXUSR, err) &&
           check_script(root_fd, HOME_SCRIPT, 0, err) && check_inner_version(root_fd, version, err);
}

/* In place: until the tree is renamed nobody runs it, and its owner and mode stay as they are. */
static bool write_over(int fd, const struct buffer *text, struct error *err)
{
    if (pwrite(fd, text->data, text->length, 0) == (ssize_t)text->length &&
        ftruncate(fd, (off_t)text->length) == 0)
        return true;
    error_set_errno(err, errno, "write %s", HOME_SCRIPT);
    return false;
}

static bool edit_home(int root_fd, const char *home, struct error *err)
{
    struct buffer BUFFER_CLEANUP old;
    struct buffer BUFFER_CLEANUP new;
    CLOSE_CLEANUP int fd = -1;
    buffer_init(&old, HOME_SCRIPT_BYTES);
    buffer_init(&new, HOME_SCRIPT_EDITED_BYTES);
    if (!open_file(root_fd, HOME_SCRIPT, O_RDWR, &fd, err) ||
        !beneath_read(fd, HOME_SCRIPT, &old, err))
        return false;
    if (!home_script_edit(buffer_text(&old), old.length, home, &new, err)) {
        error_wrap(err, "%s", HOME_SCRIPT);
        error_hint(err, "set BITBUCKET_HOME in the service's environment instead");
        return false;
    }
    return write_over(fd, &new, err);
}

bool staged_tree_set_home(int root_fd, const struct bitbucket_config *config, struct error *err)
{
    char set[LIMIT_PATH];
    if (!service_of(config)->environment_home(config, set, err))
        return false;
    if (set[0] == '\0')
        return edit_home(root_fd, config->home, err);
    if (text_equal(set, config->home))
        return true;
    error_set(err, ERROR_INVALID, "the service sets BITBUCKET_HOME=%s, our configuration %s", set,
              config->home);
    error_hint(err, "bitbucket.home must be what the service sets");
    return false;
}
