/* SPDX-License-Identifier: Apache-2.0 */
#include "schedule.h"

#include "check.h"
#include "memory.h"
#include "stack.h"
#include "trace.h"

#include <stdlib.h>
#include <string.h>

#define FIBERS_MOST 256 /* five agents and three controllers with their jobs have some 60 */

struct fiber {
    struct place_of_execution place;
    struct stack stack;
    struct process *process;
    struct fiber *next;      /* of the process */
    struct fiber *next_idle; /* of the signal it waits for */
    struct signal *signal;
    void (*run)(void *context);
    void *argument;
    uint64_t wake; /* number of the wake-up it waits for: any other is overtaken */
    bool is_signalled;
    bool is_deferred; /* it would have run while the process was stopped */
    bool is_over;
    bool is_buried;
};

struct call {
    void (*function)(void *context);
    void *context;
};

/* A fiber that goes on, or a call. */
struct due {
    int64_t at_us;
    uint64_t order;      /* of those due at one time */
    struct fiber *fiber; /* NULL = a call */
    union {
        uint64_t wake;
        struct call *call;
    };
};

static struct {
    int64_t now_us;
    struct random *random;
    struct due *list;
    size_t count, capacity;
    uint64_t wakes;
    struct place_of_execution loop;
    struct fiber *running;
    const struct process *last;       /* whose fiber was due in the last step */
    struct fiber fibers[FIBERS_MOST]; /* with their stacks, which are kept for the next run */
    size_t fiber_count;
    struct fiber *buried; /* fibers of the dead, whose stacks can be used again */
} schedule;

/* ---- what is due when: a list, the next one last; it holds some thirty ---- */

static bool is_earlier(const struct due *a, const struct due *b)
{
    return a->at_us != b->at_us ? a->at_us < b->at_us : a->order < b->order;
}

/* Whoever is due at the same time comes in an order of chance. */
static void push(struct due due)
{
    if (schedule.count == schedule.capacity) {
        schedule.capacity = schedule.capacity == 0 ? 256 : 2 * schedule.capacity;
        schedule.list = memory_resize(schedule.list, schedule.capacity, sizeof(schedule.list[0]));
    }
    due.order = random_next(schedule.random);
    size_t place = schedule.count++;
    for (; place > 0 && is_earlier(&schedule.list[place - 1], &due); place--)
        schedule.list[place] = schedule.list[place - 1];
    schedule.list[place] = due;
}

int64_t schedule_now_us(void)
{
    return schedule.now_us;
}

void schedule_at(int64_t at_us, void (*call)(void *context), void *context)
{
    struct due due = {.at_us = at_us > schedule.now_us ? at_us : schedule.now_us};
    due.call = memory_zeroed(1, sizeof(*due.call));
    *due.call = (struct call){call, context};
    push(due);
}

static void wake_at(struct fiber *fiber, int64_t at_us)
{
    fiber->wake = ++schedule.wakes;
    if (at_us == INT64_MAX)
        return;
    push((struct due){.at_us = at_us > schedule.now_us ? at_us : schedule.now_us,
                      .fiber = fiber,
                      .wake = fiber->wake});
}

/* ---- fibers ---- */

static void stop_waiting(struct fiber *fiber)
{
    if (fiber->signal == NULL)
        return;
    struct fiber **link = &fiber->signal->waiting;
    while (*link != fiber)
        link = &(*link)->next_idle;
    *link = fiber->next_idle;
    fiber->signal = NULL;
}

static void bury(struct fiber *fiber)
{
    stop_waiting(fiber);
    fiber->is_over = fiber->is_buried = true;
    fiber->wake = ++schedule.wakes;
    fiber->next = schedule.buried;
    schedule.buried = fiber;
}

static void give_way(void)
{
    struct fiber *self = schedule.running;
    stack_switch(&self->place, &schedule.loop, NULL);
}

static void begin(void)
{
    stack_arrived();
    struct fiber *self = schedule.running;
    self->run(self->argument);
    self->is_over = true;
    give_way();
    CHECK(!"a fiber that is over was woken");
}

void process_add_fiber(struct process *process, void (*run)(void *context), void *context)
{
    struct fiber *fiber = schedule.buried;
    if (fiber != NULL) {
        schedule.buried = fiber->next;
    } else {
        CHECK(schedule.fiber_count < FIBERS_MOST);
        fiber = &schedule.fibers[schedule.fiber_count++];
    }
    struct stack stack = fiber->stack;
    if (stack.base == NULL)
        stack_new(&stack);
    *fiber = (struct fiber){.process = process, .run = run, .argument = context, .stack = stack};
    stack_prepare(&fiber->place, &fiber->stack, begin);
    fiber->next = process->fibers;
    process->fibers = fiber;
    wake_at(fiber, schedule.now_us);
}

