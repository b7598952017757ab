/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Starting and stopping Bitbucket: a systemd unit, an init script or the product's own scripts,
 * behind one table of functions. An order is given and then watched, never waited for here: whether
 * Bitbucket runs is told by its process (process.h), and the order's own end only tells what went
 * wrong.
 */
#ifndef SHUNT_SERVICE_H
#define SHUNT_SERVICE_H

#include "agent_config.h"
#include "buffer.h"
#include "clock.h"

enum service_action { SERVICE_START, SERVICE_STOP };

struct service_order; /* an action under way, of the kind that gave it */

#define SERVICE_FILES 16 /* a unit and its drop-ins */
#define SERVICE_COMMANDS_BYTES                                                                     \
    ((size_t)1 << 18) /* an init script has 5 KB, a unit's commands 1                              \
                       */

/* Where it is written down what is started. */
struct service_definition {
    char name[LIMIT_PATH + 16]; /* "unit bitbucket.service", for messages */
    char files[SERVICE_FILES][LIMIT_PATH];
    bool may_be_edited[SERVICE_FILES]; /* of each file: it is the administrator's */
    size_t file_count;
    bool has_changed;       /* on disk, since systemd has read it */
    struct buffer commands; /* what holds of it: commands and their environment, a line each */
};

struct service {
    bool (*begin)(const struct bitbucket_config *config, enum service_action action,
                  struct deadline deadline, struct service_order **ret_order, struct error *err);

    /* An order of a job that was killed is still under way. Who asks, and sees no process after
     * that, knows that none will come of it. */
    bool (*is_busy)(const struct bitbucket_config *config);

    /* To be polled for POLLIN, after service_advance() has said that it is not over. */
    int (*fd)(const struct service_order *order);

    /* Takes what has happened. *ret_is_over with true: done. False: the action has failed, with
     * ERROR_RELEASE and the last of its output where the start script itself failed. */
    bool (*advance)(struct service_order *order, bool *ret_is_over, struct error *err);

    /* Stops watching; what the order has begun goes on. */
    void (*leave)(struct service_order *order);

    /* The BITBUCKET_HOME that the service sets in the environment, "" if it sets none. */
    bool (*environment_home)(const struct bitbucket_config *config, char home[LIMIT_PATH],
                             struct error *err);

    /* Whom Bitbucket runs as; "" = as the agent. */
    bool (*user)(const struct bitbucket_config *config, char user[LIMIT_NAME], struct error *err);

    /* NULL where the install link alone says what is started. ERROR_NOT_FOUND where there is no
     * such service. ret_definition->commands is empty before, with a limit. */
    bool (*define)(const struct bitbucket_config *config, struct service_definition *ret_definition,
                   struct error *err);

    /* Has the definition's files read again; NULL where that is not needed. */
    bool (*reload)(const struct bitbucket_config *config, struct error *err);
};

extern const struct service service_systemd;
extern const struct service service_sysv;
extern const struct service service_script;

const struct service *service_of(const struct bitbucket_config *config);

/* False where the name of a unit was written, but wrong: that has been complained of. */
bool service_is_told(const struct bitbucket_config *config);

/* The script as the one file of the definition, which is its text. */
bool service_define_script(const char *path, struct service_definition *definition,
                           struct error *err);

/* The value if the text is "BITBUCKET_HOME=value", NULL otherwise. */
const char *service_home_value(const char *assignment);

#endif
