/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as the answer of a HAProxy. Success must mean figures that make sense.
 */
#include "check.h"
#include "haproxy_csv.h"
#include "haproxy_workers.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void read_lists(const char *text, size_t size)
{
    struct haproxy_workers workers;
    struct haproxy_sessions sessions;
    struct error err = {0};

    if (haproxy_read_workers(text, size, &workers, &err))
        CHECK(workers.count <= HAPROXY_OLD_WORKERS);
    else
        CHECK(err.code != ERROR_NONE);
    haproxy_read_sessions(text, size, "bb", "n1", &sessions);
    CHECK(sessions.count <= HAPROXY_SESSIONS);
    err = (struct error){0};
    CHECK(haproxy_check_states(text, size, &err) || err.code != ERROR_NONE);
}

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
        CHECK(haproxy_share(&state, 10) <= haproxy_share(&state, 100));
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
    read_lists(text, size);
    return 0;
}
