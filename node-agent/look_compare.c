/* SPDX-License-Identifier: Apache-2.0 */
#include "look.h"

#include "listening_ports.h"
#include "look_home.h"
#include "look_listening.h"
#include "look_places.h"
#include "release.h"
#include "service.h"
#include "text.h"

#include <stdio.h>

#define PORTS_SIZE (LISTENING_PORTS * 8) /* "65535, " each */

/* What is written is the operator's to change; what was found is found again by another look. */
static const char *remedy(bool is_open)
{
    return is_open ? "restart the agent, which looks once, at its start"
                   : "write what holds there, or leave the key out, and restart the agent";
}

static void compare_places(const struct bitbucket_config *config,
                           struct node_complaints *complaints)
{
    char tree[LIMIT_PATH];
    if (config->install_link[0] != '\0' && config->releases[0] != '\0' &&
        look_for_foreign_tree(config, tree))
        node_complain(
            complaints, "bitbucket.install_link",
            "have the service start through this link, or name a release there",
            "the service starts '%s', which is neither the link '%s' nor a release in '%s'", tree,
            config->install_link, config->releases);
}

/* ---- the properties ---- */

static void compare_port(struct node_complaints *complaints, const char *what, int port, int found,
                         bool is_open)
{
    if (port != found)
        node_complain(complaints, what, remedy(is_open),
                      "it is %d, but " LISTENING_PROPERTIES " says %d", port, found);
}

static void compare_text(struct node_complaints *complaints, const char *what, const char *text,
                         const char *found, bool is_open)
{
    if (!text_equal(text, found))
        node_complain(complaints, what, remedy(is_open),
                      "it is '%s', but " LISTENING_PROPERTIES " says '%s'", text, found);
}

/* One that Bitbucket does not need, as it listens on all, does not contradict it. */
static void compare_listening(const struct bitbucket_config *config,
                              const struct found_listening *found,
                              struct node_complaints *complaints)
{
    const struct bitbucket_open *open = &config->open;
    if (found->http_port != 0)
        compare_port(complaints, "bitbucket.http_port", config->http_port, found->http_port,
                     open->http_port);
    if (found->ssh_port != BITBUCKET_SSH_PORT_OPEN)
        compare_port(complaints, "bitbucket.ssh_port", config->ssh_port, found->ssh_port,
                     open->ssh_port);
    if (found->address[0] != '\0')
        compare_text(complaints, "bitbucket.address", config->address, found->address,
                     open->address);
    if (found->has_context_path)
        compare_text(complaints, "bitbucket.context_path", config->context_path,
                     found->context_path, open->context_path);
}

/* ---- the process ---- */

static bool has_port(const struct listening_ports *ports, int port)
{
    for (size_t i = 0; i < ports->count; i++) {
        if (ports->items[i] == port)
            return true;
    }
    return false;
}

static void write_ports(const struct listening_ports *ports, char text[PORTS_SIZE])
{
    size_t length = 0;
    for (size_t i = 0; i < ports->count; i++)
        length += (size_t)snprintf(text + length, PORTS_SIZE - length, "%s%d", i > 0 ? ", " : "",
                                   ports->items[i]);
}

/* Which of several ports speaks SSH is a setting in the database: it is asked for, and not guessed.
 * Where there is none that could, SSH is off, and nothing is lost by looking at a port in vain. */
static bool may_listen_elsewhere(const struct bitbucket_config *config,
                                 const struct listening_ports *ports, int cluster_port)
{
    size_t known = (size_t)has_port(ports, config->http_port) + has_port(ports, cluster_port);
    return config->open.ssh_port && config->ssh_port != 0 && !has_port(ports, config->ssh_port) &&
           ports->count > known;
}

static void compare_ports(const struct bitbucket_config *config, int pid,
                          const struct listening_ports *ports, int cluster_port,
                          struct node_complaints *complaints)
{
    char text[PORTS_SIZE];
    write_ports(ports, text);
    if (ports->count == 0)
        return;
    if (!has_port(ports, config->http_port))
        node_complain(complaints, "bitbucket.http_port",
                      "write the one of them that speaks HTTP, without TLS",
                      "process %d listens on %s, and not on %d", pid, text, config->http_port);
    else if (may_listen_elsewhere(config, ports, cluster_port))
        node_complain(complaints, "bitbucket.ssh_port",
                      "SSH's port is a setting in the database: write it (0: SSH is off)",
                      "process %d listens on %s, and not on %d", pid, text, config->ssh_port);
}

static void compare_process(const struct bitbucket_config *config, int cluster_port,
                            struct node_complaints *complaints)
{
    struct process_list PROCESS_LIST_CLEANUP list = {.count = 0};
    struct listening_ports ports;
    struct process_homes homes;
    struct error ignored;
    if (process_find(config, &list, &ignored) && list.count > 0 &&
        listening_ports_read(&list, &ports, &ignored) && !process_list_is_gone(&list))
        compare_ports(config, list.items[0].pid, &ports, cluster_port, complaints);
    look_for_homes_of_processes(config, config->home, &homes);
    if (homes.count > 0 && !release_is_home(config, homes.items[0].path))
        node_complain(complaints, "bitbucket.home", "restart Bitbucket, or write what it runs with",
                      "it is %s, but %s runs with %s", config->home, homes.items[0].where,
                      homes.items[0].path);
}

void look_compare(const struct bitbucket_config *config, struct node_complaints *complaints)
{
    struct found_listening found = {.ssh_port = BITBUCKET_SSH_PORT_OPEN};
    struct error ignored;
    if (!service_is_told(config) || config->home[0] == '\0')
        return;
    compare_places(config, complaints);
    if (look_for_listening(config, &found, &ignored))
        compare_listening(config, &found, complaints);
    compare_process(config, found.cluster_port, complaints);
}
