/* SPDX-License-Identifier: Apache-2.0 */
#include "service.h"

#include "check.h"
#include "file.h"
#include "text.h"

#include <string.h>

static const struct service *const services[] = {
    [SERVICE_SYSTEMD] = &service_systemd,
    [SERVICE_SYSV] = &service_sysv,
    [SERVICE_SCRIPT] = &service_script,
};
_Static_assert(sizeof(services) / sizeof(services[0]) == SERVICE_SCRIPT + 1, "one row a kind");

const struct service *service_of(const struct bitbucket_config *config)
{
    CHECK((unsigned)config->service < sizeof(services) / sizeof(services[0]));
    return services[config->service];
}

bool service_is_told(const struct bitbucket_config *config)
{
    return config->service != SERVICE_SYSTEMD || config->unit[0] != '\0';
}

const char *service_home_value(const char *assignment)
{
    static const char prefix[] = "BITBUCKET_HOME=";
    return text_starts_with(assignment, prefix) ? assignment + strlen(prefix) : NULL;
}

bool service_define_script(const char *path, struct service_definition *definition,
                           struct error *err)
{
    TEXT_COPY(definition->files[0], path);
    definition->may_be_edited[0] = true;
    definition->file_count = 1;
    return file_read(path, &definition->commands, err);
}
