/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any other load balancer, through a program of the operator's that is run for every question and
 * every change, once at each address. README.md is the contract with the program.
 *
 * The program is believed as little as a server is: what it says it has done is read back through
 * it, and before traffic is taken away it must know all members at every address.
 */
#include "lb_registry.h"

#include "check.h"
#include "exec_answer.h"
#include "exec_program.h"
#include "lb_addresses.h"
#include "text.h"

#include <string.h>

static const char *const sessions_words[] = {"counted", "unknown", NULL};

static const struct lb_setting settings[] = {
    [EXEC_PROGRAM] = {.key = "program", .kind = LB_SETTING_PATH},
    [EXEC_SESSIONS] = {.key = "sessions",
                       .kind = LB_SETTING_WORD,
                       .fallback = "counted",
                       .words = sessions_words},
    [EXEC_USER] = {.key = "user", .kind = LB_SETTING_TEXT},
};
_Static_assert(sizeof(settings) / sizeof(settings[0]) == EXEC_SETTING_COUNT, "one row a setting");

static bool is_blind_with(const struct lb_options *options)
{
    return lb_setting_is(options, EXEC_SESSIONS, "unknown");
}

/* UTF-8 without control characters, as JSON and a message can hold it. */
static bool is_printable(const char *text)
{
    if (text[0] == '\0')
        return false;
    while (*text != '\0') {
        size_t size = text_utf8_size(text);
        if (size == 0 || (unsigned char)*text < ' ' || *text == '\x7f')
            return false;
        text += size;
    }
    return true;
}

static bool check_member(const char *member, struct error *err)
{
    if (is_printable(member) && strlen(member) < LB_MEMBER)
        return true;
    error_set(err, ERROR_INVALID, "'%.150s' is no name of a member", member);
    error_hint(err,
               "write it as the program knows it: UTF-8, at most %d bytes, no control "
               "characters",
               LB_MEMBER - 1);
    return false;
}

/* "https://user:secret@host" would show the secret to everybody who can list processes. */
static bool has_password(const char *address)
{
    const char *host = strstr(address, "://");
    size_t length = host != NULL ? strcspn(host + 3, "/?#") : 0;
    return host != NULL && memchr(host + 3, '@', length) != NULL;
}

static bool check_address(const char *address, struct error *err)
{
    if (has_password(address)) {
        error_set(err, ERROR_INVALID, "an address with a user or a password in it");
        error_hint(err, "addresses are arguments, which everybody on the host can read: put it "
                        "into 'credentials'");
        return false;
    }
    if (is_printable(address) && address[0] != '-')
        return true;
    error_set(err, ERROR_INVALID, "'%.200s' is no address for a program", address);
    error_hint(err, "write what the program takes as its second argument: UTF-8, no control "
                    "characters, no '-' at the beginning");
    return false;
}

static bool check_program(const struct lb_options *options, struct error *err)
{
    const char *program = options->values[EXEC_PROGRAM];
    if (program != NULL && program[0] == '/')
        return true;
    error_set(err, ERROR_INVALID, "the driver exec needs 'program', the absolute path of one");
    error_hint(err, "lb-drivers/README.md says what it has to answer");
    return false;
}

static bool check_credentials(const struct credentials *credentials, struct error *err)
{
    if (credentials->password_env[0] == '\0' && credentials->token_env[0] == '\0')
        return true;
    error_set(err, ERROR_INVALID, "a program gets no secret from the controller's environment");
    error_hint(err, "name a file that the program's user can read: password_file or token_file");
    return false;
}

static bool check_options(const struct lb_options *options, struct error *err)
{
    if (!lb_check_addresses(options, LB_ADDRESSES, err))
        return false;
    for (size_t i = 0; i < options->address_count; i++)
        if (!check_address(options->addresses[i], err))
            return false;
    return check_program(options, err) && check_credentials(&options->credentials, err);
}

/* What is to be done at each address. */
struct job {
    const char *const *members;
    size_t count;
    enum lb_admin admin;                       /* to set */
    bool is_counting;                          /* sessions are wanted */
    bool is_first;                             /* no address has been read yet */
    struct lb_member_state states[LB_MEMBERS]; /* as read so far, over addresses */
};

static bool job_init(struct job *job, const char *const *members, size_t count, struct error *err)
{
    CHECK(count <= LB_MEMBERS);
    *job = (struct job){.members = members, .count = count, .is_first = true};
    for (size_t i = 0; i < count; i++)
        if (!check_member(members[i], err))
            return false;
    return true;
}

