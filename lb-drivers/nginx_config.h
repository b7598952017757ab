/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a load balancer driver must know of NGINX's configuration: the upstream groups of http{} and
 * stream{}, the servers in them with their places in the files, and which files there are.
 *
 * Reading is pure: the caller brings the bytes of one file after the other, in the place where it
 * is included, and finds what that file includes in `includes`.
 */
#ifndef SHUNT_NGINX_CONFIG_H
#define SHUNT_NGINX_CONFIG_H

#include "error.h"
#include "lb_driver.h"

#include <stddef.h>
#include <stdint.h>

#define NGINX_GROUPS   4096  /* upstreams */
#define NGINX_ENTRIES  16384 /* servers in upstreams */
#define NGINX_INCLUDES 1024  /* files and patterns that are included where an upstream may stand */

enum nginx_module { NGINX_HTTP, NGINX_STREAM };

/* The block that a file, or an include, stands in. */
enum nginx_level {
    NGINX_LEVEL_MAIN,
    NGINX_LEVEL_MODULE, /* http{} or stream{} */
    NGINX_LEVEL_GROUP,  /* upstream{} */
};

struct nginx_place {
    enum nginx_level level;
    enum nginx_module module; /* from NGINX_LEVEL_MODULE on */
    size_t group;             /* in NGINX_LEVEL_GROUP: index into groups */
};

struct nginx_group {
    enum nginx_module module;
    size_t file;
    char name[LB_MEMBER]; /* empty: too long to be named by a member */
};

/* How Shunt took the entry out; nginx_mark.h has the forms. */
enum nginx_hold {
    NGINX_FREE,      /* not by Shunt */
    NGINX_HELD_DOWN, /* the mark `down` stands in it */
    NGINX_HELD_OUT,  /* it stands in a comment */
};

/* A `server` of a group. The same lines are several entries where the file is included twice. */
struct nginx_entry {
    size_t group;
    size_t file;
    size_t begin; /* of its bytes in the file, `;` or the comment's newline included */
    size_t end;
    enum nginx_hold hold;
    bool is_down; /* a person's `down` */
    bool is_backup;
    int64_t weight;
    char address[LB_MEMBER]; /* empty: too long to be named by a member */
};

struct nginx_include {
    struct nginx_place place;
    size_t file; /* where it stands */
    char pattern[LIMIT_PATH];
};

struct nginx_config {
    struct nginx_group *groups;
    size_t group_count;
    struct nginx_entry *entries;
    size_t entry_count;
    struct nginx_include *includes;
    size_t include_count;
    char pid_file[LIMIT_PATH]; /* as it stands behind `pid`; empty = nowhere */
};

void nginx_config_done(struct nginx_config *config); /* also right on a zeroed one */

/* Adds what the file has. ERROR_INVALID, with the line, for what NGINX would refuse; ERROR_FULL
 * beyond the limits. */
bool nginx_config_read(struct nginx_config *config, size_t file, const char *bytes, size_t size,
                       struct nginx_place place, struct error *err);

/* New traffic may come to it. */
bool nginx_entry_is_live(const struct nginx_entry *entry);

const char *nginx_module_name(enum nginx_module module);

#endif
