/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stacks for fibers, and the switch between them. Address sanitizer is told of each switch, or it
 * would take one stack's frames for another's.
 */
#ifndef SHUNT_SIMULATOR_STACK_H
#define SHUNT_SIMULATOR_STACK_H

#include <setjmp.h>
#include <stdbool.h>
#include <stddef.h>
#include <ucontext.h>

struct stack {
    void *base;
    size_t size;
};

/* Where a fiber, or the thread itself, goes on. */
struct place_of_execution {
    bool has_begun;
    ucontext_t first; /* until then */
    sigjmp_buf next;  /* from then on: swapcontext(3) would ask the kernel each time */
};

/* With a guard page below; never given back to the system. */
void stack_new(struct stack *stack);
void stack_prepare(struct place_of_execution *place, const struct stack *stack,
                   void (*begin)(void));
/* Leaves `from` for `to`, whose stack is `stack`; NULL: the thread's own. */
void stack_switch(struct place_of_execution *from, struct place_of_execution *to,
                  const struct stack *stack);
/* The first thing on a new stack. */
void stack_arrived(void);

#endif
