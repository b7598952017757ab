/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Locks between fibers. All of them are one thread: one that finds a lock taken, as where its
 * holder stalls in the middle of an order, lets virtual time pass instead of waiting for ever.
 */
#include "schedule.h"

#include <pthread.h>

#define LOOK_US 100

int pthread_mutex_lock(pthread_mutex_t *mutex)
{
    while (pthread_mutex_trylock(mutex) != 0)
        fiber_sleep_us(LOOK_US);
    return 0;
}
