/* SPDX-License-Identifier: Apache-2.0 */
#include "http.h"

#include "http_transfer.h"
#include "text.h"

#include <stdlib.h>
#include <string.h>

struct exchange {
    const struct http_request *request;
    struct buffer body;
};

static bool take_body(void *context, const char *bytes, size_t size, struct error *err)
{
    struct exchange *exchange = context;
    if (buffer_add(&exchange->body, bytes, size))
        return true;
    error_set(err, ERROR_PROTOCOL, "the answer has more than %zu bytes",
              exchange->request->most_bytes);
    return false;
}

static bool exchange_messages(struct http_client *client, struct exchange *exchange,
                              struct http_head *ret_head, struct error *err)
{
    const struct http_request *request = exchange->request;
    struct http_transfer transfer = {
        .method = request->method,
        .url = request->url,
        .headers = request->headers,
        .body = request->body,
        .body_size = request->body_size,
        .deadline = request->deadline,
        .take = take_body,
        .context = exchange,
        .head = {.wanted = request->wanted},
    };
    if (!http_transfer_run(client, &transfer, err)) {
        http_head_done(&transfer.head);
        return false;
    }
    *ret_head = transfer.head;
    return true;
}

bool http_do(struct http_client *client, const struct http_request *request,
             struct http_answer *ret_answer, struct error *err)
{
    struct exchange exchange = {.request = request};
    struct http_head head;
    buffer_init(&exchange.body, request->most_bytes);
    if (!exchange_messages(client, &exchange, &head, err)) {
        buffer_done(&exchange.body);
        return false;
    }
    *ret_answer = (struct http_answer){
        .status = head.status,
        .retry_after_s = head.retry_after_s,
        .body = exchange.body,
    };
    TEXT_COPY(ret_answer->content_type, head.content_type);
    TEXT_COPY(ret_answer->location, head.location);
    memcpy(ret_answer->values, head.values, sizeof(head.values));
    return true;
}

void http_answer_done(struct http_answer *answer)
{
    buffer_done(&answer->body);
    for (size_t i = 0; i < HTTP_WANTED; i++)
        free(answer->values[i]);
    memset(answer->values, 0, sizeof(answer->values));
}
