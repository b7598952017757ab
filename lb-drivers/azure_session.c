/* SPDX-License-Identifier: Apache-2.0 */
#include "azure_session.h"

#include "azure_refusal.h"
#include "azure_token.h"
#include "check.h"
#include "credentials.h"
#include "memory.h"
#include "text.h"
#include "url.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOOK_MS         5000 /* where Azure does not say when */
#define HEADER_SIZE     320
#define HEADERS         4
#define STATUS_DENIED   401
#define STATUS_TOO_MANY 429

void azure_session_open(struct lb *lb)
{
    lb->state = memory_zeroed(1, sizeof(struct azure_session));
}

static void forget_token(struct azure_session *session)
{
    http_client_free(session->client);
    session->client = NULL;
}

void azure_session_close(struct lb *lb)
{
    struct azure_session *session = lb->state;
    for (size_t i = 0; i < LB_ADDRESSES; i++) {
        struct azure_place *place = &session->places[i];
        azure_operation_end(&place->change);
        azure_forget_report(place);
        free(place->removals);
    }
    forget_token(session);
    free(session);
}

struct azure_place *azure_place(const struct lb *lb, size_t address)
{
    struct azure_session *session = lb->state;
    return &session->places[address];
}

void azure_forget_report(struct azure_place *place)
{
    azure_operation_end(&place->question);
    json_decref(place->report);
    place->report = NULL;
}

void azure_operation_end(struct azure_operation *operation)
{
    free(operation->url);
    *operation = (struct azure_operation){.url = NULL};
}

int64_t azure_look_at_ms(const struct http_answer *answer, int64_t otherwise_ms)
{
    int64_t ms = otherwise_ms;
    if (answer->retry_after_s >= 0)
        ms = answer->retry_after_s < AZURE_RETRY_MOST_MS / 1000 ? answer->retry_after_s * 1000
                                                                : AZURE_RETRY_MOST_MS;
    return clock_monotonic_ms() + ms;
}

bool azure_operation_begin(struct azure_operation *operation, const struct http_answer *answer)
{
    const char *status = answer->values[AZURE_OPERATION_HEADER];
    const char *url = status != NULL ? status : answer->values[AZURE_LOCATION_HEADER];

    azure_operation_end(operation);
    if (url == NULL)
        return false;
    *operation = (struct azure_operation){
        .url = memory_text(url),
        .is_status = status != NULL,
        .begun_ms = clock_monotonic_ms(),
        .look_at_ms = azure_look_at_ms(answer, LOOK_MS),
    };
    return true;
}

static bool get_token(const struct lb *lb, struct deadline deadline, struct error *err)
{
    struct azure_session *session = lb->state;
    struct buffer token SECRET_CLEANUP;
    int64_t lifetime_ms;

    azure_token_init(&token);
    forget_token(session);
    if (!azure_token_fetch(&lb->options, deadline, &token, &lifetime_ms, err))
        return false;
    const struct http_options options = {
        .ca_file = lb->options.ca_file[0] != '\0' ? lb->options.ca_file : NULL,
        .bearer_token = buffer_text(&token),
        .keep_alive = true,
    };
    session->client = http_client_new(&options);
    session->renew_at_ms = clock_monotonic_ms() + azure_token_renew_ms(lifetime_ms);
    return true;
}

/* The token is for management_url, and an answer must not send it elsewhere. */
static bool check_url(const struct lb *lb, const char *text, struct error *err)
{
    char management[LIMIT_PATH];
    struct url ours, theirs;

    azure_setting(&lb->options, AZURE_MANAGEMENT_URL, management);
    if (!url_parse(management, &ours, err) || !url_parse(text, &theirs, err)) {
        err->code = ERROR_PROTOCOL;
        return false;
    }
    if (text_equal(ours.scheme, theirs.scheme) && text_equal(ours.host, theirs.host) &&
        ours.port == theirs.port)
        return true;
    error_set(err, ERROR_PROTOCOL, "an operation at %.100s, which is not management_url",
              theirs.host);
    return false;
}

static bool write_url(const struct lb *lb, const struct azure_request *request, struct buffer *url,
                      struct error *err)
{
    char management[LIMIT_PATH];
    if (request->url != NULL) {
        CHECK(buffer_add_text(url, request->url));
        return check_url(lb, request->url, err);
    }
    azure_setting(&lb->options, AZURE_MANAGEMENT_URL, management);
    CHECK(buffer_format(url, "%s%s%s?api-version=%s", management, request->id,
                        request->action != NULL ? request->action : "", request->api_version));
    return true;
}

