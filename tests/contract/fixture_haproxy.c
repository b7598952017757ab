/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Three real HAProxy processes that are set alike.
 */
#include "cases_haproxy.h"

static void start(struct lb *ret_lb)
{
    *ret_lb = (struct lb){.driver = lb_driver_find("haproxy"), .name = "contract"};
    haproxy_server_start(&ret_lb->options, HAPROXY_PROCESSES);
}

static const char *const malformed_members[] = {
    "",
    "bb_http",
    "bb_http/",
    "/n1",
    "bb_http/n1/n2",
    "bb_http/n1 state ready",
    "bb_http/n1;set server bb_http/n2 state maint",
    "bb_http/n1\nset server bb_http/n2 state maint",
    "bb_http/n\xc3\xa9",
    NULL,
};

static const char *const malformed_addresses[] = {
    "",
    "/run/haproxy/admin.sock",
    "unix:",
    "master:",
    "master:haproxy-master.sock",
    "unix:run/haproxy/admin.sock",
    "unix:/0123456789012345678901234567890123456789012345678901234567890123456789"
    "01234567890123456789012345678901234567890",
    "tcp:",
    "tcp:lb1",
    "tcp::9999",
    "tcp:lb1:",
    "tcp:lb1:0",
    "tcp:lb1:65536",
    "tcp:lb1:http",
    "tcp:::1:9999",
    "tcp:[::1:9999",
    "tcp:[]:9999",
    "http://lb1:9999",
    NULL,
};

const struct contract_fixture contract_fixture = {
    .driver = "haproxy",
    .http_members = {"bb_http/n1", "bb_http/n2", "bb_http/n3"},
    .ssh_members = {"bb_ssh/n1", "bb_ssh/n2", "bb_ssh/n3"},
    .unknown_member = "bb_http/n9",
    .unknown_group = "bb_nowhere/n1",
    .held_member = "bb_held/n1",
    .malformed_members = malformed_members,
    .malformed_addresses = malformed_addresses,
    .plausible_answer = "1\n# be_id be_name srv_id srv_name srv_admin_state srv_uweight "
                        "srv_iweight srv_time_since_last_change srv_check_state srv_agent_state\n3 "
                        "bb_http 1 n1 1 1 1 9 6 0\n",
    .plausible_line = "3 bb_http 1 n1 1 1 1 9 6 0\n",
    .run_own = haproxy_run_cases,
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
