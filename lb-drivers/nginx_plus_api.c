/* SPDX-License-Identifier: Apache-2.0 */
#include "nginx_plus_api.h"

#include "text.h"

#include <stdio.h>
#include <string.h>

/* What NGINX Plus says instead of doing it: `code` of its error object. */
static const struct refusal_row {
    const char *code;
    enum error_code error;
    const char *hint;
} refusals[] = {
    {"UpstreamNotFound", ERROR_NOT_FOUND, "compare with the upstream blocks of nginx.conf"},
    {"UpstreamServerNotFound", ERROR_NOT_FOUND, "compare with the server lines of nginx.conf"},
    {"UpstreamStatic", ERROR_INVALID,
     "give the upstream block a `zone`: without one its servers cannot be changed"},
    {"UnknownVersion", ERROR_INVALID, "the server must speak API version 3 to 9"},
    {"PathNotFound", ERROR_NOT_FOUND,
     "the address ends with the location of `api` and has no version, as http://lb1:8080/api"},
    {"MethodDisabled", ERROR_DENIED, "write `api write=on;` in the location of the API"},
    {"JsonError", ERROR_PROTOCOL, "something between here and NGINX Plus changes what is sent"},
    {"UpstreamConfFormatError", ERROR_INVALID,
     "this NGINX Plus does not take that change: is it older than API version 3?"},
};

void nginx_plus_api_init(struct nginx_plus_api *api, const struct lb *lb, size_t address,
                         struct deadline deadline)
{
    *api = (struct nginx_plus_api){.lb = lb,
                                   .address = lb->options.addresses[address],
                                   .deadline = deadline,
                                   .version = NGINX_PLUS_NEWEST};
}

static bool send_request(struct nginx_plus_api *api, const char *url, const char *patch,
                         struct http_answer *ret_answer, struct error *err)
{
    static const char *const headers[] = {"Content-Type: application/json", NULL};
    const struct lb_http_request request = {
        .method = patch != NULL ? "PATCH" : "GET",
        .url = url,
        .headers = patch != NULL ? headers : NULL,
        .body = patch,
    };
    /* A caller that was stopped for long must not be heard: it may be somebody else's turn. */
    if (deadline_is_over(api->deadline)) {
        error_set(err, ERROR_TIMEOUT, "no time is left to ask");
        return false;
    }
    return lb_http_do(api->lb, &request, api->deadline, ret_answer, err);
}

/* A location that is not of the API answers in its own words. */
static bool check_answer(const struct http_answer *answer, struct error *err)
{
    struct nginx_plus_refusal refusal;
    enum error_code code = ERROR_PROTOCOL;
    const char *hint = "";

    if (answer->status >= 200 && answer->status <= 299)
        return true;
    if (!nginx_plus_read_refusal(buffer_text(&answer->body), answer->body.length, &refusal))
        return lb_http_check_status(answer, err);
    if (answer->status >= 500)
        code = ERROR_UNAVAILABLE;
    for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++)
        if (text_equal(refusal.code, refusals[i].code)) {
            code = refusals[i].error;
            hint = refusals[i].hint;
        }
    error_set(err, code, "NGINX Plus refuses: %s (%s)", refusal.text, refusal.code);
    if (hint[0] != '\0')
        error_hint(err, "%s", hint);
    return false;
}

static bool is_unknown_version(const struct http_answer *answer)
{
    struct nginx_plus_refusal refusal;
    return answer->status == 404 &&
           nginx_plus_read_refusal(buffer_text(&answer->body), answer->body.length, &refusal) &&
           text_equal(refusal.code, "UnknownVersion");
}

static bool find_version(struct nginx_plus_api *api, struct error *err)
{
    struct http_answer answer;

    if (!send_request(api, api->address, NULL, &answer, err))
        return false;
    bool is_found =
        check_answer(&answer, err) &&
        nginx_plus_read_versions(buffer_text(&answer.body), answer.body.length, &api->version, err);
    http_answer_done(&answer);
    return is_found;
}

static bool ask_once(struct nginx_plus_api *api, const char *path, const char *patch,
                     struct http_answer *ret_answer, struct error *err)
{
    char url[LIMIT_URL];
    int length = snprintf(url, sizeof(url), "%s/%d/%s", api->address, api->version, path);

    if (length < 0 || (size_t)length >= sizeof(url)) {
        error_set(err, ERROR_INVALID, "the address and the member are too long");
        return false;
    }
    return send_request(api, url, patch, ret_answer, err);
}

bool nginx_plus_ask(struct nginx_plus_api *api, const char *path, const char *patch,
                    struct http_answer *ret_answer, struct error *err)
{
    struct http_answer answer;

    if (!ask_once(api, path, patch, &answer, err))
        return false;
    if (is_unknown_version(&answer) && api->version == NGINX_PLUS_NEWEST) {
        http_answer_done(&answer);
        if (!find_version(api, err) || !ask_once(api, path, patch, &answer, err))
            return false;
    }
    if (!check_answer(&answer, err)) {
        http_answer_done(&answer);
        return false;
    }
    *ret_answer = answer;
    return true;
}
