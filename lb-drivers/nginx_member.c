/* SPDX-License-Identifier: Apache-2.0 */
#include "nginx_member.h"

#include "memory.h"
#include "text.h"

#include <stdlib.h>
#include <string.h>

static const char group_characters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                       "0123456789-_.";

/* As `server` takes it without quotes; only a unix socket has slashes. */
static bool is_address(const char *text)
{
    bool is_unix = text_starts_with(text, "unix:/");

    for (const char *at = text; *at != '\0'; at++) {
        if (*at <= ' ' || *at > '~' || strchr(";{}\"'\\$#", *at) != NULL ||
            (*at == '/' && !is_unix))
            return false;
    }
    return text[0] != '\0';
}

static const char *parse_module(const char *text, struct nginx_member *member)
{
    for (enum nginx_module module = NGINX_HTTP; module <= NGINX_STREAM; module++) {
        const char *name = nginx_module_name(module);
        size_t length = strlen(name);
        if (!text_starts_with(text, name) || text[length] != ':')
            continue;
        member->has_module = true;
        member->module = module;
        return text + length + 1;
    }
    return text;
}

bool nginx_member_parse(const char *text, struct nginx_member *ret_member, struct error *err)
{
    struct nginx_member member = {.has_module = false};
    const char *group = parse_module(text, &member);
    size_t length = strspn(group, group_characters);

    if (strlen(text) < LB_MEMBER && length > 0 && group[length] == '/' &&
        is_address(group + length + 1)) {
        memcpy(member.group, group, length);
        TEXT_COPY(member.address, group + length + 1);
        *ret_member = member;
        return true;
    }
    error_set(err, ERROR_INVALID, "'%.150s' is no member of an NGINX", text);
    error_hint(err, "write GROUP/ADDRESS as they stand behind `upstream` and `server`, with "
                    "http: or stream: before it where both have such a group");
    return false;
}

static bool find_group(const struct nginx_config *config, const struct nginx_member *member,
                       size_t *ret_group, struct error *err)
{
    size_t found = config->group_count;

    for (size_t i = 0; i < config->group_count; i++) {
        const struct nginx_group *group = &config->groups[i];
        if (!text_equal(group->name, member->group) ||
            (member->has_module && group->module != member->module))
            continue;
        if (found < config->group_count && config->groups[found].module != group->module) {
            error_set(err, ERROR_INVALID, "there is an upstream '%s' in http and in stream",
                      member->group);
            error_hint(err, "write http:%s/… or stream:%s/…", member->group, member->group);
            return false;
        }
        found = i;
    }
    if (found == config->group_count) {
        error_set(err, ERROR_NOT_FOUND, "there is no upstream '%s'%s%s", member->group,
                  member->has_module ? " in " : "",
                  member->has_module ? nginx_module_name(member->module) : "");
        return false;
    }
    *ret_group = found;
    return true;
}

void nginx_member_wrap(const struct nginx_member *member, struct error *err)
{
    error_wrap(err, "%s%s%s/%s", member->has_module ? nginx_module_name(member->module) : "",
               member->has_module ? ":" : "", member->group, member->address);
}

bool nginx_member_has(const struct nginx_member *member, size_t group,
                      const struct nginx_entry *entry)
{
    return entry->group == group && text_equal(entry->address, member->address);
}

bool nginx_member_find(const struct nginx_config *config, const struct nginx_member *member,
                       size_t *ret_group, struct error *err)
{
    size_t group;

    if (!find_group(config, member, &group, err)) {
        nginx_member_wrap(member, err);
        return false;
    }
    for (size_t i = 0; i < config->entry_count; i++) {
        if (nginx_member_has(member, group, &config->entries[i])) {
            *ret_group = group;
            return true;
        }
    }
    error_set(err, ERROR_NOT_FOUND, "the upstream has no such server");
    error_hint(err, "write the address exactly as it stands behind `server`, with its port");
    nginx_member_wrap(member, err);
    return false;
}

static bool is_peer(const struct nginx_entry *entry, const struct nginx_member *member,
                    size_t group)
{
    return entry->group == group && nginx_entry_is_live(entry) && !entry->is_backup &&
           !text_equal(entry->address, member->address);
}

