/* SPDX-License-Identifier: Apache-2.0 */
#include "httpd_past.h"

#include "memory.h"
#include "text.h"

#include <stdlib.h>

#define MOST_MEMBERS ((size_t)LIMIT_NODES * LB_MEMBERS) /* all that one cluster can have */

struct httpd_member {
    char name[LB_MEMBER];
    bool is_seen;
    char mark[HTTPD_MARK];
    bool has_generation;
    uint64_t generation;
    int64_t unknown_until_ms; /* counters that began anew */
    int64_t leftover;         /* at most so many of those counted are none */
    int64_t still_since_ms;   /* the count is what `leftover` says */
    bool is_returned;
    int64_t returned_ms;
};

void httpd_past_done(struct httpd_past *past)
{
    free(past->members);
    *past = (struct httpd_past){0};
}

static struct httpd_member *find(const struct httpd_past *past, const char *name)
{
    for (size_t i = 0; i < past->count; i++)
        if (text_equal(past->members[i].name, name))
            return &past->members[i];
    return NULL;
}

static struct httpd_member *find_or_add(struct httpd_past *past, const char *name)
{
    struct httpd_member *member = find(past, name);

    if (member != NULL)
        return member;
    if (past->count < MOST_MEMBERS) {
        past->members = memory_resize(past->members, past->count + 1, sizeof(*past->members));
        member = &past->members[past->count++];
    } else {
        member = &past->members[past->next];
        past->next = (past->next + 1) % MOST_MEMBERS;
    }
    *member = (struct httpd_member){0};
    TEXT_COPY(member->name, name);
    return member;
}

static bool is_restarted(const struct httpd_member *member, const struct httpd_sight *sight)
{
    return member->is_seen && (!text_equal(member->mark, sight->mark) ||
                               (member->has_generation && sight->has_status &&
                                member->generation != sight->generation));
}

static void tell(struct lb_member_state *state, int64_t sessions, int64_t settle_ms)
{
    state->sessions = sessions;
    state->settle_ms = settle_ms;
}

/* Counters that begin at 0 do not see what processes of before serve. */
static void judge_anew(struct httpd_member *member, const struct httpd_sight *sight, bool is_begun,
                       int64_t now_ms, int64_t settle_ms, struct lb_member_state *state)
{
    bool was_missed = !member->is_seen && sight->has_status && sight->generation > 0;

    if (is_begun || was_missed)
        member->unknown_until_ms = now_ms + settle_ms;
    if (sight->has_status && sight->old_processes == 0)
        member->unknown_until_ms = now_ms;
    if (now_ms < member->unknown_until_ms)
        tell(state, -1, member->unknown_until_ms - now_ms);
    else
        tell(state, sight->busy, 0);
}

/* A counter that outlives restarts: how much of it is left over can not be seen but by its standing
 * still. Less than ever before is a better bound; a count above it is work, and begins the wait
 * anew. */
static void judge_kept(struct httpd_member *member, int64_t busy, bool is_begun, int64_t now_ms,
                       int64_t settle_ms, struct lb_member_state *state)
{
    if (is_begun || !member->is_seen || busy < member->leftover) {
        member->leftover = busy;
        member->still_since_ms = now_ms;
    } else if (busy > member->leftover) {
        member->still_since_ms = now_ms;
    }
    int64_t left_ms = member->still_since_ms + settle_ms - now_ms;
    if (busy > member->leftover)
        tell(state, busy, 0);
    else if (busy == 0 || left_ms <= 0)
        tell(state, 0, 0);
    else
        tell(state, -1, left_ms);
}

void httpd_past_see(struct httpd_past *past, const char *name, const struct httpd_sight *sight,
                    int64_t now_ms, int64_t settle_ms, struct lb_member_state *state)
{
    struct httpd_member *member = find_or_add(past, name);
    bool is_begun = is_restarted(member, sight);

    if (sight->busy < 0)
        tell(state, -1, 0);
    else if (sight->is_persistent)
        judge_kept(member, sight->busy, is_begun, now_ms, settle_ms, state);
    else
        judge_anew(member, sight, is_begun, now_ms, settle_ms, state);
    member->is_seen = true;
    TEXT_COPY(member->mark, sight->mark);
    member->has_generation = sight->has_status;
    member->generation = sight->generation;
}

void httpd_past_returned(struct httpd_past *past, const char *name, int64_t now_ms)
{
    struct httpd_member *member = find_or_add(past, name);
    member->is_returned = true;
    member->returned_ms = now_ms;
}

bool httpd_past_is_fresh(const struct httpd_past *past, const char *name, int64_t now_ms,
                         int64_t verdict_ms)
{
    const struct httpd_member *member = find(past, name);
    return member != NULL && member->is_returned && now_ms - member->returned_ms < verdict_ms;
}
