/* SPDX-License-Identifier: Apache-2.0 */
#include "json.h"

#include "common/unit_test.h"
#include "text.h"

static bool read_text(const char *text, json_t **ret_object, struct error *err)
{
    return json_read_object(text, strlen(text), ret_object, err);
}

static json_t *good_object(const char *text)
{
    json_t *object = NULL;
    assert_good(read_text(text, &object, &err));
    return object;
}

static void anything_but_one_object_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        " ",
        "{",
        "}",
        "[]",
        "1",
        "null",
        "\"x\"",
        "{}{}",
        "{} x",
        "{\"a\":1,}",
        "{a:1}",
        "{'a':1}",
        "{\"a\":1,\"a\":2}",
        "{\"a\":{\"b\":1,\"b\":2}}",
        "{\"a\":\"x\\u0000y\"}",
        "{\"a\\u0000b\":1}",
        "{\"a\":\"\xFF\"}",
        "{\"a\":\"\xC0\x80\"}",
        "{\"a\":\"\n\"}",
        "{\"a\":01}",
        "{\"a\":99999999999999999999}",
        "{\"a\":1e999}",
        "{\"a\":NaN}",
        "// x\n{}",
        "\xEF\xBB\xBF{}",
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        json_t *object = NULL;
        assert_fails(read_text(bad[i], &object, &err), ERROR_PROTOCOL, "JSON");
        assert_null(object);
    }
}

static void nul_byte_after_the_object_is_refused(void **state)
{
    (void)state;
    json_t *object = NULL;
    assert_fails(json_read_object("{}\0", 3, &object, &err), ERROR_PROTOCOL, "not JSON");
}

/* {"a":[[[…]]]} with `levels` levels, the object among them. */
static bool read_nested(size_t levels, json_t **ret_object, struct error *err)
{
    char text[256] = "{\"a\":";
    for (size_t i = 1; i < levels; i++)
        strcat(text, "[");
    for (size_t i = 1; i < levels; i++)
        strcat(text, "]");
    return read_text(strcat(text, "}"), ret_object, err);
}

static void more_than_32_levels_are_refused(void **state)
{
    (void)state;
    JSON_CLEANUP json_t *object = NULL;
    assert_good(read_nested(32, &object, &err));
    json_t *deeper = NULL;
    assert_fails(read_nested(33, &deeper, &err), ERROR_PROTOCOL, "levels");
}

static void brackets_in_text_are_no_levels(void **state)
{
    (void)state;
    JSON_CLEANUP json_t *object =
        good_object("{\"a\":\"\\\"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\\\\\"}");
    assert_int_equal(json_object_size(object), 1);
}

static void megabyte_of_brackets_is_refused_without_recursion(void **state)
{
    (void)state;
    size_t size = 1024 * 1024;
    char *text = malloc(size);
    json_t *object = NULL;
    memset(text, '[', size);
    assert_fails(json_read_object(text, size, &object, &err), ERROR_PROTOCOL, "levels");
    free(text);
}

static void getters_name_what_is_missing_or_of_the_wrong_type(void **state)
{
    (void)state;
    char text[8] = "old";
    int64_t number = 7;
    bool flag = true;
    JSON_CLEANUP json_t *object = good_object(
        "{\"text\":\"abcdefgh\",\"number\":5,\"real\":5.0,\"flag\":false,\"null\":null}");
    assert_fails(json_get_text(object, "none", text, sizeof(text), &err), ERROR_PROTOCOL,
                 "'none' is missing");
    assert_fails(json_get_text(object, "null", text, sizeof(text), &err), ERROR_PROTOCOL, "'null'");
    assert_fails(json_get_text(object, "number", text, sizeof(text), &err), ERROR_PROTOCOL,
                 "'number' is not a text");
    assert_fails(json_get_text(object, "text", text, sizeof(text), &err), ERROR_PROTOCOL,
                 "longer than 7 bytes");
    assert_fails(json_get_integer(object, "real", 0, 9, &number, &err), ERROR_PROTOCOL,
                 "'real' is not an integer");
    assert_fails(json_get_integer(object, "number", 6, 9, &number, &err), ERROR_PROTOCOL,
                 "between 6 and 9");
    assert_fails(json_get_integer(object, "number", 0, 4, &number, &err), ERROR_PROTOCOL,
                 "between 0 and 4");
    assert_fails(json_get_bool(object, "number", &flag, &err), ERROR_PROTOCOL, "'number'");
    assert_string_equal(text, "old");
    assert_int_equal(number, 7);
    assert_true(flag);
}

