/* SPDX-License-Identifier: Apache-2.0 */
#include "lb_http.h"

#include "check.h"
#include "memory.h"
#include "text.h"
#include "url.h"

#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>

void lb_http_open(struct lb *lb)
{
    lb->state = memory_zeroed(1, sizeof(struct lb_http));
}

void lb_http_close(struct lb *lb)
{
    struct lb_http *http = lb->state;
    if (http->client != NULL)
        http_client_free(http->client);
    free(http);
}

bool lb_http_do(const struct lb *lb, const struct lb_http_request *request,
                struct deadline deadline, struct http_answer *ret_answer, struct error *err)
{
    struct lb_http *http = lb->state;
    const struct http_request sent = {
        .method = request->method,
        .url = request->url,
        .headers = request->headers,
        .body = request->body,
        .body_size = request->body != NULL ? strlen(request->body) : 0,
        .most_bytes = LIMIT_LB_BYTES,
        .deadline = deadline,
    };
    if (http->client == NULL &&
        !credentials_open_http(&lb->options.credentials, lb->options.ca_file, true, &http->client,
                               err))
        return false;
    return http_do(http->client, &sent, ret_answer, err);
}

static const struct {
    int least, most;
    enum error_code code;
    const char *meaning;
    const char *hint;
} refusals[] = {
    {401, 401, ERROR_DENIED, "the credentials are not accepted",
     "look at the load balancer's credentials in the configuration"},
    {403, 403, ERROR_DENIED, "the server forbids it",
     "look at what the server allows to the controller's address and user"},
    {404, 404, ERROR_NOT_FOUND, "nothing is there", "look at the address in the configuration"},
    {408, 408, ERROR_UNAVAILABLE, "it gave up waiting", ""},
    {429, 429, ERROR_UNAVAILABLE, "too many requests", ""},
    {500, 599, ERROR_UNAVAILABLE, "the server is in trouble", ""},
    {300, 399, ERROR_PROTOCOL, "it sends elsewhere",
     "write the address that answers by itself, with its scheme and path"},
};

bool lb_http_check_status(const struct http_answer *answer, struct error *err)
{
    if (answer->status >= 200 && answer->status <= 299)
        return true;
    for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
        if (answer->status < refusals[i].least || answer->status > refusals[i].most)
            continue;
        error_set(err, refusals[i].code, "status %d: %s", answer->status, refusals[i].meaning);
        if (refusals[i].hint[0] != '\0')
            error_hint(err, "%s", refusals[i].hint);
        return false;
    }
    error_set(err, ERROR_PROTOCOL, "status %d", answer->status);
    return false;
}

bool lb_http_check_address(const char *address, struct error *err)
{
    struct url url;
    if (!url_parse(address, &url, err)) {
        error_wrap(err, "'%.200s'", address);
        return false;
    }
    bool is_http = text_equal(url.scheme, "http") || text_equal(url.scheme, "https");
    if (is_http && strpbrk(url.rest, "?#") == NULL)
        return true;
    error_set(err, ERROR_INVALID, "'%.200s' is no http or https URL without a query", address);
    return false;
}

bool lb_http_add_encoded(struct buffer *buffer, const char *text)
{
    char *encoded = curl_easy_escape(NULL, text, 0);
    CHECK(encoded != NULL);
    bool is_added = buffer_add_text(buffer, encoded);
    curl_free(encoded);
    return is_added;
}

bool lb_http_check_addresses(const struct lb_options *options, struct error *err)
{
    for (size_t i = 0; i < options->address_count; i++)
        if (!lb_http_check_address(options->addresses[i], err))
            return false;
    return true;
}
