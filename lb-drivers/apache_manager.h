/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads what balancer-manager tells of a worker in its XML (`?xml=1`, httpd 2.4).
 *
 * Pure: bytes in, figures out. The bytes may be hostile; a document type, and with it any entity,
 * is refused. A worker is found by its whole name, where httpd itself takes one whose name the
 * given text merely begins with.
 */
#ifndef SHUNT_APACHE_MANAGER_H
#define SHUNT_APACHE_MANAGER_H

#include "lb_driver.h"

/* The words of a worker's status. */
enum apache_flag {
    APACHE_USABLE = 1 << 0,   /* "Ok": none of the flags that keep requests away */
    APACHE_DRAIN = 1 << 1,    /* N: sticky clients only */
    APACHE_DISABLED = 1 << 2, /* D */
    APACHE_STOPPED = 1 << 3,  /* S: as D, and its health is not checked */
    APACHE_FAILED = 1 << 4,   /* in error, failed its health check, or shutting down */
    APACHE_RESERVE = 1 << 5,  /* H, R: gets traffic when others are gone */
    APACHE_STRANGE = 1 << 6,  /* a word that is not known */
};

struct apache_worker {
    unsigned flags;    /* enum apache_flag */
    int64_t busy;      /* -1 = the counter has run below zero, which httpd is known to do */
    int64_t weight;    /* the whole part of loadfactor; -1 = not told */
    uint32_t peers_up; /* other workers of the balancer that get new traffic */
};

/* ERROR_NOT_FOUND where the document is whole and has no such balancer or worker; ERROR_PROTOCOL
 * for anything that is no such document. */
bool apache_read_worker(const char *bytes, size_t size, const char *balancer, const char *worker,
                        struct apache_worker *ret_worker, struct error *err);

enum lb_admin apache_admin(const struct apache_worker *worker);
enum lb_health apache_health(const struct apache_worker *worker);

#endif
