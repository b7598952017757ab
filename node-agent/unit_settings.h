/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a systemd unit says, all of its files taken together: as systemd itself has loaded it, and
 * not as we would read the files.
 */
#ifndef SHUNT_UNIT_SETTINGS_H
#define SHUNT_UNIT_SETTINGS_H

#include "service.h"

/* As in struct service. */
bool unit_settings_home(const struct bitbucket_config *config, char home[LIMIT_PATH],
                        struct error *err);
bool unit_settings_user(const struct bitbucket_config *config, char user[LIMIT_NAME],
                        struct error *err);
bool unit_settings_define(const struct bitbucket_config *config,
                          struct service_definition *ret_definition, struct error *err);
bool unit_settings_reload(const struct bitbucket_config *config, struct error *err);

#endif
