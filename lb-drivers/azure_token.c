/* SPDX-License-Identifier: Apache-2.0 */
#include "azure_token.h"

#include "file.h"
#include "http.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#define FORM_BYTES   65536 /* an assertion, each byte escaped */
#define ANSWER_BYTES 65536

/* A client of its own: what it is shown must not be shown to ARM. */
static bool ask(const struct lb_options *options, const struct http_request *request, bool no_proxy,
                struct buffer *ret_token, int64_t *ret_lifetime_ms, struct error *err)
{
    const struct http_options client_options = {
        .ca_file = options->ca_file[0] != '\0' ? options->ca_file : NULL,
        .no_proxy = no_proxy,
    };
    struct http_client *client = http_client_new(&client_options);
    struct http_answer answer;
    bool is_good = http_do(client, request, &answer, err);

    http_client_free(client);
    if (!is_good)
        return false;
    if (answer.status == 200) {
        is_good = azure_token_parse(buffer_text(&answer.body), answer.body.length, ret_token,
                                    ret_lifetime_ms, err);
    } else {
        azure_token_refusal(answer.status, buffer_text(&answer.body), answer.body.length, err);
        is_good = false;
    }
    secret_wipe(&answer.body);
    http_answer_done(&answer);
    if (!is_good)
        error_wrap(err, "%.*s", (int)strcspn(request->url, "?"), request->url);
    return is_good;
}

static bool ask_entra(const struct lb_options *options, const struct buffer *form,
                      struct deadline deadline, struct buffer *ret_token, int64_t *ret_lifetime_ms,
                      struct error *err)
{
    static const char *const headers[] = {"Content-Type: application/x-www-form-urlencoded",
                                          "Accept: application/json", NULL};
    char login[LIMIT_PATH], tenant[LIMIT_PATH], url[2 * LIMIT_PATH + 32];

    azure_setting(options, AZURE_LOGIN_URL, login);
    azure_setting(options, AZURE_TENANT, tenant);
    (void)snprintf(url, sizeof(url), "%s/%s/oauth2/v2.0/token", login, tenant);
    const struct http_request request = {
        .method = "POST",
        .url = url,
        .headers = headers,
        .body = buffer_text(form),
        .body_size = form->length,
        .most_bytes = ANSWER_BYTES,
        .deadline = deadline,
    };
    return ask(options, &request, false, ret_token, ret_lifetime_ms, err);
}

static bool begin_form(const struct lb_options *options, const char *client_id, struct buffer *form)
{
    char management[LIMIT_PATH], scope[LIMIT_PATH + 16];
    azure_setting(options, AZURE_MANAGEMENT_URL, management);
    (void)snprintf(scope, sizeof(scope), "%s/.default", management);
    return azure_form_add(form, "grant_type", "client_credentials") &&
           azure_form_add(form, "client_id", client_id) && azure_form_add(form, "scope", scope);
}

static bool check_form(bool is_whole, struct error *err)
{
    if (!is_whole)
        error_set(err, ERROR_INVALID, "a secret or assertion of more than %d bytes", FORM_BYTES);
    return is_whole;
}

static bool fetch_by_secret(const struct lb_options *options, struct deadline deadline,
                            struct buffer *ret_token, int64_t *ret_lifetime_ms, struct error *err)
{
    struct buffer form SECRET_CLEANUP, secret SECRET_CLEANUP;
    buffer_init(&form, FORM_BYTES);
    secret_init(&secret);
    return credentials_read_secret(&options->credentials, &secret, err) &&
           check_form(begin_form(options, options->credentials.user, &form) &&
                          azure_form_add(&form, "client_secret", buffer_text(&secret)),
                      err) &&
           ask_entra(options, &form, deadline, ret_token, ret_lifetime_ms, err);
}

