/* SPDX-License-Identifier: Apache-2.0 */
#include "request.h"

#include "common/unit_test.h"
#include "json.h"
#include "memory.h"
#include "text.h"

#define KEY "ed25519:bl16T7rJRHujUAgH54mQpkh0YxjR906a49x98bu5pjc="

static const struct {
    enum request_verb verb;
    const char *name;
    enum role role;
    const char *needs[2]; /* fields */
} verbs[] = {
    {REQUEST_NODES, "nodes", ROLE_VIEWER, {NULL}},
    {REQUEST_CUSTOMISATIONS, "customisations", ROLE_VIEWER, {"node"}},
    {REQUEST_PLAN, "plan", ROLE_VIEWER, {"to"}},
    {REQUEST_UPGRADE, "upgrade", ROLE_OPERATOR, {"to", "artifact"}},
    {REQUEST_PAUSE, "pause", ROLE_OPERATOR, {NULL}},
    {REQUEST_RESUME, "resume", ROLE_OPERATOR, {NULL}},
    {REQUEST_ABORT, "abort", ROLE_OPERATOR, {NULL}},
    {REQUEST_ROLLBACK, "rollback", ROLE_OPERATOR, {NULL}},
    {REQUEST_APPROVE, "approve", ROLE_APPROVER, {NULL}},
    {REQUEST_DRAIN, "drain", ROLE_OPERATOR, {"node"}},
    {REQUEST_RETURN, "return", ROLE_OPERATOR, {"node"}},
    {REQUEST_RECOVER, "recover", ROLE_APPROVER, {"reason"}},
    {REQUEST_LEASE_BREAK, "lease-break", ROLE_APPROVER, {"reason", "holder"}},
    {REQUEST_ACCEPT_AGENT, "accept-agent", ROLE_APPROVER, {"node", "key"}},
};
_Static_assert(sizeof(verbs) / sizeof(verbs[0]) == REQUEST_VERB_COUNT, "one row a verb");

static struct request full(enum request_verb verb)
{
    struct request request = {.id = "r1",
                              .cluster = "git",
                              .operator= "ana",
                              .issued_ms = 1700000000000,
                              .expires_ms = 1700000060000,
                              .verb = verb,
                              .to = "7.9.4",
                              .artifact = "/srv/\xC3\xA9/bitbucket-7.9.4.tar.gz",
                              .sha256 = "5a5b",
                              .node = "bb1",
                              .with_rollback = true,
                              .reason = "it h\xC3\xA4ngt",
                              .holder = "c1:0123456789abcdef0123456789abcdef",
                              .epoch = INT64_MAX,
                              .key = KEY};
    return request;
}

static json_t *full_json(enum request_verb verb)
{
    struct error err;
    json_t *json = NULL;
    struct request request = full(verb);
    FREE_CLEANUP char *text = request_write(&request);
    assert_true(json_read_object(text, strlen(text), &json, &err));
    return json;
}

static bool read_json(const json_t *json, struct request *request, struct error *err)
{
    FREE_CLEANUP char *text = json_write(json);
    return request_read(text, strlen(text), request, err);
}

static void assert_refused(const json_t *json, enum error_code code, const char *text)
{
    struct request request;
    assert_fails(read_json(json, &request, &err), code, text);
}

static void every_field_of_every_verb_survives_the_wire(void **state)
{
    (void)state;
    for (unsigned verb = 0; verb < REQUEST_VERB_COUNT; verb++) {
        struct request request = full((enum request_verb)verb), read;
        FREE_CLEANUP char *text = request_write(&request);
        assert_good(request_read(text, strlen(text), &read, &err));
        assert_string_equal(read.id, request.id);
        assert_string_equal(read.cluster, request.cluster);
        assert_string_equal(read.operator, request.operator);
        assert_int_equal(read.issued_ms, request.issued_ms);
        assert_int_equal(read.expires_ms, request.expires_ms);
        assert_int_equal(read.verb, verb);
        assert_string_equal(read.to, request.to);
        assert_string_equal(read.artifact, request.artifact);
        assert_string_equal(read.sha256, request.sha256);
        assert_string_equal(read.node, request.node);
        assert_true(read.with_rollback);
        assert_string_equal(read.reason, request.reason);
        assert_string_equal(read.holder, request.holder);
        assert_int_equal(read.epoch, request.epoch);
        assert_string_equal(read.key, request.key);
    }
}

static void verbs_have_their_names_and_roles(void **state)
{
    (void)state;
    for (size_t i = 0; i < REQUEST_VERB_COUNT; i++) {
        assert_string_equal(request_verb_name(verbs[i].verb), verbs[i].name);
        assert_int_equal(request_verb_role(verbs[i].verb), verbs[i].role);
    }
}

static void verb_is_read_by_its_name(void **state)
{
    (void)state;
    for (size_t i = 0; i < REQUEST_VERB_COUNT; i++) {
        struct request request;
        JSON_CLEANUP json_t *json = full_json(REQUEST_NODES);
        json_object_set_new(json, "verb", json_string(verbs[i].name));
        assert_good(read_json(json, &request, &err));
        assert_int_equal(request.verb, verbs[i].verb);
    }
}

