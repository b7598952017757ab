/* SPDX-License-Identifier: Apache-2.0 */
#include "exec_answer.h"

#include "check.h"
#include "json.h"
#include "text.h"

#include <string.h>

#define SESSIONS_MOST INT32_MAX /* of one member; sums over addresses stay far from overflow */
#define SETTLE_MOST   (24LL * 3600 * 1000)
#define WORD_SIZE     16  /* "unavailable" is the longest word there is */
#define LINE_SIZE     200 /* of standard error in a message */

char *exec_write_question(const char *const *members, size_t count)
{
    json_t *question JSON_CLEANUP = json_object();
    json_t *names = json_array();
    for (size_t i = 0; i < count; i++)
        CHECK(json_array_append_new(names, json_text(members[i])) == 0);
    CHECK(json_object_set_new(question, "members", names) == 0);
    return json_write(question);
}

typedef const char *(*word_fn)(unsigned word);

static const char *admin_word(unsigned word)
{
    return lb_admin_name((enum lb_admin)word);
}

static const char *health_word(unsigned word)
{
    return lb_health_name((enum lb_health)word);
}

static bool get_word(const json_t *entry, const char *key, word_fn name, unsigned count,
                     unsigned *ret_word, struct error *err)
{
    char text[WORD_SIZE];
    if (!json_get_text(entry, key, text, sizeof(text), err))
        return false;
    for (unsigned word = 0; word < count; word++) {
        if (!text_equal(text, name(word)))
            continue;
        *ret_word = word;
        return true;
    }
    error_set(err, ERROR_PROTOCOL, "'%s' is '%s', which is no word for it", key, text);
    return false;
}

/* What one entry of `members` says; the keys of `entry` have been looked at. */
static bool read_state(const json_t *entry, struct lb_member_state *ret_state, struct error *err)
{
    struct lb_member_state state = {.sessions = -1, .weight = -1};
    unsigned admin = 0, health = 0;
    int64_t peers = 0;
    if (!get_word(entry, "admin", admin_word, LB_ADMIN_DOWN + 1, &admin, err) ||
        !get_word(entry, "health", health_word, LB_HEALTH_UNKNOWN + 1, &health, err) ||
        !json_get_integer(entry, "peers_up", 0, UINT32_MAX, &peers, err) ||
        !json_find_bool(entry, "checked", &state.is_checked, err) ||
        !json_find_integer(entry, "sessions", 0, SESSIONS_MOST, &state.sessions, err) ||
        !json_find_integer(entry, "settle_ms", 0, SETTLE_MOST, &state.settle_ms, err) ||
        !json_find_integer(entry, "weight", 0, INT32_MAX, &state.weight, err))
        return false;
    state.admin = (enum lb_admin)admin;
    state.health = (enum lb_health)health;
    state.peers_up = (uint32_t)peers;
    *ret_state = state;
    return true;
}

/* The entry about this member, of which there is one. */
static const json_t *find_entry(const json_t *list, const char *member, struct error *err)
{
    const json_t *found = NULL;
    char name[LB_MEMBER];
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *entry = json_array_get(list, i);
        if (!json_get_text(entry, "member", name, sizeof(name), err))
            return NULL;
        if (!text_equal(name, member))
            continue;
        if (found != NULL) {
            error_set(err, ERROR_PROTOCOL, "'members' has it twice");
            return NULL;
        }
        found = entry;
    }
    if (found == NULL)
        error_set(err, ERROR_PROTOCOL, "'members' says nothing of it");
    return found;
}

/* As many entries as there were names, each found once: so there is none that was not asked for. */
static bool open_answer(const char *bytes, size_t size, size_t count, json_t **ret_answer,
                        const json_t **ret_list, struct error *err)
{
    static const char *const keys[] = {"members", NULL};
    json_t *answer JSON_CLEANUP = NULL;
    if (!json_read_object(bytes, size, &answer, err) || !json_only_keys(answer, keys, err))
        return false;
    const json_t *list = json_object_get(answer, "members");
    if (!json_is_array(list) || json_array_size(list) != count) {
        error_set(err, ERROR_PROTOCOL, "'members' is not a list of the %zu that were asked for",
                  count);
        return false;
    }
    *ret_list = list;
    *ret_answer = json_incref(answer);
    return true;
}

bool exec_read_members(const char *bytes, size_t size, const char *const *members, size_t count,
                       struct lb_member_state *ret_states, bool *ret_counts, struct error *err)
{
    static const char *const keys[] = {"member",    "admin",  "health",   "checked", "sessions",
                                       "settle_ms", "weight", "peers_up", NULL};
    struct lb_member_state states[LB_MEMBERS];
    json_t *answer JSON_CLEANUP = NULL;
    const json_t *list;
    bool counts = true;
    CHECK(count <= LB_MEMBERS);
    if (!open_answer(bytes, size, count, &answer, &list, err))
        return false;
    for (size_t i = 0; i < count; i++) {
        const json_t *entry = find_entry(list, members[i], err);
        if (entry == NULL || !json_only_keys(entry, keys, err) ||
            !read_state(entry, &states[i], err)) {
            error_wrap(err, "%s", members[i]);
            return false;
        }
        TEXT_COPY(states[i].member, members[i]);
        counts = counts && json_object_get(entry, "sessions") != NULL;
    }
    memcpy(ret_states, states, count * sizeof(states[0]));
    *ret_counts = counts;
    return true;
}

