/* SPDX-License-Identifier: Apache-2.0 */
#include "arena.h"

#include "check.h"

#include <errno.h>
#include <malloc.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define HAS_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) ||                         \
    __has_feature(memory_sanitizer)
#define HAS_SANITIZER 1
#endif
#endif

#ifdef HAS_SANITIZER

void arena_begin_run(void)
{
}

void arena_end_run(void)
{
}

void *arena_keep_resize(void *pointer, size_t size)
{
    if (size != 0)
        return realloc(pointer, size);
    free(pointer);
    return NULL;
}

#else

#define ZONE_BYTES    (1ULL << 32)             /* of addresses; pages come with their first use */
#define GRAIN         16                       /* bytes; what malloc(3) aligns to */
#define CLASSES_SMALL 64                       /* one a grain, up to 1 KiB; */
#define CLASSES       (CLASSES_SMALL + 4 * 22) /* then four a doubling, up to 4 GiB */
#define CLASS_NONE    UINT32_MAX               /* aligned by more: is not used again */

/* Before each block. */
struct header {
    uint32_t size_class;
    uint32_t run; /* that owns it; 0 = none */
    uint64_t size_bytes;
};

_Static_assert(sizeof(struct header) == GRAIN, "a block is aligned behind its header");

struct block {
    struct block *next;
};

static struct zone {
    char *base, *next, *end;
    struct block *unused[CLASSES];
} kept, of_run;

static uint32_t run; /* counts them; 0 = before the first */
static bool is_running;

static struct header *header_of(void *pointer)
{
    return (struct header *)pointer - 1;
}

/* The smallest class with room for so many bytes, and that room. */
static uint32_t find_class(size_t size, size_t *ret_room)
{
    size_t grains = size == 0 ? 1 : (size + GRAIN - 1) / GRAIN;
    if (grains <= CLASSES_SMALL) {
        *ret_room = grains * GRAIN;
        return (uint32_t)grains - 1;
    }
    uint32_t doubling = 63 - (uint32_t)__builtin_clzll(grains - 1); /* 6: up to 2 KiB */
    size_t quarter = (size_t)1 << (doubling - 2);
    size_t quarters = (grains - 1) / quarter + 1; /* 5 to 8 */
    *ret_room = quarters * quarter * GRAIN;
    return CLASSES_SMALL + 4 * (doubling - 6) + (uint32_t)quarters - 5;
}

static void open_zone(struct zone *zone)
{
    zone->base = mmap(NULL, ZONE_BYTES, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    CHECK(zone->base != MAP_FAILED);
    zone->next = zone->base;
    zone->end = zone->base + ZONE_BYTES;
}

static void *take(struct zone *zone, size_t size)
{
    size_t room;
    if (size > ZONE_BYTES / 4)
        return NULL;
    uint32_t class = find_class(size, &room);
    struct block *block = zone->unused[class];
    if (block != NULL) {
        zone->unused[class] = block->next;
        return block;
    }
    if (zone->base == NULL)
        open_zone(zone);
    if ((size_t)(zone->end - zone->next) < room + sizeof(struct header))
        return NULL;
    struct header *header = (struct header *)zone->next;
    *header = (struct header){class, zone == &of_run ? run : 0, room};
    zone->next += sizeof(*header) + room;
    return header + 1;
}

static void *resize(struct zone *zone, void *pointer, size_t size)
{
    if (pointer == NULL)
        return take(zone, size);
    size_t before = header_of(pointer)->size_bytes;
    if (size <= before)
        return pointer;
    void *larger = take(header_of(pointer)->run == 0 ? &kept : zone, size);
    if (larger == NULL)
        return NULL;
    memcpy(larger, pointer, before);
    free(pointer);
    return larger;
}

void arena_begin_run(void)
{
    run++;
    is_running = true;
}

void arena_end_run(void)
{
    is_running = false;
    of_run.next = of_run.base;
    memset(of_run.unused, 0, sizeof(of_run.unused));
}

void *arena_keep_resize(void *pointer, size_t size)
{
    if (size != 0)
        return resize(&kept, pointer, size);
    free(pointer);
    return NULL;
}

/* ---- malloc(3) and its family, all of it: the C library calls these ---- */

static void *or_no_memory(void *pointer)
{
    if (pointer == NULL)
        errno = ENOMEM;
    return pointer;
}

void *malloc(size_t size)
{
    return or_no_memory(take(is_running ? &of_run : &kept, size));
}

void free(void *pointer)
{
    if (pointer == NULL)
        return;
    const struct header *header = header_of(pointer);
    CHECK(header->run == 0 || (is_running && header->run == run));
    if (header->size_class == CLASS_NONE)
        return;
    struct zone *zone = header->run == 0 ? &kept : &of_run;
    struct block *block = pointer;
    block->next = zone->unused[header->size_class];
    zone->unused[header->size_class] = block;
}

void *calloc(size_t count, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes))
        return or_no_memory(NULL);
    void *pointer = take(is_running ? &of_run : &kept, bytes);
    return pointer != NULL ? memset(pointer, 0, bytes) : or_no_memory(NULL);
}

void *realloc(void *pointer, size_t size)
{
    if (pointer == NULL || size != 0)
        return or_no_memory(resize(is_running ? &of_run : &kept, pointer, size));
    free(pointer);
    return NULL;
}

void *aligned_alloc(size_t alignment, size_t size)
{
    if (alignment <= GRAIN)
        return malloc(size);
    char *pointer = malloc(size + alignment);
    if (pointer == NULL)
        return NULL;
    uint32_t owner = header_of(pointer)->run;
    pointer += alignment - (uintptr_t)pointer % alignment;
    *header_of(pointer) = (struct header){CLASS_NONE, owner, size};
    return pointer;
}

void *memalign(size_t alignment, size_t size)
{
    return aligned_alloc(alignment, size);
}

int posix_memalign(void **ret_pointer, size_t alignment, size_t size)
{
    void *pointer = aligned_alloc(alignment, size);
    if (pointer == NULL)
        return ENOMEM;
    *ret_pointer = pointer;
    return 0;
}

size_t malloc_usable_size(void *pointer)
{
    return pointer != NULL ? header_of(pointer)->size_bytes : 0;
}

#endif
