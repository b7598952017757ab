/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Asking the controller that leads a cluster: a request signed with the operator's key on the
 * cluster's request stream, and the answer from a list of its own (request.h).
 */
#ifndef SHUNT_ASK_H
#define SHUNT_ASK_H

#include "client.h"
#include "request.h"

#include <jansson.h>

struct answer {
    json_t *json; /* as it came; owned */
    bool is_ok;
    struct error error;               /* where it is not */
    char message[ERROR_MESSAGE_SIZE]; /* for people; may be empty */
};

#define ANSWER_CLEANUP __attribute__((cleanup(answer_done)))
void answer_done(struct answer *answer);

/* Sends the request, whose verb and arguments the caller has set, and waits for the answer. Gives
 * EXIT_CODE_OK where one came, be it a refusal; otherwise *err tells why none did. */
enum exit_code ask_controller(struct client *client, struct request *request,
                              struct answer *ret_answer, struct error *err);

/* What most commands begin with: opens the connection of the cluster that is named, asks, and gives
 * the answer out as a document. EXIT_CODE_OK where one came. The caller ends client and answer. */
enum exit_code ask_document(struct cli *cli, struct request *request, struct client *ret_client,
                            struct answer *ret_answer, struct error *err);

/* The two halves of it, for a request that may find no leader. Completes and signs the request and
 * adds it to the cluster's stream of that name. */
enum exit_code ask_send(struct client *client, struct request *request, const char *stream,
                        struct error *err);
/* Waits for the answer for wait_s at most. *ret_is_over: it came, or waiting does not mend the
 * error. False, and not over: none yet. */
bool ask_try_answer(struct client *client, const struct request *request, unsigned wait_s,
                    struct answer *ret_answer, bool *ret_is_over, struct error *err);

/* The request's reason, from --reason. ERROR_INVALID where it is empty or too long. */
bool ask_take_reason(const struct cli *cli, struct request *request, struct error *err);

/* The exit status of an answer; *err is set where it is a refusal or a failure. */
enum exit_code answer_exit_code(const struct answer *answer, struct error *err);

/* ERROR_PROTOCOL where it is not the answer to this id, or no answer at all. */
bool answer_read(const char *bytes, size_t size, const char *id, struct answer *ret_answer,
                 struct error *err);

#endif
