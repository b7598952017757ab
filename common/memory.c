/* SPDX-License-Identifier: Apache-2.0 */
#include "memory.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* There is no useful way on: systemd starts the daemon again, and its state is on disk. */
static void *never_null(void *pointer)
{
    if (pointer == NULL) {
        fputs("out of memory\n", stderr);
        abort();
    }
    return pointer;
}

void *memory_zeroed(size_t count, size_t size)
{
    return never_null(calloc(count > 0 ? count : 1, size > 0 ? size : 1));
}

void *memory_resize(void *pointer, size_t count, size_t size)
{
    return never_null(reallocarray(pointer, count > 0 ? count : 1, size > 0 ? size : 1));
}

char *memory_text(const char *text)
{
    return text == NULL ? NULL : never_null(strdup(text));
}

char *memory_format(const char *format, ...)
{
    char *text = NULL;
    va_list arguments;
    va_start(arguments, format);
    int length = vasprintf(&text, format, arguments);
    va_end(arguments);
    return never_null(length < 0 ? NULL : text);
}

void memory_free_pointer(void *pointer_to_pointer)
{
    void *pointer;
    memcpy(&pointer, pointer_to_pointer, sizeof(pointer));
    free(pointer);
}

void memory_close_fd(const int *fd)
{
    int kept_errno = errno;
    if (*fd >= 0)
        close(*fd);
    errno = kept_errno;
}
