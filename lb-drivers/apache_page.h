/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads what httpd tells in its pages for people and not in XML: the nonce that a change must show,
 * whether a worker's health is checked, whether changes outlive a restart (balancer-manager's HTML,
 * all of 2.4), and whether processes of before a restart are still at work (mod_status, `?auto`).
 *
 * Pure: bytes in, figures out. The bytes may be hostile; each function is linear in their number,
 * needs no NUL at their end and allocates nothing.
 */
#ifndef SHUNT_APACHE_PAGE_H
#define SHUNT_APACHE_PAGE_H

#include "lb_driver.h"

#define APACHE_NONCE 64 /* incl. NUL; httpd's is a UUID of 36 characters */

struct apache_page {
    char nonce[APACHE_NONCE]; /* of the balancer; empty = it takes no changes (nonce=None) */
    bool is_persistent;       /* BalancerPersist On */
    bool is_checked;          /* by mod_proxy_hcheck */
    int64_t verdict_ms;       /* so long may failing checks take until they are believed */
};

/* True for a page of balancer-manager, whatever it says. */
bool apache_is_page(const char *bytes, size_t size);

/* ERROR_NOT_FOUND where there is no such worker; ERROR_PROTOCOL for another page. */
bool apache_read_page(const char *bytes, size_t size, const char *balancer, const char *worker,
                      struct apache_page *ret_page, struct error *err);

struct apache_status {
    uint64_t generation; /* graceful restarts since the start */
    uint64_t
        old_processes; /* that end once their last request has: of before a restart, or spare */
};

bool apache_read_status(const char *bytes, size_t size, struct apache_status *ret_status,
                        struct error *err);

#endif
