/* SPDX-License-Identifier: Apache-2.0 */
/* The runtime commands that the driver sends to HAProxy, answered in the form of its 2.6. */
#include "check.h"
#include "exchange.h"
#include "memory.h"
#include "serve.h"
#include "text.h"

#include <stdio.h>
#include <string.h>
#include <sys/un.h>

struct balancer {
    struct listener listener;
    struct bitbucket_cluster *cluster;
};

static size_t tell_states(const struct bitbucket_cluster *cluster, char answer[ANSWER_MOST])
{
    int size = snprintf(answer, ANSWER_MOST,
                        "1\n# be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state "
                        "srv_uweight srv_iweight srv_time_since_last_change srv_check_state "
                        "srv_agent_state\n");
    for (size_t i = 0; i < cluster->node_count; i++)
        size += snprintf(answer + size, (size_t)(ANSWER_MOST - size),
                         "3 bb %zu %s 10.0.0.%zu 2 %d 100 100 9 6 0\n", i + 1,
                         cluster->nodes[i].agent.node, i + 1, (int)cluster->nodes[i].server);
    size += snprintf(answer + size, (size_t)(ANSWER_MOST - size), "\n");
    return (size_t)size;
}

static const char *status_of(const struct bitbucket_node *node)
{
    if (node->server == SERVER_MAINT)
        return "MAINT";
    return node->server == SERVER_DRAIN ? "DRAIN" : "UP";
}

static size_t tell_stats(const struct bitbucket_cluster *cluster, char answer[ANSWER_MOST])
{
    int size =
        snprintf(answer, ANSWER_MOST, "# pxname,svname,qcur,scur,status,weight,bck,tracked,\n");
    for (size_t i = 0; i < cluster->node_count; i++)
        size += snprintf(answer + size, (size_t)(ANSWER_MOST - size), "bb,%s,0,0,%s,100,0,,\n",
                         cluster->nodes[i].agent.node, status_of(&cluster->nodes[i]));
    size += snprintf(answer + size, (size_t)(ANSWER_MOST - size), "\n");
    return (size_t)size;
}

/* "set server bb/NAME state WORD" */
static void set_server(struct bitbucket_cluster *cluster, const char *command)
{
    const char *name = strstr(command, "bb/"), *word = strstr(command, " state ");
    CHECK(name != NULL && word != NULL);
    name += strlen("bb/");
    word += strlen(" state ");
    for (size_t i = 0; i < cluster->node_count; i++) {
        struct bitbucket_node *node = &cluster->nodes[i];
        size_t size = strlen(node->agent.node);
        if (strncmp(name, node->agent.node, size) != 0 || name[size] != ' ')
            continue;
        node->server = text_starts_with(word, "drain")   ? SERVER_DRAIN
                       : text_starts_with(word, "maint") ? SERVER_MAINT
                                                         : SERVER_READY;
    }
}

static size_t answer_command(const struct listener *listener, char *question,
                             char answer[ANSWER_MOST])
{
    const struct balancer *balancer = (const struct balancer *)listener;
    if (strchr(question, '\n') == NULL)
        return 0;
    if (text_starts_with(question, "show servers state"))
        return tell_states(balancer->cluster, answer);
    if (text_starts_with(question, "show stat"))
        return tell_stats(balancer->cluster, answer);
    if (text_starts_with(question, "set server"))
        set_server(balancer->cluster, question);
    memcpy(answer, "\n", 1);
    return 1;
}

void balancers_open(const char *folder)
{
    struct balancer *balancers = memory_zeroed(world.cluster_count, sizeof(*balancers));
    for (size_t i = 0; i < world.cluster_count; i++) {
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        int size = snprintf(address.sun_path, sizeof(address.sun_path), "%s/%s.sock", folder,
                            world.clusters[i].name);
        CHECK(size > 0 && (size_t)size < sizeof(address.sun_path));
        balancers[i].listener.answer = answer_command;
        balancers[i].cluster = &world.clusters[i];
        listener_open(&balancers[i].listener, (struct sockaddr *)&address, sizeof(address));
    }
}
