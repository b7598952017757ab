/* SPDX-License-Identifier: Apache-2.0 */
#include "resident_memory.h"

#include "memory.h"

#include <fcntl.h>
#include <link.h>
#include <malloc.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

/* Only segments that were never writable: their pages are the file's, so nothing is lost. */
static int release_object(struct dl_phdr_info *object, size_t size, void *context)
{
    uintptr_t page_mask = ~((uintptr_t)sysconf(_SC_PAGESIZE) - 1);
    (void)size;
    (void)context;
    for (int i = 0; i < object->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &object->dlpi_phdr[i];
        if (segment->p_type != PT_LOAD || (segment->p_flags & PF_W) != 0)
            continue;
        uintptr_t begin = (object->dlpi_addr + segment->p_vaddr) & page_mask;
        uintptr_t end = object->dlpi_addr + segment->p_vaddr + segment->p_memsz;
        (void)madvise((void *)begin, end - begin, MADV_DONTNEED);
    }
    return 0;
}

/* 0 where it cannot be told: then nothing is given back. See proc(5), statm: size, resident, … */
static size_t resident_bytes(void)
{
    char text[128];
    size_t size_pages, resident_pages;
    CLOSE_CLEANUP int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    ssize_t length = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
    if (length < 0)
        return 0;
    text[length] = '\0';
    if (sscanf(text, "%zu %zu", &size_pages, &resident_pages) != 2)
        return 0;
    return resident_pages * (size_t)sysconf(_SC_PAGESIZE);
}

void resident_memory_release(void)
{
    if (resident_bytes() <= RESIDENT_MEMORY_BYTES)
        return;
    (void)malloc_trim(0);
    (void)dl_iterate_phdr(release_object, NULL);
}
