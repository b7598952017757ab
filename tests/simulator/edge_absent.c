/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What nothing in the world calls, and what is linked all the same because it shares a header with
 * something that is called: files and keys of a real machine, and a load balancer that is made of
 * files and processes.
 */
#include "check.h"
#include "file.h"
#include "keys.h"
#include "lb_registry.h"

#define ABSENT CHECK(!"the simulated world has no such thing")

const struct lb_driver lb_nginx_driver = {.name = "nginx"};

bool key_public_parse(const char *text, struct key_public *ret_key, struct error *err)
{
    (void)text;
    (void)ret_key;
    (void)err;
    ABSENT;
}

void key_public_write(const struct key_public *key, char text[KEY_PUBLIC_TEXT_SIZE])
{
    (void)key;
    (void)text;
    ABSENT;
}

bool file_read(const char *path, struct buffer *ret_bytes, struct error *err)
{
    (void)path;
    (void)ret_bytes;
    (void)err;
    ABSENT;
}

bool file_read_secret(const char *path, struct buffer *ret_secret, struct error *err)
{
    (void)path;
    (void)ret_secret;
    (void)err;
    ABSENT;
}

bool file_replace(const char *path, const void *bytes, size_t size, mode_t mode, struct error *err)
{
    (void)path;
    (void)bytes;
    (void)size;
    (void)mode;
    (void)err;
    ABSENT;
}
