/* SPDX-License-Identifier: Apache-2.0 */
/*
 * shunt-agent: production code round a main loop in virtual time. The loop is node-agent/agent.c's,
 * without its descriptors: jobs before commands, what was reported before what is new.
 */
#include "agent_config.h"
#include "check.h"
#include "dispatch.h"
#include "edge.h"
#include "heartbeat.h"
#include "memory.h"
#include "outbox.h"
#include "programs.h"
#include "redis_link.h"
#include "text.h"
#include "trace.h"

#include <stdio.h>
#include <stdlib.h>

struct life {
    struct agent *agent;
    struct record *record;
    struct outbox *outbox;
    struct dispatch dispatch;
    struct redis_link link;
    struct deadline beat;
};

static bool send_heartbeat(struct life *life, struct error *err)
{
    const struct heartbeat heartbeat = {
        .cluster = life->agent->config.cluster,
        .node = life->agent->config.node,
        .epoch = record_epoch(life->record),
        .verb = dispatch_verb_name(&life->dispatch),
        .refused = life->dispatch.refused,
    };
    return heartbeat_send(&heartbeat, life->link.writer, deadline_after_ms(REDIS_LINK_CALL_MS),
                          err);
}

static void connect_redis(struct life *life)
{
    struct error err;
    if (!redis_link_open(&life->link, &err) ||
        !outbox_flush(life->outbox, life->link.writer, &err) || !send_heartbeat(life, &err) ||
        !redis_link_ask(&life->link, &err))
        redis_link_fail(&life->link, &err);
}

static void flush_reports(struct life *life)
{
    struct error err;
    if (life->link.is_open && !outbox_flush(life->outbox, life->link.writer, &err))
        redis_link_fail(&life->link, &err);
}

struct delivery {
    struct life *life;
    size_t count;
    bool has_failed;
    struct error error;
};

static void take_entry(void *context, const struct channel_entry *entry)
{
    struct delivery *delivery = context;
    struct life *life = delivery->life;
    if (delivery->has_failed)
        return;
    delivery->count++;
    dispatch_command(&life->dispatch, entry);
    delivery->has_failed = !outbox_flush(life->outbox, life->link.writer, &delivery->error) ||
                           !redis_link_acknowledge(&life->link, entry->id, &delivery->error);
}

static bool take_answer(struct life *life, const redisReply *reply, struct error *err)
{
    struct delivery delivery = {.life = life};
    if (!channel_each(reply, take_entry, &delivery, err))
        return false;
    if (delivery.has_failed) {
        *err = delivery.error;
        return false;
    }
    if (delivery.count == 0)
        life->link.is_reading_pending = false;
    return redis_link_ask(&life->link, err);
}

static void take_commands(struct life *life)
{
    struct error err;
    while (life->link.is_open) {
        REPLY_CLEANUP redisReply *reply = NULL;
        bool is_good = redis_link_take(&life->link, &reply, &err);
        if (is_good && reply == NULL)
            return;
        if (!is_good || !take_answer(life, reply, &err))
            redis_link_fail(&life->link, &err);
    }
}

static void take_timer(struct life *life)
{
    struct error err;
    if (!deadline_is_over(life->beat))
        return;
    life->beat = deadline_after_ms(HEARTBEAT_MS);
    (void)record_compact(life->record, clock_wall_ms(), &err);
    if (life->link.is_open && !send_heartbeat(life, &err))
        redis_link_fail(&life->link, &err);
}

/* Both of what poll(2) tells a real agent: Redis has something, or a job. */
static void wait_for_events(struct life *life)
{
    struct deadline wake = life->beat;
    if (!life->link.is_open && life->link.retry.at_ms < wake.at_ms)
        wake = life->link.retry;
    if (!life->agent->has_news)
        (void)fiber_wait(&life->agent->news, (wake.at_ms - 1000) * WORLD_MS);
    life->agent->has_news = false;
    fiber_sleep_us(random_between(&world.random, 20, 1500));
}

static void turn(struct life *life)
{
    if (!life->link.is_open && deadline_is_over(life->link.retry))
        connect_redis(life);
    wait_for_events(life);
    for (size_t i = 0; i < INBOX_JOBS_MOST; i++)
        if (life->dispatch.jobs.jobs[i].pipe_fd >= 0)
            dispatch_job(&life->dispatch, &life->dispatch.jobs.jobs[i]);
    dispatch_settle(&life->dispatch);
    flush_reports(life);
    take_timer(life);
    take_commands(life);
}

/* Redis' news is every agent's: which stream has grown is not worth telling apart. */
static void listen(void *context)
{
    struct agent *agent = context;
    for (;;) {
        (void)fiber_wait(&world.redis.news, INT64_MAX);
        agent_nudge(agent);
    }
}

static void run(void *context)
{
    struct agent *agent = context;
    struct life *life = memory_zeroed(1, sizeof(*life));
    struct key_pair *key = NULL;
    struct error err;
    size_t torn = 0;
    life->agent = agent;
    life->beat = deadline_after_ms(HEARTBEAT_MS);
    if (!record_open("record.log", &life->record, &torn, &err))
        rule_broken("the agent's record can always be read", "%s", err.message);
    CHECK(key_pair_load("", &key, &err));
    life->outbox = outbox_new(&agent->config, key, life->record);
    dispatch_init(&life->dispatch, &agent->config, key, life->record, life->outbox);
    agent->runner = &life->dispatch.jobs;
    redis_link_init(&life->link, &agent->config);
    process_add_fiber(&agent->process, listen, agent);
    dispatch_settle(&life->dispatch);
    for (;;)
        turn(life);
}

void agent_nudge(struct agent *agent)
{
    agent->has_news = true;
    signal_raise(&agent->news);
}

static void lose_children(struct process *process)
{
    edge_jobs_kill((struct agent *)process);
}

void agent_init(struct agent *agent, uint32_t index)
{
    agent->node = index;
    snprintf(agent->process.name, sizeof(agent->process.name), "agent %s", world.nodes[index].name);
    agent->process.on_death = lose_children;
    TEXT_COPY(agent->config.cluster, "git");
    agent->config.has_bitbucket = true;
    TEXT_COPY(agent->config.node, world.nodes[index].name);
    agent->config.controller_count = world.controller_count;
    for (uint32_t i = 0; i < world.controller_count; i++)
        snprintf(agent->config.controllers[i].name, LIMIT_NAME, "ctl%u", i + 1);
}

void agent_start(struct agent *agent)
{
    if (agent->process.is_alive)
        return;
    trace_line("%s is started", agent->process.name);
    process_start(&agent->process, run, agent);
}
