/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as the answer of a HAProxy. Success must mean figures that make sense.
 */
#include "check.h"
#include "haproxy_csv.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    const char *text = (const char *)bytes;
    struct haproxy_state state;
    struct haproxy_stat stat;
    struct error err = {0};

    if (haproxy_read_state(text, size, "bb", "n1", &state, &err)) {
        CHECK(haproxy_admin(&state) <= LB_ADMIN_DOWN);
        CHECK(haproxy_conflict_reason(&state)[0] != '\0');
        CHECK(state.weight >= 0);
    } else {
        CHECK(err.code != ERROR_NONE);
    }
    err = (struct error){0};
    if (haproxy_read_stat(text, size, "bb", "n1", &stat, &err)) {
        CHECK(stat.health <= LB_HEALTH_UNKNOWN);
        CHECK(stat.sessions >= 0 && stat.peers_up <= size);
    } else {
        CHECK(err.code != ERROR_NONE);
    }
    return 0;
}
