/* SPDX-License-Identifier: Apache-2.0 */
#include "request_check.h"

#include "clock.h"
#include "keys.h"
#include "text.h"

#define CLOCK_AHEAD_MS 60000 /* an operator's clock may be ahead of ours by this */

const struct operator_config *request_signer(const struct config *config,
                                             const struct channel_entry *entry, struct error *err)
{
    if (entry->body == NULL) {
        error_set(err, ERROR_PROTOCOL, "an entry without body, key or signature, or too long");
        return NULL;
    }
    const struct operator_config *asker = config_find_operator(config, entry->signer);
    if (asker == NULL) {
        error_set(err, ERROR_DENIED, "signed by '%s', who is no operator here", entry->signer);
        return NULL;
    }
    if (!key_verify(&asker->key, KEY_DOMAIN_REQUEST, entry->body, entry->body_size,
                    entry->signature, err))
        return NULL;
    return asker;
}

bool request_is_permitted(const struct config *config, const char *cluster,
                          const struct request *request, const char *signer, struct error *err)
{
    const struct operator_config *asker = config_find_operator(config, signer);
    if (!text_equal(request->operator, signer) || asker == NULL) {
        error_set(err, ERROR_DENIED, "the request names operator '%s' and is signed by '%s'",
                  request->operator, signer);
    } else if (!text_equal(request->cluster, cluster)) {
        error_set(err, ERROR_DENIED, "the request is for cluster '%s'", request->cluster);
    } else if (asker->role < request_verb_role(request->verb)) {
        error_set(err, ERROR_DENIED, "operator '%s' is %s; %s needs %s", signer,
                  role_name(asker->role), request_verb_name(request->verb),
                  role_name(request_verb_role(request->verb)));
    } else {
        return true;
    }
    return false;
}

static bool is_of_now(const struct request *request, struct error *err)
{
    int64_t now_ms = clock_wall_ms();
    if (request->expires_ms >= now_ms && request->issued_ms <= now_ms + CLOCK_AHEAD_MS &&
        request->expires_ms <= request->issued_ms + REQUEST_LIFE_MS)
        return true;
    error_set(err, ERROR_STALE, "the request has expired, or its clock is off");
    error_hint(err, "compare the clocks of this machine and of the controller");
    return false;
}

bool request_is_allowed(const struct config *config, const char *cluster,
                        const struct request *request, const char *signer, struct error *err)
{
    return request_is_permitted(config, cluster, request, signer, err) && is_of_now(request, err);
}
