/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench-dispatch --config FILE --agents N --count N --rate N --seconds N --window N: how long it
 * takes from a command to the agent's ACCEPTED, by the controller's own code: its leases, its
 * sending, its reader. The agents are bench-world's. Prints one JSON object.
 *
 *   alone  one command at a time, COUNT of them; between them a PING and an XADD, on a connection
 * of the same kind: ping_us and xadd_us are the medians of their round trips paced  RATE a second
 * for SECONDS, whatever becomes of those before full   WINDOW commands under way, 10 * COUNT of
 * them
 */
#include "check.h"
#include "clock.h"
#include "file.h"
#include "log.h"
#include "memory.h"
#include "message_codec.h"
#include "shell.h"
#include "text.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define FULL_FACTOR 10
#define WARM_UP     200
#define SILENCE_MS  30000 /* nothing for that long: agents are missing */
#define LEAD_MS     300000
#define ID_FORMAT   "b%zu"

struct run {
    struct shell shell;
    size_t agents; /* that are asked; those of all first nodes come first */
    size_t sent, answered;
    int64_t *begun_us; /* by number of the command */
    int64_t *took_us;  /* of those that are answered */
    size_t capacity;
};

static int64_t now_us(void)
{
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    return (int64_t)at.tv_sec * 1000000 + at.tv_nsec / 1000;
}

static void begin(struct run *run, size_t capacity)
{
    run->sent = run->answered = 0;
    run->capacity = capacity;
    run->begun_us = memory_resize(run->begun_us, capacity, sizeof(run->begun_us[0]));
    run->took_us = memory_resize(run->took_us, capacity, sizeof(run->took_us[0]));
}

/* To agents in a row that visits clusters far from each other. */
static void send_next(struct run *run)
{
    static size_t turn;
    size_t agent = turn++ % run->agents;
    struct cluster *cluster = &run->shell.clusters[agent * 7919 % run->shell.cluster_count];
    size_t node = agent / run->shell.cluster_count % cluster->config->node_count;
    struct command command = {.verb = VERB_FACTS};
    struct error err;
    CHECK(run->sent < run->capacity);
    snprintf(command.id, sizeof(command.id), ID_FORMAT, run->sent);
    TEXT_COPY(command.node, cluster->config->nodes[node].agent);
    run->begun_us[run->sent++] = now_us();
    CHECK(send_command(&run->shell, cluster, &command, &err));
}

static bool is_accepted(const char *body, size_t *ret_number)
{
    struct report report;
    struct error err;
    CHECK(report_read(body, strlen(body), &report, &err));
    *ret_number = strtoul(report.command_id + 1, NULL, 10);
    return report.kind == REPORT_ACCEPTED;
}

/* What has come within wait_ms; false if nothing has. */
static bool take_answers(struct run *run, int64_t wait_ms)
{
    bool has_any = false;
    struct item *item;
    size_t number;
    lease_renew_due(&run->shell);
    while ((item = queue_take(run->shell.queue, has_any ? 0 : wait_ms)) != NULL) {
        if (item->kind == ITEM_REPORT && is_accepted(item->body, &number)) {
            CHECK(number < run->sent);
            run->took_us[run->answered++] = now_us() - run->begun_us[number];
            has_any = true;
        }
        item_free(item);
    }
    return has_any;
}

static void await(struct run *run, size_t answered)
{
    struct deadline silence = deadline_after_ms(SILENCE_MS);
    while (run->answered < answered) {
        if (take_answers(run, 10))
            silence = deadline_after_ms(SILENCE_MS);
        if (deadline_is_over(silence)) {
            fprintf(stderr, "%zu of %zu commands were not answered\n", run->sent - run->answered,
                    run->sent);
            exit(EXIT_FAILURE);
        }
    }
}

static int64_t round_trip_us(struct redis *redis, bool is_ping)
{
    static const char body[] = "0123456789012345678901234567890123456789012345678901234567890123"
                               "0123456789012345678901234567890123456789012345678901234567890123"
                               "0123456789012345678901234567890123456789012345678901234567890123";
    REPLY_CLEANUP redisReply *reply = NULL;
    struct deadline deadline = deadline_after_ms(SILENCE_MS);
    struct error err;
    int64_t begun_us = now_us();
    bool is_good = is_ping ? redis_command(redis, deadline, &reply, &err, "PING", (char *)NULL)
                           : redis_command(redis, deadline, &reply, &err, "XADD", "bench", "MAXLEN",
                                           "~", "1000", "*", "body", body, (char *)NULL);
    CHECK(is_good);
    return now_us() - begun_us;
}