bool exec_read_sessions(const char *bytes, size_t size, const char *const *members, size_t count,
                        struct lb_member_state *states, struct error *err)
{
    static const char *const keys[] = {"member", "sessions", NULL};
    int64_t sessions[LB_MEMBERS];
    json_t *answer JSON_CLEANUP = NULL;
    const json_t *list;
    CHECK(count <= LB_MEMBERS);
    if (!open_answer(bytes, size, count, &answer, &list, err))
        return false;
    for (size_t i = 0; i < count; i++) {
        const json_t *entry = find_entry(list, members[i], err);
        sessions[i] = -1;
        if (entry == NULL || !json_only_keys(entry, keys, err) ||
            !json_find_integer(entry, "sessions", 0, SESSIONS_MOST, &sessions[i], err)) {
            error_wrap(err, "%s", members[i]);
            return false;
        }
    }
    for (size_t i = 0; i < count; i++)
        states[i].sessions = sessions[i];
    return true;
}

bool exec_read_done(const char *bytes, size_t size, struct error *err)
{
    static const char *const none[] = {NULL};
    json_t *answer JSON_CLEANUP = NULL;
    return json_read_object(bytes, size, &answer, err) && json_only_keys(answer, none, err);
}

/* What a program may say of itself; other codes are about things it knows nothing of. */
static const enum error_code codes[] = {ERROR_INVALID,  ERROR_NOT_FOUND, ERROR_DENIED,
                                        ERROR_CONFLICT, ERROR_BUSY,      ERROR_UNAVAILABLE,
                                        ERROR_TIMEOUT,  ERROR_PROTOCOL};

static bool find_code(const char *name, enum error_code *ret_code)
{
    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
        if (!text_equal(name, error_code_name(codes[i])))
            continue;
        *ret_code = codes[i];
        return true;
    }
    return false;
}

/* Text from outside, fit to stand in a message: one line, without what a terminal would obey. */
static void make_printable(char *text)
{
    for (; *text != '\0'; text++) {
        if ((unsigned char)*text < ' ' || *text == '\x7f')
            *text = ' ';
    }
}

/* Texts that are too long are cut: they must not cost the code, which decides what happens. */
static bool take_error(const json_t *answer, struct error *err)
{
    static const char *const outer[] = {"error", NULL};
    static const char *const inner[] = {"code", "message", "hint", NULL};
    char name[WORD_SIZE];
    struct error ignored;
    enum error_code code;
    const json_t *told = json_object_get(answer, "error");
    if (!json_is_object(told) || !json_only_keys(answer, outer, &ignored) ||
        !json_only_keys(told, inner, &ignored) ||
        !json_get_text(told, "code", name, sizeof(name), &ignored) || !find_code(name, &code))
        return false;
    const char *message = json_string_value(json_object_get(told, "message"));
    const char *hint = json_string_value(json_object_get(told, "hint"));
    if (message == NULL || message[0] == '\0')
        return false;
    error_set(err, code, "%s", message);
    make_printable(err->message);
    error_hint(err, "%s", hint != NULL ? hint : "");
    make_printable(err->hint);
    return true;
}

/* The line that begins at `text`, as much of it as fits. */
static void copy_line(const char *text, char line[LINE_SIZE])
{
    size_t length = strcspn(text, "\r\n");
    if (length >= LINE_SIZE)
        length = LINE_SIZE - 1;
    memcpy(line, text, length);
    line[length] = '\0';
    make_printable(line);
}

/* The last line that is not empty; `text` itself where there is no other. */
static const char *last_line(const char *text)
{
    const char *last = text;
    while (*text != '\0') {
        last = text;
        text += strcspn(text, "\r\n");
        text += strspn(text, " \t\r\n");
    }
    return last;
}

/* The first line of standard error says what failed, as a rule; of a traceback it is the last. */
static void set_unexplained(const struct buffer *errors, int exit_status, struct error *err)
{
    char first[LINE_SIZE], last[LINE_SIZE] = "";
    const char *text = buffer_text(errors);
    text += strspn(text, " \t\r\n");
    copy_line(text, first);
    if (last_line(text) != text)
        copy_line(last_line(text), last);
    error_set(err, ERROR_PROTOCOL,
              "exit status %d and no error that is understood; it says: %s%s%s", exit_status,
              first[0] != '\0' ? first : "nothing", last[0] != '\0' ? " … " : "", last);
    error_hint(err, "run it by hand; lb-drivers/README.md has what a program must answer");
}

void exec_read_error(const struct buffer *output, const struct buffer *errors, int exit_status,
                     struct error *err)
{
    json_t *answer JSON_CLEANUP = NULL;
    struct error ignored;
    if (!json_read_object(buffer_text(output), output->length, &answer, &ignored) ||
        !take_error(answer, err))
        set_unexplained(errors, exit_status, err);
}
