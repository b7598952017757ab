/* SPDX-License-Identifier: Apache-2.0 */
#include "batch.h"

#include "check.h"
#include "memory.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define RUNS_MOST  200 /* a process: a run that spoils the simulator's memory spoils few others */
#define RUN_MOST_S 60  /* of CPU: a process may be stopped, or starved; a run takes some 10 ms */
#define PROGRESS_S 5
#define JOBS_MOST  64
#define SHOWN_MOST 20 /* failures; more say nothing new */

/* Shared with one child. */
struct slot {
    pid_t pid; /* 0 = free */
    uint64_t first, last;
    uint64_t current;
    uint64_t passed, failed;
    int64_t virtual_us;
};

static struct state {
    const struct batch *batch;
    struct slot *slots;
    uint64_t next;
    struct batch_total total;
    time_t begun, told;
    bool is_stopping;
} state;

static void tell_failure(uint64_t number, const char *complaint)
{
    char name[64], command[256];
    state.batch->name(number, name, sizeof(name));
    state.batch->command(number, command, sizeof(command));
    printf("FAILED %s: %s\n  see: simulator %s\n", name, complaint, command);
    fflush(stdout);
}

/* Or SIGPROF ends the process. */
static void limit_run(void)
{
    const struct itimerval limit = {.it_value.tv_sec = RUN_MOST_S};
    CHECK(setitimer(ITIMER_PROF, &limit, NULL) == 0);
}

static void run_range(struct slot *slot)
{
    for (uint64_t number = slot->first; number <= slot->last; number++) {
        struct run_options options;
        struct run_result result;
        slot->current = number;
        limit_run();
        state.batch->describe(number, &options);
        run_once(&options, &result);
        slot->virtual_us += result.virtual_us;
        if (result.is_good) {
            slot->passed++;
            continue;
        }
        slot->failed++;
        if (state.total.failed + slot->failed <= SHOWN_MOST)
            tell_failure(number, result.complaint);
    }
    fflush(stdout);
    _exit(EXIT_SUCCESS);
}

static void start(struct slot *slot)
{
    *slot = (struct slot){.first = state.next, .current = state.next};
    slot->last = state.next + RUNS_MOST - 1;
    if (slot->last > state.batch->last)
        slot->last = state.batch->last;
    state.next = slot->last + 1;
    fflush(stdout);
    pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid == 0)
        run_range(slot);
    slot->pid = pid;
}

/* A child that did not come to its end died of one run; the runs behind that are still to be made.
 */
static void bury(struct slot *slot, int status)
{
    state.total.passed += slot->passed;
    state.total.failed += slot->failed;
    state.total.virtual_us += slot->virtual_us;
    slot->pid = 0;
    if (WIFEXITED(status) && WEXITSTATUS(status) == EXIT_SUCCESS)
        return;
    state.total.failed++;
    tell_failure(slot->current, WIFSIGNALED(status) && WTERMSIG(status) == SIGPROF
                                    ? "it takes more than a minute of CPU time"
                                    : "the simulator died of it");
    uint64_t first = slot->current + 1, last = slot->last;
    if (first > last || state.is_stopping)
        return;
    *slot = (struct slot){.first = first, .last = last, .current = first};
    pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid == 0)
        run_range(slot);
    slot->pid = pid;
}

static void tell_progress(void)
{
    time_t now = time(NULL);
    if (now < state.told + PROGRESS_S)
        return;
    state.told = now;
    printf("%llu runs, %llu failed, %lld s\n",
           (unsigned long long)state.total.passed + state.total.failed,
           (unsigned long long)state.total.failed, (long long)(now - state.begun));
    fflush(stdout);
}

static bool wait_for_child(void)
{
    int status;
    pid_t pid = wait(&status);
    if (pid < 0 && errno == EINTR)
        return true;
    for (unsigned i = 0; pid > 0 && i < JOBS_MOST; i++)
        if (state.slots[i].pid == pid)
            bury(&state.slots[i], status);
    if (state.batch->stops_at_failure && state.total.failed > 0)
        state.is_stopping = true;
    return pid > 0;
}

void batch_run(const struct batch *batch, struct batch_total *ret_total)
{
    struct rusage usage;
    unsigned jobs = batch->jobs < JOBS_MOST ? batch->jobs : JOBS_MOST;
    state = (struct state){.batch = batch, .next = batch->first, .begun = time(NULL)};
    state.told = state.begun;
    state.slots = mmap(NULL, JOBS_MOST * sizeof(struct slot), PROT_READ | PROT_WRITE,
                       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(state.slots != MAP_FAILED);
    do {
        for (unsigned i = 0; i < jobs; i++)
            if (state.slots[i].pid == 0 && state.next <= batch->last && !state.is_stopping)
                start(&state.slots[i]);
        tell_progress();
    } while (wait_for_child());
    getrusage(RUSAGE_CHILDREN, &usage);
    state.total.cpu_s = (double)usage.ru_utime.tv_sec + (double)usage.ru_stime.tv_sec +
                        (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
    munmap(state.slots, JOBS_MOST * sizeof(struct slot));
    *ret_total = state.total;
}
