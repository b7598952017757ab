/* SPDX-License-Identifier: Apache-2.0 */
#include "nginx_plus_read.h"

#include "json.h"
#include "text.h"

#include <string.h>

#define STATE_SIZE 16
#define MOST_COUNT                                                                                 \
    (INT64_C(1) << 40) /* far beyond any process, and sums of it stay in an int64_t */

/* The words of `state`. One that is not among them says nothing of new traffic, and is no guess. */
static const struct state_word {
    const char *word;
    enum lb_admin admin;
    enum lb_health health;
} state_words[] = {
    {"up", LB_ADMIN_UP, LB_HEALTH_UP},
    {"draining", LB_ADMIN_DRAIN, LB_HEALTH_UP},
    {"down", LB_ADMIN_DOWN, LB_HEALTH_UNKNOWN},
    {"unavail", LB_ADMIN_UP, LB_HEALTH_DOWN},
    {"checking", LB_ADMIN_UP, LB_HEALTH_CHANGING},
    {"unhealthy", LB_ADMIN_UP, LB_HEALTH_DOWN},
};

static bool read_state(const json_t *object, const struct state_word **ret_word, struct error *err)
{
    char word[STATE_SIZE];

    if (!json_get_text(object, "state", word, sizeof(word), err))
        return false;
    for (size_t i = 0; i < sizeof(state_words) / sizeof(state_words[0]); i++)
        if (text_equal(word, state_words[i].word)) {
            *ret_word = &state_words[i];
            return true;
        }
    error_set(err, ERROR_PROTOCOL, "the state of a server is a word that is not known");
    return false;
}

/* The object is always there; it counts only where a health_check is configured. */
static bool read_checks(const json_t *object, struct nginx_plus_peer *peer, struct error *err)
{
    const json_t *checks = json_object_get(object, "health_checks");
    int64_t count = 0;
    bool is_passed = true;

    if (!json_is_object(checks))
        return true;
    if (!json_find_integer(checks, "checks", 0, INT64_MAX, &count, err) ||
        !json_find_bool(checks, "last_passed", &is_passed, err)) {
        error_wrap(err, "health_checks");
        return false;
    }
    peer->is_checked = count > 0;
    if (peer->health == LB_HEALTH_UP && peer->is_checked && !is_passed)
        peer->health = LB_HEALTH_CHANGING; /* it takes several to be unhealthy */
    return true;
}

static bool read_peer(const json_t *object, const struct state_word *state,
                      struct nginx_plus_peer *ret_peer, struct error *err)
{
    struct nginx_plus_peer peer = {
        .admin = state->admin, .health = state->health, .peers_up = ret_peer->peers_up};

    if (!json_get_integer(object, "id", 0, INT32_MAX, &peer.id, err) ||
        !json_get_integer(object, "active", 0, MOST_COUNT, &peer.active, err) ||
        !json_get_integer(object, "weight", 0, INT32_MAX, &peer.weight, err) ||
        !read_checks(object, &peer, err))
        return false;
    *ret_peer = peer;
    return true;
}

/* One of the list: the wanted one, or one that may take its traffic. */
static bool take_peer(const json_t *object, const char *address, struct nginx_plus_peer *peer,
                      size_t *found, struct error *err)
{
    char server[LB_MEMBER];
    const struct state_word *state;
    bool is_backup = false;

    if (!json_get_text(object, "server", server, sizeof(server), err) ||
        !read_state(object, &state, err) || !json_find_bool(object, "backup", &is_backup, err))
        return false;
    if (text_equal(server, address)) {
        ++*found;
        return read_peer(object, state, peer, err);
    }
    peer->peers_up += state->admin == LB_ADMIN_UP && state->health == LB_HEALTH_UP && !is_backup;
    return true;
}

static bool check_found(size_t found, const char *address, struct error *err)
{
    if (found == 1)
        return true;
    if (found == 0) {
        error_set(err, ERROR_NOT_FOUND, "the group has no server '%.200s'", address);
        error_hint(err, "write the address as the API shows it under \"server\", with its port");
    } else {
        error_set(err, ERROR_INVALID, "the group has server '%.200s' %zu times", address, found);
        error_hint(err, "which of them is the node's cannot be told: leave one of them");
    }
    return false;
}

