/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What every unit test needs: cmocka with the headers that it wants before it, a place for files
 * that is gone afterwards, and assertions about errors that show the message.
 */
#ifndef SHUNT_UNIT_TEST_H
#define SHUNT_UNIT_TEST_H

/* cmocka.h needs these four before it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "error.h"
#include "file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The directory of the running test; made and removed by the two fixtures. */
static char scratch[64];

static inline int scratch_make(void **state)
{
    (void)state;
    strcpy(scratch, "/tmp/shunt-test-XXXXXX");
    return mkdtemp(scratch) == NULL ? -1 : 0;
}

static inline int scratch_remove(void **state)
{
    struct error err;
    (void)state;
    return file_remove_tree(scratch, &err) ? 0 : -1;
}

/* A path in it; in one of four static buffers, in turn. */
static inline const char *scratch_path(const char *name)
{
    static char paths[4][256];
    static unsigned next;
    char *path = paths[next++ % 4];
    (void)snprintf(path, sizeof(paths[0]), "%s/%s", scratch, name);
    return path;
}

#define test_in_scratch(test) cmocka_unit_test_setup_teardown(test, scratch_make, scratch_remove)

/* The call is good, or the test fails with its error. */
#define assert_good(call)                                                                          \
    do {                                                                                           \
        struct error err = {0};                                                                    \
        if (!(call))                                                                               \
            fail_msg("%s: %s (%s)", #call, err.message, error_code_name(err.code));                \
    } while (0)

/* The call fails with this code and a message that holds this text. */
#define assert_fails(call, expected_code, expected_text)                                           \
    do {                                                                                           \
        struct error err = {0};                                                                    \
        assert_false(call);                                                                        \
        if (err.code != (expected_code) || strstr(err.message, (expected_text)) == NULL)           \
            fail_msg("%s: %s (%s)", #call, err.message, error_code_name(err.code));                \
    } while (0)

#endif
