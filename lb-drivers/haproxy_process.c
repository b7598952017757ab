/* SPDX-License-Identifier: Apache-2.0 */
#include "haproxy_process.h"

#include "file.h"
#include "haproxy_socket.h"
#include "text.h"

#include <inttypes.h>
#include <stdio.h>

#define COMMAND_SIZE (2 * LB_MEMBER + 64) /* a member and the words around it */
#define STATE_MODE   0644                 /* HAProxy reads it before it gives up being root */

bool haproxy_is_master(const char *address)
{
    return text_starts_with(address, "master:");
}

static void init(struct haproxy_process *process, const char *address, struct deadline deadline)
{
    *process = (struct haproxy_process){.address = address, .deadline = deadline};
    buffer_init(&process->states, LIMIT_LB_BYTES);
    buffer_init(&process->stats, LIMIT_LB_BYTES);
}

/* A master counts its workers from 1, and the one that serves comes first. */
void haproxy_process_init(struct haproxy_process *process, const char *address,
                          struct deadline deadline)
{
    init(process, address, deadline);
    if (haproxy_is_master(address))
        (void)TEXT_COPY(process->prefix, "@1 ");
}

void haproxy_process_init_old(struct haproxy_process *process, const char *address,
                              struct deadline deadline, uint64_t pid)
{
    init(process, address, deadline);
    (void)snprintf(process->prefix, sizeof(process->prefix), "@!%" PRIu64 " ", pid);
}

void haproxy_process_done(struct haproxy_process *process)
{
    buffer_done(&process->states);
    buffer_done(&process->stats);
}

static void forget(struct haproxy_process *process)
{
    process->backend[0] = '\0';
    buffer_clear(&process->states);
    buffer_clear(&process->stats);
}

bool haproxy_process_ask(const struct haproxy_process *process, const char *words, const char *name,
                         struct buffer *ret_answer, struct error *err)
{
    char question[COMMAND_SIZE];
    (void)snprintf(question, sizeof(question), "%s%s%s", process->prefix, words, name);
    return haproxy_ask(process->address, question, process->deadline, ret_answer, err);
}

bool haproxy_process_tell(struct haproxy_process *process, const char *words, const char *name,
                          struct error *err)
{
    char command[COMMAND_SIZE];
    forget(process);
    (void)snprintf(command, sizeof(command), "%s%s%s", process->prefix, words, name);
    return haproxy_order(process->address, command, process->deadline, err);
}

bool haproxy_process_state(struct haproxy_process *process, const struct haproxy_member *member,
                           struct haproxy_state *ret_state, struct error *err)
{
    if (!text_equal(process->backend, member->backend)) {
        forget(process);
        if (!haproxy_process_ask(process, "show servers state ", member->backend, &process->states,
                                 err))
            return false;
        TEXT_COPY(process->backend, member->backend);
    }
    return haproxy_read_state(buffer_text(&process->states), process->states.length,
                              member->backend, member->server, ret_state, err);
}

/* Asks by the backend's number, since a frontend may have the same name; 4 = servers only, -1 = all
 * of them. */
bool haproxy_process_stat(struct haproxy_process *process, const struct haproxy_member *member,
                          const struct haproxy_state *state, struct haproxy_stat *ret_stat,
                          struct error *err)
{
    char which[32];

    if (process->stats.length == 0) {
        (void)snprintf(which, sizeof(which), "%" PRIu64 " 4 -1", state->backend_id);
        if (!haproxy_process_ask(process, "show stat ", which, &process->stats, err))
            return false;
    }
    if (haproxy_read_stat(buffer_text(&process->stats), process->stats.length, member->backend,
                          member->server, ret_stat, err))
        return true;
    if (err->code == ERROR_NOT_FOUND)
        error_set(err, ERROR_UNAVAILABLE, "gone between two questions: HAProxy was reloaded");
    return false;
}

bool haproxy_process_order(struct haproxy_process *process, const struct haproxy_member *member,
                           const char *verb, const char *rest, struct error *err)
{
    char name[COMMAND_SIZE];
    (void)snprintf(name, sizeof(name), " %s/%s%s", member->backend, member->server, rest);
    return haproxy_process_tell(process, verb, name, err);
}

bool haproxy_process_save(struct haproxy_process *process, const char *path, struct error *err)
{
    struct buffer answer BUFFER_CLEANUP = {0};

    buffer_init(&answer, LIMIT_LB_BYTES);
    if (haproxy_process_ask(process, "show servers state", "", &answer, err) &&
        haproxy_check_states(buffer_text(&answer), answer.length, err) &&
        file_replace(path, buffer_text(&answer), answer.length, STATE_MODE, err))
        return true;
    error_wrap(err, "state_file %s", path);
    error_hint(err, "a reload of HAProxy would bring back an old state: let the controller write "
                    "there");
    return false;
}
