/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Allocation that never returns NULL (out of memory aborts with a message), and scope cleanup.
 */
#ifndef SHUNT_MEMORY_H
#define SHUNT_MEMORY_H

#include <stddef.h>

void *memory_zeroed(size_t count, size_t size) __attribute__((malloc));
void *memory_resize(void *pointer, size_t count, size_t size);
char *memory_text(const char *text); /* a copy; NULL gives NULL */
char *memory_format(const char *format, ...) __attribute__((format(printf, 1, 2)));

void memory_free_pointer(void *pointer_to_pointer);
void memory_close_fd(const int *fd); /* closes fds >= 0 and keeps errno */

#define FREE_CLEANUP  __attribute__((cleanup(memory_free_pointer)))
#define CLOSE_CLEANUP __attribute__((cleanup(memory_close_fd)))

/* Moves the pointer out of a variable under scope cleanup. */
#define MEMORY_STEAL(variable)                                                                     \
    ({                                                                                             \
        __typeof__(variable) stolen_ = (variable);                                                 \
        (variable) = NULL;                                                                         \
        stolen_;                                                                                   \
    })

#endif