/* A server that stands there twice is one peer. */
static uint32_t count_peers(const struct nginx_config *config, const struct nginx_member *member,
                            size_t group)
{
    uint32_t count = 0;

    for (size_t i = 0; i < config->entry_count; i++) {
        bool is_new = is_peer(&config->entries[i], member, group);
        for (size_t j = 0; j < i && is_new; j++)
            is_new = !is_peer(&config->entries[j], member, group) ||
                     !text_equal(config->entries[j].address, config->entries[i].address);
        count += is_new;
    }
    return count;
}

bool nginx_member_read(const struct nginx_config *config, const struct nginx_member *member,
                       struct lb_member_state *ret_state, struct error *err)
{
    struct lb_member_state state = {.admin = LB_ADMIN_DOWN, .health = LB_HEALTH_UP};
    bool is_first = true;
    size_t group;

    if (!nginx_member_find(config, member, &group, err))
        return false;
    for (size_t i = 0; i < config->entry_count; i++) {
        const struct nginx_entry *entry = &config->entries[i];
        if (!nginx_member_has(member, group, entry))
            continue;
        if (nginx_entry_is_live(entry))
            state.admin = LB_ADMIN_UP;
        if (is_first || entry->weight < state.weight)
            state.weight = entry->weight;
        is_first = false;
    }
    state.peers_up = count_peers(config, member, group);
    *ret_state = state;
    return true;
}

void nginx_plan_done(struct nginx_plan *plan)
{
    free(plan->changes);
    *plan = (struct nginx_plan){0};
}

static bool is_change(const struct nginx_change *change, const struct nginx_entry *entry)
{
    return change->file == entry->file && change->begin == entry->begin;
}

static bool plan_has(const struct nginx_plan *plan, const struct nginx_entry *entry)
{
    for (size_t i = 0; i < plan->count; i++) {
        if (is_change(&plan->changes[i], entry))
            return true;
    }
    return false;
}

/* The same lines may stand in two groups, through an include. */
static void add_change(struct nginx_plan *plan, const struct nginx_entry *entry,
                       enum nginx_hold hold)
{
    bool is_needed = hold == NGINX_FREE ? entry->hold != NGINX_FREE : nginx_entry_is_live(entry);

    if (!is_needed || plan_has(plan, entry))
        return;
    plan->changes = memory_resize(plan->changes, plan->count + 1, sizeof(*plan->changes));
    plan->changes[plan->count++] = (struct nginx_change){.file = entry->file,
                                                         .begin = entry->begin,
                                                         .end = entry->end,
                                                         .found = entry->hold,
                                                         .hold = hold};
}

bool nginx_plan_add(struct nginx_plan *plan, const struct nginx_config *config,
                    const struct nginx_member *member, enum nginx_hold hold, struct error *err)
{
    size_t group;

    if (!nginx_member_find(config, member, &group, err))
        return false;
    for (size_t i = 0; i < config->entry_count; i++) {
        if (nginx_member_has(member, group, &config->entries[i]))
            add_change(plan, &config->entries[i], hold);
    }
    return true;
}

static int compare_changes(const void *left, const void *right)
{
    const struct nginx_change *a = left;
    const struct nginx_change *b = right;

    if (a->file != b->file)
        return a->file < b->file ? -1 : 1;
    return a->begin < b->begin ? -1 : a->begin > b->begin;
}

void nginx_plan_sort(struct nginx_plan *plan)
{
    if (plan->count > 1)
        qsort(plan->changes, plan->count, sizeof(*plan->changes), compare_changes);
}

static bool is_left(const struct nginx_plan *plan, const struct nginx_config *config, size_t group)
{
    for (size_t i = 0; i < config->entry_count; i++) {
        const struct nginx_entry *entry = &config->entries[i];
        if (entry->group == group && nginx_entry_is_live(entry) && !entry->is_backup &&
            !plan_has(plan, entry))
            return true;
    }
    return false;
}

bool nginx_plan_check(const struct nginx_plan *plan, const struct nginx_config *config,
                      struct error *err)
{
    for (size_t i = 0; i < config->entry_count; i++) {
        const struct nginx_entry *entry = &config->entries[i];
        const struct nginx_group *group = &config->groups[entry->group];
        if (!nginx_entry_is_live(entry) || !plan_has(plan, entry) ||
            is_left(plan, config, entry->group))
            continue;
        error_set(err, ERROR_CONFLICT,
                  "without '%s' nothing is left in upstream '%s' (%s) that takes traffic",
                  entry->address, group->name, nginx_module_name(group->module));
        error_hint(err, "give another server of the group its traffic back first; `backup` and "
                        "`down` do not count");
        return false;
    }
    return true;
}
