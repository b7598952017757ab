/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an LB of this driver is configured with: who it is to Azure, and where Azure is.
 */
#ifndef SHUNT_AZURE_OPTIONS_H
#define SHUNT_AZURE_OPTIONS_H

#include "lb_driver.h"

enum azure_setting {
    AZURE_TENANT,
    AZURE_IDENTITY,
    AZURE_CLIENT_ID,
    AZURE_ASSERTION_FILE,
    AZURE_MANAGEMENT_URL,
    AZURE_LOGIN_URL,
    AZURE_IMDS_URL,
    AZURE_SETTING_COUNT
};

extern const struct lb_setting azure_settings[AZURE_SETTING_COUNT];

/* The value, or what stands for one that was not given; empty where nothing does. A URL comes
 * without the slash at its end. */
void azure_setting(const struct lb_options *options, enum azure_setting setting,
                   char ret_value[LIMIT_PATH]);
bool azure_identity_is(const struct lb_options *options, const char *word);

/* No I/O. Secrets go over TLS only, but on this host. */
bool azure_check_options(const struct lb_options *options, struct error *err);

#endif
