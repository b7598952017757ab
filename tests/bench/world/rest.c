/* SPDX-License-Identifier: Apache-2.0 */
/* The part of Bitbucket's REST interfaces that an upgrade asks for. */
#include "exchange.h"
#include "serve.h"
#include "text.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BODY_MOST (ANSWER_MOST - 512)

struct body {
    size_t size;
    char text[BODY_MOST];
};

static void add(struct body *body, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void add(struct body *body, const char *format, ...)
{
    va_list rest;
    va_start(rest, format);
    int size = vsnprintf(body->text + body->size, sizeof(body->text) - body->size, format, rest);
    va_end(rest);
    body->size += (size_t)size;
}

static const char *node_word(const struct bitbucket_node *node)
{
    static const char *const words[] = {
        [NODE_RUNS] = "ACTIVE", [NODE_IS_DOWN] = "OFFLINE", [NODE_STARTS] = "STARTING"};
    return words[node->state];
}

static void tell_cluster(const struct bitbucket_cluster *cluster, const struct bitbucket_node *self,
                         struct body *body)
{
    add(body, "{\"upgradeModeEnabled\":%s,\"state\":\"%s\",\"originalVersion\":\"%s\",\"nodes\":[",
        cluster->is_mode_on ? "true" : "false", cluster_state_word(cluster),
        cluster->is_mode_on ? cluster->original : cluster->nodes[0].running);
    for (size_t i = 0; i < cluster->node_count; i++) {
        const struct bitbucket_node *node = &cluster->nodes[i];
        add(body,
            "%s{\"id\":\"%zu\",\"name\":\"%s\",\"ipAddress\":\"10.0.0.%zu\",\"state\":\"%s\","
            "\"version\":\"%s\",\"tasksTotal\":0,\"activeUserCount\":%zu,\"local\":%s}",
            i > 0 ? "," : "", i + 1, node->agent.node, i + 1, node_word(node), node->running, i,
            node == self ? "true" : "false");
    }
    add(body, "]}");
}

static void tell_members(const struct bitbucket_cluster *cluster, const struct bitbucket_node *self,
                         struct body *body)
{
    const char *comma = "";
    add(body, "{\"localNode\":{\"name\":\"%s\"},\"nodes\":[", self->agent.node);
    for (size_t i = 0; i < cluster->node_count; i++) {
        if (cluster->nodes[i].state != NODE_RUNS)
            continue;
        add(body, "%s{\"name\":\"%s\"}", comma, cluster->nodes[i].agent.node);
        comma = ",";
    }
    add(body, "]}");
}

/* "/c12/bb3/rest/…" or "/c12/lb/rest/…"; NULL where there is no such, or it does not answer. */
static const struct bitbucket_node *find(const char *path, const char **ret_rest)
{
    char *end;
    if (!text_starts_with(path, "/c"))
        return NULL;
    size_t number = strtoul(path + 2, &end, 10);
    if (number < 1 || number > world.cluster_count)
        return NULL;
    const struct bitbucket_cluster *cluster = &world.clusters[number - 1];
    *ret_rest = strstr(end, "/rest/");
    if (*ret_rest == NULL)
        return NULL;
    for (size_t i = 0; i < cluster->node_count; i++) {
        const struct bitbucket_node *node = &cluster->nodes[i];
        bool is_meant = text_starts_with(end, "/lb/")
                            ? node->server == SERVER_READY
                            : strtoul(end + strlen("/bb"), NULL, 10) == i + 1;
        if (is_meant && node->state == NODE_RUNS)
            return node;
    }
    return NULL;
}

/* The status. */
static int do_request(const char *method, const char *path, struct body *body)
{
    const char *rest;
    const struct bitbucket_node *node = find(path, &rest);
    if (node == NULL)
        return 503;
    if (text_equal(method, "POST") && text_starts_with(rest, "/rest/zdu/")) {
        if (!cluster_change(node->cluster, rest + strlen("/rest/zdu/")))
            return 409;
        tell_cluster(node->cluster, node, body);
    } else if (text_equal(rest, "/rest/zdu/cluster")) {
        tell_cluster(node->cluster, node, body);
    } else if (text_equal(rest, "/rest/api/latest/admin/cluster")) {
        tell_members(node->cluster, node, body);
    } else {
        return 404;
    }
    return 200;
}

static size_t answer_request(const struct listener *listener, char *question,
                             char answer[ANSWER_MOST])
{
    static struct body body;
    (void)listener;
    if (strstr(question, "\r\n\r\n") == NULL)
        return 0;
    char *path = strchr(question, ' ');
    char *end = path != NULL ? strchr(path + 1, ' ') : NULL;
    if (end == NULL)
        return 0;
    *path++ = *end = '\0';
    body.size = 0;
    int status = do_request(question, path, &body);
    if (body.size == 0)
        add(&body, "{}");
    return (size_t)snprintf(answer, ANSWER_MOST,
                            "HTTP/1.1 %d Status\r\nContent-Type: application/json\r\n"
                            "Content-Length: %zu\r\nConnection: close\r\n\r\n%s",
                            status, body.size, body.text);
}

void rest_open(int port)
{
    static struct listener listener = {.answer = answer_request};
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)port),
                                  .sin_addr = {htonl(INADDR_LOOPBACK)}};
    listener_open(&listener, (struct sockaddr *)&address, sizeof(address));
}
