/* SPDX-License-Identifier: Apache-2.0 */
#include "bitbucket.h"

#include "bitbucket_read.h"
#include "check.h"
#include "http.h"
#include "json.h"
#include "memory.h"
#include "text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PATH_SIZE 64

/* The reference pages of 8.x to 10.4 have the first form, the guides of 7.9 and 7.20 the other. */
static const char *const change_forms[] = {"/rest/zdu/", "/rest/zdu/cluster/"};
#define CHANGE_FORM_COUNT (sizeof(change_forms) / sizeof(change_forms[0]))

struct bitbucket {
    struct http_client *http;
    size_t change_form; /* the one that answered last */
};

/* One request, and the words for it in errors. */
struct call {
    const char *what;
    const char *method;
    const char *path;
};

bool bitbucket_new(const struct cluster_config *cluster, struct bitbucket **ret_bitbucket,
                   struct error *err)
{
    struct http_client *http;
    /* No connection is kept alive: an idle one would look like a client on a draining node. */
    if (!credentials_open_http(&cluster->credentials, cluster->ca_file, false, &http, err)) {
        error_wrap(err, "cluster %s", cluster->name);
        return false;
    }
    *ret_bitbucket = memory_zeroed(1, sizeof(**ret_bitbucket));
    (*ret_bitbucket)->http = http;
    return true;
}

void bitbucket_free(struct bitbucket *bitbucket)
{
    if (bitbucket == NULL)
        return;
    http_client_free(bitbucket->http);
    free(bitbucket);
}

static const struct {
    int least, most;
    enum error_code code;
    const char *meaning;
    const char *hint;
} refusals[] = {
    {300, 399, ERROR_PROTOCOL, "it sends elsewhere",
     "the URL must be the one Bitbucket itself answers, with its scheme and context path"},
    {401, 401, ERROR_DENIED, "the credentials are not accepted",
     "look at the cluster's credentials; after several failures Bitbucket wants a CAPTCHA"},
    {403, 403, ERROR_DENIED, "the credentials do not suffice",
     "the rolling-upgrade API needs a system administrator"},
    {404, 404, ERROR_NOT_FOUND, "nothing is there",
     "look at the context path; rolling upgrades exist in Data Center from 7.9 on"},
    {408, 408, ERROR_UNAVAILABLE, "the server did not wait for the request", ""},
    {409, 409, ERROR_CONFLICT, "the state of the cluster does not allow it", ""},
    {429, 429, ERROR_UNAVAILABLE, "too many requests", ""},
    {500, 599, ERROR_UNAVAILABLE, "the server failed", ""},
};

/* Only a 2xx is an answer to what was asked. */
static bool check_status(const struct http_answer *answer, struct error *err)
{
    char complaint[BITBUCKET_COMPLAINT_SIZE];
    if (answer->status >= 200 && answer->status <= 299)
        return true;
    bitbucket_parse_complaint(buffer_text(&answer->body), answer->body.length, complaint);
    const char *colon = complaint[0] != '\0' ? ": " : "";
    for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
        if (answer->status < refusals[i].least || answer->status > refusals[i].most)
            continue;
        error_set(err, refusals[i].code, "answered %d, %s%s%s", answer->status, refusals[i].meaning,
                  colon, complaint);
        if (refusals[i].hint[0] != '\0')
            error_hint(err, "%s", refusals[i].hint);
        return false;
    }
    error_set(err, ERROR_PROTOCOL, "answered %d, which is not documented%s%s", answer->status,
              colon, complaint);
    return false;
}

/* A URL is cut in messages, so that what is wrong still fits in. */
static void wrap(struct error *err, const struct call *call, const char *url)
{
    error_wrap(err, "%s: %s %.200s%s", call->what, call->method, url, call->path);
}

static bool ask(struct bitbucket *bitbucket, const struct call *call, const char *base_url,
                struct deadline deadline, struct http_answer *ret_answer, struct error *err)
{
    static const char *const headers[] = {"Content-Type: application/json",
                                          "Accept: application/json", "X-Atlassian-Token: no-check",
                                          NULL};
    char url[LIMIT_URL + PATH_SIZE];
    int length = snprintf(url, sizeof(url), "%s%s", base_url, call->path);
    CHECK(length > 0 && (size_t)length < sizeof(url));
    const struct http_request request = {
        .method = call->method,
        .url = url,
        .headers = headers,
        .most_bytes = LIMIT_REST_BYTES,
        .deadline = deadline,
    };
    if (!http_do(bitbucket->http, &request, ret_answer, err)) {
        error_wrap(err, "%s", call->what);
        return false;
    }
    if (check_status(ret_answer, err))
        return true;
    wrap(err, call, base_url);
    http_answer_done(ret_answer);
    return false;
}

