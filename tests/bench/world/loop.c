/* SPDX-License-Identifier: Apache-2.0 */
#include "loop.h"

#include "check.h"
#include "clock.h"
#include "memory.h"

#include <errno.h>
#include <sys/epoll.h>
#include <unistd.h>

#define EVENTS_MOST 256 /* a look; the others come with the next */

static int epoll_fd;

/* A heap: the first to fire is at 0, children of i at 2i+1 and 2i+2. */
static struct timer **heap;
static size_t heap_count, heap_capacity;

void loop_open(void)
{
    epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    CHECK(epoll_fd >= 0);
}

void loop_watch(struct watcher *watcher)
{
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = watcher};
    CHECK(epoll_ctl(epoll_fd, EPOLL_CTL_ADD, watcher->fd, &event) == 0);
}

void loop_close(struct watcher *watcher)
{
    close(watcher->fd);
    watcher->fd = -1;
}

static void swap(size_t a, size_t b)
{
    struct timer *timer = heap[a];
    heap[a] = heap[b];
    heap[b] = timer;
}

void loop_after(struct timer *timer, int64_t ms)
{
    if (heap_count == heap_capacity) {
        heap_capacity = heap_capacity == 0 ? 1024 : 2 * heap_capacity;
        heap = memory_resize(heap, heap_capacity, sizeof(heap[0]));
    }
    timer->at_ms = clock_monotonic_ms() + ms;
    heap[heap_count] = timer;
    for (size_t i = heap_count++; i > 0 && heap[i]->at_ms < heap[(i - 1) / 2]->at_ms;
         i = (i - 1) / 2)
        swap(i, (i - 1) / 2);
}

static struct timer *take_first(void)
{
    struct timer *first = heap[0];
    heap[0] = heap[--heap_count];
    for (size_t i = 0, least = 0;; i = least) {
        for (size_t child = 2 * i + 1; child <= 2 * i + 2 && child < heap_count; child++)
            if (heap[child]->at_ms < heap[least]->at_ms)
                least = child;
        if (least == i)
            return first;
        swap(i, least);
    }
}

static int sleep_ms(void)
{
    if (heap_count == 0)
        return -1;
    int64_t left_ms = heap[0]->at_ms - clock_monotonic_ms();
    return left_ms > 0 ? (int)left_ms : 0;
}

void loop_run(void)
{
    struct epoll_event events[EVENTS_MOST];
    for (;;) {
        int count = epoll_wait(epoll_fd, events, EVENTS_MOST, sleep_ms());
        CHECK(count >= 0 || errno == EINTR);
        for (int i = 0; i < count; i++) {
            struct watcher *watcher = events[i].data.ptr;
            watcher->ready(watcher);
        }
        while (heap_count > 0 && heap[0]->at_ms <= clock_monotonic_ms()) {
            struct timer *timer = take_first();
            timer->fire(timer);
        }
    }
}
