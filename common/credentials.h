/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who we are at another system, as the configuration says it: names of places where a secret is,
 * never the secret itself, which is read when it is needed and wiped at once.
 */
#ifndef SHUNT_CREDENTIALS_H
#define SHUNT_CREDENTIALS_H

#include "buffer.h"
#include "error.h"
#include "limit.h"

#include <stdbool.h>

struct http_client;

/* None, or exactly one of: user with password_file or password_env; token_file; token_env. */
struct credentials {
    char user[LIMIT_NAME];
    char password_file[LIMIT_PATH], password_env[LIMIT_NAME];
    char token_file[LIMIT_PATH], token_env[LIMIT_NAME];
};

bool credentials_are_given(const struct credentials *credentials);
bool credentials_have_password(const struct credentials *credentials);

/* The password or the token: one line without control characters. End it with secret_wipe(). */
bool credentials_read_secret(const struct credentials *credentials, struct buffer *ret_secret,
                             struct error *err);
void secret_init(struct buffer *secret);
void secret_wipe(struct buffer *secret);
#define SECRET_CLEANUP __attribute__((cleanup(secret_wipe)))

/* A client that shows them with every request: Basic, Bearer, or nothing where none are given.
 * ca_file: empty = the system's. The caller frees it with http_client_free(). */
bool credentials_open_http(const struct credentials *credentials, const char *ca_file,
                           bool keep_alive, struct http_client **ret_client, struct error *err);

#endif
