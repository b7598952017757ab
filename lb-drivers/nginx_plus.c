/* SPDX-License-Identifier: Apache-2.0 */
/*
 * NGINX Plus, through its REST API. Written from the published description of the API, which says
 * which words there are and not what becomes of one when the other is said: each change is a short
 * list of words that are tried until the server reads back as asked.
 */
#include "lb_registry.h"

#include "lb_addresses.h"
#include "lb_http.h"

#include "check.h"
#include "nginx_plus_api.h"
#include "text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define PATH_SIZE  (LB_MEMBER + 64) /* a group and the words around it */
#define MOST_WORDS 3 /* from down and draining to up takes two, and one may be the wrong one */

enum context { CONTEXT_HTTP, CONTEXT_STREAM, CONTEXTS };

static const char *const context_names[] = {[CONTEXT_HTTP] = "http", [CONTEXT_STREAM] = "stream"};
_Static_assert(sizeof(context_names) / sizeof(context_names[0]) == CONTEXTS, "all named");

/* "[http:|stream:]GROUP/ADDRESS" taken apart. */
struct member {
    bool has_context; /* it is said, and not to be found out */
    enum context context;
    char group[LB_MEMBER];
    char address[LB_MEMBER];
};

/* Names that stand in a URL as they are. */
static bool is_made_of(const char *text, const char *others)
{
    for (; *text != '\0'; text++) {
        bool is_letter = (*text >= 'a' && *text <= 'z') || (*text >= 'A' && *text <= 'Z');
        if (!is_letter && (*text < '0' || *text > '9') && strchr(others, *text) == NULL)
            return false;
    }
    return true;
}

static const char *parse_context(const char *text, struct member *member)
{
    for (enum context context = CONTEXT_HTTP; context < CONTEXTS; context++) {
        size_t length = strlen(context_names[context]);
        if (!text_starts_with(text, context_names[context]) || text[length] != ':')
            continue;
        member->has_context = true;
        member->context = context;
        return text + length + 1;
    }
    return text;
}

static bool parse_member(const char *text, struct member *ret_member, struct error *err)
{
    struct member member = {0};
    const char *rest = parse_context(text, &member);
    const char *slash = strchr(rest, '/');

    if (slash != NULL && strlen(text) < LB_MEMBER) {
        memcpy(member.group, rest, (size_t)(slash - rest));
        TEXT_COPY(member.address, slash + 1);
    }
    if (member.group[0] == '\0' || member.address[0] == '\0' || !is_made_of(member.group, "-_.") ||
        strspn(member.group, ".") == strlen(member.group) ||
        !is_made_of(member.address, "-_.:[]/")) {
        error_set(err, ERROR_INVALID, "'%.150s' is no member of an NGINX Plus", text);
        error_hint(err, "write GROUP/ADDRESS as the API shows them, as bb_http/10.0.0.11:7990; "
                        "http:GROUP/… or stream:GROUP/… where both have a group of that name");
        return false;
    }
    *ret_member = member;
    return true;
}

static bool check_member(const char *text, struct error *err)
{
    struct member member;
    return parse_member(text, &member, err);
}

static bool check_options(const struct lb_options *options, struct error *err)
{
    if (!lb_check_addresses(options, LB_ADDRESSES, err))
        return false;
    for (size_t i = 0; i < options->address_count; i++) {
        const char *address = options->addresses[i];
        if (!lb_http_check_address(address, err))
            return false;
        if (address[strlen(address) - 1] != '/')
            continue;
        error_set(err, ERROR_INVALID, "'%.200s' ends with a slash", address);
        error_hint(err, "write it without, as http://lb1:8080/api");
        return false;
    }
    return true;
}

/* What is to be done at each address. */
struct job {
    const char *const *names;
    struct member members[LB_MEMBERS];
    size_t count;
    enum lb_admin admin;                       /* to set */
    struct lb_member_state states[LB_MEMBERS]; /* as read so far, over addresses */
    bool is_first;                             /* no address has been read yet */
};

static bool job_init(struct job *job, const char *const *members, size_t count, struct error *err)
{
    CHECK(count <= LB_MEMBERS);
    *job = (struct job){.names = members, .count = count, .is_first = true};
    for (size_t i = 0; i < count; i++) {
        if (!parse_member(members[i], &job->members[i], err))
            return false;
    }
    return true;
}

