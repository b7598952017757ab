/* SPDX-License-Identifier: Apache-2.0 */
#include "lb_registry.h"

#include "check.h"
#include "text.h"

#include <stdlib.h>
#include <string.h>

/* One row a driver; the order is the order of messages. */
static const struct lb_driver *const drivers[] = {
    /* clang-format off */
    &lb_haproxy_driver,
    &lb_nginx_driver,
    &lb_nginx_plus_driver,
    &lb_apache_driver,
    &lb_mod_jk_driver,
    &lb_azure_driver,
    &lb_exec_driver,
    &lb_agent_driver,
    /* clang-format on */
};

#define DRIVER_COUNT (sizeof(drivers) / sizeof(drivers[0]))
#define NAMES_SIZE   256 /* a handful of drivers with names of a few letters */

const struct lb_driver *lb_driver_find(const char *name)
{
    for (size_t i = 0; i < DRIVER_COUNT; i++) {
        if (text_equal(drivers[i]->name, name))
            return drivers[i];
    }
    return NULL;
}

const char *lb_driver_names(void)
{
    static _Thread_local char names[NAMES_SIZE];

    names[0] = '\0';
    for (size_t i = 0; i < DRIVER_COUNT; i++) {
        CHECK(text_append(names, sizeof(names), i > 0 ? ", " : ""));
        CHECK(text_append(names, sizeof(names), drivers[i]->name));
    }
    return names;
}

void lb_open(struct lb *lb)
{
    lb->state = NULL;
    if (lb->driver->open != NULL)
        lb->driver->open(lb);
}

void lb_close(struct lb *lb)
{
    if (lb->driver->close != NULL)
        lb->driver->close(lb);
    lb->state = NULL;
}

bool lb_is_blind(const struct lb *lb)
{
    const struct lb_driver *driver = lb->driver;
    return driver->is_blind ||
           (driver->is_blind_with != NULL && driver->is_blind_with(&lb->options));
}

int64_t lb_setting_ms(const struct lb_options *options, size_t setting)
{
    const char *value = options->values[setting];
    return value != NULL ? strtoll(value, NULL, 10) : 0;
}

bool lb_setting_is(const struct lb_options *options, size_t setting, const char *word)
{
    const char *value = options->values[setting];
    return value != NULL && text_equal(value, word);
}

int64_t lb_ramp_ms(const struct lb *lb)
{
    for (size_t i = 0; i < lb->driver->setting_count; i++)
        if (text_equal(lb->driver->settings[i].key, "return.ramp"))
            return lb_setting_ms(&lb->options, i);
    return 0;
}

static const char *const admin_names[] = {
    [LB_ADMIN_UP] = "up",
    [LB_ADMIN_DRAIN] = "drain",
    [LB_ADMIN_DOWN] = "down",
};
_Static_assert(sizeof(admin_names) / sizeof(admin_names[0]) == LB_ADMIN_DOWN + 1,
               "a name for every admin state");

static const char *const health_names[] = {
    [LB_HEALTH_UP] = "up",
    [LB_HEALTH_CHANGING] = "changing",
    [LB_HEALTH_DOWN] = "down",
    [LB_HEALTH_UNKNOWN] = "unknown",
};
_Static_assert(sizeof(health_names) / sizeof(health_names[0]) == LB_HEALTH_UNKNOWN + 1,
               "a name for every health");

const char *lb_admin_name(enum lb_admin admin)
{
    CHECK(admin <= LB_ADMIN_DOWN);
    return admin_names[admin];
}

const char *lb_health_name(enum lb_health health)
{
    CHECK(health <= LB_HEALTH_UNKNOWN);
    return health_names[health];
}