/* Read anew each time: the platform replaces it long before it ends. */
static bool read_assertion(const struct lb_options *options, struct buffer *ret_assertion,
                           struct error *err)
{
    char path[LIMIT_PATH];
    azure_setting(options, AZURE_ASSERTION_FILE, path);
    if (!file_read(path, ret_assertion, err))
        return false;
    while (ret_assertion->length > 0 &&
           isspace((unsigned char)ret_assertion->data[ret_assertion->length - 1]))
        ret_assertion->data[--ret_assertion->length] = '\0';
    if (ret_assertion->length > 0)
        return true;
    error_set(err, ERROR_INVALID, "%s: empty", path);
    return false;
}

static bool fetch_by_assertion(const struct lb_options *options, struct deadline deadline,
                               struct buffer *ret_token, int64_t *ret_lifetime_ms,
                               struct error *err)
{
    static const char kind[] = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
    struct buffer form SECRET_CLEANUP, assertion SECRET_CLEANUP;
    char client_id[LIMIT_PATH];

    buffer_init(&form, FORM_BYTES);
    buffer_init(&assertion, AZURE_TOKEN_BYTES);
    azure_setting(options, AZURE_CLIENT_ID, client_id);
    return read_assertion(options, &assertion, err) &&
           check_form(begin_form(options, client_id, &form) &&
                          azure_form_add(&form, "client_assertion_type", kind) &&
                          azure_form_add(&form, "client_assertion", buffer_text(&assertion)),
                      err) &&
           ask_entra(options, &form, deadline, ret_token, ret_lifetime_ms, err);
}

/* Only the host itself may ask, so that no proxy can be in between. */
static bool fetch_from_host(const struct lb_options *options, struct deadline deadline,
                            struct buffer *ret_token, int64_t *ret_lifetime_ms, struct error *err)
{
    static const char *const headers[] = {"Metadata: true", NULL};
    char imds[LIMIT_PATH], management[LIMIT_PATH], resource[LIMIT_PATH + 1], client_id[LIMIT_PATH];
    struct buffer query BUFFER_CLEANUP, url BUFFER_CLEANUP;

    azure_setting(options, AZURE_IMDS_URL, imds);
    azure_setting(options, AZURE_MANAGEMENT_URL, management);
    azure_setting(options, AZURE_CLIENT_ID, client_id);
    buffer_init(&query, FORM_BYTES);
    buffer_init(&url, FORM_BYTES);
    (void)snprintf(resource, sizeof(resource), "%s/", management);
    if (!check_form(azure_form_add(&query, "api-version", "2018-02-01") &&
                        azure_form_add(&query, "resource", resource) &&
                        (client_id[0] == '\0' || azure_form_add(&query, "client_id", client_id)) &&
                        buffer_format(&url, "%s/metadata/identity/oauth2/token?%s", imds,
                                      buffer_text(&query)),
                    err))
        return false;
    const struct http_request request = {
        .method = "GET",
        .url = buffer_text(&url),
        .headers = headers,
        .most_bytes = ANSWER_BYTES,
        .deadline = deadline,
    };
    return ask(options, &request, true, ret_token, ret_lifetime_ms, err);
}

static const struct {
    const char *identity;
    bool (*fetch)(const struct lb_options *options, struct deadline deadline,
                  struct buffer *ret_token, int64_t *ret_lifetime_ms, struct error *err);
} fetchers[] = {
    {"secret", fetch_by_secret},
    {"workload", fetch_by_assertion},
    {"managed", fetch_from_host},
};

bool azure_token_fetch(const struct lb_options *options, struct deadline deadline,
                       struct buffer *ret_token, int64_t *ret_lifetime_ms, struct error *err)
{
    for (size_t i = 0; i < sizeof(fetchers) / sizeof(fetchers[0]); i++) {
        if (!azure_identity_is(options, fetchers[i].identity))
            continue;
        if (fetchers[i].fetch(options, deadline, ret_token, ret_lifetime_ms, err))
            return true;
        error_wrap(err, "identity '%s'", fetchers[i].identity);
        return false;
    }
    error_set(err, ERROR_INVALID, "no known identity");
    return false;
}
