/* SPDX-License-Identifier: Apache-2.0 */
#include "http_transfer.h"

#include "check.h"
#include "memory.h"
#include "text.h"
#include "url.h"

#include <curl/curl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define CONNECT_TIMEOUT_MS 5000
#define STALL_TIMEOUT_MS   30000

struct http_client {
    CURL *curl;
    char *ca_file;
    char *user;
    char *password;
    char *bearer_token;
    bool keep_alive;
    bool no_proxy;
    int64_t connect_timeout_ms;
    int64_t stall_timeout_ms;
    int64_t most_bytes_per_s;
};

bool http_init(struct error *err)
{
    CURLcode code = curl_global_init(CURL_GLOBAL_DEFAULT);
    if (code != CURLE_OK) {
        error_set(err, ERROR_SYSTEM, "libcurl cannot be initialised: %s", curl_easy_strerror(code));
        return false;
    }
    /* With CURLOPT_NOSIGNAL, which threads need, TLS over a reset connection may raise it. */
    signal(SIGPIPE, SIG_IGN);
    return true;
}

struct http_client *http_client_new(const struct http_options *options)
{
    struct http_client *client = memory_zeroed(1, sizeof(*client));
    client->curl = curl_easy_init();
    CHECK(client->curl != NULL);
    client->ca_file = memory_text(options->ca_file);
    client->user = memory_text(options->user);
    client->password = memory_text(options->password);
    client->bearer_token = memory_text(options->bearer_token);
    client->keep_alive = options->keep_alive;
    client->no_proxy = options->no_proxy;
    client->connect_timeout_ms =
        options->connect_timeout_ms > 0 ? options->connect_timeout_ms : CONNECT_TIMEOUT_MS;
    client->stall_timeout_ms =
        options->stall_timeout_ms > 0 ? options->stall_timeout_ms : STALL_TIMEOUT_MS;
    client->most_bytes_per_s = options->most_bytes_per_s;
    return client;
}

static void free_secret(char *text)
{
    if (text)
        explicit_bzero(text, strlen(text));
    free(text);
}

void http_client_free(struct http_client *client)
{
    if (!client)
        return;
    curl_easy_cleanup(client->curl);
    free(client->ca_file);
    free(client->user);
    free_secret(client->password);
    free_secret(client->bearer_token);
    free(client);
}

static size_t on_header(char *bytes, size_t size, size_t count, void *context)
{
    struct http_transfer *transfer = context;
    bool is_good = http_head_add(&transfer->head, bytes, size * count, &transfer->failure);
    return is_good ? size * count : 0;
}

static size_t on_body(char *bytes, size_t size, size_t count, void *context)
{
    struct http_transfer *transfer = context;
    bool is_good = transfer->take(transfer->context, bytes, size * count, &transfer->failure);
    return is_good ? size * count : 0;
}

static bool has_control_character(const char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text < ' ' || *text == 0x7f)
            return true;
    return false;
}

static bool make_headers(const struct http_client *client, const struct http_transfer *transfer,
                         struct curl_slist **ret_list, struct error *err)
{
    bool has_type = false;
    struct curl_slist *list = curl_slist_append(NULL, "Expect:"); /* no wait for "100 Continue" */
    for (const char *const *header = transfer->headers; header && *header; header++) {
        if (has_control_character(*header)) {
            error_set(err, ERROR_INVALID, "a header with control characters");
            curl_slist_free_all(list);
            return false;
        }
        has_type = has_type || strncasecmp(*header, "Content-Type:", 13) == 0;
        list = curl_slist_append(list, *header);
    }
    if (!has_type)
        list = curl_slist_append(list, "Content-Type:"); /* libcurl's default is a form's */
    if (!client->keep_alive)
        list = curl_slist_append(list, "Connection: close");
    CHECK(list != NULL);
    *ret_list = list;
    return true;
}

static void set_security(const struct http_client *client)
{
    CURL *curl = client->curl;
#if LIBCURL_VERSION_NUM >= 0x075500
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
#else
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS, (long)(CURLPROTO_HTTP | CURLPROTO_HTTPS));
#endif
    curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 1L);
    curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 2L);
    curl_easy_setopt(curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    if (client->ca_file)
        curl_easy_setopt(curl, CURLOPT_CAINFO, client->ca_file);
    if (client->bearer_token) {
        curl_easy_setopt(curl, CURLOPT_HTTPAUTH, (long)CURLAUTH_BEARER);
        curl_easy_setopt(curl, CURLOPT_XOAUTH2_BEARER, client->bearer_token);
    } else if (client->user) {
        curl_easy_setopt(curl, CURLOPT_HTTPAUTH, (long)CURLAUTH_BASIC);
        curl_easy_setopt(curl, CURLOPT_USERNAME, client->user);
        curl_easy_setopt(curl, CURLOPT_PASSWORD, client->password ? client->password : "");
    }
}

