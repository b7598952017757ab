/* SPDX-License-Identifier: Apache-2.0 */
#include "connections.h"

#include "progress.h"
#include "verbs.h"

#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>

/* Between two counts, each a local call of 0.1 ms. A load balancer that was told a moment ago
 * closes its idle connections at once. */
#define COUNT_SOON_MS  1
#define COUNT_LATER_MS 3
#define SOON_MS        30

bool connection_counter_open(struct connection_counter *counter,
                             const struct bitbucket_config *config, struct error *err)
{
    counter->config = config;
    return sock_diag_open(&counter->diag, err);
}

void connection_counter_close(struct connection_counter *counter)
{
    sock_diag_close(&counter->diag);
}

static bool is_ours(const struct sock_diag_connection *connection, void *context)
{
    const struct bitbucket_config *config = ((const struct connection_counter *)context)->config;
    unsigned char wanted[SOCK_DIAG_ADDRESS];
    int port = connection->local_port;
    if (port == 0 || (port != config->http_port && port != config->ssh_port))
        return false;
    return config->address[0] == '\0' || (sock_diag_read_address(config->address, wanted) &&
                                          memcmp(connection->local, wanted, sizeof(wanted)) == 0);
}

bool connections_count(struct connection_counter *counter, int64_t *ret_count, struct error *err)
{
    static const struct sock_diag_query established = {.states = 1U << TCP_ESTABLISHED};
    return sock_diag_count(&counter->diag, &established, is_ours, counter, ret_count, err);
}

bool connections_wait(struct job *job, struct deadline deadline, struct error *err)
{
    struct connection_counter CONNECTION_COUNTER_CLEANUP counter = {.diag.fd = -1};
    struct progress progress = {0};
    struct deadline soon = deadline_after_ms(SOON_MS);
    int64_t told = -1;
    int64_t count;
    if (!connection_counter_open(&counter, &job->config->bitbucket, err))
        return false;
    for (;;) {
        if (!connections_count(&counter, &count, err))
            return false;
        job->report.connections = count;
        if (count == 0)
            return true;
        if (deadline_is_over(deadline))
            break;
        if (count != told && progress_send(&progress, job))
            told = count;
        poll(NULL, 0, deadline_is_over(soon) ? COUNT_LATER_MS : COUNT_SOON_MS);
    }
    error_set(err, ERROR_TIMEOUT, "%lld connections are still established", (long long)count);
    return false;
}

bool verb_connections(struct job *job, struct error *err)
{
    job->report.connections = -1;
    return connections_wait(job, job->deadline, err);
}