static int compare(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static void tell(struct run *run, const char *name, int64_t took_us)
{
    qsort(run->took_us, run->answered, sizeof(run->took_us[0]), compare);
    printf("\"%s\": {\"commands\": %zu, \"p50_us\": %lld, \"p99_us\": %lld, \"longest_us\": %lld, "
           "\"per_second\": %.1f}",
           name, run->answered, (long long)run->took_us[run->answered / 2],
           (long long)run->took_us[run->answered * 99 / 100],
           (long long)run->took_us[run->answered - 1],
           (double)run->answered * 1e6 / (double)took_us);
}

static int64_t median(int64_t *values, size_t count)
{
    qsort(values, count, sizeof(values[0]), compare);
    return values[count / 2];
}

static void run_alone(struct run *run, size_t count)
{
    FREE_CLEANUP int64_t *pings = memory_zeroed(count, sizeof(pings[0]));
    FREE_CLEANUP int64_t *additions = memory_zeroed(count, sizeof(additions[0]));
    begin(run, count);
    int64_t begun_us = now_us();
    for (size_t i = 0; i < count; i++) {
        send_next(run);
        await(run, i + 1);
        pings[i] = round_trip_us(run->shell.redis, true);
        additions[i] = round_trip_us(run->shell.redis, false);
    }
    tell(run, "alone", now_us() - begun_us);
    printf(", \"ping_us\": %lld, \"xadd_us\": %lld", (long long)median(pings, count),
           (long long)median(additions, count));
}

static void run_paced(struct run *run, size_t rate, size_t seconds)
{
    begin(run, rate * seconds);
    int64_t begun_us = now_us();
    while (run->sent < run->capacity) {
        int64_t due_us = begun_us + (int64_t)(run->sent * 1000000 / rate);
        int64_t left_us = due_us - now_us();
        if (left_us <= 0)
            send_next(run);
        else
            (void)take_answers(run, left_us / 1000);
    }
    await(run, run->sent);
    tell(run, "paced", now_us() - begun_us);
}

static void run_full(struct run *run, size_t count, size_t window)
{
    begin(run, count);
    int64_t begun_us = now_us();
    while (run->sent < count) {
        if (run->sent - run->answered < window)
            send_next(run);
        else
            await(run, run->answered + 1);
    }
    await(run, count);
    tell(run, "full", now_us() - begun_us);
}

static void *read_streams(void *shell)
{
    reader_run(shell);
    return NULL;
}

static void lead_all(struct shell *shell)
{
    struct deadline deadline = deadline_after_ms(LEAD_MS);
    size_t led = 0;
    while (led < shell->cluster_count) {
        lease_renew_all(shell);
        led = 0;
        for (size_t i = 0; i < shell->cluster_count; i++)
            led += shell->clusters[i].is_led;
        CHECK(!deadline_is_over(deadline));
    }
}

static const struct option option_table[] = {
    {"config", required_argument, NULL, 'c'},
    {"agents", required_argument, NULL, 'a'},
    {"count", required_argument, NULL, 'n'},
    {"rate", required_argument, NULL, 'r'},
    {"seconds", required_argument, NULL, 's'},
    {"window", required_argument, NULL, 'w'},
    {NULL, 0, NULL, 0},
};

int main(int argc, char **argv)
{
    const char *path = NULL;
    size_t numbers[128] = {['a'] = 1, ['n'] = 1000, ['r'] = 1000, ['s'] = 10, ['w'] = 64};
    static struct yaml_document document;
    static struct config config;
    static struct run run;
    struct error err;
    pthread_t reader;
    int letter;
    while ((letter = getopt_long(argc, argv, "", option_table, NULL)) >= 0) {
        if (letter == 'c')
            path = optarg;
        else if (letter == '?')
            return 2;
        else
            numbers[letter] = strtoul(optarg, NULL, 10);
    }
    log_open("bench-dispatch", LOG_LEVEL_WARNING);
    CHECK(path != NULL && keys_init(&err) && yaml_open(path, &document, &err));
    config_read(&document, &config);
    fputs(buffer_text(&document.complaints), stderr);
    CHECK(document.complaint_count == 0 && file_make_directory(config.state_dir, 0755, &err) &&
          shell_open(&run.shell, &config, &err));
    run.agents = numbers['a'];
    lead_all(&run.shell);
    CHECK(pthread_create(&reader, NULL, read_streams, &run.shell) == 0);
    begin(&run, WARM_UP);
    for (size_t i = 0; i < WARM_UP; i++)
        send_next(&run);
    await(&run, WARM_UP);
    printf("{");
    run_alone(&run, numbers['n']);
    printf(", ");
    run_paced(&run, numbers['r'], numbers['s']);
    printf(", ");
    run_full(&run, FULL_FACTOR * numbers['n'], numbers['w']);
    printf("}\n");
    atomic_store(&run.shell.is_stopping, true);
    pthread_join(reader, NULL);
    lease_release_all(&run.shell);
    shell_close(&run.shell);
    config_done(&config);
    yaml_done(&document);
    free(run.begun_us);
    free(run.took_us);
    return EXIT_SUCCESS;
}