/* Says what came instead of the JSON that was expected, and ends the answer. */
static bool take_parsed(const struct call *call, const char *base_url, bool is_parsed,
                        struct http_answer *answer, struct error *err)
{
    if (!is_parsed && text_starts_with(answer->content_type, "application/json"))
        wrap(err, call, base_url);
    if (!is_parsed && !text_starts_with(answer->content_type, "application/json")) {
        error_wrap(err, "expected JSON, got '%.40s'", answer->content_type);
        wrap(err, call, base_url);
        error_hint(err, "a proxy or a login page may answer in Bitbucket's place");
    }
    http_answer_done(answer);
    return is_parsed;
}

bool bitbucket_read_view(struct bitbucket *bitbucket, const char *url, struct deadline deadline,
                         struct cluster_view *ret_view, struct error *err)
{
    const struct call call = {"rolling-upgrade state", "GET", "/rest/zdu/cluster"};
    struct http_answer answer;
    if (!ask(bitbucket, &call, url, deadline, &answer, err))
        return false;
    bool is_parsed =
        bitbucket_parse_view(buffer_text(&answer.body), answer.body.length, ret_view, err);
    return take_parsed(&call, url, is_parsed, &answer, err);
}

bool bitbucket_read_members(struct bitbucket *bitbucket, const char *url, struct deadline deadline,
                            struct member_list *ret_members, struct error *err)
{
    const struct call call = {"cluster members", "GET", "/rest/api/latest/admin/cluster"};
    struct http_answer answer;
    if (!ask(bitbucket, &call, url, deadline, &answer, err))
        return false;
    bool is_parsed =
        bitbucket_parse_members(buffer_text(&answer.body), answer.body.length, ret_members, err);
    return take_parsed(&call, url, is_parsed, &answer, err);
}

bool bitbucket_read_version(struct bitbucket *bitbucket, const char *url, struct deadline deadline,
                            char version[LIMIT_VERSION], struct error *err)
{
    const struct call call = {"version", "GET", "/rest/api/1.0/application-properties"};
    struct http_answer answer;
    if (!ask(bitbucket, &call, url, deadline, &answer, err))
        return false;
    bool is_parsed =
        bitbucket_parse_version(buffer_text(&answer.body), answer.body.length, version, err);
    return take_parsed(&call, url, is_parsed, &answer, err);
}

static const struct {
    const char *word;
    const char *what;
} changes[] = {
    [BITBUCKET_START] = {"start", "switch upgrade mode on"},
    [BITBUCKET_CANCEL] = {"cancel", "switch upgrade mode off"},
    [BITBUCKET_APPROVE] = {"approve", "approve the upgrade"},
};

/* What a change answers is not used, the caller looks at the view; but a login page that came with
 * a 200 must not pass for a change. */
static bool post(struct bitbucket *bitbucket, const struct call *call, const char *url,
                 struct deadline deadline, struct error *err)
{
    JSON_CLEANUP json_t *object = NULL;
    struct http_answer answer;
    if (!ask(bitbucket, call, url, deadline, &answer, err))
        return false;
    bool is_parsed = answer.body.length == 0 ||
                     json_read_object(buffer_text(&answer.body), answer.body.length, &object, err);
    return take_parsed(call, url, is_parsed, &answer, err);
}

/* A form that nothing answers changes nothing, so that trying the other one is no second try. */
bool bitbucket_change(struct bitbucket *bitbucket, const char *url, enum bitbucket_change change,
                      struct deadline deadline, struct error *err)
{
    CHECK((unsigned)change < sizeof(changes) / sizeof(changes[0]));
    for (size_t i = 0; i < CHANGE_FORM_COUNT; i++) {
        char path[PATH_SIZE];
        size_t form = (bitbucket->change_form + i) % CHANGE_FORM_COUNT;
        (void)snprintf(path, sizeof(path), "%s%s", change_forms[form], changes[change].word);
        const struct call call = {changes[change].what, "POST", path};
        bool is_done = post(bitbucket, &call, url, deadline, err);
        if (is_done || err->code != ERROR_NOT_FOUND) {
            bitbucket->change_form = form;
            return is_done;
        }
        if (i + 1 < CHANGE_FORM_COUNT)
            error_clear(err);
    }
    return false;
}
