/* SPDX-License-Identifier: Apache-2.0 */
#include "stack.h"

#include "check.h"

#include <sys/mman.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__)
#define HAS_ADDRESS_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HAS_ADDRESS_SANITIZER 1
#endif
#endif

#ifdef HAS_ADDRESS_SANITIZER
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#define STACK_BYTES (4096 * 1024) /* frames are several times as large */
#else
#define STACK_BYTES (512 * 1024) /* the shell has frames of 100 KiB */
#endif

void stack_new(struct stack *stack)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    char *base = mmap(NULL, STACK_BYTES + page, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    CHECK(base != MAP_FAILED && mprotect(base, page, PROT_NONE) == 0);
    stack->base = base + page;
    stack->size = STACK_BYTES;
}

void stack_prepare(struct place_of_execution *place, const struct stack *stack, void (*begin)(void))
{
    place->has_begun = false;
    CHECK(getcontext(&place->first) == 0);
    place->first.uc_stack.ss_sp = stack->base;
    place->first.uc_stack.ss_size = stack->size;
    place->first.uc_link = NULL;
#ifdef HAS_ADDRESS_SANITIZER
    __asan_unpoison_memory_region(stack->base, stack->size);
#endif
    makecontext(&place->first, begin, 0);
}

/* What sigsetjmp(3) keeps is of a stack that still stands: the fiber's own. */
static void go_to(struct place_of_execution *from, struct place_of_execution *to)
{
    from->has_begun = true;
    if (sigsetjmp(from->next, 0) != 0)
        return;
    if (to->has_begun)
        siglongjmp(to->next, 1);
    CHECK(setcontext(&to->first) == 0);
}

#ifdef HAS_ADDRESS_SANITIZER

/* What the dead processes of a run held is never given back. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "detect_leaks=0";
}

static const void *thread_stack;
static size_t thread_stack_size;

void stack_arrived(void)
{
    const void *base;
    size_t size;
    __sanitizer_finish_switch_fiber(NULL, &base, &size);
    if (thread_stack == NULL) {
        thread_stack = base;
        thread_stack_size = size;
    }
}

void stack_switch(struct place_of_execution *from, struct place_of_execution *to,
                  const struct stack *stack)
{
    void *fake = NULL;
    __sanitizer_start_switch_fiber(&fake, stack != NULL ? stack->base : thread_stack,
                                   stack != NULL ? stack->size : thread_stack_size);
    go_to(from, to);
    __sanitizer_finish_switch_fiber(fake, NULL, NULL);
}

#else

void stack_arrived(void)
{
}

void stack_switch(struct place_of_execution *from, struct place_of_execution *to,
                  const struct stack *stack)
{
    (void)stack;
    go_to(from, to);
}

#endif
