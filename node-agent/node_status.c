/* SPDX-License-Identifier: Apache-2.0 */
#include "node_status.h"

#include "json.h"
#include "quote.h"

#include <stdio.h>
#include <string.h>

#define ANSWER_BYTES ((size_t)16 * 1024)
#define REQUEST_MS   2000 /* of one request; a node on the same host answers in milliseconds */

struct http_client *node_status_client(void)
{
    struct http_options options = {.keep_alive = false, .connect_timeout_ms = REQUEST_MS};
    return http_client_new(&options);
}

static bool get(struct http_client *client, const struct bitbucket_config *config, const char *path,
                struct deadline deadline, struct http_answer *ret_answer, struct error *err)
{
    char url[256];
    const char *address = config->address[0] != '\0' ? config->address : "127.0.0.1";
    bool is_v6 = strchr(address, ':') != NULL;
    struct http_request request = {
        .method = "GET", .url = url, .most_bytes = ANSWER_BYTES, .deadline = deadline};
    struct deadline own = deadline_after_ms(REQUEST_MS);
    if (own.at_ms < deadline.at_ms)
        request.deadline = own;
    snprintf(url, sizeof(url), is_v6 ? "http://[%s]:%d%s%s" : "http://%s:%d%s%s", address,
             config->http_port, config->context_path, path);
    return http_do(client, &request, ret_answer, err);
}

/* A member of the answer's JSON object; the text stays empty where it is no object or has none. */
static void member_text(const struct http_answer *answer, const char *key, char *text, size_t size)
{
    json_t JSON_CLEANUP *object = NULL;
    struct error ignored;
    text[0] = '\0';
    if (json_read_object(buffer_text(&answer->body), answer->body.length, &object, &ignored) &&
        !json_find_text(object, key, text, size, &ignored))
        text[0] = '\0';
}

bool node_status_get(struct http_client *client, const struct bitbucket_config *config,
                     struct deadline deadline, struct node_status *ret_status, struct error *err)
{
    struct http_answer answer;
    char state[sizeof(ret_status->state)];
    if (!get(client, config, "/status", deadline, &answer, err))
        return false;
    ret_status->http_status = answer.status;
    member_text(&answer, "state", state, sizeof(state));
    quote_text(ret_status->state, sizeof(ret_status->state), state, strlen(state));
    quote_text(ret_status->body, sizeof(ret_status->body), buffer_text(&answer.body),
               answer.body.length);
    http_answer_done(&answer);
    return true;
}

bool node_status_version(struct http_client *client, const struct bitbucket_config *config,
                         struct deadline deadline, char version[LIMIT_VERSION], struct error *err)
{
    struct http_answer answer;
    char text[LIMIT_VERSION];
    if (!get(client, config, "/rest/api/1.0/application-properties", deadline, &answer, err))
        return false;
    member_text(&answer, "version", text, sizeof(text));
    int status = answer.status;
    http_answer_done(&answer);
    if (text[0] == '\0') {
        error_set(err, ERROR_UNAVAILABLE,
                  "application-properties answered status %d without a"
                  " version",
                  status);
        return false;
    }
    quote_text(version, LIMIT_VERSION, text, strlen(text));
    return true;
}
