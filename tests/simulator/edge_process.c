/* SPDX-License-Identifier: Apache-2.0 */
/* Logs, keys, files and identities: what a process has of its system. */
#include "arena.h"
#include "check.h"
#include "edge.h"
#include "file.h"
#include "keys.h"
#include "log.h"
#include "memory.h"
#include "text.h"
#include "trace.h"

#include <openssl/crypto.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

struct controller *edge_controller(void)
{
    const struct process *process = process_current();
    for (size_t i = 0; i < WORLD_CONTROLLERS; i++)
        if (process == &world.controllers[i].process)
            return &world.controllers[i];
    return NULL;
}

struct agent *edge_agent(void)
{
    const struct process *process = process_current();
    for (size_t i = 0; i < WORLD_NODES; i++) {
        struct agent *agent = &world.agents[i];
        if (process == &agent->process)
            return agent;
        for (size_t job = 0; job < INBOX_JOBS_MOST; job++)
            if (process == &agent->jobs[job])
                return agent;
    }
    return NULL;
}

struct disk *edge_disk(void)
{
    struct controller *controller = edge_controller();
    if (controller != NULL)
        return &controller->disk;
    CHECK(edge_agent() != NULL);
    return &edge_agent()->disk;
}

/* ---- common/log.h ---- */

void log_open(const char *name, enum log_level most)
{
    (void)name;
    (void)most;
}

void log_line(enum log_level level, const char *format, ...)
{
    char text[1024];
    va_list arguments;
    if (!trace_is_enabled() || level == LOG_LEVEL_DEBUG)
        return;
    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    trace_line("%s", text);
}

void log_failure(enum log_level level, const struct error *err, const char *format, ...)
{
    char text[1024];
    va_list arguments;
    if (!trace_is_enabled() || level == LOG_LEVEL_DEBUG)
        return;
    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    trace_line("%s: %s (%s)", text, err->message, error_code_name(err->code));
}

/* ---- common/keys.h: a signature costs 50 µs and is tested elsewhere ---- */

struct key_pair {
    int nothing;
};

bool keys_init(struct error *err)
{
    (void)err;
    return true;
}

bool key_pair_load(const char *path, struct key_pair **ret_pair, struct error *err)
{
    (void)path;
    (void)err;
    *ret_pair = memory_zeroed(1, sizeof(struct key_pair));
    return true;
}

void key_pair_free(struct key_pair *pair)
{
    free(pair);
}

void key_sign(const struct key_pair *pair, const char *domain, const void *bytes, size_t size,
              char signature[KEY_SIGNATURE_TEXT_SIZE])
{
    (void)pair;
    (void)bytes;
    snprintf(signature, KEY_SIGNATURE_TEXT_SIZE, "%s %zu", domain, size);
}

bool key_verify(const struct key_public *key, const char *domain, const void *bytes, size_t size,
                const char *signature, struct error *err)
{
    char expected[KEY_SIGNATURE_TEXT_SIZE];
    (void)key;
    key_sign(NULL, domain, bytes, size, expected);
    if (text_equal(signature, expected))
        return true;
    error_set(err, ERROR_DENIED, "the signature does not fit");
    return false;
}

void key_random_id(char text[33])
{
    unsigned long long low = random_next(&world.random); /* gcc reads arguments from the last */
    unsigned long long high = random_next(&world.random);
    snprintf(text, 33, "%016llx%016llx", high, low);
}

/* ---- common/file.h ---- */

bool file_make_directory(const char *path, mode_t mode, struct error *err)
{
    (void)path;
    (void)mode;
    (void)err;
    return true;
}

/* ---- libsodium's own randomness, which the agent's back-off uses ---- */

static const char *implementation_name(void)
{
    return "simulator";
}

static uint32_t implementation_random(void)
{
    return (uint32_t)random_next(&world.random);
}

static void implementation_fill(void *bytes, size_t size)
{
    memset(bytes, 7, size);
}

static struct randombytes_implementation implementation = {
    .implementation_name = implementation_name,
    .random = implementation_random,
    .buf = implementation_fill,
};

/* ---- libraries that keep for ever what they allocate in the middle of a run ---- */

static void *keep_new(size_t size, const char *file, int line)
{
    (void)file;
    (void)line;
    return size != 0 ? arena_keep_resize(NULL, size) : NULL;
}

static void *keep_resize(void *pointer, size_t size, const char *file, int line)
{
    (void)file;
    (void)line;
    return arena_keep_resize(pointer, size);
}

static void keep_free(void *pointer, const char *file, int line)
{
    (void)file;
    (void)line;
    free(pointer);
}

void edge_libraries_init(void)
{
    static char output[BUFSIZ];
    CHECK(CRYPTO_set_mem_functions(keep_new, keep_resize, keep_free) == 1);
    setvbuf(stdout, output, isatty(STDOUT_FILENO) ? _IOLBF : _IOFBF, sizeof(output));
    tzset(); /* or gmtime_r(3) does */
    CHECK(randombytes_set_implementation(&implementation) == 0 && sodium_init() >= 0);
}
