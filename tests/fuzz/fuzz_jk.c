/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as the answer of mod_jk's status worker. Success must mean figures that make sense.
 */
#include "check.h"
#include "jk_status.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    const char *text = (const char *)bytes;
    struct jk_worker worker;
    struct error err = {0};

    if (!jk_read_result(text, size, &err))
        CHECK(err.code != ERROR_NONE);
    err = (struct error){0};
    if (!jk_read_member(text, size, "lb", "n1", &worker, &err)) {
        CHECK(err.code == ERROR_PROTOCOL || err.code == ERROR_NOT_FOUND);
        return 0;
    }
    CHECK(worker.admin <= LB_ADMIN_DOWN && worker.health <= LB_HEALTH_UNKNOWN);
    CHECK(worker.busy >= 0 && worker.weight >= -1 && worker.peers_up <= size);
    CHECK(strlen(worker.mark) < sizeof(worker.mark));
    return 0;
}
