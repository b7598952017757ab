/* SPDX-License-Identifier: Apache-2.0 */
#include "minisign.h"

#include "common/unit_test.h"
#include "memory.h"
#include "text.h"

/* Made by minisign 0.11, of a file "a release\n". */
#define KEY     "RWR6ggn/hO5hsJx/e+fCYO0Vrm7rEBRAq1zwpqHdQTjAPUv4m23Pj/aL"
#define COMMENT "untrusted comment: signature from minisign secret key\n"
#define SIGNED                                                                                     \
    "RUR6ggn/hO5hsIWNzLtYVfyZiGlAbQHo1psv22U1kAUItRCGbgxJmnb8eXMZY5C934h8jPZlZ6sWV9p+k538ll3X80mj" \
    "0P+cGQ0=\n"
#define TRUSTED "trusted comment: release 7.9.4\n"
#define GLOBAL                                                                                     \
    "QZrtaIMUaMOBMJe6d4pGXwr8JjaXbNzJO8mImcT1Msm3HIVNp3BrAXIna2/9Jktjryia4+E3Argt2ZUzXck1Cw==\n"
#define LEGACY                                                                                     \
    "RWR6ggn/hO5hsMV2KhedX/CHXinPb243wM1Nqr4ePhqcFSOU7vB2ybvHRsq1NBzBD2NnOCBFZjtiCT0uc/1whU4mHjSB" \
    "++CKbQA=\n"

static struct minisign_key key;
static struct minisign_signature signature;

static bool check(const char *contents, struct error *err)
{
    struct minisign_hash hash;
    minisign_hash_init(&hash);
    for (const char *at = contents; *at != '\0'; at++)
        minisign_hash_add(&hash, at, 1);
    return minisign_check(&hash, &key, &signature, err);
}

static int read_key(void **state)
{
    struct error err;
    (void)state;
    return sodium_init() >= 0 && minisign_key_parse(KEY, &key, &err) ? 0 : -1;
}

static void takes_what_minisign_has_signed(void **state)
{
    char id[MINISIGN_ID_SIZE];
    (void)state;
    minisign_key_write_id(&key, id);
    assert_string_equal(id, "B061EE84FF09827A");
    assert_good(minisign_signature_parse(COMMENT SIGNED TRUSTED GLOBAL, &key, &signature, &err));
    assert_good(check("a release\n", &err));
}

static void refuses_other_contents(void **state)
{
    static const char *const others[] = {"a release", "a releasE\n", "a release\n\n", ""};
    (void)state;
    assert_good(minisign_signature_parse(COMMENT SIGNED TRUSTED GLOBAL, &key, &signature, &err));
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        assert_fails(check(others[i], &err), ERROR_INTEGRITY, "is not of this artifact");
}

static void refuse(const char *text, const char *message)
{
    assert_fails(minisign_signature_parse(text, &key, &signature, &err), ERROR_INTEGRITY, message);
}

static void refuses_another_comment(void **state)
{
    (void)state;
    refuse(COMMENT SIGNED "trusted comment: release 7.9.5\n" GLOBAL, "altered");
    refuse(COMMENT SIGNED "trusted comment: \n" GLOBAL, "altered");
    assert_good(minisign_signature_parse(
        "untrusted comment: of no weight\r\n" SIGNED TRUSTED GLOBAL, &key, &signature, &err));
}

static void refuses_what_is_no_signature(void **state)
{
    (void)state;
    refuse("", "not one of minisign's");
    refuse(SIGNED, "not one of minisign's");
    refuse(COMMENT SIGNED TRUSTED, "not one of minisign's");
    refuse(COMMENT "AAAA\n" TRUSTED GLOBAL, "not one of minisign's");
    refuse(COMMENT SIGNED TRUSTED "x" GLOBAL, "not one of minisign's");
    refuse(COMMENT SIGNED TRUSTED GLOBAL "more\n", "not one of minisign's");
    refuse(COMMENT SIGNED "comment: release 7.9.4\n" GLOBAL, "not one of minisign's");
}

static void refuses_the_old_form_and_says_how_to_sign(void **state)
{
    (void)state;
    refuse(COMMENT LEGACY TRUSTED GLOBAL, "not of the form 'ED'");
}

static void names_the_keys_where_another_has_signed(void **state)
{
    (void)state;
    key.id[7] ^= 1;
    refuse(COMMENT SIGNED TRUSTED GLOBAL, "of the key B061EE84FF09827A, expected B161EE84FF09827A");
    key.id[7] ^= 1;
    key.bytes[0] ^= 1; /* the same number, another key */
    refuse(COMMENT SIGNED TRUSTED GLOBAL, "altered");
}

static void refuses_what_is_no_public_key(void **state)
{
    static const char *const texts[] = {"",
                                        "RWR6",
                                        KEY "=",
                                        KEY "AAAA",
                                        "untrusted comment: minisign public key",
                                        "RUR6ggn/hO5hsJx/e+fCYO0Vrm7rEBRAq1zwpqHdQTjAPUv4m23Pj/aL"};
    struct minisign_key other;
    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        assert_fails(minisign_key_parse(texts[i], &other, &err), ERROR_INVALID, "public key");
}

#define test_signature(test) cmocka_unit_test_setup(test, read_key)

int main(void)
{
    const struct CMUnitTest tests[] = {
        test_signature(takes_what_minisign_has_signed),
        test_signature(refuses_other_contents),
        test_signature(refuses_another_comment),
        test_signature(refuses_what_is_no_signature),
        test_signature(refuses_the_old_form_and_says_how_to_sign),
        test_signature(names_the_keys_where_another_has_signed),
        test_signature(refuses_what_is_no_public_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
