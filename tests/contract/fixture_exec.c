/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A program of the operator's in front of the same HAProxy processes that the driver for them
 * meets: all that the contract asks for has to come through the program's few words.
 */
#include "contract.h"
#include "haproxy_server.h"

static void start(struct lb *ret_lb)
{
    static char program[] = CONTRACT_EXEC_PROGRAM, sessions[] = "counted";

    *ret_lb = (struct lb){.driver = lb_driver_find("exec"), .name = "contract"};
    ret_lb->options.values[0] = program; /* in the order of the driver's table */
    ret_lb->options.values[1] = sessions;
    haproxy_server_start(&ret_lb->options, 2);
}

static const char *const malformed_members[] = {
    "", "bb_http/n1\n", "\tbb_http/n1", "bb_http/n1\x7f", "bb_http/n\xe9", "\xff", NULL,
};

static const char *const malformed_addresses[] = {
    "",
    "-v",
    "--help",
    "lb1\n",
    "lb\xe9",
    "https://admin:secret@lb1",
    "https://admin@lb1:8443/mgmt",
    NULL,
};

const struct contract_fixture contract_fixture = {
    .driver = "exec",
    .http_members = {"bb_http/n1", "bb_http/n2", "bb_http/n3"},
    .ssh_members = {"bb_ssh/n1", "bb_ssh/n2", "bb_ssh/n3"},
    .unknown_member = "bb_http/n9",
    .unknown_group = "bb_nowhere/n1",
    .held_member = "bb_held/n1",
    .malformed_members = malformed_members,
    .malformed_addresses = malformed_addresses,
    .plausible_answer = "1\n# be_id be_name srv_id srv_name srv_admin_state srv_uweight "
                        "srv_check_state srv_agent_state\n3 bb_http 1 n1 1 1 6 0\n",
    .plausible_line = "3 bb_http 1 n1 1 1 6 0\n",
    .start = start,
    .stop = haproxy_server_stop,
    .stop_process = haproxy_server_stop_process,
    .start_process = haproxy_server_start_process,
    .http_port = haproxy_server_http_port,
    .ssh_port = haproxy_server_ssh_port,
    .write_address = haproxy_server_address,
    .write_powerless_address = haproxy_server_user_address,
    .has_drain = true,
    .checks_health = true,
    .knows_weight = true,
    .is_sticky = true,
    .drain_admits_sticky = true,
    .down_closes_idle = true,
};
