/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch.h"

#include "digest.h"
#include "disk_space.h"
#include "file.h"
#include "http.h"
#include "memory.h"
#include "progress.h"
#include "text.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define IDLE_ATTEMPTS_MOST 6   /* in a row that brought nothing: 31 s of pauses */
#define ATTEMPTS_MOST      100 /* in all: a line that breaks every few MB still gets there */
#define FIRST_PAUSE_MS     500 /* doubled after each attempt that brought nothing */
#define CHUNK_BYTES        ((size_t)64 * 1024)

struct fetch {
    struct job *job;
    char path[FETCH_PATH_SIZE];
    int fd;
    int64_t size; /* bytes in the file, all of them in the digest */
    struct digest digest;
    struct progress progress;
    struct error error; /* of begin and sink, which can only say no */
};

static void part_path(const struct agent_config *config, const char *version, const char *suffix,
                      char path[FETCH_PATH_SIZE])
{
    snprintf(path, FETCH_PATH_SIZE, "%s/staging/%s.%s", config->state_dir, version, suffix);
}

static bool remove_file(const char *path, struct error *err)
{
    if (unlink(path) == 0 || errno == ENOENT)
        return true;
    error_set_errno(err, errno, "remove %s", path);
    return false;
}

bool fetch_forget(const struct agent_config *config, const char *version, struct error *err)
{
    char part[FETCH_PATH_SIZE];
    char source[FETCH_PATH_SIZE];
    part_path(config, version, "part", part);
    part_path(config, version, "source", source);
    return remove_file(part, err) && remove_file(source, err);
}

/* ---- where the kept bytes come from ---- */

/* Without the query: there a presigned URL has its signature, a new one each time. */
static void write_source(const struct command *command, char text[LIMIT_URL + 80])
{
    int length = (int)strcspn(command->artifact, "?#");
    snprintf(text, LIMIT_URL + 80, "%.*s\n%s\n", length, command->artifact, command->sha256);
}

static bool is_source(const char *path, const char *wanted)
{
    struct buffer BUFFER_CLEANUP found;
    struct error ignored;
    buffer_init(&found, LIMIT_URL + 80);
    return file_read(path, &found, &ignored) && text_equal(buffer_text(&found), wanted);
}

int64_t fetch_kept_bytes(const struct job *job)
{
    char path[FETCH_PATH_SIZE];
    char wanted[LIMIT_URL + 80];
    struct stat status;
    part_path(job->config, job->command->version, "source", path);
    write_source(job->command, wanted);
    if (!is_source(path, wanted))
        return 0;
    part_path(job->config, job->command->version, "part", path);
    return stat(path, &status) == 0 ? status.st_size : 0;
}

/* Keeps a part of the same URL and hash, and removes any other. */
static bool prepare_source(const struct job *job, struct error *err)
{
    char path[FETCH_PATH_SIZE];
    char wanted[LIMIT_URL + 80];
    part_path(job->config, job->command->version, "source", path);
    write_source(job->command, wanted);
    if (is_source(path, wanted))
        return true;
    return fetch_forget(job->config, job->command->version, err) &&
           file_replace(path, wanted, strlen(wanted), 0600, err);
}

/* ---- the file ---- */

static bool start_over(struct fetch *fetch, struct error *err)
{
    digest_init(&fetch->digest);
    fetch->size = 0;
    if (ftruncate(fetch->fd, 0) == 0 && lseek(fetch->fd, 0, SEEK_SET) == 0)
        return true;
    error_set_errno(err, errno, "%s", fetch->path);
    return false;
}

/* Brings the digest of the kept bytes up to date. */
static bool take_kept(struct fetch *fetch, struct error *err)
{
    FREE_CLEANUP char *chunk = memory_zeroed(CHUNK_BYTES, 1);
    ssize_t size;
    digest_init(&fetch->digest);
    while ((size = read(fetch->fd, chunk, CHUNK_BYTES)) > 0) {
        digest_add(&fetch->digest, chunk, (size_t)size);
        fetch->size += size;
    }
    if (size == 0)
        return true;
    error_set_errno(err, errno, "read %s", fetch->path);
    return false;
}

static bool open_part(struct fetch *fetch, struct error *err)
{
    part_path(fetch->job->config, fetch->job->command->version, "part", fetch->path);
    fetch->fd = open(fetch->path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fetch->fd >= 0)
        return take_kept(fetch, err);
    error_set_errno(err, errno, "open %s", fetch->path);
    return false;
}

/* ---- one attempt ---- */

