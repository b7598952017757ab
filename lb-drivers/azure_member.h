/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How the configuration names gateways and members, and what Azure calls them. Pure.
 *
 *   POOL/ADDRESS                                        an IPv4 address or a host name in the pool
 *   POOL/nic:GROUP/INTERFACE/CONFIGURATION              an IP configuration of a network interface
 *   POOL/vmss:GROUP/SET/INSTANCE/INTERFACE/CONFIGURATION  one of an instance of a scale set
 *
 * Azure does not tell upper from lower case in names and ids, and answers in either.
 */
#ifndef SHUNT_AZURE_MEMBER_H
#define SHUNT_AZURE_MEMBER_H

#include "lb_driver.h"

#define AZURE_NAME  91  /* incl. NUL; resource groups have the longest */
#define AZURE_ID    640 /* incl. NUL: a member's names, and the words between them */
#define AZURE_PARTS 5

enum azure_member_kind {
    AZURE_ADDRESS,   /* stands in the gateway itself */
    AZURE_INTERFACE, /* its network interface names the pool */
    AZURE_INSTANCE,  /* its scale set's instance does */
};

struct azure_member {
    enum azure_member_kind kind;
    char text[LB_MEMBER];
    char pool[AZURE_NAME];
    char address[LB_MEMBER];             /* AZURE_ADDRESS */
    char parts[AZURE_PARTS][AZURE_NAME]; /* the others: the names, in the order of the text */
};

bool azure_member_parse(const char *text, struct azure_member *ret_member, struct error *err);
/* Four decimal numbers, and not a host name. */
bool azure_is_ipv4(const char *address);

/* /subscriptions/S/resourceGroups/G/providers/Microsoft.Network/applicationGateways/NAME */
bool azure_check_gateway_id(const char *id, struct error *err);

/* Not for AZURE_ADDRESS: the ids, in the gateway's subscription, of what is changed, and of the IP
 * configuration as the gateway lists it. */
void azure_member_resource_id(const struct azure_member *member, const char *gateway_id,
                              char ret_id[AZURE_ID]);
void azure_member_configuration_id(const struct azure_member *member, const char *gateway_id,
                                   char ret_id[AZURE_ID]);
const char *azure_member_interface(const struct azure_member *member);
const char *azure_member_configuration(const struct azure_member *member);

#endif
