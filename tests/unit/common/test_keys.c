/* SPDX-License-Identifier: Apache-2.0 */
#include "keys.h"

#include "unit_test.h"

#include <sys/stat.h>

static struct key_pair *pair;

static int make_pair(void **state)
{
    pair = key_pair_new();
    return scratch_make(state);
}

static int free_pair(void **state)
{
    key_pair_free(pair);
    return scratch_remove(state);
}

#define test_with_pair(test) cmocka_unit_test_setup_teardown(test, make_pair, free_pair)

static void signature_fits_key_domain_and_bytes_only(void **state)
{
    char signature[KEY_SIGNATURE_TEXT_SIZE];
    struct key_pair *other_pair = key_pair_new();
    struct key_public key, other;
    (void)state;
    key_pair_public(pair, &key);
    key_pair_public(other_pair, &other);
    key_sign(pair, KEY_DOMAIN_COMMAND, "stop", 4, signature);
    assert_good(key_verify(&key, KEY_DOMAIN_COMMAND, "stop", 4, signature, &err));
    assert_fails(key_verify(&other, KEY_DOMAIN_COMMAND, "stop", 4, signature, &err), ERROR_DENIED,
                 "not of this key");
    assert_fails(key_verify(&key, KEY_DOMAIN_REPORT, "stop", 4, signature, &err), ERROR_DENIED,
                 KEY_DOMAIN_REPORT);
    assert_fails(key_verify(&key, KEY_DOMAIN_COMMAND, "stoq", 4, signature, &err), ERROR_DENIED,
                 "not of this key");
    assert_fails(key_verify(&key, KEY_DOMAIN_COMMAND, "stop", 3, signature, &err), ERROR_DENIED,
                 "not of this key");
    key_pair_free(other_pair);
}

static void bytes_do_not_move_into_the_domain(void **state)
{
    char signature[KEY_SIGNATURE_TEXT_SIZE];
    struct key_public key;
    (void)state;
    key_pair_public(pair, &key);
    key_sign(pair, "ab", "c", 1, signature);
    assert_fails(key_verify(&key, "a", "bc", 2, signature, &err), ERROR_DENIED, "not of this key");
    assert_fails(key_verify(&key, "abc", "", 0, signature, &err), ERROR_DENIED, "not of this key");
}

static void malformed_signatures_are_denied(void **state)
{
    static const char *const signatures[] = {
        "", "AAAA", "no base64!", "====", "ed25519:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="};
    char signature[KEY_SIGNATURE_TEXT_SIZE], longer[KEY_SIGNATURE_TEXT_SIZE + 1];
    struct key_public key;
    (void)state;
    key_pair_public(pair, &key);
    for (size_t i = 0; i < sizeof(signatures) / sizeof(signatures[0]); i++)
        assert_fails(key_verify(&key, "d", "", 0, signatures[i], &err), ERROR_DENIED, "malformed");
    key_sign(pair, "d", "", 0, signature);
    (void)snprintf(longer, sizeof(longer), "%sA", signature);
    assert_fails(key_verify(&key, "d", "", 0, longer, &err), ERROR_DENIED, "malformed");
}

static void saved_pair_signs_the_same(void **state)
{
    char before[KEY_SIGNATURE_TEXT_SIZE], after[KEY_SIGNATURE_TEXT_SIZE];
    const char *path = scratch_path("agent.key");
    struct key_pair *loaded = NULL;
    struct stat status;
    (void)state;
    assert_good(key_pair_save(pair, path, &err));
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 07777, 0600);
    assert_good(key_pair_load(path, &loaded, &err));
    key_sign(pair, "d", "bytes", 5, before);
    key_sign(loaded, "d", "bytes", 5, after);
    assert_string_equal(before, after);
    key_pair_free(loaded);
}

static void existing_key_file_is_never_replaced(void **state)
{
    const char *path = scratch_path("agent.key");
    (void)state;
    assert_good(file_replace(path, "precious", 8, 0600, &err));
    assert_fails(key_pair_save(pair, path, &err), ERROR_CONFLICT, path);
    BUFFER_CLEANUP struct buffer bytes;
    buffer_init(&bytes, 100);
    assert_good(file_read(path, &bytes, &err));
    assert_string_equal(buffer_text(&bytes), "precious");
}

