/* SPDX-License-Identifier: Apache-2.0 */
#include "request.h"

#include "check.h"
#include "json.h"
#include "text.h"
#include "version.h"

#include <string.h>

static const struct verb_row {
    const char *name;
    enum role role;
    bool needs_version, needs_artifact, needs_node, needs_reason, needs_holder, needs_key;
} verb_table[REQUEST_VERB_COUNT] = {
    [REQUEST_NODES] = {.name = "nodes", .role = ROLE_VIEWER},
    [REQUEST_CUSTOMISATIONS] = {.name = "customisations", .role = ROLE_VIEWER, .needs_node = true},
    [REQUEST_PLAN] = {.name = "plan", .role = ROLE_VIEWER, .needs_version = true},
    [REQUEST_UPGRADE] = {.name = "upgrade",
                         .role = ROLE_OPERATOR,
                         .needs_version = true,
                         .needs_artifact = true},
    [REQUEST_PAUSE] = {.name = "pause", .role = ROLE_OPERATOR},
    [REQUEST_RESUME] = {.name = "resume", .role = ROLE_OPERATOR},
    [REQUEST_ABORT] = {.name = "abort", .role = ROLE_OPERATOR},
    [REQUEST_ROLLBACK] = {.name = "rollback", .role = ROLE_OPERATOR},
    [REQUEST_APPROVE] = {.name = "approve", .role = ROLE_APPROVER},
    [REQUEST_DRAIN] = {.name = "drain", .role = ROLE_OPERATOR, .needs_node = true},
    [REQUEST_RETURN] = {.name = "return", .role = ROLE_OPERATOR, .needs_node = true},
    [REQUEST_RECOVER] = {.name = "recover", .role = ROLE_APPROVER, .needs_reason = true},
    [REQUEST_LEASE_BREAK] = {.name = "lease-break",
                             .role = ROLE_APPROVER,
                             .needs_reason = true,
                             .needs_holder = true},
    [REQUEST_ACCEPT_AGENT] = {.name = "accept-agent",
                              .role = ROLE_APPROVER,
                              .needs_node = true,
                              .needs_key = true},
};

const char *request_verb_name(enum request_verb verb)
{
    CHECK((unsigned)verb < REQUEST_VERB_COUNT);
    return verb_table[verb].name;
}

enum role request_verb_role(enum request_verb verb)
{
    CHECK((unsigned)verb < REQUEST_VERB_COUNT);
    return verb_table[verb].role;
}

char *request_write(const struct request *request)
{
    JSON_CLEANUP json_t *json =
        json_pack("{s:s,s:s,s:s,s:s,s:I,s:I,s:s,s:s,s:s,s:s,s:b,s:o,s:o,s:I}", "id", request->id,
                  "cluster", request->cluster, "operator", request->operator, "verb",
                  request_verb_name(request->verb), "issued_ms", (json_int_t)request->issued_ms,
                  "expires_ms", (json_int_t)request->expires_ms, "to", request->to, "artifact",
                  request->artifact, "sha256", request->sha256, "node", request->node,
                  "with_rollback", request->with_rollback, "reason", json_text(request->reason),
                  "holder", json_text(request->holder), "epoch", (json_int_t)request->epoch);
    CHECK(json != NULL);
    if (request->key[0] != '\0') /* older controllers do not know it */
        json_object_set_new(json, "key", json_string(request->key));
    return json_write(json);
}

static bool read_verb(const json_t *json, struct request *request, struct error *err)
{
    char name[32];
    if (!json_get_text(json, "verb", name, sizeof(name), err))
        return false;
    for (unsigned i = 0; i < REQUEST_VERB_COUNT; i++)
        if (text_equal(verb_table[i].name, name)) {
            request->verb = (enum request_verb)i;
            return true;
        }
    error_set(err, ERROR_INVALID, "verb '%s' is not known to this controller", name);
    return false;
}

static bool read_fields(const json_t *json, struct request *request, struct error *err)
{
    static const char *const keys[] = {
        "id",     "cluster",  "operator", "verb", "issued_ms",     "expires_ms",
        "to",     "artifact", "sha256",   "node", "with_rollback", "reason",
        "holder", "epoch",    "key",      NULL};
    return json_only_keys(json, keys, err) && read_verb(json, request, err) &&
           json_get_text(json, "id", request->id, sizeof(request->id), err) &&
           json_get_text(json, "cluster", request->cluster, sizeof(request->cluster), err) &&
           json_get_text(json, "operator", request->operator, sizeof(request->operator), err) &&
           json_get_integer(json, "issued_ms", 0, INT64_MAX, &request->issued_ms, err) &&
           json_get_integer(json, "expires_ms", 0, INT64_MAX, &request->expires_ms, err) &&
           json_find_text(json, "to", request->to, sizeof(request->to), err) &&
           json_find_text(json, "artifact", request->artifact, sizeof(request->artifact), err) &&
           json_find_text(json, "sha256", request->sha256, sizeof(request->sha256), err) &&
           json_find_text(json, "node", request->node, sizeof(request->node), err) &&
           json_find_bool(json, "with_rollback", &request->with_rollback, err) &&
           json_find_text(json, "reason", request->reason, sizeof(request->reason), err) &&
           json_find_text(json, "holder", request->holder, sizeof(request->holder), err) &&
           json_find_integer(json, "epoch", 0, INT64_MAX, &request->epoch, err) &&
           json_find_text(json, "key", request->key, sizeof(request->key), err);
}

static bool missing(struct error *err, const struct request *request, const char *field,
                    const char *what)
{
    error_set(err, ERROR_INVALID, "%s needs '%s'%s", request_verb_name(request->verb), field, what);
    return false;
}

/* Names become keys; versions and artifacts are checked again by whoever uses them. */
static bool validate(const struct request *request, struct error *err)
{
    const struct verb_row *row = &verb_table[request->verb];
    struct version version;
    struct key_public key;
    if (!text_is_name(request->id) || !text_is_name(request->cluster) ||
        !text_is_name(request->operator)) {
        error_set(err, ERROR_INVALID, "id, cluster and operator must be names");
        return false;
    }
    if (row->needs_version && request->to[0] == '\0')
        return missing(err, request, "to", ", a version");
    if (row->needs_version && !version_parse(request->to, &version, err))
        return false;
    if (row->needs_artifact && request->artifact[0] == '\0')
        return missing(err, request, "artifact", "");
    if (row->needs_node && !text_is_name(request->node))
        return missing(err, request, "node", "");
    if (row->needs_reason && request->reason[0] == '\0')
        return missing(err, request, "reason", "");
    if (row->needs_holder && request->holder[0] == '\0')
        return missing(err, request, "holder", "");
    if (row->needs_key && request->key[0] == '\0')
        return missing(err, request, "key", "");
    return !row->needs_key || key_public_parse(request->key, &key, err);
}

bool request_read(const char *bytes, size_t size, struct request *ret_request, struct error *err)
{
    JSON_CLEANUP json_t *json = NULL;
    struct request request;
    memset(&request, 0, sizeof(request));
    if (!json_read_object(bytes, size, &json, err) || !read_fields(json, &request, err) ||
        !validate(&request, err)) {
        error_wrap(err, "request");
        return false;
    }
    *ret_request = request;
    return true;
}
