/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The agent's configuration, as read from its YAML file, which may leave most of the section
 * bitbucket open. Plain data; every text is checked.
 */
#ifndef SHUNT_AGENT_CONFIG_H
#define SHUNT_AGENT_CONFIG_H

#include "keys.h"
#include "lb_driver.h"
#include "limit.h"
#include "minisign.h"
#include "redis.h"
#include "yaml.h"

#define AGENT_CONTROLLERS 8  /* controllers that may command this node */
#define AGENT_ENVIRONMENT 16 /* variables of service.environment */

#define BITBUCKET_SSH_PORT_OPEN (-1)

enum service_kind {
    SERVICE_SYSTEMD, /* a unit that starts bin/start-bitbucket.sh */
    SERVICE_SYSV,    /* an init script, run directly, also where systemd runs */
    SERVICE_SCRIPT,  /* the agent runs bin/start-bitbucket.sh and bin/stop-bitbucket.sh itself */
};

/* What becomes of what an administrator has changed in the install directory. */
enum customisation_manner {
    CUSTOMISATION_MERGE,    /* three ways: what can be merged is, what cannot is a conflict */
    CUSTOMISATION_COPY,     /* as it is here, whatever the new release has */
    CUSTOMISATION_KEEP_NEW, /* as the new release has it */
    CUSTOMISATION_ASK,      /* a conflict, always */
};

#define CUSTOMISATION_RULES      32
#define CUSTOMISATION_FILES_SIZE 256 /* of a pattern, incl. NUL */

struct customisation_rule {
    char files[CUSTOMISATION_FILES_SIZE]; /* fnmatch(3), below the tree; * stands for / too */
    enum customisation_manner manner;
};

struct controller_key {
    char name[LIMIT_NAME];
    struct key_public key;
};

/* What the file says nothing of, and look.h finds. */
struct bitbucket_open {
    bool service, releases, install_link, home, address, http_port, ssh_port, context_path;
};

struct bitbucket_config {
    struct bitbucket_open open;
    char releases[LIMIT_PATH];     /* holds one directory a release: RELEASES/7.9.4 */
    char install_link[LIMIT_PATH]; /* the symbolic link that names the running release */
    char home[LIMIT_PATH];         /* BITBUCKET_HOME: never written, moved or removed by us */
    bool is_home_of_process;       /* found, and nothing but a process has said it */
    char address[64];              /* literal IP it listens on; empty: any, probed on 127.0.0.1 */
    int http_port;                 /* 7990; 0 = open */
    int ssh_port;                  /* 7999; 0 = SSH is off; BITBUCKET_SSH_PORT_OPEN */
    char context_path[128];        /* "" or "/bitbucket" */
    enum service_kind service;
    char unit[128];               /* systemd */
    char init_script[LIMIT_PATH]; /* sysv: /etc/init.d/atlbitbucket */
    char user[LIMIT_NAME];        /* script: whom to run as; sysv: whom the init script runs it as.
                                     The owner of staged trees is the old tree's in all cases */
    char environment[AGENT_ENVIRONMENT][LIMIT_PATH]; /* script: "NAME=value" */
    size_t environment_count;
    char artifacts[LIMIT_PATH]; /* holds distributions of releases that we have not staged; "" */
    struct customisation_rule rules[CUSTOMISATION_RULES]; /* the first that fits counts */
    size_t rule_count;
    bool has_signature_key; /* artifacts must be signed with it */
    struct minisign_key signature_key;
    int64_t download_bytes_per_s; /* at most; 0 = no limit */
};

struct agent_config {
    char cluster[LIMIT_NAME];
    char node[LIMIT_NAME];
    char state_dir[LIMIT_PATH]; /* default /var/lib/shunt-agent */
    char key_file[LIMIT_PATH];  /* default /etc/shunt/agent.key */
    struct redis_address redis;
    struct controller_key controllers[AGENT_CONTROLLERS];
    size_t controller_count;
    bool has_bitbucket; /* false on a host of load balancers alone */
    struct bitbucket_config bitbucket;
    struct lb *lbs; /* owned, not opened */
    size_t lb_count;
};

/* Reads the whole file; every complaint goes to `document`, which the caller prints and ends. Call
 * agent_config_done() afterwards in any case. */
void agent_config_read(struct yaml_document *document, struct agent_config *ret_config);
void agent_config_done(struct agent_config *config);

/* Who this agent is, its key file, and Redis, which is all that an enrolment needs: the rest of the
 * file may be wrong or missing still. Complaints as above; agent_config_done() is not needed. */
void agent_config_read_identity(struct yaml_document *document, struct agent_config *ret_config);

/* NULL where there is none of that name. */
const struct lb *agent_config_find_lb(const struct agent_config *config, const char *name);

/* Looks at the machine (--check): directories, link, user, key file, Redis password file …; adds a
 * line "what: rule; hint" a complaint to `ret_complaints` and returns their number. */
size_t agent_config_check_host(const struct agent_config *config, struct buffer *ret_complaints);

#endif
