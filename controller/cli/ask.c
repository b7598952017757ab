/* SPDX-License-Identifier: Apache-2.0 */
#include "ask.h"

#include "channel.h"
#include "json.h"
#include "keys.h"
#include "memory.h"
#include "status_read.h"
#include "text.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>

#define REQUESTS_MOST  1000   /* in the stream; a controller takes them in milliseconds */
#define ANSWER_MS      10000  /* decisions are made at once; a load balancer may take a while */
#define ANSWER_PLAN_MS 150000 /* agents read two distributions to their ends, in 135 s at most */
#define ANSWER_BYTES   (4 * 1024 * 1024) /* the plan of the largest cluster is 700 KB */
#define BLOCK_S        2 /* of one BLPOP: a connection that died unnoticed is found so soon */
#define RECONNECT_MS   100

void answer_done(struct answer *answer)
{
    json_decref(answer->json);
    answer->json = NULL;
}

bool answer_read(const char *bytes, size_t size, const char *id, struct answer *ret_answer,
                 struct error *err)
{
    JSON_CLEANUP json_t *json = NULL;
    struct answer answer = {.json = NULL};
    char answered[LIMIT_ID];
    if (size > ANSWER_BYTES) {
        error_set(err, ERROR_PROTOCOL, "an answer of %zu bytes", size);
        return false;
    }
    if (!json_read_object(bytes, size, &json, err) ||
        !json_get_text(json, "id", answered, sizeof(answered), err) ||
        !json_get_bool(json, "ok", &answer.is_ok, err) ||
        !json_find_text(json, "message", answer.message, sizeof(answer.message), err) ||
        !status_read_error(json, "error", &answer.error, err))
        return false;
    if (!text_equal(answered, id) || answer.is_ok != (answer.error.code == ERROR_NONE)) {
        error_set(err, ERROR_PROTOCOL, "it answers something else");
        return false;
    }
    answer.json = MEMORY_STEAL(json);
    *ret_answer = answer;
    return true;
}

static void complete_request(const struct client *client, struct request *request)
{
    char id[33];
    key_random_id(id);
    (void)TEXT_COPY(request->id, id);
    (void)TEXT_COPY(request->cluster, client->cluster->name);
    (void)TEXT_COPY(request->operator, client->config.operator_name);
    request->issued_ms = clock_wall_ms();
    request->expires_ms = request->issued_ms + REQUEST_LIFE_MS;
}

static bool send_request(struct client *client, const struct request *request, const char *stream,
                         const struct key_pair *key, struct error *err)
{
    char name[CHANNEL_KEY_SIZE];
    FREE_CLEANUP char *body = request_write(request);
    channel_key(name, request->cluster, stream, NULL);
    if (channel_add(client->redis, deadline_after_ms(CLIENT_CALL_MS), name, REQUESTS_MOST, key,
                    request->operator, KEY_DOMAIN_REQUEST, body, err))
        return true;
    error_hint(err, "it may have been sent all the same: look at `shunt status %s` first",
               request->cluster);
    return false;
}

static bool load_key(const struct client *client, struct key_pair **ret_key, struct error *err)
{
    if (key_pair_load(client->config.operator_key_file, ret_key, err))
        return true;
    error_wrap(err, "operator's key");
    error_hint(err, "`operator` in the configuration names it; `shunt keys new` makes one");
    return false;
}

enum exit_code ask_send(struct client *client, struct request *request, const char *stream,
                        struct error *err)
{
    struct key_pair *key = NULL;
    if (!load_key(client, &key, err))
        return EXIT_CODE_CONFIGURATION;
    complete_request(client, request);
    bool is_sent = send_request(client, request, stream, key, err);
    key_pair_free(key);
    return is_sent ? EXIT_CODE_OK : exit_code_of_error(err);
}

bool ask_take_reason(const struct cli *cli, struct request *request, struct error *err)
{
    const char *reason = cli->arguments.values[OPTION_REASON];
    if (reason[0] != '\0' && TEXT_COPY(request->reason, reason))
        return true;
    error_set(err, ERROR_INVALID, "--reason must have 1 to %zu bytes", sizeof(request->reason) - 1);
    return false;
}

