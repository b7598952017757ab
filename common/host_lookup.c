/* SPDX-License-Identifier: Apache-2.0 */
#include "host_lookup.h"

#include "memory.h"
#include "text.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#define HOST_SIZE      256 /* a name has 253 bytes (RFC 1035) */
#define FORGOTTEN_MOST 16  /* each has a thread of the C library */

struct lookup {
    struct gaicb request;
    struct addrinfo hints;
    char host[HOST_SIZE];
    char service[16];
    struct lookup *next; /* forgotten ones */
};

/* Those that nobody waits for any more: the C library still writes into them. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct lookup *forgotten;

static void lookup_free(struct lookup *lookup)
{
    freeaddrinfo(lookup->request.ar_result); /* NULL is fine */
    free(lookup);
}

/* Frees those that have ended meanwhile; how many are left? */
static size_t sweep(void)
{
    struct lookup **place = &forgotten;
    size_t count = 0;
    while (*place != NULL) {
        struct lookup *lookup = *place;
        if (gai_error(&lookup->request) == EAI_INPROGRESS) {
            place = &lookup->next;
            count++;
        } else {
            *place = lookup->next;
            lookup_free(lookup);
        }
    }
    return count;
}

static bool is_one_more_allowed(struct error *err)
{
    pthread_mutex_lock(&lock);
    bool is_allowed = sweep() < FORGOTTEN_MOST;
    pthread_mutex_unlock(&lock);
    if (!is_allowed)
        error_set(err, ERROR_UNAVAILABLE, "name servers do not answer: %d lookups are under way",
                  FORGOTTEN_MOST);
    return is_allowed;
}

static void forget(struct lookup *lookup)
{
    pthread_mutex_lock(&lock);
    lookup->next = forgotten;
    forgotten = lookup;
    pthread_mutex_unlock(&lock);
}

static bool wait_for(struct gaicb *request, struct deadline deadline)
{
    const struct gaicb *const list[] = {request};
    while (gai_error(request) == EAI_INPROGRESS) {
        int left_ms = deadline_poll_ms(deadline);
        const struct timespec left = {.tv_sec = left_ms / 1000,
                                      .tv_nsec = (long)(left_ms % 1000) * 1000000};
        if (deadline_is_over(deadline))
            return false;
        (void)gai_suspend(list, 1, left_ms < 0 ? NULL : &left);
    }
    return true;
}

/* Takes the lookup over, whatever comes of it. */
static bool finish(struct lookup *lookup, struct deadline deadline, struct addrinfo **ret_addresses,
                   struct error *err)
{
    if (!wait_for(&lookup->request, deadline) && gai_cancel(&lookup->request) == EAI_NOTCANCELED) {
        error_set(err, ERROR_TIMEOUT, "no name server answers in time");
        forget(lookup);
        return false;
    }
    int failure = gai_error(&lookup->request);
    if (failure == 0) {
        *ret_addresses = lookup->request.ar_result;
        lookup->request.ar_result = NULL;
    } else {
        error_set(err, failure == EAI_CANCELED ? ERROR_TIMEOUT : ERROR_UNAVAILABLE, "%s",
                  gai_strerror(failure));
    }
    lookup_free(lookup);
    return failure == 0;
}

static bool look_up(const char *host, const char *service, struct deadline deadline,
                    struct addrinfo **ret_addresses, struct error *err)
{
    struct addrinfo hints = {
        .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST};
    if (getaddrinfo(host, service, &hints, ret_addresses) == 0)
        return true;
    if (!is_one_more_allowed(err))
        return false;
    struct lookup *lookup = memory_zeroed(1, sizeof(*lookup));
    struct gaicb *list[] = {&lookup->request};
    lookup->hints = (struct addrinfo){.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    lookup->request = (struct gaicb){
        .ar_name = lookup->host, .ar_service = lookup->service, .ar_request = &lookup->hints};
    if (!TEXT_COPY(lookup->host, host) || !TEXT_COPY(lookup->service, service)) {
        error_set(err, ERROR_INVALID, "the name has more than %d bytes", HOST_SIZE - 1);
        lookup_free(lookup);
        return false;
    }
    int failure = getaddrinfo_a(GAI_NOWAIT, list, 1, NULL);
    if (failure == 0)
        return finish(lookup, deadline, ret_addresses, err);
    error_set(err, ERROR_UNAVAILABLE, "%s", gai_strerror(failure));
    lookup_free(lookup);
    return false;
}

bool host_look_up(const char *host, int port, struct deadline deadline,
                  struct addrinfo **ret_addresses, struct error *err)
{
    char service[16];
    (void)snprintf(service, sizeof(service), "%d", port);
    if (look_up(host, service, deadline, ret_addresses, err))
        return true;
    error_wrap(err, "look up host '%s'", host);
    return false;
}
