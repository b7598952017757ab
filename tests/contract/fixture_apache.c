/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two real Apache httpds with mod_proxy_balancer that are set alike. The second keeps its changes
 * over restarts (BalancerPersist), and has a page of mod_status.
 */
#include "contract.h"

#include "check.h"
#include "httpd.h"

#include <stdio.h>
#include <string.h>

#define SERVERS 2

static struct httpd servers[SERVERS];
static struct httpd closed_server; /* its balancers take no changes */
static char members[NODE_COUNT][LB_MEMBER];
static char prefix_member[LB_MEMBER]; /* the first one without its last digit */
static char foreign_member[LB_MEMBER], held_member[LB_MEMBER];

static const char *const modules[] = {
    "headers",        "slotmem_shm",         "proxy",        "proxy_http",
    "proxy_balancer", "lbmethod_bybusyness", "proxy_hcheck", "status",
};

static void write_balancer(const struct httpd *httpd, FILE *file)
{
    fprintf(file,
            "ProxyHCExpr well {%%{REQUEST_STATUS} =~ /^200/}\n<Proxy balancer://bitbucket>\n");
    for (size_t i = 0; i < NODE_COUNT; i++)
        fprintf(file,
                "BalancerMember http://127.0.0.1:%d route=%s retry=1 hcmethod=GET hcuri=/status "
                "hcinterval=100ms hcpasses=1 hcfails=1 hcexpr=well\n",
                node_http_port(i), node_name(i));
    fprintf(file, "ProxySet stickysession=ROUTEID lbmethod=bybusyness%s\n</Proxy>\n",
            httpd == &closed_server ? " nonce=None" : "");
    fprintf(file,
            "<Proxy balancer://held>\nBalancerMember http://127.0.0.1:%d status=+S\n"
            "ProxySet lbmethod=bybusyness\n</Proxy>\n",
            node_http_port(0));
}

static void write_config(const struct httpd *httpd, FILE *file)
{
    for (size_t i = 0; i < sizeof(modules) / sizeof(modules[0]); i++)
        httpd_write_module(file, modules[i]);
    fprintf(file, "BalancerPersist %s\n", httpd == &servers[1] ? "On" : "Off");
    write_balancer(httpd, file);
    fprintf(file, "Header add Set-Cookie \"ROUTEID=.%%{BALANCER_WORKER_ROUTE}e; path=/\" "
                  "env=BALANCER_ROUTE_CHANGED\n"
                  "<Location /balancer-manager>\nSetHandler balancer-manager\n</Location>\n"
                  "<Location /server-status>\nSetHandler server-status\n</Location>\n"
                  "ProxyPass /balancer-manager !\nProxyPass /server-status !\n"
                  "ProxyPass /held balancer://held\nProxyPass / balancer://bitbucket/\n");
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
    snprintf(address, LIMIT_PATH, "http://127.0.0.1:%d/balancer-manager", port);
}

static void write_powerless_address(char address[LIMIT_PATH])
{
    httpd_start(&closed_server);
    write_address(closed_server.port, address);
}

static void write_members(void)
{
    for (size_t i = 0; i < NODE_COUNT; i++)
        snprintf(members[i], sizeof(members[i]), "bitbucket/http://127.0.0.1:%d",
                 node_http_port(i));
    snprintf(prefix_member, sizeof(prefix_member), "%s", members[0]);
    prefix_member[strlen(prefix_member) - 1] = '\0';
    snprintf(foreign_member, sizeof(foreign_member), "bit%s", members[0]);
    snprintf(held_member, sizeof(held_member), "held/http://127.0.0.1:%d", node_http_port(0));
}

static void set_option(struct lb *lb, const char *key, char *value)
{
    for (size_t i = 0; i < lb->driver->setting_count; i++)
        if (strcmp(lb->driver->settings[i].key, key) == 0)
            lb->options.values[i] = value;
}

static void start(struct lb *ret_lb)
{
    static char status_path[] = "/server-status", settle_ms[] = "60000";

    write_members();
    *ret_lb = (struct lb){.driver = lb_driver_find("apache"), .name = "contract"};
    set_option(ret_lb, "status_path", status_path);
    set_option(ret_lb, "restart_settle", settle_ms);
    ret_lb->options.address_count = SERVERS;
    closed_server.write_config = write_config;
    httpd_init(&closed_server);
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
    httpd_done(&closed_server);
}

static int http_port(size_t index)
{
    return servers[index].port;
}

static const char *const malformed_members[] = {
    "",
    "bitbucket",
    "bitbucket/",
    "/http://10.0.0.11:7990",
    "http://10.0.0.11:7990",
    "bitbucket/10.0.0.11:7990",
    "balancer://bitbucket/http://10.0.0.11:7990",
    "bitbucket/http://10.0.0.11:7990&w_status_D=1",
    "bitbucket/http://10.0.0.11:7990?a",
    "bitbucket/http://10.0.0.11:7990/%41",
    "bitbucket/http://10.0.0.11:7990 ",
    "bit bucket/http://10.0.0.11:7990",
    "bit&bucket/http://10.0.0.11:7990",
    "bitbucket/http://user:password@10.0.0.11:7990",
    "bitbucket/http://10.0.0.11:7990\nb=x",
    "bitbucket/http://n\xc3\xa9",
    NULL,
};

static const char *const malformed_addresses[] = {
    "",
    "127.0.0.1:8080",
    "/balancer-manager",
    "ftp://lb1/balancer-manager",
    "http:///balancer-manager",
    "http://lb1:0/balancer-manager",
    "http://lb1/balancer-manager?xml=1",
    "http://admin:secret@lb1/balancer-manager",
    "http://lb1/balancer manager",
    NULL,
};

#define WORKER                                                                                     \
    "<httpd:worker><httpd:name>http://10.0.0.11:7990</httpd:name><httpd:status>Init Ok "           \
    "</httpd:status><httpd:busy>0</httpd:busy></httpd:worker>\n"

const struct contract_fixture contract_fixture = {
    .driver = "apache",
    .http_members = {members[0], members[1], members[2]},
    .unknown_member = prefix_member,
    .unknown_group = foreign_member,
    .held_member = held_member,
    .malformed_members = malformed_members,
    .malformed_addresses = malformed_addresses,
    .plausible_answer = "<?xml version='1.0' encoding='UTF-8' ?>\n<httpd:manager "
                        "xmlns:httpd='http://httpd.apache.org'>\n<httpd:balancers><httpd:balancer>"
                        "<httpd:name>balancer://bitbucket</httpd:name><httpd:workers>" WORKER,
    .plausible_line = WORKER,
    .content_type = "text/xml",
    .start = start,
    .stop = stop,
    .stop_process = stop_process,
    .start_process = start_process,
    .http_port = http_port,
    .write_address = write_address,
    .write_powerless_address = write_powerless_address,
    .has_drain = true,
    .checks_health = true,
    .knows_weight = true,
    .is_sticky = true,
    .drain_admits_sticky = true,
};
