/* SPDX-License-Identifier: Apache-2.0 */
/* Logs, keys, files and identities: what a process has of its system. */
#include "check.h"
#include "edge.h"
#include "file.h"
#include "keys.h"
#include "log.h"
#include "memory.h"
#include "text.h"
#include "trace.h"

#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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
    snprintf(text, 33, "%016llx%016llx", (unsigned long long)random_next(&world.random),
             (unsigned long long)random_next(&world.random));
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

void edge_randomness_init(void)
{
    CHECK(randombytes_set_implementation(&implementation) == 0 && sodium_init() >= 0);
}
