/* SPDX-License-Identifier: Apache-2.0 */
#include "fake_server.h"

#include "check.h"
#include "loopback.h"

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#define MOST_CLIENTS 64 /* a driver asks a handful of questions */

static enum fake_manner manner;
static const char *head;
static const char *text;
static size_t text_size;
static size_t text_repeats;
static int listener;
static int end_fd; /* readable once the server shall end */
static pthread_t thread;
static atomic_size_t sent_bytes;

/* False where the server shall end. */
static bool wait_for(int fd, short events)
{
    struct pollfd fds[] = {{.fd = end_fd, .events = POLLIN}, {.fd = fd, .events = events}};

    CHECK(poll(fds, 2, -1) > 0);
    return fds[0].revents == 0;
}

static bool say(int fd, const char *bytes, size_t size)
{
    size_t done = 0;

    while (done < size) {
        if (!wait_for(fd, POLLOUT))
            return false;
        ssize_t count = send(fd, bytes + done, size - done, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (count < 0)
            return false;
        done += (size_t)count;
        sent_bytes += (size_t)count;
    }
    return true;
}

/* The question comes first: a connection closed with unread bytes is reset, and the answer lost. */
static void answer(int fd)
{
    char question[16 * 1024];

    if (!wait_for(fd, POLLIN) || recv(fd, question, sizeof(question), 0) <= 0 ||
        !say(fd, head, strlen(head)))
        return;
    for (size_t i = 0; i < text_repeats; i++)
        if (!say(fd, text, text_size))
            return;
}

static void *serve(void *unused)
{
    int silent[MOST_CLIENTS];
    size_t count = 0;

    (void)unused;
    while (count < MOST_CLIENTS && wait_for(listener, POLLIN)) {
        int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
        if (fd < 0)
            continue;
        if (manner == FAKE_ANSWERS) {
            answer(fd);
            close(fd);
        } else {
            silent[count++] = fd;
        }
    }
    while (count > 0)
        close(silent[--count]);
    return NULL;
}

int fake_server_start(enum fake_manner how, const char *first, const char *bytes, size_t size,
                      size_t repeats)
{
    manner = how;
    head = first;
    text = bytes;
    text_size = size;
    text_repeats = repeats;
    sent_bytes = 0;
    end_fd = eventfd(0, EFD_CLOEXEC);
    CHECK(end_fd >= 0);
    listener = how == FAKE_REFUSES ? loopback_bind() : loopback_listen();
    if (how != FAKE_REFUSES)
        CHECK(pthread_create(&thread, NULL, serve, NULL) == 0);
    return loopback_port(listener);
}

size_t fake_server_stop(void)
{
    uint64_t one = 1;

    CHECK(write(end_fd, &one, sizeof(one)) == sizeof(one));
    if (manner != FAKE_REFUSES)
        pthread_join(thread, NULL);
    close(listener);
    close(end_fd);
    return sent_bytes;
}