static bool send_request(const struct lb *lb, const struct azure_request *request, const char *url,
                         struct deadline deadline, struct http_answer *ret_answer,
                         struct error *err)
{
    static const char *const wanted[] = {[AZURE_OPERATION_HEADER] = "Azure-AsyncOperation",
                                         [AZURE_LOCATION_HEADER] = "Location",
                                         NULL};
    const struct azure_session *session = lb->state;
    const char *headers[HEADERS] = {"Accept: application/json"};
    char match[HEADER_SIZE];
    size_t count = 1;

    if (request->body != NULL)
        headers[count++] = "Content-Type: application/json";
    if (request->etag != NULL && request->etag[0] != '\0') {
        (void)snprintf(match, sizeof(match), "If-Match: %s", request->etag);
        headers[count++] = match;
    }
    const struct http_request sent = {
        .method = request->method,
        .url = url,
        .headers = headers,
        .body = request->body,
        .body_size = request->body != NULL ? strlen(request->body) : 0,
        .wanted = wanted,
        .most_bytes = LIMIT_LB_BYTES,
        .deadline = deadline,
    };
    return http_do(session->client, &sent, ret_answer, err);
}

static bool check_quiet(const struct azure_session *session, struct error *err)
{
    int64_t left_ms = session->quiet_until_ms - clock_monotonic_ms();
    if (left_ms <= 0)
        return true;
    error_set(err, ERROR_UNAVAILABLE,
              "Azure asked for fewer requests: none for another %" PRId64 " s",
              (left_ms + 999) / 1000);
    return false;
}

/* Takes a refusal that is about the session, not about the request. */
static bool check_session(const struct lb *lb, struct http_answer *answer, struct error *err)
{
    struct azure_session *session = lb->state;
    if (answer->status != STATUS_DENIED && answer->status != STATUS_TOO_MANY)
        return true;
    struct error refusal;
    azure_refusal(answer->status, buffer_text(&answer->body), answer->body.length, &refusal);
    if (refusal.code == ERROR_BUSY) /* another operation's, and no throttling */
        return true;
    *err = refusal;
    if (answer->status == STATUS_DENIED)
        forget_token(session);
    else
        session->quiet_until_ms = azure_look_at_ms(answer, LOOK_MS);
    http_answer_done(answer);
    return false;
}

static bool ask_with_token(const struct lb *lb, const struct azure_request *request,
                           const char *url, struct deadline deadline,
                           struct http_answer *ret_answer, struct error *err)
{
    struct azure_session *session = lb->state;
    bool is_kept = session->client != NULL && clock_monotonic_ms() < session->renew_at_ms;

    if (!is_kept && !get_token(lb, deadline, err))
        return false;
    if (!send_request(lb, request, url, deadline, ret_answer, err))
        return false;
    if (!is_kept || ret_answer->status != STATUS_DENIED)
        return true;
    http_answer_done(ret_answer);
    return get_token(lb, deadline, err) &&
           send_request(lb, request, url, deadline, ret_answer, err);
}

bool azure_ask(const struct lb *lb, const struct azure_request *request, struct deadline deadline,
               struct http_answer *ret_answer, struct error *err)
{
    struct buffer url BUFFER_CLEANUP;
    struct http_answer answer;

    buffer_init(&url, HTTP_VALUE_SIZE);
    if (!check_quiet(lb->state, err) || !write_url(lb, request, &url, err) ||
        !ask_with_token(lb, request, buffer_text(&url), deadline, &answer, err) ||
        !check_session(lb, &answer, err))
        return false;
    *ret_answer = answer;
    return true;
}

bool azure_ask_good(const struct lb *lb, const struct azure_request *request,
                    struct deadline deadline, struct http_answer *ret_answer, struct error *err)
{
    struct http_answer answer;

    if (!azure_ask(lb, request, deadline, &answer, err))
        return false;
    if (answer.status >= 200 && answer.status <= 299) {
        *ret_answer = answer;
        return true;
    }
    azure_refusal(answer.status, buffer_text(&answer.body), answer.body.length, err);
    http_answer_done(&answer);
    return false;
}
