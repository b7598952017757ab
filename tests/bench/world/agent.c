/* SPDX-License-Identifier: Apache-2.0 */
#include "agent.h"

#include "check.h"
#include "clock.h"
#include "memory.h"
#include "message_codec.h"
#include "text.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GROUP       "agent"
#define REPORTS     "10000"
#define BEAT_LIFE   "15000"
#define BLOCK_MS    "30000"
#define COMMANDS    "16"
#define SIGNED_MOST (64 * 1024)

static const struct agent_setup *setup; /* one for all */

static void command_key(const struct agent *agent, char key[CHANNEL_KEY_SIZE])
{
    channel_key(key, agent->cluster, "command", agent->node);
}

static void ask(struct agent *agent)
{
    char stream[CHANNEL_KEY_SIZE];
    command_key(agent, stream);
    wire_add(&agent->commands, "XREADGROUP", "GROUP", GROUP, agent->node, "COUNT", COMMANDS,
             "BLOCK", BLOCK_MS, "STREAMS", stream, ">", (char *)NULL);
    wire_flush(&agent->commands);
    agent->is_waiting = true;
}

struct report *agent_report(const struct agent *agent, const char *command_id, enum verb verb,
                            enum report_kind kind)
{
    static struct report report;
    memset(&report, 0, sizeof(report));
    TEXT_COPY(report.command_id, command_id);
    TEXT_COPY(report.cluster, agent->cluster);
    TEXT_COPY(report.node, agent->node);
    report.verb = verb;
    report.kind = kind;
    report.epoch = agent->epoch;
    report.at_ms = clock_wall_ms();
    report.bytes_total = -1;
    return &report;
}

/* As keys.h says: the domain with its NUL, then the exact bytes. */
static void sign(const struct agent *agent, const char *body, char signature[128])
{
    static const char domain[] = KEY_DOMAIN_REPORT;
    static unsigned char bytes[SIGNED_MOST + sizeof(domain)];
    unsigned char raw[crypto_sign_BYTES];
    size_t size = strlen(body);
    CHECK(size <= SIGNED_MOST);
    memcpy(bytes, domain, sizeof(domain));
    memcpy(bytes + sizeof(domain), body, size);
    crypto_sign_detached(raw, NULL, bytes, sizeof(domain) + size, agent->secret);
    sodium_bin2base64(signature, 128, raw, sizeof(raw), sodium_base64_VARIANT_ORIGINAL);
}

void agent_send(struct agent *agent, const struct report *report)
{
    char stream[CHANNEL_KEY_SIZE], signature[128];
    FREE_CLEANUP char *body = report_write(report);
    channel_key(stream, agent->cluster, "report", NULL);
    sign(agent, body, signature);
    wire_add(agent->reports, "XADD", stream, "MAXLEN", "~", REPORTS, "*", "body", body, "key",
             agent->node, "sig", signature, (char *)NULL);
    wire_flush(agent->reports);
}

void agent_beat(struct agent *agent)
{
    char key[CHANNEL_KEY_SIZE];
    channel_key(key, agent->cluster, "beat", agent->node);
    wire_add(agent->reports, "SET", key, "{}", "PX", BEAT_LIFE, (char *)NULL);
    wire_flush(agent->reports);
}

static void take(void *context, const struct channel_entry *entry)
{
    struct agent *agent = context;
    struct command command;
    struct error err;
    bool is_good = entry->body != NULL && text_equal(entry->signer, setup->controller) &&
                   key_verify(&setup->key, KEY_DOMAIN_COMMAND, entry->body, entry->body_size,
                              entry->signature, &err) &&
                   command_read(entry->body, entry->body_size, &command, &err);
    CHECK(is_good); /* or a command came that no agent would obey */
    if (command.epoch > agent->epoch)
        agent->epoch = command.epoch;
    wire_add(agent->reports, "XACK", entry->stream, GROUP, entry->id, (char *)NULL);
    wire_add(agent->reports, "XDEL", entry->stream, entry->id, (char *)NULL);
    agent_send(agent, agent_report(agent, command.id, command.verb, REPORT_ACCEPTED));
    if (setup->on_command != NULL)
        setup->on_command(agent, &command);
}

/* What comes here is the answer to XGROUP at the begin, to XREADGROUP later. */
static void on_commands(struct wire *wire, const redisReply *reply)
{
    struct agent *agent = (struct agent *)((char *)wire - offsetof(struct agent, commands));
    struct error err;
    if (reply->type == REDIS_REPLY_ARRAY)
        CHECK(channel_each(reply, take, agent, &err));
    ask(agent);
}

static void on_reports(struct wire *wire, const redisReply *reply)
{
    (void)wire;
    (void)reply; /* an error has ended the program */
}

struct wire *agent_open_reports(const char *redis_path)
{
    struct wire *wire = memory_zeroed(1, sizeof(*wire));
    wire_open(wire, redis_path, on_reports);
    return wire;
}

void agent_open(struct agent *agent, const struct agent_setup *of_all, struct wire *reports,
                const char *cluster, const char *node)
{
    unsigned char seed[crypto_hash_sha256_BYTES], public[crypto_sign_PUBLICKEYBYTES];
    char name[2 * LIMIT_NAME], stream[CHANNEL_KEY_SIZE];
    setup = of_all;
    agent->reports = reports;
    agent->cluster = cluster;
    CHECK(TEXT_COPY(agent->node, node));
    snprintf(name, sizeof(name), "%s.%s", cluster, node);
    crypto_hash_sha256(seed, (const unsigned char *)name, strlen(name));
    crypto_sign_seed_keypair(public, agent->secret, seed);
    wire_open(&agent->commands, setup->redis_path, on_commands);
    command_key(agent, stream);
    wire_add(&agent->commands, "XGROUP", "CREATE", stream, GROUP, "0", "MKSTREAM", (char *)NULL);
    wire_flush(&agent->commands);
}