static void set_times(const struct http_client *client, const struct http_transfer *transfer)
{
    CURL *curl = client->curl;
    int left_ms = deadline_poll_ms(transfer->deadline);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)client->connect_timeout_ms);
    if (left_ms >= 0) /* 0 would be no limit */
        curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)(left_ms > 0 ? left_ms : 1));
    if (transfer->is_stream) {
        curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
        curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, (long)(client->stall_timeout_ms / 1000));
        curl_easy_setopt(curl, CURLOPT_MAX_RECV_SPEED_LARGE, (curl_off_t)client->most_bytes_per_s);
    }
}

static void set_request(const struct http_client *client, struct http_transfer *transfer,
                        const struct url *url, struct curl_slist *headers)
{
    CURL *curl = client->curl;
    bool has_body = transfer->body || text_equal(transfer->method, "POST") ||
                    text_equal(transfer->method, "PUT");
    curl_easy_setopt(curl, CURLOPT_URL, transfer->url);
    curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    if (has_body) {
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE,
                         (curl_off_t)(transfer->body ? transfer->body_size : 0));
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, transfer->body ? transfer->body : "");
    }
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, transfer->method);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_MAXCONNECTS, 1L);
    curl_easy_setopt(curl, CURLOPT_FORBID_REUSE, client->keep_alive ? 0L : 1L);
    if (transfer->range)
        curl_easy_setopt(curl, CURLOPT_RANGE, transfer->range);
    if (client->no_proxy || url_is_loopback(url))
        curl_easy_setopt(curl, CURLOPT_PROXY, "");
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, transfer);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, transfer);
}

/* What a failure means for the caller's policy; all others are ERROR_UNAVAILABLE. */
static const struct {
    CURLcode curl;
    enum error_code code;
} failure_codes[] = {
    {CURLE_OPERATION_TIMEDOUT, ERROR_TIMEOUT},    {CURLE_PEER_FAILED_VERIFICATION, ERROR_DENIED},
    {CURLE_SSL_CACERT_BADFILE, ERROR_DENIED},     {CURLE_SSL_CERTPROBLEM, ERROR_DENIED},
    {CURLE_SSL_ISSUER_ERROR, ERROR_DENIED},       {CURLE_URL_MALFORMAT, ERROR_INVALID},
    {CURLE_UNSUPPORTED_PROTOCOL, ERROR_PROTOCOL}, /* no HTTP answer: the URL is checked before */
    {CURLE_WEIRD_SERVER_REPLY, ERROR_PROTOCOL},   {CURLE_BAD_CONTENT_ENCODING, ERROR_PROTOCOL},
};

static void explain_failure(CURLcode result, const char *details, struct error *err)
{
    enum error_code code = ERROR_UNAVAILABLE;
    for (size_t i = 0; i < sizeof(failure_codes) / sizeof(failure_codes[0]); i++)
        if (failure_codes[i].curl == result)
            code = failure_codes[i].code;
    error_set(err, code, "%s", details[0] ? details : curl_easy_strerror(result));
}

static bool perform(struct http_client *client, struct http_transfer *transfer,
                    const struct url *url, struct error *err)
{
    char details[CURL_ERROR_SIZE] = "";
    struct curl_slist *headers;
    if (deadline_is_over(transfer->deadline)) {
        error_set(err, ERROR_TIMEOUT, "no time left");
        return false;
    }
    if (!make_headers(client, transfer, &headers, err))
        return false;
    http_head_init(&transfer->head);
    error_clear(&transfer->failure);
    curl_easy_reset(client->curl);
    set_security(client);
    set_times(client, transfer);
    set_request(client, transfer, url, headers);
    curl_easy_setopt(client->curl, CURLOPT_ERRORBUFFER, details);
    CURLcode result = curl_easy_perform(client->curl);
    curl_easy_reset(client->curl); /* it points at our locals */
    curl_slist_free_all(headers);
    if (transfer->failure.code != ERROR_NONE)
        *err = transfer->failure;
    else if (result != CURLE_OK)
        explain_failure(result, details, err);
    return transfer->failure.code == ERROR_NONE && result == CURLE_OK;
}

static bool check_url(const char *text, struct url *ret_url, struct error *err)
{
    if (!url_parse(text, ret_url, err))
        return false;
    if (text_equal(ret_url->scheme, "http") || text_equal(ret_url->scheme, "https"))
        return true;
    error_set(err, ERROR_INVALID, "'%s' is not http or https", ret_url->scheme);
    return false;
}

bool http_transfer_run(struct http_client *client, struct http_transfer *transfer,
                       struct error *err)
{
    struct url url;
    if (!check_url(transfer->url, &url, err)) {
        error_wrap(err, "%s: URL", transfer->method);
        return false;
    }
    if (perform(client, transfer, &url, err))
        return true;
    error_wrap(err, "%s %.*s", transfer->method, url_length_without_query(transfer->url),
               transfer->url);
    return false;
}