static void key_file_that_others_can_read_is_denied(void **state)
{
    const char *path = scratch_path("agent.key");
    struct key_pair *loaded = NULL;
    (void)state;
    assert_good(key_pair_save(pair, path, &err));
    assert_int_equal(chmod(path, 0640), 0);
    assert_fails(key_pair_load(path, &loaded, &err), ERROR_DENIED, path);
    assert_null(loaded);
}

static void wrong_key_files_are_invalid_and_not_shown(void **state)
{
    static const char *const texts[] = {
        "",
        "shunt-ed25519-private:",
        "shunt-ed25519-private:c2VjcmV0\n",
        "shunt-ed25519-private:not base64 not base64 not base64 not base64\n",
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n",
        "shunt-ed25519-private:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\nmore\n",
    };
    const char *path = scratch_path("agent.key");
    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct key_pair *loaded = NULL;
        struct error err = {0};
        assert_true(file_replace(path, texts[i], strlen(texts[i]), 0600, &err));
        assert_false(key_pair_load(path, &loaded, &err));
        assert_int_equal(err.code, ERROR_INVALID);
        assert_null(strstr(err.message, "c2VjcmV0"));
    }
    assert_fails(key_pair_load(scratch_path("absent"), &(struct key_pair *){NULL}, &err),
                 ERROR_NOT_FOUND, "absent");
}

static void public_key_is_read_back_as_written(void **state)
{
    char text[KEY_PUBLIC_TEXT_SIZE];
    struct key_public key, back;
    (void)state;
    key_pair_public(pair, &key);
    key_public_write(&key, text);
    assert_int_equal(strncmp(text, "ed25519:", 8), 0);
    assert_good(key_public_parse(text, &back, &err));
    assert_memory_equal(&key, &back, sizeof(key));
}

static void wrong_public_keys_are_invalid(void **state)
{
    static const char *const texts[] = {
        "",
        "ed25519",
        "ed25519:",
        "rsa:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
        "ed25519:AAAA",
        "ed25519:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", /* a point of small order */
        "ed25519:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "ed25519:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA= ",
    };
    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct key_public key;
        assert_fails(key_public_parse(texts[i], &key, &err), ERROR_INVALID, "");
    }
}

/* RFC 8032, 7.1, TEST 1: the seed's public key. */
static void public_key_of_a_seed_is_that_of_the_rfc(void **state)
{
    static const char line[] =
        "shunt-ed25519-private:nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=\n";
    const char *path = scratch_path("rfc.key");
    struct key_pair *loaded = NULL;
    struct key_public key;
    char text[KEY_PUBLIC_TEXT_SIZE];
    (void)state;
    assert_good(file_replace(path, line, strlen(line), 0600, &err));
    assert_good(key_pair_load(path, &loaded, &err));
    key_pair_public(loaded, &key);
    key_public_write(&key, text);
    assert_string_equal(text, "ed25519:11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=");
    key_pair_free(loaded);
}

static void random_ids_are_hex_and_differ(void **state)
{
    char first[33], second[33];
    (void)state;
    key_random_id(first);
    key_random_id(second);
    assert_int_equal(strspn(first, "0123456789abcdef"), 32);
    assert_string_not_equal(first, second);
}

static int init_all(void **state)
{
    struct error err;
    (void)state;
    return keys_init(&err) ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test_with_pair(signature_fits_key_domain_and_bytes_only),
        test_with_pair(bytes_do_not_move_into_the_domain),
        test_with_pair(malformed_signatures_are_denied),
        test_with_pair(saved_pair_signs_the_same),
        test_with_pair(existing_key_file_is_never_replaced),
        test_with_pair(key_file_that_others_can_read_is_denied),
        test_with_pair(wrong_key_files_are_invalid_and_not_shown),
        test_with_pair(public_key_is_read_back_as_written),
        test_with_pair(wrong_public_keys_are_invalid),
        test_with_pair(public_key_of_a_seed_is_that_of_the_rfc),
        test_with_pair(random_ids_are_hex_and_differ),
    };
    return cmocka_run_group_tests_name("keys", tests, init_all, NULL);
}