static void unknown_verb_is_refused(void **state)
{
    static const char *const names[] = {"", "Plan", "plan ", "stop", "flushall"};
    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        JSON_CLEANUP json_t *json = full_json(REQUEST_PLAN);
        json_object_set_new(json, "verb", json_string(names[i]));
        assert_refused(json, ERROR_INVALID, "is not known to this controller");
    }
}

static void overlong_verb_is_refused(void **state)
{
    JSON_CLEANUP json_t *json = full_json(REQUEST_PLAN);
    (void)state;
    json_object_set_new(json, "verb", json_string("planplanplanplanplanplanplanplan"));
    assert_refused(json, ERROR_PROTOCOL, "'verb' is longer");
}

static void missing_required_field_is_refused(void **state)
{
    static const char *const keys[] = {"id",   "cluster",   "operator",
                                       "verb", "issued_ms", "expires_ms"};
    (void)state;
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        JSON_CLEANUP json_t *json = full_json(REQUEST_NODES);
        json_object_del(json, keys[i]);
        assert_refused(json, ERROR_PROTOCOL, keys[i]);
    }
}

static bool needs(size_t row, const char *key)
{
    for (size_t i = 0; i < 2 && verbs[row].needs[i] != NULL; i++)
        if (text_equal(verbs[row].needs[i], key))
            return true;
    return false;
}

static void fields_that_the_verb_does_not_need_may_be_missing(void **state)
{
    static const char *const optional[] = {"to",     "artifact", "sha256", "node", "with_rollback",
                                           "reason", "holder",   "epoch",  "key"};
    (void)state;
    for (size_t i = 0; i < REQUEST_VERB_COUNT; i++) {
        struct request request;
        JSON_CLEANUP json_t *json = full_json(verbs[i].verb);
        for (size_t k = 0; k < sizeof(optional) / sizeof(optional[0]); k++)
            if (!needs(i, optional[k]))
                json_object_del(json, optional[k]);
        assert_good(read_json(json, &request, &err));
        assert_false(request.with_rollback);
        assert_string_equal(request.sha256, "");
    }
}

static void assert_needs(size_t row, const char *key)
{
    char expected[64];
    (void)snprintf(expected, sizeof(expected), "%s needs '%s'", verbs[row].name, key);
    JSON_CLEANUP json_t *missing = full_json(verbs[row].verb);
    json_object_del(missing, key);
    assert_refused(missing, ERROR_INVALID, expected);
    JSON_CLEANUP json_t *empty = full_json(verbs[row].verb);
    json_object_set_new(empty, key, json_string(""));
    assert_refused(empty, ERROR_INVALID, expected);
}

static void field_that_the_verb_needs_must_be_there(void **state)
{
    (void)state;
    for (size_t i = 0; i < REQUEST_VERB_COUNT; i++)
        for (size_t k = 0; k < 2 && verbs[i].needs[k] != NULL; k++)
            assert_needs(i, verbs[i].needs[k]);
}

static void extra_field_is_refused(void **state)
{
    JSON_CLEANUP json_t *json = full_json(REQUEST_ABORT);
    (void)state;
    json_object_set_new(json, "force", json_true());
    assert_refused(json, ERROR_PROTOCOL, "'force' has no place here");
}

static void oversized_field_is_refused(void **state)
{
    static const struct {
        const char *key;
        size_t most;
    } rows[] = {{"id", LIMIT_ID},
                {"cluster", LIMIT_NAME},
                {"operator", LIMIT_NAME},
                {"to", LIMIT_VERSION},
                {"artifact", LIMIT_URL},
                {"sha256", LIMIT_SHA256_HEX},
                {"node", LIMIT_NAME},
                {"reason", REQUEST_REASON_SIZE},
                {"holder", LEASE_HOLDER_SIZE},
                {"key", KEY_PUBLIC_TEXT_SIZE}};
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        JSON_CLEANUP json_t *json = full_json(REQUEST_UPGRADE);
        FREE_CLEANUP char *text = memory_zeroed(rows[i].most + 1, 1);
        memset(text, 'a', rows[i].most);
        json_object_set_new(json, rows[i].key, json_string(text));
        assert_refused(json, ERROR_PROTOCOL, rows[i].key);
    }
}

static void field_of_a_wrong_type_is_refused(void **state)
{
    JSON_CLEANUP json_t *good = full_json(REQUEST_UPGRADE);
    const char *key;
    json_t *member;
    (void)state;
    json_object_foreach(good, key, member)
    {
        JSON_CLEANUP json_t *json = json_deep_copy(good);
        json_object_set_new(json, key, json_pack("[s]", "x"));
        assert_refused(json, ERROR_PROTOCOL, key);
    }
}

static void negative_time_is_refused(void **state)
{
    static const char *const keys[] = {"issued_ms", "expires_ms", "epoch"};
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        JSON_CLEANUP json_t *json = full_json(REQUEST_PLAN);
        json_object_set_new(json, keys[i], json_integer(-1));
        assert_refused(json, ERROR_PROTOCOL, keys[i]);
    }
}