static void getters_give_what_is_there(void **state)
{
    (void)state;
    char text[9];
    int64_t number = 0;
    bool flag = true;
    JSON_CLEANUP json_t *object =
        good_object("{\"text\":\"abcdefgh\",\"number\":-9223372036854775808,\"flag\":false}");
    assert_good(json_get_text(object, "text", text, sizeof(text), &err));
    assert_string_equal(text, "abcdefgh");
    assert_good(json_get_integer(object, "number", INT64_MIN, INT64_MAX, &number, &err));
    assert_true(number == INT64_MIN);
    assert_good(json_get_bool(object, "flag", &flag, &err));
    assert_false(flag);
}

static void absent_or_null_member_leaves_the_default(void **state)
{
    (void)state;
    char text[8] = "old";
    int64_t number = 7;
    bool flag = true;
    JSON_CLEANUP json_t *object = good_object("{\"null\":null,\"wrong\":[]}");
    assert_good(json_find_text(object, "none", text, sizeof(text), &err));
    assert_good(json_find_text(object, "null", text, sizeof(text), &err));
    assert_good(json_find_integer(object, "null", 0, 9, &number, &err));
    assert_good(json_find_bool(object, "none", &flag, &err));
    assert_fails(json_find_text(object, "wrong", text, sizeof(text), &err), ERROR_PROTOCOL, "");
    assert_fails(json_find_integer(object, "wrong", 0, 9, &number, &err), ERROR_PROTOCOL, "");
    assert_fails(json_find_bool(object, "wrong", &flag, &err), ERROR_PROTOCOL, "");
    assert_string_equal(text, "old");
    assert_int_equal(number, 7);
    assert_true(flag);
}

static void unlisted_key_is_named(void **state)
{
    (void)state;
    static const char *const keys[] = {"a", "b", NULL};
    JSON_CLEANUP json_t *good = good_object("{\"b\":1}");
    JSON_CLEANUP json_t *bad = good_object("{\"a\":1,\"B\":2}");
    assert_good(json_only_keys(good, keys, &err));
    assert_fails(json_only_keys(bad, keys, &err), ERROR_PROTOCOL, "'B'");
}

static void written_text_is_compact_and_in_order(void **state)
{
    (void)state;
    JSON_CLEANUP json_t *object = good_object("{ \"z\" : [ 1 , 2 ] , \"a\" : \"\\u00e4\" }");
    char *text = json_write(object);
    assert_string_equal(text, "{\"z\":[1,2],\"a\":\"\xC3\xA4\"}");
    free(text);
}

static void text_that_is_not_utf8_is_made_so(void **state)
{
    (void)state;
    JSON_CLEANUP json_t *text = json_text("a\xFF\xC3\xA4\xC3");
    assert_string_equal(json_string_value(text), "a?\xC3\xA4?");
}

static void flipped_bytes_never_crash_the_reader(void **state)
{
    (void)state;
    static const char original[] = "{\"a\":[1,-2.5e3,true,null],\"b\":{\"c\":\"\\u00e4\\n\"}}";
    char text[sizeof(original)];
    size_t accepted = 0;
    for (size_t at = 0; at < sizeof(original) - 1; at++) {
        for (unsigned byte = 0; byte < 256; byte++) {
            struct error err = {0};
            JSON_CLEANUP json_t *object = NULL;
            memcpy(text, original, sizeof(text));
            text[at] = (char)byte;
            bool is_good = json_read_object(text, sizeof(text) - 1, &object, &err);
            assert_int_equal(is_good, json_is_object(object));
            assert_int_equal(is_good, err.code == ERROR_NONE);
            accepted += is_good;
        }
    }
    assert_true(accepted >= sizeof(original) - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(anything_but_one_object_is_refused),
        cmocka_unit_test(nul_byte_after_the_object_is_refused),
        cmocka_unit_test(more_than_32_levels_are_refused),
        cmocka_unit_test(brackets_in_text_are_no_levels),
        cmocka_unit_test(megabyte_of_brackets_is_refused_without_recursion),
        cmocka_unit_test(getters_name_what_is_missing_or_of_the_wrong_type),
        cmocka_unit_test(getters_give_what_is_there),
        cmocka_unit_test(absent_or_null_member_leaves_the_default),
        cmocka_unit_test(unlisted_key_is_named),
        cmocka_unit_test(written_text_is_compact_and_in_order),
        cmocka_unit_test(text_that_is_not_utf8_is_made_so),
        cmocka_unit_test(flipped_bytes_never_crash_the_reader),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