static bool count_sessions(const struct lb *lb, const char *address, const struct job *job,
                           struct deadline deadline, struct lb_member_state *states,
                           struct error *err)
{
    struct buffer answer BUFFER_CLEANUP = {0};
    if (!exec_call(lb, address, "sessions", job->members, job->count, deadline, &answer, err))
        return false;
    if (exec_read_sessions(buffer_text(&answer), answer.length, job->members, job->count, states,
                           err))
        return true;
    error_wrap(err, "sessions");
    return false;
}

/* Sessions are asked for by themselves only where they are wanted and the first answer leaves them
 * out: on some devices counting is what takes the time. */
static bool ask_members(const struct lb *lb, const char *address, const struct job *job,
                        struct deadline deadline, struct lb_member_state *ret_states,
                        struct error *err)
{
    struct buffer answer BUFFER_CLEANUP = {0};
    bool has_sessions;
    if (!exec_call(lb, address, "members", job->members, job->count, deadline, &answer, err))
        return false;
    if (!exec_read_members(buffer_text(&answer), answer.length, job->members, job->count,
                           ret_states, &has_sessions, err)) {
        error_wrap(err, "members");
        return false;
    }
    if (job->is_counting && !has_sessions &&
        !count_sessions(lb, address, job, deadline, ret_states, err))
        return false;
    for (size_t i = 0; i < job->count && !job->is_counting; i++)
        ret_states[i].sessions = -1;
    return true;
}

static bool read_at_address(const struct lb *lb, size_t address, void *context,
                            struct deadline deadline, struct error *err)
{
    struct job *job = context;
    struct lb_member_state states[LB_MEMBERS];
    if (!ask_members(lb, lb->options.addresses[address], job, deadline, states, err))
        return false;
    for (size_t i = 0; i < job->count; i++)
        lb_state_collect(&job->states[i], &states[i], job->is_first);
    job->is_first = false;
    return true;
}

static bool read_members(const struct lb *lb, const char *const *members, size_t count,
                         struct deadline deadline, struct lb_member_state *ret_states,
                         struct error *err)
{
    struct job job;
    if (!job_init(&job, members, count, err))
        return false;
    job.is_counting = !is_blind_with(&lb->options);
    if (!lb_at_each_address(lb, &job, deadline, read_at_address, false, err))
        return false;
    memcpy(ret_states, job.states, count * sizeof(job.states[0]));
    return true;
}

static bool check_obeyed(const struct job *job, const struct lb_member_state *states,
                         struct error *err)
{
    for (size_t i = 0; i < job->count; i++) {
        if (lb_is_obeyed(job->admin, states[i].admin))
            continue;
        error_set(err, ERROR_CONFLICT, "%s was set to %s and reads back as %s", job->members[i],
                  lb_admin_name(job->admin), lb_admin_name(states[i].admin));
        error_hint(err, "somebody else changed it, or the program says that it is done too early: "
                        "it must say 'busy' until the change is in force");
        return false;
    }
    return true;
}

static bool change(const struct lb *lb, const char *address, const struct job *job,
                   struct deadline deadline, struct error *err)
{
    const char *verb = lb_admin_name(job->admin); /* the words are the same */
    struct buffer answer BUFFER_CLEANUP = {0};
    if (!exec_call(lb, address, verb, job->members, job->count, deadline, &answer, err))
        return false;
    if (exec_read_done(buffer_text(&answer), answer.length, err))
        return true;
    error_wrap(err, "%s", verb);
    return false;
}

static bool set_at_address(const struct lb *lb, size_t index, void *context,
                           struct deadline deadline, struct error *err)
{
    const char *address = lb->options.addresses[index];
    const struct job *job = context;
    struct lb_member_state states[LB_MEMBERS];
    return change(lb, address, job, deadline, err) &&
           ask_members(lb, address, job, deadline, states, err) && check_obeyed(job, states, err);
}

/* Traffic is taken away from members only when every address answers and knows them; it is given
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

const struct lb_driver lb_exec_driver = {
    .name = "exec",
    .settings = settings,
    .setting_count = EXEC_SETTING_COUNT,
    .takes_credentials = true,
    .change_ms = 120000,
    .compare_ms = 5000,
    .look_ms = 1000,
    .check_options = check_options,
    .check_member = check_member,
    .is_blind_with = is_blind_with,
    .read_members = read_members,
    .set_members = set_members,
};
