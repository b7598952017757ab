/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A thread for each lookup rather than getaddrinfo_a(3), whose helper threads a fork() leaves
 * behind: a child that was forked while one of them was idle waits for it for ever.
 */
#include "host_lookup.h"

#include "memory.h"
#include "text.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define HOST_SIZE      256 /* a name has 253 bytes (RFC 1035) */
#define FORGOTTEN_MOST 16  /* each has a thread */

/* Belongs to whoever waits for it, and when he has forgotten it to its thread. */
struct lookup {
    pthread_t thread;
    char host[HOST_SIZE];
    char service[16];
    pthread_mutex_t lock;
    pthread_cond_t ended;
    bool is_over, is_forgotten;
    int failure; /* of getaddrinfo(3) */
    struct addrinfo *addresses;
};

static atomic_int forgotten; /* lookups that nobody waits for any more */

static void lookup_free(struct lookup *lookup)
{
    if (lookup->addresses != NULL)
        freeaddrinfo(lookup->addresses);
    pthread_cond_destroy(&lookup->ended);
    pthread_mutex_destroy(&lookup->lock);
    free(lookup);
}

static struct lookup *lookup_new(void)
{
    struct lookup *lookup = memory_zeroed(1, sizeof(*lookup));
    pthread_condattr_t attributes;
    pthread_mutex_init(&lookup->lock, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&lookup->ended, &attributes);
    pthread_condattr_destroy(&attributes);
    return lookup;
}

/* ---- the lookup's own thread ---- */

static void *look_up_name(void *context)
{
    struct lookup *lookup = context;
    const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    struct addrinfo *addresses = NULL;
    int failure = getaddrinfo(lookup->host, lookup->service, &hints, &addresses);
    pthread_mutex_lock(&lookup->lock);
    lookup->failure = failure;
    lookup->addresses = failure == 0 ? addresses : NULL;
    lookup->is_over = true;
    bool is_ours = lookup->is_forgotten;
    pthread_cond_signal(&lookup->ended);
    pthread_mutex_unlock(&lookup->lock);
    if (is_ours) {
        lookup_free(lookup);
        atomic_fetch_sub(&forgotten, 1);
    }
    return NULL;
}

/* Signals are for the threads that know what to do with them. */
static int start_thread(struct lookup *lookup)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int failure = pthread_create(&lookup->thread, NULL, look_up_name, lookup);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return failure;
}

/* ---- who waits for it ---- */

static void forget_none(void)
{
    atomic_store(&forgotten, 0);
}

/* A forked child has none of the threads. */
static void watch_forks(void)
{
    (void)pthread_atfork(NULL, NULL, forget_none);
}

static bool is_one_more_allowed(struct error *err)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    (void)pthread_once(&once, watch_forks);
    if (atomic_load(&forgotten) < FORGOTTEN_MOST)
        return true;
    error_set(err, ERROR_UNAVAILABLE, "name servers do not answer: %d lookups are under way",
              FORGOTTEN_MOST);
    return false;
}

/* False where it goes on, and is its thread's from now on. One that is over is waited for to the
 * end of its thread: a child that is forked while it ends would find a lock of the resolver's
 * taken, for ever. */
static bool wait_for(struct lookup *lookup, struct deadline deadline)
{
    const struct timespec until = {.tv_sec = deadline.at_ms / 1000,
                                   .tv_nsec = (long)(deadline.at_ms % 1000) * 1000000};
    pthread_mutex_lock(&lookup->lock);
    while (!lookup->is_over && !deadline_is_over(deadline))
        (void)pthread_cond_timedwait(&lookup->ended, &lookup->lock, &until);
    bool is_over = lookup->is_over;
    lookup->is_forgotten = !is_over;
    pthread_t thread = lookup->thread;
    if (!is_over)
        atomic_fetch_add(&forgotten, 1);
    pthread_mutex_unlock(&lookup->lock);
    (void)(is_over ? pthread_join(thread, NULL) : pthread_detach(thread));
    return is_over;
}

/* Takes the lookup over, whatever comes of it. */
static bool finish(struct lookup *lookup, struct deadline deadline, struct addrinfo **ret_addresses,
                   struct error *err)
{
    if (!wait_for(lookup, deadline)) {
        error_set(err, ERROR_TIMEOUT, "no name server answers in time");
        return false;
    }
    bool is_found = lookup->failure == 0;
    if (is_found)
        *ret_addresses = MEMORY_STEAL(lookup->addresses);
    else
        error_set(err, ERROR_UNAVAILABLE, "%s", gai_strerror(lookup->failure));
    lookup_free(lookup);
    return is_found;
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
    struct lookup *lookup = lookup_new();
    if (!TEXT_COPY(lookup->host, host) || !TEXT_COPY(lookup->service, service)) {
        error_set(err, ERROR_INVALID, "the name has more than %d bytes", HOST_SIZE - 1);
        lookup_free(lookup);
        return false;
    }
    int failure = start_thread(lookup);
    if (failure == 0)
        return finish(lookup, deadline, ret_addresses, err);
    error_set_errno(err, failure, "thread");
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
