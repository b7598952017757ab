/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lb-drivers/haproxy_socket.h: the runtime commands that the driver sends, answered by the
 * simulated processes in the form of HAProxy 2.6. There is one backend, "bb".
 */
#include "haproxy_socket.h"

#include "edge.h"
#include "text.h"
#include "trace.h"

#include <stdio.h>
#include <string.h>

bool haproxy_check_address(const char *address, struct error *err)
{
    (void)address;
    (void)err;
    return true;
}

static bool find(const char *address, struct lb_process **ret_lb, struct error *err)
{
    *ret_lb = lb_process_find(address);
    if (schedule_now_us() >= (*ret_lb)->away_until_us)
        return true;
    error_set(err, ERROR_UNAVAILABLE, "%s: connection refused", address);
    return false;
}

#define ROW_SIZE (LIMIT_NAME + 128)

/* Rows are put together by hand: snprintf(3) takes longer than the driver does to read them. */
static char *put_number(char *at, uint64_t number)
{
    char digits[24];
    size_t count = 0;
    do {
        digits[count++] = (char)('0' + number % 10);
        number /= 10;
    } while (number != 0);
    while (count > 0)
        *at++ = digits[--count];
    *at = '\0';
    return at;
}

static bool tell_state(const struct lb_process *lb, uint32_t node, struct buffer *answer)
{
    char row[ROW_SIZE], *at = stpcpy(row, "3 bb ");
    at = stpcpy(put_number(at, node + 1), " ");
    at = stpcpy(at, world.nodes[node].name);
    at = stpcpy(at, lb->servers[node].is_up ? " 127.0.0.1 2 " : " 127.0.0.1 0 ");
    stpcpy(put_number(at, lb->servers[node].admin), " 100 100 9 6 0\n");
    return buffer_add_text(answer, row);
}

static bool tell_states(const struct lb_process *lb, struct buffer *answer)
{
    bool is_good = buffer_add_text(
        answer,
        "1\n# be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state "
        "srv_uweight srv_iweight srv_time_since_last_change srv_check_state srv_agent_state\n");
    for (uint32_t i = 0; i < world.node_count; i++)
        is_good = is_good && tell_state(lb, i, answer);
    return is_good && buffer_add_text(answer, "\n");
}

static const char *status_of(const struct lb_server *server)
{
    if (server->admin & 1)
        return "MAINT";
    if (!server->is_up)
        return "DOWN";
    return server->admin & 8 ? "DRAIN" : "UP";
}

static bool tell_stat(const struct lb_process *lb, uint32_t node, struct buffer *answer)
{
    char row[ROW_SIZE], *at = stpcpy(row, "bb,");
    at = stpcpy(stpcpy(at, world.nodes[node].name), ",0,");
    at = stpcpy(put_number(at, (uint64_t)lb_sessions(lb, node)), ",");
    stpcpy(stpcpy(at, status_of(&lb->servers[node])), ",100,0,,\n");
    return buffer_add_text(answer, row);
}

static bool tell_stats(const struct lb_process *lb, struct buffer *answer)
{
    bool is_good =
        buffer_add_text(answer, "# pxname,svname,qcur,scur,status,weight,bck,tracked,\n");
    for (uint32_t i = 0; i < world.node_count; i++)
        is_good = is_good && tell_stat(lb, i, answer);
    return is_good && buffer_add_text(answer, "\n");
}

bool haproxy_ask(const char *address, const char *command, struct deadline deadline,
                 struct buffer *ret_answer, struct error *err)
{
    struct lb_process *lb;
    (void)deadline;
    if (!find(address, &lb, err))
        return false;
    bool is_state = strncmp(command, "show servers state", 18) == 0;
    bool is_good = schedule_now_us() < lb->garbage_until_us
                       ? buffer_add_text(ret_answer, "<html>no\n\n")
                       : (is_state ? tell_states(lb, ret_answer) : tell_stats(lb, ret_answer));
    if (!is_good)
        error_set(err, ERROR_FULL, "%s: a long answer", address);
    return is_good;
}

/* "set server bb/NAME state WORD", "shutdown sessions server bb/NAME" */
static bool find_server(const char *command, uint32_t *ret_node)
{
    const char *name = strstr(command, "bb/");
    if (name == NULL)
        return false;
    name += strlen("bb/");
    size_t size = strcspn(name, " ");
    for (uint32_t i = 0; i < world.node_count; i++)
        if (strlen(world.nodes[i].name) == size && strncmp(world.nodes[i].name, name, size) == 0) {
            *ret_node = i;
            return true;
        }
    return false;
}

static void set_state(struct lb_process *lb, uint32_t node, const char *word)
{
    struct lb_server *server = &lb->servers[node];
    bool took_new = lb_sends_new(lb, node);
    unsigned before = server->admin;
    server->admin = strcmp(word, "maint") == 0 ? 1 : strcmp(word, "drain") == 0 ? 8 : 0;
    if (took_new && server->admin != 0) {
        int64_t left_us = random_between(&world.random, 0, 8 * WORLD_S);
        if (server->busy_until_us < schedule_now_us() + left_us)
            server->busy_until_us = schedule_now_us() + left_us;
    }
    if ((before & 1) && !(server->admin & 1)) { /* HAProxy checks it anew, and shows it up until */
        server->is_up = true;
        server->check_changes_us = schedule_now_us();
    }
}

bool haproxy_order(const char *address, const char *command, struct deadline deadline,
                   struct error *err)
{
    struct lb_process *lb;
    uint32_t node;
    process_boundary("before an order to a load balancer");
    if (deadline_is_over(deadline)) { /* as the real socket asks before it writes */
        error_set(err, ERROR_TIMEOUT, "%s: no time is left", address);
        return false;
    }
    rules_at_order(command);
    if (!find(address, &lb, err))
        return false;
    if (!find_server(command, &node)) {
        error_set(err, ERROR_NOT_FOUND, "%s: No such server.", address);
        return false;
    }
    const char *word = strstr(command, " state ");
    if (lb->lost_orders > 0 && word != NULL) {
        lb->lost_orders--;
        trace_line("%s forgets at once: %s", address, command);
        return true;
    }
    trace_line("%s: %s", address, command);
    if (word != NULL && strcmp(word, " state ready") == 0)
        rules_at_return(lb, node);
    if (word != NULL)
        set_state(lb, node, word + strlen(" state "));
    else
        lb->servers[node].busy_until_us = schedule_now_us();
    process_boundary("after an order to a load balancer");
    if (lb->lost_answers == 0)
        return true;
    lb->lost_answers--;
    error_set(err, ERROR_TIMEOUT, "%s: no answer", address);
    return false;
}
