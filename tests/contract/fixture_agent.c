/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The driver `agent`: two agents, each with a HAProxy of its own. What the driver says to an agent
 * goes through the codec and is carried out by the real driver in front of the real HAProxy, as the
 * agent does it; only Redis and the two daemons are left out.
 */
#include "contract.h"

#include "haproxy_server.h"

#include "lb_serve.h"
#include "lb_transport.h"
#include "memory.h"
#include "message_codec.h"
#include "text.h"

#include <string.h>

#define POWERLESS "looker" /* an agent whose HAProxy lets it look and not touch */

#define AGENTS 2

static const char *const agents[AGENTS] = {"lb1", "lb2"};
static struct lb_options servers; /* of their HAProxy processes */

/* What the agent of that name has in its configuration; false if there is no such agent. */
static bool configure(const char *agent, struct lb *ret_lb)
{
    *ret_lb = (struct lb){.driver = lb_driver_find("haproxy"), .name = "edge"};
    ret_lb->options.address_count = 1;
    for (size_t i = 0; i < AGENTS; i++) {
        if (!text_equal(agent, agents[i]))
            continue;
        (void)TEXT_COPY(ret_lb->options.addresses[0], servers.addresses[i]);
        return true;
    }
    haproxy_server_user_address(ret_lb->options.addresses[0]);
    return text_equal(agent, POWERLESS);
}

static bool over_the_wire(const struct command *command, struct command *ret_read,
                          struct error *err)
{
    FREE_CLEANUP char *text = command_write(command);
    return command_read(text, strlen(text), ret_read, err);
}

static bool and_back(const struct report *report, struct report *ret_read, struct error *err)
{
    FREE_CLEANUP char *text = report_write(report);
    return report_read(text, strlen(text), ret_read, err);
}

static struct report carry_out(const struct lb *lb, const struct command *command,
                               struct deadline deadline)
{
    struct report report = {.verb = command->verb, .connections = -1, .bytes_total = -1};
    TEXT_COPY(report.command_id, command->id);
    TEXT_COPY(report.cluster, command->cluster);
    TEXT_COPY(report.node, command->node);
    report.kind =
        lb_serve(lb, command, deadline, &report, &report.error) ? REPORT_DONE : REPORT_FAILED;
    return report;
}

static bool call(void *context, const struct command *command, struct deadline deadline,
                 struct report *ret_report, struct error *err)
{
    struct command sent = *command, received;
    struct lb lb;

    (void)context;
    if (!configure(command->node, &lb) || !text_equal(command->load_balancer, lb.name)) {
        error_set(err, ERROR_NOT_FOUND, "no such agent or load balancer");
        return false;
    }
    TEXT_COPY(sent.id, "lb.edge.1");
    TEXT_COPY(sent.cluster, "git");
    sent.deadline_ms = CALL_MS;
    if (!over_the_wire(&sent, &received, err))
        return false;
    lb_open(&lb);
    const struct report report = carry_out(&lb, &received, deadline);
    lb_close(&lb);
    if (!and_back(&report, ret_report, err))
        return false;
    if (ret_report->kind == REPORT_DONE)
        return true;
    *err = ret_report->error;
    return false;
}

static const struct lb_transport transport = {.call = call};

static void start(struct lb *ret_lb)
{
    *ret_lb =
        (struct lb){.driver = lb_driver_find("agent"), .name = "edge", .transport = &transport};
    ret_lb->options.address_count = AGENTS;
    for (size_t i = 0; i < AGENTS; i++)
        TEXT_COPY(ret_lb->options.addresses[i], agents[i]);
    haproxy_server_start(&servers, AGENTS);
}

static void write_powerless_address(char address[LIMIT_PATH])
{
    text_copy(address, LIMIT_PATH, POWERLESS);
}

/* What else is no member is for the driver at the agent to say. */
static const char *const malformed_members[] = {
    "", "bb_http/n1\nset server bb_http/n2 state maint", "bb_http/n1\x1b[2J", "bb_http/n\xe9", NULL,
};

static const char *const malformed_addresses[] = {
    "",   "unix:/run/haproxy/admin.sock", "tcp:lb1:9999", "lb 1", "-lb1", "lb1/lb2", "l\xc3\xb6",
    NULL,
};

const struct contract_fixture contract_fixture = {
    .driver = "agent",
    .http_members = {"bb_http/n1", "bb_http/n2", "bb_http/n3"},
    .ssh_members = {"bb_ssh/n1", "bb_ssh/n2", "bb_ssh/n3"},
    .unknown_member = "bb_http/n9",
    .unknown_group = "bb_nowhere/n1",
    .held_member = "bb_held/n1",
    .malformed_members = malformed_members,
    .malformed_addresses = malformed_addresses,
    .start = start,
    .stop = haproxy_server_stop,
    .stop_process = haproxy_server_stop_process,
    .start_process = haproxy_server_start_process,
    .http_port = haproxy_server_http_port,
    .ssh_port = haproxy_server_ssh_port,
    .write_powerless_address = write_powerless_address,
    .has_drain = true,
    .checks_health = true,
    .knows_weight = true,
    .is_sticky = true,
    .drain_admits_sticky = true,
    .down_closes_idle = true,
};
