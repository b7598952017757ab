/* SPDX-License-Identifier: Apache-2.0 */
#include "signed_text.h"

#include "memory.h"
#include "unit_test.h"

static void bytes_survive_the_writing(void **state)
{
    static const char body[] = "{\"a\": 1,\n\"b\": \" \xC3\xA9\"}\n";
    struct signed_text text = {.signer = "ana", .signature = "c2ln", .body = body}, read;
    (void)state;
    text.body_size = sizeof(body) - 1;
    FREE_CLEANUP char *written = signed_text_write(&text);
    assert_good(signed_text_read(written, strlen(written), &read, &err));
    assert_string_equal(read.signer, "ana");
    assert_string_equal(read.signature, "c2ln");
    assert_int_equal(read.body_size, sizeof(body) - 1);
    assert_memory_equal(read.body, body, sizeof(body) - 1);
}

static void other_shapes_are_refused(void **state)
{
    static const struct {
        const char *bytes;
        size_t size;
    } rows[] = {
        {"", 0},
        {"ana", 3},
        {"ana sig", 7},
        {"ana sig\n", 8},
        {" sig\nbody", 9},
        {"ana \nbody", 9},
        {"a/b sig\nbody", 12},
        {"../x sig\nbody", 13},
        {"ana sig\nb\0y", 11},
        {"ana\nsig body", 12},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct signed_text read;
        FREE_CLEANUP char *bytes = memory_zeroed(rows[i].size + 1, 1);
        memcpy(bytes, rows[i].bytes, rows[i].size);
        assert_fails(signed_text_read(bytes, rows[i].size, &read, &err), ERROR_PROTOCOL,
                     "no signed text");
    }
}

static void each_part_has_its_bound(void **state)
{
    struct signed_text read;
    size_t size = LIMIT_MESSAGE_BYTES + 16;
    FREE_CLEANUP char *bytes = memory_zeroed(size, 1);
    (void)state;
    memset(bytes, 'a', size);
    assert_fails(signed_text_read(bytes, size, &read, &err), ERROR_PROTOCOL, "no signed text");
    memcpy(bytes, "ana sig\n", 8);
    assert_good(signed_text_read(bytes, 8 + LIMIT_MESSAGE_BYTES, &read, &err));
    assert_fails(signed_text_read(bytes, 9 + LIMIT_MESSAGE_BYTES, &read, &err), ERROR_PROTOCOL,
                 "no signed text");
    memset(bytes, 'a', size);
    bytes[LIMIT_NAME - 1] = ' ';
    bytes[LIMIT_NAME + KEY_SIGNATURE_TEXT_SIZE - 1] = '\n';
    assert_good(signed_text_read(bytes, 1000, &read, &err));
    bytes[LIMIT_NAME + KEY_SIGNATURE_TEXT_SIZE - 1] = 'a';
    bytes[LIMIT_NAME + KEY_SIGNATURE_TEXT_SIZE] = '\n';
    assert_fails(signed_text_read(bytes, 1000, &read, &err), ERROR_PROTOCOL, "no signed text");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_survive_the_writing),
        cmocka_unit_test(other_shapes_are_refused),
        cmocka_unit_test(each_part_has_its_bound),
    };
    return cmocka_run_group_tests_name("common/signed_text", tests, NULL, NULL);
}
