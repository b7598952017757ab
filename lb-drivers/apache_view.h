/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What one httpd shows of its balancers at one moment, and one change there, over HTTP.
 *
 * httpd answers each refusal with status 200 and its usual page: only reading again tells.
 */
#ifndef SHUNT_APACHE_VIEW_H
#define SHUNT_APACHE_VIEW_H

#include "apache_manager.h"
#include "apache_page.h"
#include "buffer.h"

/* A member taken apart at its first slash. */
struct apache_name {
    char balancer[LB_MEMBER]; /* without "balancer://" */
    char worker[LB_MEMBER];   /* "http://10.0.0.11:7990" */
};

/* Read in this order: a restart between two of them shows in the later ones. */
struct apache_view {
    const char *address; /* of the balancer-manager; borrowed */
    struct buffer xml;
    struct buffer html;
    bool has_status;
    struct apache_status status;
};

void apache_view_init(struct apache_view *view, const char *address);
void apache_view_done(struct apache_view *view);
#define APACHE_VIEW_CLEANUP __attribute__((cleanup(apache_view_done)))

/* Reads all anew; status_path may be NULL: mod_status is not asked. */
bool apache_view_load(struct apache_view *view, const struct lb *lb, const char *status_path,
                      struct deadline deadline, struct error *err);

bool apache_view_find(const struct apache_view *view, const struct apache_name *name,
                      struct apache_worker *ret_worker, struct apache_page *ret_page,
                      struct error *err);

/* Sends `change`, such as "w_status_N=1", which is nothing that may be relied on. */
bool apache_send_change(const struct lb *lb, const char *address, const struct apache_name *name,
                        const char *nonce, const char *change, struct deadline deadline,
                        struct error *err);

#endif
