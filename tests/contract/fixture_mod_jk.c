/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two real Apache httpds with mod_jk that are set alike. The nodes speak AJP through a gateway.
 */
#include "contract.h"

#include "ajp_gateway.h"
#include "check.h"
#include "httpd.h"

#include <stdio.h>
#include <string.h>

#define SERVERS 2

static struct httpd servers[SERVERS];

static void write_workers(const struct httpd *httpd)
{
    char path[LIMIT_PATH];
    snprintf(path, sizeof(path), "%s/workers.properties", httpd->directory);
    FILE *file = fopen(path, "we");

    CHECK(file != NULL);
    fprintf(file, "worker.list=bitbucket,jkstatus,jkview\n"
                  "worker.jkstatus.type=status\n"
                  "worker.jkview.type=status\nworker.jkview.read_only=True\n"
                  "worker.bitbucket.type=lb\nworker.bitbucket.balance_workers=n1,n2,n3\n"
                  "worker.bitbucket.method=Busyness\nworker.bitbucket.recovery_options=3\n");
    for (size_t i = 0; i < NODE_COUNT; i++)
        fprintf(file,
                "worker.%s.type=ajp13\nworker.%s.host=127.0.0.1\nworker.%s.port=%d\n"
                "worker.%s.recovery_options=3\n",
                node_name(i), node_name(i), node_name(i), ajp_gateway_port(i), node_name(i));
    CHECK(fclose(file) == 0);
}

static void write_config(const struct httpd *httpd, FILE *file)
{
    write_workers(httpd);
    httpd_write_module(file, "jk");
    fprintf(file, "JkWorkersFile workers.properties\nJkShmFile jk.shm\nJkLogFile jk.log\n"
                  "JkMount /jkstatus jkstatus\nJkMount /jkview jkview\nJkMount /* bitbucket\n");
}

static bool answers(const void *index)
{
    struct lb lb = contract_one_process(*(const size_t *)index);
    const char *member = contract_fixture.http_members[0];
    struct lb_member_state state;
    struct error err;

    return lb.driver->read_members(&lb, &member, 1, deadline_after_ms(CALL_MS), &state, &err);
}

static void start_process(size_t index)
{
    httpd_start(&servers[index]);
    CHECK(contract_eventually(answers, &index));
}

static void stop_process(size_t index)
{
    httpd_kill(&servers[index]);
}

static void write_address(int port, char address[LIMIT_PATH])
{
    snprintf(address, LIMIT_PATH, "http://127.0.0.1:%d/jkstatus", port);
}

static void write_powerless_address(char address[LIMIT_PATH])
{
    snprintf(address, LIMIT_PATH, "http://127.0.0.1:%d/jkview", servers[0].port);
}

static void start(struct lb *ret_lb)
{
    ajp_gateway_start();
    *ret_lb = (struct lb){.driver = lb_driver_find("mod_jk"), .name = "contract"};
    ret_lb->options.address_count = SERVERS;
    for (size_t i = 0; i < SERVERS; i++) {
        servers[i].write_config = write_config;
        httpd_init(&servers[i]);
        httpd_start(&servers[i]);
        write_address(servers[i].port, ret_lb->options.addresses[i]);
    }
    for (size_t i = 0; i < SERVERS; i++)
        CHECK(contract_eventually(answers, &i));
}

static void stop(void)
{
    for (size_t i = 0; i < SERVERS; i++)
        httpd_done(&servers[i]);
    ajp_gateway_stop();
}

static int http_port(size_t index)
{
    return servers[index].port;
}

static const char *const malformed_members[] = {
    "",
    "bitbucket",
    "bitbucket/",
    "/n1",
    "bitbucket/n1/n2",
    "bitbucket/n*",
    "bitbucket/n?",
    "bitbucket/n1&vwa=s",
    "bitbucket/n1 ",
    "bit bucket/n1",
    "bitbucket/n%31",
    "bitbucket/n\xc3\xa9",
    NULL,
};

static const char *const malformed_addresses[] = {
    "",
    "127.0.0.1:8080",
    "/jkstatus",
    "ftp://lb1/jkstatus",
    "http:///jkstatus",
    "http://lb1:0/jkstatus",
    "http://lb1/jkstatus?cmd=list",
    "http://admin:secret@lb1/jkstatus",
    NULL,
};

#define MEMBER                                                                                     \
    "worker.bitbucket.balance_workers=n1\nworker.n1.activation=ACT\nworker.n1.state=OK\n"          \
    "worker.n1.busy=0\n"

const struct contract_fixture contract_fixture = {
    .driver = "mod_jk",
    .http_members = {"bitbucket/n1", "bitbucket/n2", "bitbucket/n3"},
    .unknown_member = "bitbucket/n",
    .unknown_group = "nowhere/n1",
    .malformed_members = malformed_members,
    .malformed_addresses = malformed_addresses,
    .plausible_answer = "worker.server_name=lb1\nworker.list=bitbucket\n" MEMBER,
    .plausible_line = MEMBER,
    .content_type = "text/plain",
    .start = start,
    .stop = stop,
    .stop_process = stop_process,
    .start_process = start_process,
    .http_port = http_port,
    .write_address = write_address,
    .write_powerless_address = write_powerless_address,
    .has_drain = true,
    .knows_weight = true,
    .is_sticky = true,
    .drain_admits_sticky = true,
};
