/* SPDX-License-Identifier: Apache-2.0 */
#include "nginx_memory.h"

#include "digest.h"
#include "file.h"
#include "json.h"
#include "memory.h"

#include <string.h>

#define MEMORY_BYTES ((size_t)64 * NGINX_WORKERS) /* two numbers each, and some words */
#define MEMORY_MODE  0600

void nginx_memory_digest(const struct nginx_tree *tree, char sha256[LIMIT_SHA256_HEX])
{
    struct digest digest;

    digest_init(&digest);
    for (size_t i = 0; i < tree->file_count; i++) {
        const struct nginx_file *file = &tree->files[i];
        uint64_t size = file->bytes.length;
        digest_add(&digest, file->path, strlen(file->path) + 1);
        digest_add(&digest, &size, sizeof(size)); /* where the file ends */
        digest_add(&digest, file->bytes.data, file->bytes.length);
    }
    digest_write(&digest, sha256);
}

static bool read_workers(const json_t *rows, struct nginx_workers *ret_workers, struct error *err)
{
    if (!json_is_array(rows) || json_array_size(rows) > NGINX_WORKERS) {
        error_set(err, ERROR_PROTOCOL, "workers are not a list of at most %d", NGINX_WORKERS);
        return false;
    }
    for (size_t i = 0; i < json_array_size(rows); i++) {
        int64_t pid, start_ticks;
        const json_t *row = json_array_get(rows, i);
        if (!json_get_integer(row, "pid", 1, INT32_MAX, &pid, err) ||
            !json_get_integer(row, "start_ticks", 0, INT64_MAX, &start_ticks, err))
            return false;
        ret_workers->items[i] = (struct nginx_worker){(pid_t)pid, (uint64_t)start_ticks};
    }
    ret_workers->live_count = ret_workers->count = json_array_size(rows);
    return true;
}

static bool read_text(const struct buffer *text, struct nginx_running *running, struct error *err)
{
    JSON_CLEANUP json_t *json = NULL;
    int64_t now_ms = clock_monotonic_ms();
    char sha256[LIMIT_SHA256_HEX];
    int64_t give_up_ms;

    /* Of a later time than can be: from before a boot, when the clock began anew. */
    if (!json_read_object(buffer_text(text), text->length, &json, err) ||
        !json_get_text(json, "sha256", sha256, sizeof(sha256), err) ||
        !json_get_integer(json, "give_up_ms", 0, now_ms + NGINX_RELOAD_MS, &give_up_ms, err) ||
        !read_workers(json_object_get(json, "workers"), &running->before, err))
        return false;
    memcpy(running->tried, sha256, sizeof(sha256));
    running->give_up_ms = give_up_ms;
    running->is_reloading = now_ms < give_up_ms;
    return true;
}

void nginx_memory_read(const char *path, struct nginx_running *running)
{
    struct buffer text BUFFER_CLEANUP = {0};
    struct error ignored;

    buffer_init(&text, MEMORY_BYTES);
    if (!file_read(path, &text, &ignored) || !read_text(&text, running, &ignored))
        running->tried[0] = '\0';
}

void nginx_memory_write(const char *path, const struct nginx_running *running)
{
    JSON_CLEANUP json_t *json = json_object();
    json_t *workers = json_array();
    struct error ignored;

    for (size_t i = 0; i < running->before.live_count; i++) {
        const struct nginx_worker *worker = &running->before.items[i];
        json_array_append_new(workers, json_pack("{s:I,s:I}", "pid", (json_int_t)worker->pid,
                                                 "start_ticks", (json_int_t)worker->start_ticks));
    }
    json_object_set_new(json, "sha256", json_text(running->tried));
    json_object_set_new(json, "give_up_ms", json_integer(running->give_up_ms));
    json_object_set_new(json, "workers", workers);
    FREE_CLEANUP char *text = json_write(json);
    (void)file_replace(path, text, strlen(text), MEMORY_MODE, &ignored);
}
