/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The stand-in for Azure (tests/emulators/azure) as a process of the test, and an LB entry that is
 * configured for it. One at a time.
 */
#ifndef SHUNT_CONTRACT_AZURE_STANDIN_H
#define SHUNT_CONTRACT_AZURE_STANDIN_H

#include "lb_driver.h"

#include <jansson.h>

#define AZURE_GROUP                                                                                \
    "/subscriptions/00000000-1111-2222-3333-444444444444/resourceGroups/rg/providers/"
#define AZURE_GATEWAY AZURE_GROUP "Microsoft.Network/applicationGateways/"
#define AZURE_NIC     AZURE_GROUP "Microsoft.Network/networkInterfaces/"
#define AZURE_SET     AZURE_GROUP "Microsoft.Compute/virtualMachineScaleSets/"

void azure_standin_start(void);
void azure_standin_stop(void);

/* A formatted JSON object, whose keys its README has; a refusal ends the program. */
void azure_standin_setup(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* What it knows; the caller's. */
json_t *azure_standin_report(void);

/* An LB of that gateway, with good credentials for it. `secret_file` is made by the start. */
void azure_standin_configure(struct lb *ret_lb, const char *gateway_id);
/* The same, all of it on another port. End it with the function below. */
void azure_standin_configure_port(struct lb *ret_lb, const char *gateway_id, int port);
void azure_standin_release(struct lb *lb);
const char *azure_standin_secret(void);
const char *azure_standin_folder(void);

#endif
