/* SPDX-License-Identifier: Apache-2.0 */
#include "azure_token.h"

#include "file.h"
#include "http.h"
#include "json.h"
#include "text.h"

#include <ctype.h>
#include <string.h>

#define RENEW_BEFORE_MS 300000
#define MOST_LIFETIME_S 86400 /* of a managed identity */
#define FORM_BYTES      65536 /* an assertion, each byte escaped */
#define ANSWER_BYTES    65536
#define CODE_SIZE       64

void azure_token_init(struct buffer *token)
{
    buffer_init(token, AZURE_TOKEN_BYTES);
}

int64_t azure_token_renew_ms(int64_t lifetime_ms)
{
    return lifetime_ms > 2 * RENEW_BEFORE_MS ? lifetime_ms - RENEW_BEFORE_MS : lifetime_ms / 2;
}

bool azure_form_add(struct buffer *form, const char *key, const char *value)
{
    if (!buffer_format(form, "%s%s=", form->length > 0 ? "&" : "", key))
        return false;
    for (const char *c = value; *c != '\0'; c++) {
        bool is_plain = isalnum((unsigned char)*c) || strchr("-._~", *c) != NULL;
        bool is_added =
            is_plain ? buffer_add(form, c, 1) : buffer_format(form, "%%%02X", (unsigned char)*c);
        if (!is_added)
            return false;
    }
    return true;
}

/* A number, or a text of one, as IMDS writes it. */
static bool read_lifetime(const json_t *answer, int64_t *ret_lifetime_ms, struct error *err)
{
    const json_t *value = json_object_get(answer, "expires_in");
    uint64_t seconds = 0;

    if (json_is_integer(value) && json_integer_value(value) >= 0)
        seconds = (uint64_t)json_integer_value(value);
    else if (!json_is_string(value) ||
             !text_parse_u64(json_string_value(value), INT64_MAX, &seconds)) {
        error_set(err, ERROR_PROTOCOL, "'expires_in' is missing or no number");
        return false;
    }
    if (seconds > MOST_LIFETIME_S)
        seconds = MOST_LIFETIME_S;
    *ret_lifetime_ms = (int64_t)seconds * 1000;
    return true;
}

/* The text in the document is a copy of the secret. */
static void wipe_text(const json_t *text)
{
    char *bytes;
    const char *held = json_string_value(text);
    memcpy(&bytes, &held, sizeof(bytes));
    if (bytes != NULL)
        explicit_bzero(bytes, json_string_length(text));
}

static bool read_token(const json_t *answer, struct buffer *ret_token, struct error *err)
{
    const json_t *value = json_object_get(answer, "access_token");
    const char *text = json_string_value(value);
    bool is_good = text != NULL && text[0] != '\0';

    for (const char *c = text; is_good && *c != '\0'; c++)
        is_good = *c > ' ' && *c <= '~'; /* it becomes a part of a header */
    if (!is_good)
        error_set(err, ERROR_PROTOCOL, "'access_token' is missing or no token");
    else if (!buffer_add_text(ret_token, text)) {
        error_set(err, ERROR_PROTOCOL, "'access_token' is longer than %d bytes", AZURE_TOKEN_BYTES);
        is_good = false;
    }
    wipe_text(value);
    return is_good;
}

bool azure_token_parse(const char *bytes, size_t size, struct buffer *ret_token,
                       int64_t *ret_lifetime_ms, struct error *err)
{
    JSON_CLEANUP json_t *answer = NULL;
    int64_t lifetime_ms;

    if (!json_read_object(bytes, size, &answer, err) || !read_lifetime(answer, &lifetime_ms, err) ||
        !read_token(answer, ret_token, err)) {
        error_wrap(err, "no token");
        return false;
    }
    *ret_lifetime_ms = lifetime_ms;
    return true;
}

/* "AADSTS7000215: Invalid client secret …": the number is what can be looked up, and the sentence
 * behind it may quote what was sent. */
static void copy_code(char code[CODE_SIZE], const json_t *answer, const char *key)
{
    const char *text = json_string_value(json_object_get(answer, key));
    size_t length = 0;
    while (text != NULL && length + 1 < CODE_SIZE &&
           (isalnum((unsigned char)text[length]) || text[length] == '_'))
        length++;
    if (length > 0)
        memcpy(code, text, length);
    code[length] = '\0';
}

void azure_token_refusal(int status, const char *bytes, size_t size, struct error *err)
{
    JSON_CLEANUP json_t *answer = NULL;
    struct error ignored;
    char code[CODE_SIZE] = "", number[CODE_SIZE] = "";
    bool is_passing = status == 408 || status == 410 || status == 429 || status >= 500;

    if (json_read_object(bytes, size, &answer, &ignored)) {
        copy_code(code, answer, "error");
        copy_code(number, answer, "error_description");
    }
    error_set(err,
              is_passing      ? ERROR_UNAVAILABLE
              : status >= 400 ? ERROR_DENIED
                              : ERROR_PROTOCOL,
              "no token: status %d%s%s%s%s", status, code[0] != '\0' ? " " : "", code,
              text_starts_with(number, "AADSTS") ? " " : "",
              text_starts_with(number, "AADSTS") ? number : "");
    if (err->code == ERROR_DENIED)
        error_hint(err, "look at the tenant, the client id and its secret or assertion, and at the "
                        "end of their validity");
}

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
