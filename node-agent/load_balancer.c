/* SPDX-License-Identifier: Apache-2.0 */
#include "verbs.h"

#include "file.h"
#include "lb_serve.h"
#include "text.h"

#include <stdio.h>
#include <string.h>

static void no_such_lb(const struct agent_config *config, const char *name, struct error *err)
{
    char names[LIMIT_LBS * (LIMIT_NAME + 2)] = "";
    for (size_t i = 0; i < config->lb_count; i++) {
        size_t used = strlen(names);
        (void)snprintf(names + used, sizeof(names) - used, "%s%s", i > 0 ? ", " : "",
                       config->lbs[i].name);
    }
    error_set(err, ERROR_NOT_FOUND, "there is no load balancer '%s' here; there are: %s", name,
              names);
    error_hint(err, "compare load_balancers of the agent's configuration with load_balancer of the "
                    "controller's");
}

#define MEMORY_SIZE (LIMIT_PATH + LIMIT_NAME + 32)

static bool memory_of(const struct agent_config *config, const char *name, char path[MEMORY_SIZE],
                      struct error *err)
{
    (void)snprintf(path, MEMORY_SIZE, "%s/load-balancers", config->state_dir);
    if (!file_make_directory(path, 0700, err))
        return false;
    (void)snprintf(path, MEMORY_SIZE, "%s/load-balancers/%s", config->state_dir, name);
    return true;
}

/* What the driver keeps between calls lives as long as this process, which is one call; but for
 * what it writes down. */
bool verb_load_balancer(struct job *job, struct error *err)
{
    const struct lb *found = agent_config_find_lb(job->config, job->command->load_balancer);
    if (found == NULL) {
        no_such_lb(job->config, job->command->load_balancer, err);
        return false;
    }
    struct lb lb = *found;
    char memory[MEMORY_SIZE];
    if (!memory_of(job->config, lb.name, memory, err))
        return false;
    lb.memory = memory;
    lb_open(&lb);
    bool is_done = lb_serve(&lb, job->command, job->deadline, &job->report, err);
    lb_close(&lb);
    return is_done;
}