/* The list belongs to the object. */
static bool read_peers(const char *bytes, size_t size, json_t **ret_group, const json_t **ret_peers,
                       struct error *err)
{
    if (!json_read_object(bytes, size, ret_group, err))
        return false;
    *ret_peers = json_object_get(*ret_group, "peers");
    if (json_is_array(*ret_peers))
        return true;
    error_set(err, ERROR_PROTOCOL, "the answer has no list of peers");
    return false;
}

bool nginx_plus_check_group(const char *bytes, size_t size, struct error *err)
{
    json_t *group JSON_CLEANUP = NULL;
    const json_t *peers;
    return read_peers(bytes, size, &group, &peers, err);
}

bool nginx_plus_read_group(const char *bytes, size_t size, const char *address,
                           struct nginx_plus_peer *ret_peer, struct error *err)
{
    json_t *group JSON_CLEANUP = NULL;
    const json_t *peers;
    struct nginx_plus_peer peer = {0};
    size_t found = 0;

    if (!read_peers(bytes, size, &group, &peers, err))
        return false;
    for (size_t i = 0; i < json_array_size(peers); i++)
        if (!take_peer(json_array_get(peers, i), address, &peer, &found, err)) {
            error_wrap(err, "peers[%zu]", i);
            return false;
        }
    if (!check_found(found, address, err))
        return false;
    *ret_peer = peer;
    return true;
}

bool nginx_plus_read_server(const char *bytes, size_t size, const char *address,
                            enum lb_admin *ret_admin, struct error *err)
{
    json_t *object JSON_CLEANUP = NULL;
    char server[LB_MEMBER];
    bool is_down = false, is_draining = false;

    if (!json_read_object(bytes, size, &object, err) ||
        !json_get_text(object, "server", server, sizeof(server), err) ||
        !json_find_bool(object, "down", &is_down, err) ||
        !json_find_bool(object, "drain", &is_draining, err))
        return false;
    if (!text_equal(server, address)) {
        error_set(err, ERROR_UNAVAILABLE, "has another number than a moment ago");
        return false;
    }
    *ret_admin = is_down ? LB_ADMIN_DOWN : is_draining ? LB_ADMIN_DRAIN : LB_ADMIN_UP;
    return true;
}

bool nginx_plus_read_versions(const char *bytes, size_t size, int *ret_version, struct error *err)
{
    json_t *list JSON_CLEANUP = json_loadb(bytes, size, 0, NULL);
    int newest = 0;

    if (!json_is_array(list)) {
        error_set(err, ERROR_PROTOCOL, "the answer is no list of API versions");
        return false;
    }
    for (size_t i = 0; i < json_array_size(list); i++) {
        json_int_t version = json_integer_value(json_array_get(list, i));
        if (version >= NGINX_PLUS_OLDEST && version <= NGINX_PLUS_NEWEST && version > newest)
            newest = (int)version;
    }
    if (newest == 0) {
        error_set(err, ERROR_INVALID, "it speaks none of the API versions %d to %d",
                  NGINX_PLUS_OLDEST, NGINX_PLUS_NEWEST);
        return false;
    }
    *ret_version = newest;
    return true;
}

/* Text from outside, fit to stand in a message. */
static void make_printable(char *text)
{
    for (; *text != '\0'; text++)
        if (*text < ' ' || *text > '~')
            *text = '?';
}

bool nginx_plus_read_refusal(const char *bytes, size_t size, struct nginx_plus_refusal *ret_refusal)
{
    json_t *object JSON_CLEANUP = NULL;
    struct nginx_plus_refusal refusal = {0};
    struct error ignored;

    if (!json_read_object(bytes, size, &object, &ignored))
        return false;
    const json_t *error = json_object_get(object, "error");
    if (!json_is_object(error) ||
        !json_get_text(error, "code", refusal.code, sizeof(refusal.code), &ignored))
        return false;
    if (!json_find_text(error, "text", refusal.text, sizeof(refusal.text), &ignored))
        refusal.text[0] = '\0';
    make_printable(refusal.code);
    make_printable(refusal.text);
    *ret_refusal = refusal;
    return true;
}
