/* SPDX-License-Identifier: Apache-2.0 */
#include "credentials.h"

#include "file.h"
#include "http.h"

#include <stdlib.h>
#include <string.h>

#define SECRET_BYTES 4096

void secret_init(struct buffer *secret)
{
    buffer_init(secret, SECRET_BYTES);
}

void secret_wipe(struct buffer *secret)
{
    if (secret->data != NULL)
        explicit_bzero(secret->data, secret->capacity);
    buffer_done(secret);
}

bool credentials_have_password(const struct credentials *credentials)
{
    return credentials->password_file[0] != '\0' || credentials->password_env[0] != '\0';
}

bool credentials_are_given(const struct credentials *credentials)
{
    return credentials_have_password(credentials) || credentials->token_file[0] != '\0' ||
           credentials->token_env[0] != '\0';
}

static bool read_variable(const char *name, struct buffer *secret, struct error *err)
{
    const char *value = getenv(name);
    if (value == NULL || value[0] == '\0') {
        error_set(err, ERROR_NOT_FOUND, "environment variable %s: not set", name);
        return false;
    }
    if (buffer_add_text(secret, value))
        return true;
    error_set(err, ERROR_INVALID, "environment variable %s: too long for a secret", name);
    return false;
}

/* A control character would end the header that carries the secret, and begin another. */
static bool check_secret(const struct buffer *secret, const char *place, struct error *err)
{
    for (size_t i = 0; i < secret->length; i++) {
        if ((unsigned char)secret->data[i] < ' ' || secret->data[i] == 0x7F) {
            error_set(err, ERROR_INVALID, "%s: a secret is one line without control characters",
                      place);
            return false;
        }
    }
    if (secret->length > 0)
        return true;
    error_set(err, ERROR_INVALID, "%s: empty", place);
    return false;
}

bool credentials_read_secret(const struct credentials *credentials, struct buffer *ret_secret,
                             struct error *err)
{
    bool has_password = credentials_have_password(credentials);
    const char *file = has_password ? credentials->password_file : credentials->token_file;
    const char *variable = has_password ? credentials->password_env : credentials->token_env;
    if (file[0] != '\0')
        return file_read_secret(file, ret_secret, err) && check_secret(ret_secret, file, err);
    return read_variable(variable, ret_secret, err) && check_secret(ret_secret, variable, err);
}

bool credentials_open_http(const struct credentials *credentials, const char *ca_file,
                           bool keep_alive, struct http_client **ret_client, struct error *err)
{
    struct buffer secret SECRET_CLEANUP;
    bool has_password = credentials_have_password(credentials);
    bool is_given = credentials_are_given(credentials);
    secret_init(&secret);
    if (is_given && !credentials_read_secret(credentials, &secret, err)) {
        error_wrap(err, "credentials");
        return false;
    }
    const struct http_options options = {
        .ca_file = ca_file[0] != '\0' ? ca_file : NULL,
        .user = has_password ? credentials->user : NULL,
        .password = has_password ? buffer_text(&secret) : NULL,
        .bearer_token = is_given && !has_password ? buffer_text(&secret) : NULL,
        .keep_alive = keep_alive,
    };
    *ret_client = http_client_new(&options);
    return true;
}
