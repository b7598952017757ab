/* SPDX-License-Identifier: Apache-2.0 */
#include "ask_plan.h"

#include "common/unit_test.h"

#include <unistd.h>

#define HASH_UPPER "ABCDEF0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF0123456789"
#define HASH_LOWER "abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789"

static bool read_words(const char *to, const char *artifact, const char *hash,
                       struct request *ret_request, struct error *err)
{
    struct arguments arguments = {.given = OPTION_BIT(OPTION_TO)};
    arguments.values[OPTION_TO] = to;
    arguments.values[OPTION_ARTIFACT] = artifact;
    arguments.values[OPTION_SHA256] = hash;
    arguments.given |= artifact != NULL ? OPTION_BIT(OPTION_ARTIFACT) : 0;
    arguments.given |= hash != NULL ? OPTION_BIT(OPTION_SHA256) : 0;
    return ask_plan_arguments(&arguments, ret_request, err);
}

static void a_request_keeps_its_verb_and_gets_its_arguments(void **state)
{
    struct request request = {.verb = REQUEST_UPGRADE};
    (void)state;
    assert_good(read_words("7.9.4", "https://x.example/b.tar.gz?a=b", HASH_UPPER, &request, &err));
    assert_int_equal(request.verb, REQUEST_UPGRADE);
    assert_string_equal(request.to, "7.9.4");
    assert_string_equal(request.artifact, "https://x.example/b.tar.gz?a=b");
    assert_string_equal(request.sha256, HASH_LOWER);
}

static void a_file_becomes_absolute(void **state)
{
    struct request request = {.verb = REQUEST_PLAN};
    char directory[LIMIT_PATH], expected[2 * LIMIT_PATH];
    (void)state;
    assert_non_null(getcwd(directory, sizeof(directory)));
    snprintf(expected, sizeof(expected), "%s/b.tar.gz", directory);
    assert_good(read_words("7.9.4", "././b.tar.gz", NULL, &request, &err));
    assert_string_equal(request.artifact, expected);
    assert_good(read_words("7.9.4", "/srv/b.tar.gz", NULL, &request, &err));
    assert_string_equal(request.artifact, "/srv/b.tar.gz");
    assert_string_equal(request.sha256, "");
}

static void what_the_controller_would_not_take_is_told_here(void **state)
{
    static const struct {
        const char *to, *artifact, *hash, *complaint;
    } cases[] = {
        {"7.9", NULL, NULL, "--to: "},
        {"", NULL, NULL, "--to: "},
        {"7.9.4-rc1", NULL, NULL, "--to: "},
        {"7.9.4", "", NULL, "--artifact: "},
        {"7.9.4", "a/../b", NULL, "--artifact: "},
        {"7.9.4", "ftp://x/b", NULL, "--artifact: only http"},
        {"7.9.4", "https://u:p@x/b", NULL, "--artifact: "},
        {"7.9.4", "://", NULL, "--artifact: "},
        {"7.9.4", NULL, "", "--sha256"},
        {"7.9.4", NULL, HASH_LOWER "0", "--sha256"},
        {"7.9.4", NULL, "g" HASH_LOWER, "--sha256"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct request request = {.verb = REQUEST_PLAN};
        struct error err = {0};
        assert_false(read_words(cases[i].to, cases[i].artifact, cases[i].hash, &request, &err));
        assert_int_equal(err.code, ERROR_INVALID);
        assert_non_null(strstr(err.message, cases[i].complaint));
        assert_null(strstr(err.message, "u:p"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_keeps_its_verb_and_gets_its_arguments),
        cmocka_unit_test(a_file_becomes_absolute),
        cmocka_unit_test(what_the_controller_would_not_take_is_told_here),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