/* [key, value] of a BLPOP that was not in vain. */
static bool read_popped(const redisReply *reply, const char *id, struct answer *ret_answer,
                        struct error *err)
{
    if (reply->type == REDIS_REPLY_ARRAY && reply->elements == 2 &&
        reply->element[1]->type == REDIS_REPLY_STRING) {
        const redisReply *text = reply->element[1];
        if (answer_read(text->str, text->len, id, ret_answer, err))
            return true;
    } else {
        error_set(err, ERROR_PROTOCOL, "no list of a key and a text");
    }
    error_wrap(err, "unreadable answer in Redis");
    return false;
}

bool ask_try_answer(struct client *client, const struct request *request, unsigned wait_s,
                    struct answer *ret_answer, bool *ret_is_over, struct error *err)
{
    REPLY_CLEANUP redisReply *reply = NULL;
    char key[CHANNEL_KEY_SIZE], block[8];
    channel_key(key, request->cluster, "answer", request->id);
    (void)snprintf(block, sizeof(block), "%u", wait_s);
    *ret_is_over = false;
    if (client_connect(client, CLIENT_CALL_MS, err) &&
        redis_command(client->redis, deadline_after_ms(wait_s * 1000 + CLIENT_CALL_MS), &reply, err,
                      "BLPOP", key, block, (char *)NULL)) {
        *ret_is_over = reply->type != REDIS_REPLY_NIL;
        return *ret_is_over && read_popped(reply, request->id, ret_answer, err);
    }
    *ret_is_over = !error_code_is_transient(err->code);
    if (!*ret_is_over)
        (void)poll(NULL, 0, RECONNECT_MS);
    return false;
}

/* A node is moved when the slowest of its load balancers has obeyed. */
static int64_t answer_ms(const struct client *client, enum request_verb verb)
{
    bool is_plan = verb == REQUEST_PLAN || verb == REQUEST_UPGRADE || verb == REQUEST_RECOVER ||
                   verb == REQUEST_CUSTOMISATIONS;
    bool is_move = verb == REQUEST_DRAIN || verb == REQUEST_RETURN;
    if (is_plan)
        return ANSWER_PLAN_MS;
    return ANSWER_MS + (is_move ? client->cluster->policy.lb_deadline_ms : 0);
}

static bool await_answer(struct client *client, const struct request *request,
                         struct answer *ret_answer, struct error *err)
{
    int64_t wait_ms = answer_ms(client, request->verb);
    struct deadline deadline = deadline_after_ms(wait_ms);
    bool is_over = false;
    while (!is_over && !deadline_is_over(deadline)) {
        if (ask_try_answer(client, request, BLOCK_S, ret_answer, &is_over, err))
            return true;
    }
    if (is_over)
        return false;
    error_set(err, ERROR_TIMEOUT, "cluster %s: no answer from its controller in %lld s",
              request->cluster, (long long)(wait_ms / 1000));
    error_hint(err,
               "`shunt status %s` shows whether it was done; the controller's log says why, for "
               "instance that its `operators` have no '%s' with this key",
               request->cluster, request->operator);
    return false;
}

enum exit_code ask_controller(struct client *client, struct request *request,
                              struct answer *ret_answer, struct error *err)
{
    struct key_pair *key = NULL;
    if (!load_key(client, &key, err)) /* before anything is waited for */
        return EXIT_CODE_CONFIGURATION;
    complete_request(client, request);
    bool is_answered = client_await_leader(client, err) &&
                       send_request(client, request, "request", key, err) &&
                       await_answer(client, request, ret_answer, err);
    key_pair_free(key);
    return is_answered ? EXIT_CODE_OK : exit_code_of_error(err);
}

enum exit_code ask_document(struct cli *cli, struct request *request, struct client *ret_client,
                            struct answer *ret_answer, struct error *err)
{
    enum exit_code code = client_open_cluster(ret_client, cli, err);
    if (code == EXIT_CODE_OK)
        code = ask_controller(ret_client, request, ret_answer, err);
    if (code == EXIT_CODE_OK)
        output_document(&cli->output, ret_answer->json);
    return code;
}

enum exit_code answer_exit_code(const struct answer *answer, struct error *err)
{
    if (answer->is_ok)
        return EXIT_CODE_OK;
    *err = answer->error;
    return exit_code_of_answer(&answer->error);
}
