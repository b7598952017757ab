/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Virtual time, and processes that live in it. Production code runs in fibers: where it would wait
 * for the world, the fiber gives way until its time or its signal has come. One fiber runs at a
 * time and nothing depends on the machine's clock, so that a seed always gives the same story.
 *
 * A process is a set of fibers that die together, at any point where one of them gives way or
 * passes a boundary (process_boundary()). What a dead process held in memory is dropped at
 * the end of the run (arena.h).
 */
#ifndef SHUNT_SIMULATOR_SCHEDULE_H
#define SHUNT_SIMULATOR_SCHEDULE_H

#include "random.h"

#include <stdbool.h>
#include <stdint.h>

struct fiber;

struct process {
    char name[32];
    bool is_alive;
    bool is_stopped;       /* as by SIGSTOP: its fibers wait for process_continue() */
    uint32_t life;         /* counts its starts: what an earlier life left behind is told apart */
    int64_t clock_skew_us; /* of its wall clock */
    int64_t clock_set_us;  /* when that was changed; 0 = never */
    uint64_t boundaries;   /* passed in all lives */
    uint64_t die_at;       /* dies at this boundary; 0 = at none */
    uint64_t stop_at;      /* is stopped at this boundary, for stop_us */
    int64_t stop_us;
    void (*on_death)(struct process *process); /* closes what the system would close */
    struct process *parent; /* a child's boundaries are its parent's, and so is the death there */
    struct fiber *fibers;
};

/* Fibers wait for it with a deadline; all of them wake when it is raised. */
struct signal {
    struct fiber *waiting;
};

void schedule_begin(struct random *random);
void schedule_end(void);
int64_t schedule_now_us(void);
/* Runs whatever is due next; false when nothing is ever due, or only after until_us. */
bool schedule_step(int64_t until_us);
/* Whose fiber was due in the last step; NULL: it was a call. */
const struct process *schedule_last(void);
/* Calls back at that time, outside of any process. */
void schedule_at(int64_t at_us, void (*call)(void *context), void *context);

/* NULL outside of any fiber. */
struct process *process_current(void);
void process_start(struct process *process, void (*run)(void *context), void *context);
void process_add_fiber(struct process *process, void (*run)(void *context), void *context);
void process_kill(struct process *process);
void process_stop(struct process *process);
void process_continue(struct process *process);
/* Here the world outside changes, or has just changed: a good place to die. `what` is for the
 * trace. */
void process_boundary(const char *what);

/* For the fiber that runs. */
void fiber_sleep_us(int64_t us);
/* False when the time is over first. */
bool fiber_wait(struct signal *signal, int64_t until_us);
void signal_raise(struct signal *signal);

#endif