static bool ask_group(struct nginx_plus_api *api, enum context context, const char *group,
                      struct http_answer *ret_answer, struct error *err)
{
    char path[PATH_SIZE];
    (void)snprintf(path, sizeof(path), "%s/upstreams/%s", context_names[context], group);
    if (!nginx_plus_ask(api, path, NULL, ret_answer, err))
        return false;
    if (nginx_plus_check_group(buffer_text(&ret_answer->body), ret_answer->body.length, err))
        return true;
    http_answer_done(ret_answer);
    return false;
}

static bool tell_both(const char *group, struct error *err)
{
    error_set(err, ERROR_INVALID, "there is a group '%s' in http and one in stream", group);
    error_hint(err, "write http:%.80s/… or stream:%.80s/…", group, group);
    return false;
}

/* Where the context is not said both are asked: the answer of the one that has the group, and the
 * member says from then on which it is. */
static bool find_group(struct nginx_plus_api *api, struct member *member,
                       struct http_answer *ret_answer, struct error *err)
{
    struct http_answer http, stream;

    if (member->has_context)
        return ask_group(api, member->context, member->group, ret_answer, err);
    bool is_http = ask_group(api, CONTEXT_HTTP, member->group, &http, err);
    if (!is_http && err->code != ERROR_NOT_FOUND)
        return false;
    bool is_stream = ask_group(api, CONTEXT_STREAM, member->group, &stream, err);
    bool is_found = is_http != is_stream && (is_stream || err->code == ERROR_NOT_FOUND);
    if (is_http && is_stream)
        (void)tell_both(member->group, err);
    if (is_found) {
        *ret_answer = is_http ? http : stream;
        member->context = is_http ? CONTEXT_HTTP : CONTEXT_STREAM;
        member->has_context = true;
        return true;
    }
    if (is_http)
        http_answer_done(&http);
    if (is_stream)
        http_answer_done(&stream);
    return false;
}

static bool read_server(struct nginx_plus_api *api, const struct member *member,
                        struct nginx_plus_peer *peer, struct error *err)
{
    struct http_answer answer;
    enum lb_admin admin;
    char path[PATH_SIZE];

    (void)snprintf(path, sizeof(path), "%s/upstreams/%s/servers/%" PRId64,
                   context_names[member->context], member->group, peer->id);
    if (!nginx_plus_ask(api, path, NULL, &answer, err))
        return false;
    bool is_read = nginx_plus_read_server(buffer_text(&answer.body), answer.body.length,
                                          member->address, &admin, err);
    http_answer_done(&answer);
    if (is_read && admin > peer->admin)
        peer->admin = admin;
    return is_read;
}

/* The server is found by its address each time: its number changes with a reload. */
static bool read_peer(struct nginx_plus_api *api, struct member *member,
                      struct nginx_plus_peer *ret_peer, struct error *err)
{
    struct http_answer answer;

    if (!find_group(api, member, &answer, err))
        return false;
    bool is_read = nginx_plus_read_group(buffer_text(&answer.body), answer.body.length,
                                         member->address, ret_peer, err);
    http_answer_done(&answer);
    return is_read && read_server(api, member, ret_peer, err);
}

static bool read_at_address(const struct lb *lb, size_t address, void *context,
                            struct deadline deadline, struct error *err)
{
    struct job *job = context;
    struct nginx_plus_api api;

    nginx_plus_api_init(&api, lb, address, deadline);
    for (size_t i = 0; i < job->count; i++) {
        struct member member = job->members[i];
        struct nginx_plus_peer peer;
        if (!read_peer(&api, &member, &peer, err)) {
            error_wrap(err, "%s", job->names[i]);
            return false;
        }
        struct lb_member_state state = {
            .admin = peer.admin,
            .health = peer.health,
            .is_checked = peer.is_checked,
            .sessions = peer.active,
            .weight = peer.weight,
            .peers_up = peer.peers_up,
        };
        lb_state_collect(&job->states[i], &state, job->is_first);
    }
    job->is_first = false;
    return true;
}

static bool read_members(const struct lb *lb, const char *const *members, size_t count,
                         struct deadline deadline, struct lb_member_state *ret_states,
                         struct error *err)
{
    struct job job;

    if (!job_init(&job, members, count, err) ||
        !lb_at_each_address(lb, &job, deadline, read_at_address, false, err))
        return false;
    lb_states_give(job.states, members, count, ret_states);
    return true;
}

/* What is said to get there from the state that was found. Whether {"down":false} ends a drain as
 * well is not in the description, nor whether {"drain":false} ends a down: where one has changed
 * nothing the other is said. Stream groups know no drain. */