/* They become keys of Redis and parts of the answer's key. */
static void id_cluster_and_operator_must_be_names(void **state)
{
    static const char *const keys[] = {"id", "cluster", "operator"};
    static const char *const values[] = {"", "../x", "a b", "a}:lease", "\xC3\xA9", "-x"};
    (void)state;
    for (size_t k = 0; k < sizeof(keys) / sizeof(keys[0]); k++)
        for (size_t v = 0; v < sizeof(values) / sizeof(values[0]); v++) {
            JSON_CLEANUP json_t *json = full_json(REQUEST_NODES);
            json_object_set_new(json, keys[k], json_string(values[v]));
            assert_refused(json, ERROR_INVALID, "must be names");
        }
}

static void node_to_drain_must_be_a_name(void **state)
{
    JSON_CLEANUP json_t *json = full_json(REQUEST_DRAIN);
    (void)state;
    json_object_set_new(json, "node", json_string("bb1/../bb2"));
    assert_refused(json, ERROR_INVALID, "drain needs 'node'");
}

static void key_to_accept_must_be_a_public_key(void **state)
{
    static const char *const keys[] = {"ed25519:x", "shunt-ed25519-private:bl16",
                                       "bl16T7rJRHujUAgH54mQpkh0YxjR906a49x98bu5pjc=",
                                       "ed25519:bl16T7rJRHujUAgH54mQpkh0YxjR906a49x98bu5pj="};
    (void)state;
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        JSON_CLEANUP json_t *json = full_json(REQUEST_ACCEPT_AGENT);
        json_object_set_new(json, "key", json_string(keys[i]));
        assert_refused(json, ERROR_INVALID, "a public key ");
    }
}

/* A controller of before knows no such field, and refuses what it does not know. */
static void key_is_not_written_where_there_is_none(void **state)
{
    struct request request = full(REQUEST_PAUSE);
    (void)state;
    request.key[0] = '\0';
    FREE_CLEANUP char *text = request_write(&request);
    assert_null(strstr(text, "\"key\""));
}

static void target_must_be_a_version(void **state)
{
    JSON_CLEANUP json_t *json = full_json(REQUEST_PLAN);
    (void)state;
    json_object_set_new(json, "to", json_string("latest"));
    assert_refused(json, ERROR_INVALID, "'latest' is not a version");
}

static void bytes_that_are_no_request_are_refused(void **state)
{
    static const char *const texts[] = {"",    "null", "[]", "{}", "{\"id\":\"a\",\"id\":\"b\"}",
                                        "\xFF"};
    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct request request;
        assert_fails(request_read(texts[i], strlen(texts[i]), &request, &err), ERROR_PROTOCOL,
                     "request: ");
    }
}

static void request_cut_at_any_byte_is_refused(void **state)
{
    struct request request = full(REQUEST_UPGRADE);
    FREE_CLEANUP char *text = request_write(&request);
    (void)state;
    for (size_t size = 0; size < strlen(text); size++) {
        struct request read;
        FREE_CLEANUP char *cut = memory_zeroed(size > 0 ? size : 1, 1); /* no NUL to lean on */
        memcpy(cut, text, size);
        assert_fails(request_read(cut, size, &read, &err), ERROR_PROTOCOL, "not JSON");
    }
}

static void failure_leaves_the_result_alone(void **state)
{
    struct request request = full(REQUEST_PLAN);
    struct error err;
    JSON_CLEANUP json_t *json = full_json(REQUEST_DRAIN);
    (void)state;
    json_object_del(json, "node");
    assert_false(read_json(json, &request, &err));
    assert_int_equal(request.verb, REQUEST_PLAN);
    assert_string_equal(request.node, "bb1");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_field_of_every_verb_survives_the_wire),
        cmocka_unit_test(verbs_have_their_names_and_roles),
        cmocka_unit_test(verb_is_read_by_its_name),
        cmocka_unit_test(unknown_verb_is_refused),
        cmocka_unit_test(overlong_verb_is_refused),
        cmocka_unit_test(missing_required_field_is_refused),
        cmocka_unit_test(fields_that_the_verb_does_not_need_may_be_missing),
        cmocka_unit_test(field_that_the_verb_needs_must_be_there),
        cmocka_unit_test(extra_field_is_refused),
        cmocka_unit_test(oversized_field_is_refused),
        cmocka_unit_test(field_of_a_wrong_type_is_refused),
        cmocka_unit_test(negative_time_is_refused),
        cmocka_unit_test(id_cluster_and_operator_must_be_names),
        cmocka_unit_test(node_to_drain_must_be_a_name),
        cmocka_unit_test(key_to_accept_must_be_a_public_key),
        cmocka_unit_test(key_is_not_written_where_there_is_none),
        cmocka_unit_test(target_must_be_a_version),
        cmocka_unit_test(bytes_that_are_no_request_are_refused),
        cmocka_unit_test(request_cut_at_any_byte_is_refused),
        cmocka_unit_test(failure_leaves_the_result_alone),
    };
    return cmocka_run_group_tests_name("controller/request", tests, NULL, NULL);
}
