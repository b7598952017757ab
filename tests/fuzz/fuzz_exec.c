/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as both outputs of an operator's program. Success must mean figures that make sense,
 * and an error one that a program may tell.
 */
#include "check.h"
#include "exec_answer.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void check_state(const struct lb_member_state *state)
{
    CHECK(state->member[0] != '\0');
    CHECK(state->admin <= LB_ADMIN_DOWN && state->health <= LB_HEALTH_UNKNOWN);
    CHECK(state->sessions >= -1 && state->weight >= -1 && state->settle_ms >= 0);
}

static void check_error(const char *text, size_t size)
{
    struct buffer output BUFFER_CLEANUP = {0}, errors BUFFER_CLEANUP = {0};
    struct error err = {0};

    buffer_init(&output, size + 1);
    buffer_init(&errors, size + 1);
    CHECK(buffer_add(&output, text, size) && buffer_add(&errors, text, size));
    exec_read_error(&output, &errors, 1, &err);
    CHECK(err.code != ERROR_NONE && err.message[0] != '\0');
    for (const char *at = err.message; *at != '\0'; at++)
        CHECK((unsigned char)*at >= ' ');
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static const char *const members[] = {"a/b", "c"};
    const char *text = (const char *)bytes;
    struct lb_member_state states[2] = {{.weight = 1}, {.weight = 1}};
    struct error err = {0};
    bool counts = false;

    for (size_t count = 1; count <= 2; count++) {
        if (exec_read_members(text, size, members, count, states, &counts, &err)) {
            for (size_t i = 0; i < count; i++)
                check_state(&states[i]);
            CHECK(counts || count > 1 || states[0].sessions == -1);
        } else {
            CHECK(err.code == ERROR_PROTOCOL);
        }
        if (exec_read_sessions(text, size, members, count, states, &err))
            for (size_t i = 0; i < count; i++)
                CHECK(states[i].sessions >= -1);
    }
    (void)exec_read_done(text, size, &err);
    check_error(text, size);
    return 0;
}
