/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two real NGINX masters on this host, each with two workers. The first has its servers in the main
 * file, the second in files that are included in the groups. NGINX has no port to be asked at: what
 * it runs is read from its files and its processes.
 */
#include "contract.h"

#include "check.h"
#include "nginx_server.h"

#include <stdio.h>
#include <string.h>

#define PROCESSES  2
#define NAME_SIZE  64
#define GROUP_SIZE 1024

static struct nginx_server servers[PROCESSES];
static char http_names[NODE_COUNT][NAME_SIZE];
static char ssh_names[NODE_COUNT][NAME_SIZE];
static char held_name[NAME_SIZE];

static void write_servers(int (*port)(size_t node), char text[GROUP_SIZE])
{
    size_t length = 0;

    for (size_t i = 0; i < NODE_COUNT; i++)
        length += (size_t)snprintf(text + length, GROUP_SIZE - length,
                                   "        server 127.0.0.1:%d max_fails=0; # %s\n", port(i),
                                   node_name(i));
}

/* The zone has both workers take turns together. */
static void write_group(const char *name, const char *content, char text[2 * GROUP_SIZE])
{
    snprintf(text, 2 * (size_t)GROUP_SIZE, "    upstream %s {\n        zone %s 64k;\n%s    }\n",
             name, name, content);
}

static void write_file(const struct nginx_server *server, const char *name, const char *text)
{
    char path[LIMIT_PATH + NAME_SIZE];

    snprintf(path, sizeof(path), "%s/%s", server->directory, name);
    FILE *file = fopen(path, "we");
    CHECK(file != NULL && fputs(text, file) >= 0 && fclose(file) == 0);
}

static void make_server(struct nginx_server *server, bool is_included)
{
    char http[GROUP_SIZE], ssh[GROUP_SIZE], held[NAME_SIZE * 2];
    char http_group[2 * GROUP_SIZE], stream[4 * GROUP_SIZE], ssh_group[2 * GROUP_SIZE];

    write_servers(node_http_port, http);
    write_servers(node_ssh_port, ssh);
    write_group("bb_http", is_included ? "        include servers/http*.conf;\n" : http,
                http_group);
    write_group("bb_ssh", is_included ? "        include servers/ssh.conf;\n" : ssh, ssh_group);
    snprintf(held, sizeof(held), "    upstream bb_held { server 127.0.0.1:%d down; }\n",
             node_ssh_port(0));
    snprintf(stream, sizeof(stream), "%s%s", ssh_group, held);
    nginx_server_make(server, http_group, stream);
    if (!is_included)
        return;
    write_file(server, "servers/http-nodes.conf", http);
    write_file(server, "servers/ssh.conf", ssh);
}

static bool answers(const void *index)
{
    struct lb lb = contract_one_process(*(const size_t *)index);
    struct lb_member_state state;
    struct error err;

    return lb.driver->read_members(&lb, &contract_fixture.http_members[0], 1,
                                   deadline_after_ms(CALL_MS), &state, &err);
}

static void start_process(size_t index)
{
    nginx_server_start(&servers[index]);
    CHECK(contract_eventually(answers, &index));
}

static void stop_process(size_t index)
{
    nginx_server_kill(&servers[index]);
}

static void start(struct lb *ret_lb)
{
    for (size_t i = 0; i < NODE_COUNT; i++) {
        snprintf(http_names[i], NAME_SIZE, "bb_http/127.0.0.1:%d", node_http_port(i));
        snprintf(ssh_names[i], NAME_SIZE, "stream:bb_ssh/127.0.0.1:%d", node_ssh_port(i));
    }
    snprintf(held_name, NAME_SIZE, "bb_held/127.0.0.1:%d", node_ssh_port(0));
    *ret_lb = (struct lb){.driver = lb_driver_find("nginx"), .name = "contract"};
    ret_lb->options.address_count = PROCESSES;
    for (size_t i = 0; i < PROCESSES; i++) {
        make_server(&servers[i], i > 0);
        snprintf(ret_lb->options.addresses[i], LIMIT_PATH, "local:%.200s", servers[i].config);
    }
    for (size_t i = 0; i < PROCESSES; i++)
        start_process(i);
}

static void stop(void)
{
    for (size_t i = 0; i < PROCESSES; i++)
        nginx_server_remove(&servers[i]);
}

static int http_port(size_t index)
{
    return nginx_server_http_port(&servers[index]);
}

static int ssh_port(size_t index)
{
    return nginx_server_ssh_port(&servers[index]);
}

static const char *const malformed_members[] = {
    "",
    "bb_http",
    "bb_http/",
    "/10.0.0.11:7990",
    "bb_http/10.0.0.11/7990",
    "mail:bb_http/10.0.0.11:7990",
    "http:/10.0.0.11:7990",
    "bb http/10.0.0.11:7990",
    "bb_http/10.0.0.11:7990 down",
    "bb_http/10.0.0.11:7990;",
    "bb_http/10.0.0.11:7990\n",
    "bb_http/n\xc3\xa9:7990",
    NULL,
};

static const char *const malformed_addresses[] = {
    "",
    "local:",
    "local:nginx.conf",
    "local:/etc/nginx/",
    "/etc/nginx/nginx.conf",
    "agent:lb1",
    "local:/etc/nginx/nginx.conf\n",
    "http://lb1/",
    NULL,
};

const struct contract_fixture contract_fixture = {
    .driver = "nginx",
    .http_members = {http_names[0], http_names[1], http_names[2]},
    .ssh_members = {ssh_names[0], ssh_names[1], ssh_names[2]},
    .unknown_member = "bb_http/127.0.0.1:1",
    .unknown_group = "bb_nowhere/127.0.0.1:1",
    .held_member = held_name,
    .malformed_members = malformed_members,
    .malformed_addresses = malformed_addresses,
    .start = start,
    .stop = stop,
    .stop_process = stop_process,
    .start_process = start_process,
    .http_port = http_port,
    .ssh_port = ssh_port,
    .knows_weight = true,
};
