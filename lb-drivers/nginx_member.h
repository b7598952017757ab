/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Members in the groups of a configuration: what is read of one, and which changes of which files
 * take members out or back. Pure.
 */
#ifndef SHUNT_NGINX_MEMBER_H
#define SHUNT_NGINX_MEMBER_H

#include "nginx_config.h"
#include "nginx_mark.h"

/* "http:GROUP/ADDRESS" or "GROUP/ADDRESS" taken apart. All entries of that address in the group are
 * the member; they are set alike. */
struct nginx_member {
    bool has_module;
    enum nginx_module module;
    char group[LB_MEMBER];
    char address[LB_MEMBER];
};

bool nginx_member_parse(const char *text, struct nginx_member *ret_member, struct error *err);

/* Puts the member's name before the message. */
void nginx_member_wrap(const struct nginx_member *member, struct error *err);

/* ERROR_NOT_FOUND: no such group, or no such server in it; ERROR_INVALID: http{} and stream{} both
 * have such a group, and the member does not say which. The message has the member's name. */
bool nginx_member_find(const struct nginx_config *config, const struct nginx_member *member,
                       size_t *ret_group, struct error *err);

/* Fills in admin, weight and peers_up. */
bool nginx_member_read(const struct nginx_config *config, const struct nginx_member *member,
                       struct lb_member_state *ret_state, struct error *err);

/* Whether the entry belongs to the member; its group is the one that was found. */
bool nginx_member_has(const struct nginx_member *member, size_t group,
                      const struct nginx_entry *entry);

/* In the order of files and places, none twice; the caller frees `changes`. */
struct nginx_plan {
    struct nginx_change *changes;
    size_t count;
};

void nginx_plan_done(struct nginx_plan *plan);
#define NGINX_PLAN_CLEANUP __attribute__((cleanup(nginx_plan_done)))

/* Adds the changes that make `member` be as asked: `hold` says how it is taken out, NGINX_FREE that
 * it is put back. Nothing is added for what is so already, also where a person did it. */
bool nginx_plan_add(struct nginx_plan *plan, const struct nginx_config *config,
                    const struct nginx_member *member, enum nginx_hold hold, struct error *err);

/* Brings the changes into order. */
void nginx_plan_sort(struct nginx_plan *plan);

/* ERROR_CONFLICT where a group from which something is taken out would be left without a server
 * that takes traffic: one that is neither down nor a backup. */
bool nginx_plan_check(const struct nginx_plan *plan, const struct nginx_config *config,
                      struct error *err);

#endif
