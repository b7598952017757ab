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

/* The exit status of an answer; *err is set where it is a refusal or a failure. */
enum exit_code answer_exit_code(const struct answer *answer, struct error *err);

/* ERROR_PROTOCOL where it is not the answer to this id, or no answer at all. */
bool answer_read(const char *bytes, size_t size, const char *id, struct answer *ret_answer,
                 struct error *err);

#endif
