/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Configurations of NGINX as texts, for tests of what reads and edits them.
 */
#ifndef SHUNT_NGINX_TEXT_H
#define SHUNT_NGINX_TEXT_H

#include "common/unit_test.h"

#include "nginx_mark.h"
#include "nginx_member.h"

/* In memory of exactly its size: a sanitizer sees every byte read behind it. */
static inline bool read_text(const char *text, struct nginx_config *ret_config, struct error *err)
{
    size_t size = strlen(text);
    char *bytes = malloc(size > 0 ? size : 1);
    struct nginx_place place = {.level = NGINX_LEVEL_MAIN};

    memcpy(bytes, text, size);
    *ret_config = (struct nginx_config){0};
    bool is_read = nginx_config_read(ret_config, 0, bytes, size, place, err);
    free(bytes);
    if (!is_read)
        nginx_config_done(ret_config);
    return is_read;
}

/* The text after the members were put as `hold` says. */
static inline void edit_text(const char *text, const char *const *members, size_t count,
                             enum nginx_hold hold, char *ret_text, size_t size)
{
    struct nginx_config config;
    struct nginx_plan plan NGINX_PLAN_CLEANUP = {0};
    struct nginx_member member;
    struct buffer edited;

    assert_good(read_text(text, &config, &err));
    for (size_t i = 0; i < count; i++) {
        assert_good(nginx_member_parse(members[i], &member, &err));
        assert_good(nginx_plan_add(&plan, &config, &member, hold, &err));
    }
    nginx_plan_sort(&plan);
    buffer_init(&edited, size - 1);
    assert_good(nginx_mark_apply(text, strlen(text), plan.changes, plan.count, &edited, &err));
    strcpy(ret_text, buffer_text(&edited));
    buffer_done(&edited);
    nginx_config_done(&config);
}

#endif
