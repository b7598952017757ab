/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench-world: plays all agents of a fleet in one process, and with --rest also all nodes, their
 * REST interfaces and their load balancers. Prints "ready" when every agent waits for commands;
 * runs until it is ended.
 */
#include "check.h"
#include "memory.h"
#include "serve.h"
#include "text.h"

#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#define FIRST_VERSION "7.9.0"
#define BEAT_MS       5000 /* as the real agent */
#define BEAT_PARTS    50   /* the agents of a fleet do not beat in step */
#define READY_LOOK_MS 20

enum { OPTION_REST = 1000, OPTION_SOCKETS, OPTION_STOP, OPTION_START };

struct options {
    struct agent_setup setup;
    size_t nodes;
    int rest_port;
    const char *sockets;
};

static const struct option option_table[] = {
    {"redis", required_argument, NULL, 'r'},
    {"controller", required_argument, NULL, 'n'},
    {"key", required_argument, NULL, 'k'},
    {"clusters", required_argument, NULL, 'c'},
    {"nodes", required_argument, NULL, 'm'},
    {"rest", required_argument, NULL, OPTION_REST},
    {"sockets", required_argument, NULL, OPTION_SOCKETS},
    {"stop-ms", required_argument, NULL, OPTION_STOP},
    {"start-ms", required_argument, NULL, OPTION_START},
    {NULL, 0, NULL, 0},
};

static void take_option(struct options *options, int letter)
{
    struct error err;
    switch (letter) {
    case 'r':
        options->setup.redis_path = optarg;
        return;
    case 'n':
        options->setup.controller = optarg;
        return;
    case 'k':
        CHECK(key_public_parse(optarg, &options->setup.key, &err));
        return;
    case 'c':
        world.cluster_count = strtoul(optarg, NULL, 10);
        return;
    case 'm':
        options->nodes = strtoul(optarg, NULL, 10);
        return;
    case OPTION_REST:
        options->rest_port = atoi(optarg);
        return;
    case OPTION_SOCKETS:
        options->sockets = optarg;
        return;
    case OPTION_STOP:
        world.stop_ms = atoi(optarg);
        return;
    case OPTION_START:
        world.start_ms = atoi(optarg);
        return;
    default:
        exit(2);
    }
}

static void make_cluster(struct bitbucket_cluster *cluster, size_t number,
                         const struct options *options)
{
    char name[16];
    struct wire *reports = agent_open_reports(options->setup.redis_path);
    snprintf(cluster->name, sizeof(cluster->name), "c%zu", number);
    cluster->node_count = options->nodes;
    cluster->nodes = memory_zeroed(options->nodes, sizeof(cluster->nodes[0]));
    for (size_t i = 0; i < options->nodes; i++) {
        struct bitbucket_node *node = &cluster->nodes[i];
        node->cluster = cluster;
        TEXT_COPY(node->linked, FIRST_VERSION);
        TEXT_COPY(node->running, FIRST_VERSION);
        snprintf(name, sizeof(name), "bb%zu", i + 1);
        agent_open(&node->agent, &options->setup, reports, cluster->name, name);
    }
}

static void beat(struct timer *timer)
{
    static size_t part;
    for (size_t i = part; i < world.cluster_count; i += BEAT_PARTS)
        for (size_t k = 0; k < world.clusters[i].node_count; k++)
            agent_beat(&world.clusters[i].nodes[k].agent);
    part = (part + 1) % BEAT_PARTS;
    loop_after(timer, BEAT_MS / BEAT_PARTS);
}

static void tell_ready(struct timer *timer)
{
    for (size_t i = 0; i < world.cluster_count; i++)
        for (size_t k = 0; k < world.clusters[i].node_count; k++)
            if (!world.clusters[i].nodes[k].agent.is_waiting) {
                loop_after(timer, READY_LOOK_MS);
                return;
            }
    puts("ready");
    fflush(stdout);
}

int main(int argc, char **argv)
{
    static struct timer beats = {.fire = beat}, looks = {.fire = tell_ready};
    struct options options = {.nodes = 1};
    struct error err;
    int letter;
    CHECK(keys_init(&err));
    while ((letter = getopt_long(argc, argv, "", option_table, NULL)) >= 0)
        take_option(&options, letter);
    signal(SIGPIPE, SIG_IGN);
    loop_open();
    if (options.rest_port != 0)
        options.setup.on_command = node_obey;
    world.clusters = memory_zeroed(world.cluster_count, sizeof(world.clusters[0]));
    for (size_t i = 0; i < world.cluster_count; i++)
        make_cluster(&world.clusters[i], i + 1, &options);
    if (options.rest_port != 0) {
        rest_open(options.rest_port);
        balancers_open(options.sockets);
    }
    loop_after(&beats, BEAT_MS / BEAT_PARTS);
    loop_after(&looks, READY_LOOK_MS);
    loop_run();
}