static void remove_fiber(struct fiber *fiber)
{
    struct fiber **link = &fiber->process->fibers;
    while (*link != fiber)
        link = &(*link)->next;
    *link = fiber->next;
    bury(fiber);
}

static void resume(struct fiber *fiber)
{
    stop_waiting(fiber);
    schedule.running = fiber;
    stack_switch(&schedule.loop, &fiber->place, &fiber->stack);
    schedule.running = NULL;
    if (fiber->is_over && !fiber->is_buried) /* buried: it has killed its own process */
        remove_fiber(fiber);
}

static void make_call(struct call *due)
{
    struct call call = *due;
    free(due);
    call.function(call.context);
}

bool schedule_step(int64_t until_us)
{
    if (schedule.count == 0 || schedule.list[schedule.count - 1].at_us > until_us)
        return false;
    struct due due = schedule.list[--schedule.count];
    schedule.now_us = due.at_us;
    schedule.last = due.fiber != NULL ? due.fiber->process : NULL;
    if (due.fiber == NULL) {
        make_call(due.call);
        return true;
    }
    if (due.fiber->is_over || due.fiber->wake != due.wake)
        return true;
    if (due.fiber->process->is_stopped)
        due.fiber->is_deferred = true;
    else
        resume(due.fiber);
    return true;
}

const struct process *schedule_last(void)
{
    return schedule.last;
}

void fiber_sleep_us(int64_t us)
{
    CHECK(schedule.running != NULL);
    wake_at(schedule.running, schedule.now_us + us);
    give_way();
}

bool fiber_wait(struct signal *signal, int64_t until_us)
{
    struct fiber *self = schedule.running;
    CHECK(self != NULL);
    self->is_signalled = false;
    self->signal = signal;
    self->next_idle = signal->waiting;
    signal->waiting = self;
    wake_at(self, until_us);
    give_way();
    return self->is_signalled;
}

void signal_raise(struct signal *signal)
{
    while (signal->waiting != NULL) {
        struct fiber *fiber = signal->waiting;
        stop_waiting(fiber);
        fiber->is_signalled = true;
        wake_at(fiber, schedule.now_us);
    }
}

/* ---- processes ---- */

struct process *process_current(void)
{
    return schedule.running != NULL ? schedule.running->process : NULL;
}

void process_start(struct process *process, void (*run)(void *context), void *context)
{
    CHECK(!process->is_alive);
    process->is_alive = true;
    process->is_stopped = false;
    process->life++;
    process_add_fiber(process, run, context);
}

/* The fiber that runs may be among the dead: it gives way for ever, when all are buried. */
void process_kill(struct process *process)
{
    static unsigned depth;
    if (!process->is_alive)
        return;
    process->is_alive = false;
    process->is_stopped = false;
    while (process->fibers != NULL) {
        struct fiber *fiber = process->fibers;
        process->fibers = fiber->next;
        bury(fiber);
    }
    trace_line("%s dies", process->name);
    depth++;
    if (process->on_death != NULL)
        process->on_death(process);
    depth--;
    if (depth == 0 && schedule.running != NULL && schedule.running->is_buried)
        give_way();
}

void process_stop(struct process *process)
{
    if (process->is_alive)
        process->is_stopped = true;
}

void process_continue(struct process *process)
{
    process->is_stopped = false;
    for (struct fiber *fiber = process->fibers; fiber != NULL; fiber = fiber->next) {
        if (!fiber->is_deferred)
            continue;
        fiber->is_deferred = false;
        wake_at(fiber, schedule.now_us);
    }
}

static void go_on(void *context)
{
    process_continue(context);
}

void process_boundary(const char *what)
{
    struct process *process = process_current();
    if (process == NULL)
        return;
    if (process->parent != NULL)
        process = process->parent;
    process->boundaries++;
    if (process->boundaries == process->die_at) {
        trace_line("%s is killed at %s (boundary %llu)", process->name, what,
                   (unsigned long long)process->boundaries);
        process_kill(process);
    } else if (process->boundaries == process->stop_at) {
        trace_line("%s stalls at %s", process->name, what);
        process_stop(process);
        schedule_at(schedule.now_us + process->stop_us, go_on, process);
        fiber_sleep_us(0);
    }
}

/* ---- begin and end ---- */

void schedule_begin(struct random *random)
{
    schedule.now_us = 0;
    schedule.random = random;
    schedule.count = 0;
    schedule.running = NULL;
}

/* The processes are dead by now; stacks are kept for the next run. */
void schedule_end(void)
{
    CHECK(schedule.running == NULL);
    free(schedule.list);
    schedule.list = NULL;
    schedule.count = schedule.capacity = 0;
}