static bool begin(void *context, bool is_resumed, int64_t total_bytes)
{
    struct fetch *fetch = context;
    if (!is_resumed && fetch->size > 0 && !start_over(fetch, &fetch->error))
        return false;
    fetch->job->report.bytes_done = fetch->size;
    fetch->job->report.bytes_total = total_bytes;
    if (total_bytes < 0)
        return true;
    /* A release is no smaller than its archive; how large it is, the archive's end will tell. */
    struct disk_space needed = {.bytes = total_bytes - fetch->size, .inodes = FETCH_INODES};
    return disk_space_check_both(fetch->job->config->state_dir, needed,
                                 fetch->job->config->bitbucket.releases,
                                 disk_space_of_release(total_bytes, total_bytes), &fetch->error);
}

static bool sink(void *context, const char *bytes, size_t size)
{
    struct fetch *fetch = context;
    size_t done = 0;
    while (done < size) {
        ssize_t written = write(fetch->fd, bytes + done, size - done);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0) {
            error_set_errno(&fetch->error, errno, "write %s", fetch->path);
            return false;
        }
        digest_add(&fetch->digest, bytes + done, (size_t)written);
        done += (size_t)written;
        fetch->size += written;
    }
    fetch->job->report.bytes_done = fetch->size;
    progress_send(&fetch->progress, fetch->job);
    if (!deadline_is_over(fetch->job->deadline))
        return true;
    error_set(&fetch->error, ERROR_TIMEOUT, "the deadline is over after %lld bytes",
              (long long)fetch->size);
    return false;
}

/* False with a transient code if a cut may be mended by another attempt. */
static bool attempt(struct fetch *fetch, struct http_client *client, struct error *err)
{
    const char *url = fetch->job->command->artifact;
    error_clear(&fetch->error);
    if (http_stream(client, url, fetch->size, begin, sink, fetch, err))
        return true;
    if (fetch->error.code != ERROR_NONE)
        *err = fetch->error;
    return false;
}

static bool may_try_again(const struct fetch *fetch, const struct error *err)
{
    return error_code_is_transient(err->code) && !deadline_is_over(fetch->job->deadline);
}

static void pause_for(int64_t ms, struct deadline deadline)
{
    struct deadline end = deadline_after_ms(ms);
    (void)poll(NULL, 0, deadline_poll_ms(end.at_ms < deadline.at_ms ? end : deadline));
}

static bool download(struct fetch *fetch, struct http_client *client, struct error *err)
{
    int idle = 0;
    for (int i = 0; i < ATTEMPTS_MOST; i++) {
        int64_t size_before = fetch->size;
        if (attempt(fetch, client, err))
            return true;
        idle = fetch->size > size_before ? 0 : idle + 1;
        if (!may_try_again(fetch, err) || idle == IDLE_ATTEMPTS_MOST)
            break;
        pause_for((int64_t)FIRST_PAUSE_MS << idle >> 1, fetch->job->deadline);
    }
    error_wrap(err, "after %lld bytes", (long long)fetch->size);
    return false;
}

/* Bytes kept from an earlier run may be of a file that has been replaced at its URL: the whole is
 * fetched once more before the artifact itself is blamed. */
static bool download_and_check(struct fetch *fetch, struct http_client *client, struct error *err)
{
    const char *wanted = fetch->job->command->sha256;
    bool has_kept = fetch->size > 0;
    struct error ignored;
    if (has_kept && digest_check(&fetch->digest, wanted, &ignored))
        return true;
    if (!download(fetch, client, err))
        return false;
    if (digest_check(&fetch->digest, wanted, err))
        return true;
    if (!has_kept)
        return false;
    return start_over(fetch, err) && download(fetch, client, err) &&
           digest_check(&fetch->digest, wanted, err);
}

static bool run(struct fetch *fetch, struct error *err)
{
    struct http_options options = {
        .keep_alive = true,
        .most_bytes_per_s = fetch->job->config->bitbucket.download_bytes_per_s,
    };
    if (!open_part(fetch, err))
        return false;
    struct http_client *client = http_client_new(&options);
    bool is_done = download_and_check(fetch, client, err);
    http_client_free(client);
    memory_close_fd(&fetch->fd);
    return is_done;
}

bool fetch_artifact(struct job *job, char ret_path[FETCH_PATH_SIZE], struct error *err)
{
    struct fetch fetch = {.job = job, .fd = -1};
    struct error ignored;
    char directory[FETCH_PATH_SIZE];
    snprintf(directory, sizeof(directory), "%s/staging", job->config->state_dir);
    if (!file_make_directory(directory, 0700, err) || !prepare_source(job, err))
        return false;
    if (!run(&fetch, err)) {
        if (err->code == ERROR_INTEGRITY)
            fetch_forget(job->config, job->command->version, &ignored);
        return false;
    }
    text_copy(ret_path, FETCH_PATH_SIZE, fetch.path);
    return true;
}
