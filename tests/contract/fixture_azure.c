/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two application gateways of the stand-in for Azure that are set alike. The nodes are members of
 * each kind: the first is an address, the second an instance of a scale set, the third a network
 * interface; the gateways' probes ask the nodes themselves. No traffic goes through a stand-in, and
 * gateways have no wire of their own: what goes wrong with one is a fault of the stand-in, and
 * what goes wrong on the wire to ARM is in test_azure_faults.c.
 */
#include "contract.h"

#include "azure_standin.h"
#include "check.h"

#include <stdio.h>

#define PROCESSES   2
#define POOL_OF(gw) AZURE_GATEWAY gw "/backendAddressPools/bb_http"

static const char *const gateways[PROCESSES] = {AZURE_GATEWAY "gw1", AZURE_GATEWAY "gw2"};
static struct lb *configured;

static void create_gateway(const char *id)
{
    azure_standin_setup("{\"gateway\": {\"%s\": {\"pools\": {\"other\": [\"10.0.0.99\"], "
                        "\"bb_http\": [\"10.0.0.11\"]}}}}",
                        id);
}

static void start(struct lb *ret_lb)
{
    azure_standin_start();
    for (size_t i = 0; i < PROCESSES; i++)
        create_gateway(gateways[i]);
    azure_standin_setup("{\"instance\": {\"" AZURE_SET "set/virtualMachines/0\": {\"pool_ids\": "
                        "[\"" POOL_OF("gw1") "\", \"" POOL_OF("gw2") "\"]}}}");
    azure_standin_setup("{\"interface\": {\"" AZURE_NIC "n3\": {\"address\": \"10.0.0.13\", "
                        "\"pool_ids\": [\"" POOL_OF("gw1") "\", \"" POOL_OF("gw2") "\"]}}}");
    azure_standin_setup("{\"probes\": {\"addresses\": {\"%s\": \"10.0.0.12\"}, \"urls\": {"
                        "\"10.0.0.11\": \"http://127.0.0.1:%d/status\", "
                        "\"10.0.0.12\": \"http://127.0.0.1:%d/status\", "
                        "\"10.0.0.13\": \"http://127.0.0.1:%d/status\"}}}",
                        AZURE_SET "set/virtualMachines/0", node_http_port(0), node_http_port(1),
                        node_http_port(2));
    /* Buckets for a suite that does in seconds what takes hours. */
    azure_standin_setup("{\"faults\": {\"operation_ms\": 10, \"health_ms\": 5, "
                        "\"write_bucket\": 100000, \"read_bucket\": 100000}}");
    azure_standin_configure(ret_lb, gateways[0]);
    snprintf(ret_lb->options.addresses[1], LIMIT_PATH, "%s", gateways[1]);
    ret_lb->options.address_count = PROCESSES;
    configured = ret_lb;
}

static void stop(void)
{
    azure_standin_release(configured);
    azure_standin_stop();
}

static void stop_process(size_t process)
{
    azure_standin_setup("{\"faults\": {\"gone\": [\"%s\"]}}", gateways[process]);
}

static void start_process(size_t process)
{
    (void)process;
    azure_standin_setup("{\"faults\": {\"gone\": null}}");
}

static const char *const malformed_members[] = {
    "",
    "bb_http",
    "bb_http/",
    "/10.0.0.11",
    "bb_http/10.0.0.11/x",
    "bb_http/10.0.0.256",
    "bb_http/10.0.0",
    "bb_http/node one",
    "bb_http/-node",
    "bb_http/node..example.com",
    "bb_http/node\r\nIf-Match: *",
    "bb_http/node\"}, {\"ipAddress\": \"10.0.0.1",
    "bb http/10.0.0.11",
    "../10.0.0.11",
    "bb_http/nic:",
    "bb_http/nic:rg/n3",
    "bb_http/nic:rg/n3/ipconfig1/",
    "bb_http/nic:rg//ipconfig1",
    "bb_http/nic:rg/../ipconfig1",
    "bb_http/nic:rg/n3/ipconfig1?api-version=1",
    "bb_http/vmss:rg/set/0/nic",
    "bb_http/vmss:rg/set/0/nic/ipconfig1/x",
    "bb_http/n\xc3\xa9",
    NULL,
};

static const char *const malformed_addresses[] = {
    "",
    "gw1",
    "https://management.azure.com" AZURE_GATEWAY "gw1",
    AZURE_GATEWAY,
    AZURE_GATEWAY "gw1/",
    AZURE_GATEWAY "gw1/backendAddressPools/bb_http",
    AZURE_GATEWAY "gw1?x=y",
    AZURE_GATEWAY "gw 1",
    AZURE_GATEWAY "..",
    AZURE_GROUP "Microsoft.Network/loadBalancers/lb1",
    AZURE_NIC "n3",
    "/subscriptions//resourceGroups/rg/providers/Microsoft.Network/applicationGateways/gw1",
    NULL,
};

const struct contract_fixture contract_fixture = {
    .driver = "azure",
    .http_members = {"bb_http/10.0.0.11", "bb_http/vmss:rg/set/0/nic/ipconfig1",
                     "bb_http/nic:rg/n3/ipconfig1"},
    .unknown_member = "bb_http/nic:rg/n9/ipconfig1",
    .unknown_group = "bb_nowhere/10.0.0.11",
    .malformed_members = malformed_members,
    .malformed_addresses = malformed_addresses,
    .start = start,
    .stop = stop,
    .stop_process = stop_process,
    .start_process = start_process,
    .checks_health = true,
};
