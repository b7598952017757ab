/* SPDX-License-Identifier: Apache-2.0 */
#include "process_evidence.h"

#include "memory.h"
#include "path_text.h"
#include "release.h"
#include "text.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define PROC_PATH_SIZE  64
#define CLOCK_GRAIN_MS  20   /* of a file's time and a process's, added */
#define PROC_FILES_MOST 4096 /* descriptors looked at; the first jar is among the first */

/* Bounded: /proc files have no size. */
bool evidence_read(pid_t pid, const char *name, struct buffer *ret_text)
{
    char path[PROC_PATH_SIZE];
    char chunk[4096];
    ssize_t size;
    snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
    buffer_clear(ret_text);
    CLOSE_CLEANUP int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    while ((size = read(fd, chunk, sizeof(chunk))) > 0) {
        if (!buffer_add(ret_text, chunk, (size_t)size))
            break;
    }
    return size >= 0;
}

static bool read_proc_link(pid_t pid, const char *name, char target[PATH_MAX])
{
    char path[PROC_PATH_SIZE];
    snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
    ssize_t size = readlink(path, target, PATH_MAX - 1);
    if (size < 0)
        return false;
    target[size] = '\0';
    return true;
}

bool evidence_scan(evidence_visitor visit, void *context, struct error *err)
{
    const struct dirent *entry;
    uint64_t pid;
    bool is_over = false;
    DIR *directory = opendir("/proc");
    if (directory == NULL) {
        error_set_errno(err, errno, "open /proc");
        return false;
    }
    while (!is_over && (entry = readdir(directory)) != NULL) {
        if (text_parse_u64(entry->d_name, INT32_MAX, &pid) && pid != (uint64_t)getpid())
            is_over = !visit((pid_t)pid, context);
    }
    closedir(directory);
    return true;
}

const char *evidence_next_word(const struct buffer *words, const char *word)
{
    if (words->length == 0) /* a kernel thread has no words */
        return NULL;
    const char *next = word == NULL ? words->data : word + strlen(word) + 1;
    return next < words->data + words->length ? next : NULL;
}

void home_names_of(const struct bitbucket_config *config, struct home_names *ret_names)
{
    char resolved[PATH_MAX];
    TEXT_COPY(ret_names->given, config->home);
    path_trim_slashes(ret_names->given);
    if (realpath(config->home, resolved) == NULL || !TEXT_COPY(ret_names->resolved, resolved))
        TEXT_COPY(ret_names->resolved, ret_names->given);
}

static bool is_home(const char *path, const struct home_names *home)
{
    char resolved[PATH_MAX];
    char text[LIMIT_PATH];
    if (!TEXT_COPY(text, path) || text[0] != '/')
        return false;
    path_trim_slashes(text);
    if (text_equal(text, home->given) || text_equal(text, home->resolved))
        return true;
    return realpath(text, resolved) != NULL && text_equal(resolved, home->resolved);
}

const char *evidence_word_after(const struct buffer *words, const char *prefix)
{
    for (const char *word = evidence_next_word(words, NULL); word != NULL;
         word = evidence_next_word(words, word)) {
        if (text_starts_with(word, prefix))
            return word + strlen(prefix);
    }
    return NULL;
}

/* A word "PREFIX<home>". */
static bool words_name_home(const struct buffer *words, const char *prefix,
                            const struct home_names *home)
{
    for (const char *word = evidence_next_word(words, NULL); word != NULL;
         word = evidence_next_word(words, word)) {
        if (text_starts_with(word, prefix) && is_home(word + strlen(prefix), home))
            return true;
    }
    return false;
}

static bool words_have(const struct buffer *words, const char *text)
{
    for (const char *word = evidence_next_word(words, NULL); word != NULL;
         word = evidence_next_word(words, word)) {
        if (strstr(word, text) != NULL)
            return true;
    }
    return false;
}

static bool is_java(pid_t pid, const struct buffer *arguments)
{
    char program[PATH_MAX];
    if (read_proc_link(pid, "exe", program)) {
        const char *name = strrchr(program, '/');
        if (name != NULL && text_equal(name, "/java"))
            return true;
    }
    return words_have(arguments, "com.atlassian.bitbucket.");
}

static bool is_in_release(pid_t pid, const char *link, const struct bitbucket_config *config,
                          char version[LIMIT_VERSION])
{
    char target[PATH_MAX];
    return read_proc_link(pid, link, target) && release_of_resolved_path(config, target, version);
}

static bool environment_names_home(pid_t pid, const struct home_names *home, struct buffer *scratch)
{
    return evidence_read(pid, "environ", scratch) &&
           words_name_home(scratch, "BITBUCKET_HOME=", home);
}

static bool is_start_script(const struct buffer *words)
{
    return words_have(words, "start-bitbucket.sh") || words_have(words, "_start-webapp.sh");
}

/* Its words; false where they are not to be had, with the evidence that this is. */
static bool read_words(pid_t pid, struct buffer *ret_words, enum evidence *ret_evidence)
{
    char program[PATH_MAX];
    *ret_evidence = EVIDENCE_STRANGER;
    if (!evidence_read(pid, "cmdline", ret_words))
        return false;
    /* A kernel thread, or one that has ended, has no program either. */
    if (ret_words->length == 0 && read_proc_link(pid, "exe", program))
        *ret_evidence = EVIDENCE_UNCLEAR;
    return ret_words->length > 0;
}

