/* SPDX-License-Identifier: Apache-2.0 */
#include "enrolment.h"

#include "check.h"
#include "json.h"
#include "memory.h"
#include "signed_text.h"
#include "text.h"

#include <string.h>

char *enrolment_write(const struct enrolment *enrolment, const struct key_pair *pair)
{
    struct signed_text text;
    char key[KEY_PUBLIC_TEXT_SIZE];
    key_public_write(&enrolment->key, key);
    JSON_CLEANUP json_t *json =
        json_pack("{s:s,s:s,s:s,s:I}", "cluster", enrolment->cluster, "node", enrolment->node,
                  "key", key, "made_ms", (json_int_t)enrolment->made_ms);
    CHECK(json != NULL);
    FREE_CLEANUP char *body = json_write(json);
    TEXT_COPY(text.signer, enrolment->node);
    text.body = body;
    text.body_size = strlen(body);
    key_sign(pair, KEY_DOMAIN_ENROLMENT, text.body, text.body_size, text.signature);
    return signed_text_write(&text);
}

static bool read_body(const struct signed_text *text, struct enrolment *enrolment,
                      struct error *err)
{
    static const char *const keys[] = {"cluster", "node", "key", "made_ms", NULL};
    JSON_CLEANUP json_t *json = NULL;
    char key[KEY_PUBLIC_TEXT_SIZE];
    if (!json_read_object(text->body, text->body_size, &json, err) ||
        !json_only_keys(json, keys, err) ||
        !json_get_text(json, "cluster", enrolment->cluster, sizeof(enrolment->cluster), err) ||
        !json_get_text(json, "node", enrolment->node, sizeof(enrolment->node), err) ||
        !json_get_text(json, "key", key, sizeof(key), err) ||
        !json_get_integer(json, "made_ms", 0, INT64_MAX, &enrolment->made_ms, err))
        return false;
    if (key_public_parse(key, &enrolment->key, err))
        return true;
    err->code = ERROR_PROTOCOL;
    return false;
}

static bool is_of(const struct enrolment *enrolment, const struct signed_text *text,
                  const char *cluster, const char *node, struct error *err)
{
    if (text_equal(enrolment->cluster, cluster) && text_equal(enrolment->node, node) &&
        text_equal(text->signer, node))
        return true;
    error_set(err, ERROR_DENIED, "it is of agent '%s' of cluster '%s', signed by '%s'",
              enrolment->node, enrolment->cluster, text->signer);
    return false;
}

bool enrolment_read(const char *bytes, size_t size, const char *cluster, const char *node,
                    struct enrolment *ret_enrolment, struct error *err)
{
    struct signed_text text;
    struct enrolment enrolment;
    bool is_short = size <= ENROLMENT_BYTES;
    if (!is_short)
        error_set(err, ERROR_PROTOCOL, "more than %d bytes, which is the most that one may have",
                  ENROLMENT_BYTES);
    if (is_short && signed_text_read(bytes, size, &text, err) &&
        read_body(&text, &enrolment, err) &&
        key_verify(&enrolment.key, KEY_DOMAIN_ENROLMENT, text.body, text.body_size, text.signature,
                   err) &&
        is_of(&enrolment, &text, cluster, node, err)) {
        *ret_enrolment = enrolment;
        return true;
    }
    error_wrap(err, "enrolment of agent %s", node);
    return false;
}
