/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as the answers of an httpd: balancer-manager's XML and HTML, and mod_status. Success
 * must mean figures that make sense.
 */
#include "apache_manager.h"
#include "apache_page.h"
#include "check.h"

#include <string.h>

#define WORKER "http://10.0.0.11:7990"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void read_manager(const char *text, size_t size)
{
    struct apache_worker worker;
    struct error err = {0};

    if (!apache_read_worker(text, size, "bb", WORKER, &worker, &err)) {
        CHECK(err.code == ERROR_PROTOCOL || err.code == ERROR_NOT_FOUND);
        return;
    }
    CHECK(worker.busy >= -1 && worker.weight >= -1 && worker.peers_up <= size);
    CHECK(apache_admin(&worker) <= LB_ADMIN_DOWN);
    CHECK(apache_health(&worker) <= LB_HEALTH_UNKNOWN);
}

static void read_page(const char *text, size_t size)
{
    struct apache_page page;
    struct error err = {0};

    if (!apache_read_page(text, size, "bb", WORKER, &page, &err)) {
        CHECK(err.code == ERROR_PROTOCOL || err.code == ERROR_NOT_FOUND);
        return;
    }
    CHECK(strlen(page.nonce) < sizeof(page.nonce) && strchr(page.nonce, '"') == NULL);
    CHECK(page.verdict_ms >= 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    const char *text = (const char *)bytes;
    struct apache_status status;
    struct error err = {0};

    read_manager(text, size);
    read_page(text, size);
    if (!apache_read_status(text, size, &status, &err))
        CHECK(err.code == ERROR_PROTOCOL);
    return 0;
}
