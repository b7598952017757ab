/* SPDX-License-Identifier: Apache-2.0 */
#include "enrolment.h"

#include "json.h"
#include "memory.h"
#include "signed_text.h"
#include "text.h"
#include "unit_test.h"

static struct key_pair *pair;
static struct enrolment made;

static int begin(void **state)
{
    struct error err;
    (void)state;
    if (!keys_init(&err))
        return -1;
    pair = key_pair_new();
    made = (struct enrolment){.cluster = "git", .node = "bb1", .made_ms = 1700000000000};
    key_pair_public(pair, &made.key);
    return 0;
}

static int end(void **state)
{
    (void)state;
    key_pair_free(pair);
    return 0;
}

static bool read_text(const char *text, struct enrolment *ret_enrolment, struct error *err)
{
    return enrolment_read(text, strlen(text), "git", "bb1", ret_enrolment, err);
}

/* Signed by the pair, whatever it says. */
static char *signed_body(const char *signer, const char *domain, const char *body)
{
    struct signed_text text = {.body = body, .body_size = strlen(body)};
    TEXT_COPY(text.signer, signer);
    key_sign(pair, domain, body, text.body_size, text.signature);
    return signed_text_write(&text);
}

static json_t *good_json(void)
{
    char key[KEY_PUBLIC_TEXT_SIZE];
    key_public_write(&made.key, key);
    return json_pack("{s:s,s:s,s:s,s:I}", "cluster", "git", "node", "bb1", "key", key, "made_ms",
                     (json_int_t)made.made_ms);
}

static void assert_refused(json_t *json, enum error_code code, const char *expected)
{
    struct enrolment read;
    FREE_CLEANUP char *body = json_write(json);
    FREE_CLEANUP char *text = signed_body("bb1", KEY_DOMAIN_ENROLMENT, body);
    json_decref(json);
    assert_fails(read_text(text, &read, &err), code, expected);
}

static void what_was_written_is_read(void **state)
{
    struct enrolment read;
    FREE_CLEANUP char *text = enrolment_write(&made, pair);
    (void)state;
    assert_good(read_text(text, &read, &err));
    assert_string_equal(read.cluster, "git");
    assert_string_equal(read.node, "bb1");
    assert_int_equal(read.made_ms, made.made_ms);
    assert_memory_equal(&read.key, &made.key, sizeof(read.key));
}

/* Whoever writes to Redis can leave any key, but none that he does not have. */
static void key_that_is_not_the_signers_is_denied(void **state)
{
    struct key_pair *other = key_pair_new();
    struct enrolment read;
    (void)state;
    key_pair_public(other, &made.key);
    FREE_CLEANUP char *text = enrolment_write(&made, pair);
    key_pair_free(other);
    assert_fails(read_text(text, &read, &err), ERROR_DENIED, "enrolment of agent bb1: ");
}

static void enrolment_of_another_agent_is_denied(void **state)
{
    struct enrolment read;
    FREE_CLEANUP char *text = enrolment_write(&made, pair);
    (void)state;
    assert_fails(enrolment_read(text, strlen(text), "git", "bb2", &read, &err), ERROR_DENIED,
                 "it is of agent 'bb1' of cluster 'git'");
    assert_fails(enrolment_read(text, strlen(text), "wiki", "bb1", &read, &err), ERROR_DENIED,
                 "it is of agent 'bb1' of cluster 'git'");
}

static void signer_is_the_agent_itself(void **state)
{
    struct enrolment read;
    JSON_CLEANUP json_t *json = good_json();
    FREE_CLEANUP char *body = json_write(json);
    FREE_CLEANUP char *text = signed_body("bb2", KEY_DOMAIN_ENROLMENT, body);
    (void)state;
    assert_fails(read_text(text, &read, &err), ERROR_DENIED, "signed by 'bb2'");
}

static void signature_for_something_else_is_no_enrolment(void **state)
{
    static const char *const domains[] = {KEY_DOMAIN_COMMAND, KEY_DOMAIN_REPORT,
                                          KEY_DOMAIN_REQUEST};
    JSON_CLEANUP json_t *json = good_json();
    FREE_CLEANUP char *body = json_write(json);
    (void)state;
    for (size_t i = 0; i < sizeof(domains) / sizeof(domains[0]); i++) {
        struct enrolment read;
        FREE_CLEANUP char *text = signed_body("bb1", domains[i], body);
        assert_fails(read_text(text, &read, &err), ERROR_DENIED, KEY_DOMAIN_ENROLMENT);
    }
}

static void changed_byte_is_noticed_wherever_it_is(void **state)
{
    FREE_CLEANUP char *text = enrolment_write(&made, pair);
    (void)state;
    for (size_t i = 0; text[i] != '\0'; i++) {
        struct enrolment read;
        text[i] ^= 1;
        assert_fails(read_text(text, &read, &err), err.code, "enrolment of agent bb1: ");
        text[i] ^= 1;
    }
}

static void fields_are_these_and_no_others(void **state)
{
    static const char *const keys[] = {"cluster", "node", "key", "made_ms"};
    (void)state;
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        json_t *json = good_json();
        json_object_del(json, keys[i]);
        assert_refused(json, ERROR_PROTOCOL, keys[i]);
        json = good_json();
        json_object_set_new(json, keys[i], json_true());
        assert_refused(json, ERROR_PROTOCOL, keys[i]);
    }
    json_t *json = good_json();
    json_object_set_new(json, "role", json_string("approver"));
    assert_refused(json, ERROR_PROTOCOL, "'role' has no place here");
}

static void key_must_be_a_public_key(void **state)
{
    json_t *json = good_json();
    (void)state;
    json_object_set_new(json, "key", json_string("ed25519:x"));
    assert_refused(json, ERROR_PROTOCOL, "a public key is");
}

static void long_text_is_refused_before_it_is_looked_at(void **state)
{
    struct enrolment read;
    FREE_CLEANUP char *text = memory_zeroed(ENROLMENT_BYTES + 2, 1);
    (void)state;
    memset(text, ' ', ENROLMENT_BYTES + 1);
    assert_fails(read_text(text, &read, &err), ERROR_PROTOCOL, "more than 1024 bytes");
}

static void longest_names_fit(void **state)
{
    struct enrolment read;
    (void)state;
    memset(made.cluster, 'c', LIMIT_NAME - 1);
    memset(made.node, 'n', LIMIT_NAME - 1);
    made.made_ms = INT64_MAX;
    FREE_CLEANUP char *text = enrolment_write(&made, pair);
    assert_good(enrolment_read(text, strlen(text), made.cluster, made.node, &read, &err));
}

#define test_enrolment(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        test_enrolment(what_was_written_is_read),
        test_enrolment(key_that_is_not_the_signers_is_denied),
        test_enrolment(enrolment_of_another_agent_is_denied),
        test_enrolment(signer_is_the_agent_itself),
        test_enrolment(signature_for_something_else_is_no_enrolment),
        test_enrolment(changed_byte_is_noticed_wherever_it_is),
        test_enrolment(fields_are_these_and_no_others),
        test_enrolment(key_must_be_a_public_key),
        test_enrolment(long_text_is_refused_before_it_is_looked_at),
        test_enrolment(longest_names_fit),
    };
    return cmocka_run_group_tests_name("common/enrolment", tests, NULL, NULL);
}