enum evidence evidence_of(pid_t pid, bool may_be_script, struct buffer *scratch)
{
    enum evidence evidence;
    if (!read_words(pid, scratch, &evidence))
        return evidence;
    bool is_like = evidence_word_after(scratch, EVIDENCE_HOME) != NULL || is_java(pid, scratch) ||
                   (may_be_script && is_start_script(scratch));
    return is_like ? EVIDENCE_BITBUCKET : EVIDENCE_STRANGER;
}

enum evidence evidence_of_home(pid_t pid, const struct bitbucket_config *config,
                               const struct home_names *home, bool may_be_script,
                               struct buffer *scratch)
{
    char version[LIMIT_VERSION];
    enum evidence evidence;
    if (!read_words(pid, scratch, &evidence))
        return evidence;
    if (words_name_home(scratch, EVIDENCE_HOME, home))
        return EVIDENCE_BITBUCKET;
    bool is_script = may_be_script && is_start_script(scratch);
    bool is_ours =
        (is_script && is_in_release(pid, "cwd", config, version)) ||
        ((is_script || is_java(pid, scratch)) && environment_names_home(pid, home, scratch));
    return is_ours ? EVIDENCE_BITBUCKET : EVIDENCE_STRANGER;
}

/* The jars and the bundled Java runtime that it has open: their names are resolved by the kernel,
 * and so stay true when the install link moves on. */
static bool has_file_in_release(pid_t pid, const struct bitbucket_config *config,
                                char version[LIMIT_VERSION])
{
    char path[PROC_PATH_SIZE];
    char link[PROC_PATH_SIZE];
    struct dirent *entry;
    bool is_found = false;
    snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
    DIR *directory = opendir(path);
    if (directory == NULL)
        return false;
    for (int i = 0; i < PROC_FILES_MOST && !is_found; i++) {
        if ((entry = readdir(directory)) == NULL)
            break;
        snprintf(link, sizeof(link), "fd/%.32s", entry->d_name);
        is_found = is_in_release(pid, link, config, version);
    }
    closedir(directory);
    return is_found;
}

/* proc(5): when the process began is field 22 of stat, in clock ticks since the boot. Counted from
 * the last ')' because the name before it may hold anything. */
static bool start_ticks(pid_t pid, struct buffer *scratch, uint64_t *ret_ticks)
{
    char number[24] = "";
    if (!evidence_read(pid, "stat", scratch))
        return false;
    const char *at = strrchr(buffer_text(scratch), ')');
    for (int field = 2; field < 22 && at != NULL; field++)
        at = strchr(at + 1, ' ');
    if (at != NULL)
        (void)snprintf(number, sizeof(number), "%.*s", (int)strcspn(at + 1, " "), at + 1);
    return text_parse_u64(number, INT64_MAX / 1000, ret_ticks);
}

/* Milliseconds since the process began, or -1. */
static int64_t process_age_ms(pid_t pid, struct buffer *scratch)
{
    struct timespec now;
    uint64_t ticks;
    long ticks_per_second = sysconf(_SC_CLK_TCK);
    if (ticks_per_second <= 0 || clock_gettime(CLOCK_BOOTTIME, &now) != 0 ||
        !start_ticks(pid, scratch, &ticks))
        return -1;
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000 -
           (int64_t)(ticks * 1000 / (uint64_t)ticks_per_second);
}

/* The install link may have been moved since the process began; then a path through it names a tree
 * that the process never saw. */
static bool link_is_older(pid_t pid, const struct bitbucket_config *config, struct buffer *scratch)
{
    struct stat status;
    struct timespec now;
    int64_t age_ms = process_age_ms(pid, scratch);
    if (age_ms < 0 || lstat(config->install_link, &status) != 0 ||
        clock_gettime(CLOCK_REALTIME, &now) != 0)
        return false;
    int64_t link_age_ms = ((int64_t)now.tv_sec - status.st_ctim.tv_sec) * 1000 +
                          (now.tv_nsec - status.st_ctim.tv_nsec) / 1000000;
    return link_age_ms > age_ms + CLOCK_GRAIN_MS;
}

static bool argument_names_release(pid_t pid, const struct bitbucket_config *config,
                                   struct buffer *scratch, char version[LIMIT_VERSION])
{
    char resolved[PATH_MAX];
    if (!evidence_read(pid, "cmdline", scratch))
        return false;
    const char *path = evidence_word_after(scratch, "-Dbitbucket.install=");
    if (path == NULL || path[0] != '/' || realpath(path, resolved) == NULL ||
        !release_of_resolved_path(config, resolved, version))
        return false;
    return text_equal(path, resolved) || link_is_older(pid, config, scratch);
}

void evidence_release(pid_t pid, const struct bitbucket_config *config, char version[LIMIT_VERSION])
{
    struct buffer BUFFER_CLEANUP scratch;
    char found[LIMIT_VERSION];
    buffer_init(&scratch, EVIDENCE_BYTES);
    bool is_found = is_in_release(pid, "cwd", config, found) ||
                    is_in_release(pid, "exe", config, found) ||
                    has_file_in_release(pid, config, found) ||
                    argument_names_release(pid, config, &scratch, found);
    text_copy(version, LIMIT_VERSION, is_found ? found : "");
}