static const char *word_for(enum context context, enum lb_admin asked, enum lb_admin found,
                            bool is_stuck)
{
    bool ends_drain = (found == LB_ADMIN_DRAIN) != is_stuck && context == CONTEXT_HTTP;

    switch (asked) {
    case LB_ADMIN_DRAIN:
        return context == CONTEXT_HTTP ? "{\"drain\":true}" : "{\"down\":true}";
    case LB_ADMIN_DOWN:
        return "{\"down\":true}";
    case LB_ADMIN_UP:
        return ends_drain ? "{\"drain\":false}" : "{\"down\":false}";
    }
    CHECK(!"an admin state without a word");
}

/* It answers with the server: a number that was given anew meanwhile is another server's. */
static bool patch(struct nginx_plus_api *api, const struct member *member, int64_t id,
                  const char *word, struct error *err)
{
    struct http_answer answer;
    enum lb_admin ignored;
    char path[PATH_SIZE];

    (void)snprintf(path, sizeof(path), "%s/upstreams/%s/servers/%" PRId64,
                   context_names[member->context], member->group, id);
    if (!nginx_plus_ask(api, path, word, &answer, err))
        return false;
    bool is_right = nginx_plus_read_server(buffer_text(&answer.body), answer.body.length,
                                           member->address, &ignored, err);
    http_answer_done(&answer);
    if (is_right || err->code != ERROR_UNAVAILABLE)
        return is_right;
    error_set(err, ERROR_CONFLICT, "%s went to another server, which got its number meanwhile",
              word);
    error_hint(err, "look at the state of all servers of the group: NGINX Plus was reloaded");
    return false;
}

static bool tell_conflict(enum lb_admin asked, enum lb_admin found, struct error *err)
{
    error_set(err, ERROR_CONFLICT, "was set to %s and reads back as %s", lb_admin_name(asked),
              lb_admin_name(found));
    error_hint(err, "somebody else or a reload of NGINX Plus has changed it");
    return false;
}

/* Says one word after the other, until it reads back as asked, or as held down harder by a word
 * that is not ours. */
static bool set_member(struct nginx_plus_api *api, const struct member *given, enum lb_admin asked,
                       struct error *err)
{
    struct member member = *given;
    struct nginx_plus_peer peer;
    enum lb_admin before = asked;

    for (unsigned said = 0;; said++) {
        if (!read_peer(api, &member, &peer, err))
            return false;
        bool may_be_harder = said > 0 || member.context == CONTEXT_STREAM;
        if (peer.admin == asked || (may_be_harder && lb_is_obeyed(asked, peer.admin)))
            return true;
        if (said == MOST_WORDS)
            return tell_conflict(asked, peer.admin, err);
        bool is_stuck = said > 0 && peer.admin == before;
        before = peer.admin;
        if (!patch(api, &member, peer.id, word_for(member.context, asked, peer.admin, is_stuck),
                   err))
            return false;
    }
}

/* Goes on where it fails for one: a node that comes back shall get what traffic it can. */
static bool set_at_address(const struct lb *lb, size_t address, void *context,
                           struct deadline deadline, struct error *err)
{
    const struct job *job = context;
    struct nginx_plus_api api;
    bool is_good = true;

    nginx_plus_api_init(&api, lb, address, deadline);
    for (size_t i = 0; i < job->count; i++) {
        struct error later = {0};
        struct error *reason = is_good ? err : &later;
        if (set_member(&api, &job->members[i], job->admin, reason))
            continue;
        error_wrap(reason, "%s", job->names[i]);
        is_good = false;
    }
    return is_good;
}

/* Traffic is taken away from a member only when every address answers and knows it; it is given
 * back wherever that can be done. */
static bool set_members(const struct lb *lb, const char *const *members, size_t count,
                        enum lb_admin admin, struct deadline deadline, struct error *err)
{
    struct job job;

    if (!job_init(&job, members, count, err))
        return false;
    job.admin = admin;
    if (admin != LB_ADMIN_UP &&
        !lb_at_each_address(lb, &job, deadline, read_at_address, false, err))
        return false;
    return lb_at_each_address(lb, &job, deadline, set_at_address, true, err);
}

const struct lb_driver lb_nginx_plus_driver = {
    .name = "nginx-plus",
    .takes_credentials = true,
    .change_ms = 30000,
    .compare_ms = 250,
    .check_options = check_options,
    .check_member = check_member,
    .open = lb_http_open,
    .close = lb_http_close,
    .read_members = read_members,
    .set_members = set_members,
};
