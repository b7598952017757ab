/* SPDX-License-Identifier: Apache-2.0 */
#include "acceptance.h"

#include "request.h"
#include "request_check.h"
#include "signed_text.h"
#include "text.h"

static bool read_request(const struct config *config, const struct cluster_config *cluster,
                         const struct signed_text *text, struct request *request, struct error *err)
{
    const struct channel_entry entry = {.body = text->body,
                                        .body_size = text->body_size,
                                        .signer = text->signer,
                                        .signature = text->signature};
    return request_signer(config, &entry, err) != NULL &&
           request_read(text->body, text->body_size, request, err) &&
           request_is_permitted(config, cluster->name, request, text->signer, err);
}

static bool is_about(const struct request *request, const char *agent, struct error *err)
{
    if (request->verb == REQUEST_ACCEPT_AGENT && text_equal(request->node, agent))
        return true;
    error_set(err, ERROR_DENIED, "it is a request of %s: %s '%s'", request->operator,
              request_verb_name(request->verb), request->node);
    return false;
}

bool acceptance_read(const struct config *config, const struct cluster_config *cluster,
                     const char *agent, const char *bytes, size_t size,
                     struct acceptance *ret_acceptance, struct error *err)
{
    struct signed_text text;
    struct request request;
    struct acceptance acceptance;
    bool is_short = size <= ACCEPTANCE_BYTES;
    if (!is_short)
        error_set(err, ERROR_PROTOCOL, "%zu bytes; one has %d at most", size, ACCEPTANCE_BYTES);
    if (is_short && signed_text_read(bytes, size, &text, err) &&
        read_request(config, cluster, &text, &request, err) && is_about(&request, agent, err) &&
        key_public_parse(request.key, &acceptance.key, err)) {
        TEXT_COPY(acceptance.operator, request.operator);
        acceptance.issued_ms = request.issued_ms;
        *ret_acceptance = acceptance;
        return true;
    }
    error_wrap(err, "acceptance of agent %s", agent);
    return false;
}
