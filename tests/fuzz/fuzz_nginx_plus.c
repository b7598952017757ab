/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as the answer of an NGINX Plus. Success must mean figures that make sense.
 */
#include "check.h"
#include "nginx_plus_read.h"

#include <string.h>

#define WANTED "10.0.0.1:7990"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void read_group(const char *text, size_t size)
{
    struct nginx_plus_peer peer;
    struct error err = {0};

    if (!nginx_plus_read_group(text, size, WANTED, &peer, &err)) {
        CHECK(err.code != ERROR_NONE);
        return;
    }
    CHECK(nginx_plus_check_group(text, size, &err));
    CHECK(peer.id >= 0 && peer.active >= 0 && peer.weight >= 0 && peer.peers_up < size);
    CHECK(peer.admin <= LB_ADMIN_DOWN && peer.health <= LB_HEALTH_UNKNOWN);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    const char *text = (const char *)bytes;
    struct nginx_plus_refusal refusal;
    enum lb_admin admin;
    int version;
    struct error err = {0};

    read_group(text, size);
    if (nginx_plus_read_server(text, size, WANTED, &admin, &err))
        CHECK(admin <= LB_ADMIN_DOWN);
    else
        CHECK(err.code != ERROR_NONE);
    if (nginx_plus_read_versions(text, size, &version, &err))
        CHECK(version >= NGINX_PLUS_OLDEST && version <= NGINX_PLUS_NEWEST);
    if (nginx_plus_read_refusal(text, size, &refusal))
        CHECK(memchr(refusal.code, '\n', strlen(refusal.code)) == NULL);
    return 0;
}
