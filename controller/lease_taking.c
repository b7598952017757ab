/* SPDX-License-Identifier: Apache-2.0 */
#include "lease_taking.h"

#include "channel.h"
#include "clock.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/*
 * KEYS lease epoch lease-break lease-given-up furthest-copy, ARGV value ttl_ms epoch_floor is_new
 * broken_holder broken_epoch broken_ttl_ms may_found trust position → {1, epoch, requests} or
 * {0, holder, requests, ttl_ms}. `requests` is how many wait in the stream of requests to break the
 * lease. A lease is broken only where holder and epoch are those that are meant and it was not
 * renewed meanwhile: the time to live only falls. Where Redis knows neither holder nor epoch it has
 * lost everything, or is new: who has led, or knows of no other, comes first; and of those
 * that have asked lately, the one whose copy of the journal goes furthest.
 */
struct redis_script taking_script = {
    .text = "local holder = redis.call('GET', KEYS[1])\n"
            "local epoch = redis.call('GET', KEYS[2]) or '0'\n"
            "local requests = redis.call('XLEN', KEYS[3])\n"
            "local ttl = redis.call('PTTL', KEYS[1])\n"
            "local is_broken = holder == ARGV[5] and epoch == ARGV[6] and\n"
            "                  ttl <= tonumber(ARGV[7])\n"
            "local is_new = not holder and epoch == '0'\n"
            "local is_furthest = true\n"
            "if is_new then\n"
            "  is_furthest = ARGV[10] >= (redis.call('GET', KEYS[5]) or '')\n"
            "  if is_furthest then redis.call('SET', KEYS[5], ARGV[10], 'PX', ARGV[2]) end\n"
            "end\n"
            "local is_trusted = ARGV[9] == 'all' or (ARGV[9] == 'given-up' and\n"
            "                   (is_new or redis.call('EXISTS', KEYS[4]) == 1))\n"
            "if (holder and holder ~= ARGV[1] and not is_broken) or not is_trusted or\n"
            "   (is_new and (ARGV[8] == '0' or not is_furthest)) then\n"
            "  return {0, holder or '', requests, ttl}\n"
            "end\n"
            "redis.call('DEL', KEYS[4])\n"
            "local number, floor = tonumber(epoch), tonumber(ARGV[3])\n"
            "if holder ~= ARGV[1] or ARGV[4] == '1' or number < floor then\n"
            "  number = math.max(number, floor) + 1\n"
            "  redis.call('SET', KEYS[2], string.format('%d', number))\n"
            "end\n"
            "redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])\n"
            "return {1, string.format('%d', number), requests}\n"};

/*
 * What Redis took last may be lost after a restart or a failover: whoever renewed a lease then may
 * act still, and is not the holder any more, or not for as long as it believes. So a new connection
 * tells whose a lease is not until that has passed; but for who holds one that has not run out. Who
 * has just started may take what was given up: most start because they are to.
 */
static const char *what_is_trusted(const struct shell *shell, const struct cluster *cluster)
{
    int64_t now_ms = clock_monotonic_ms(), wait_ms = lease_act_ms(shell->config);
    if (now_ms < atomic_load(&cluster->lease_until_ms) ||
        now_ms >= redis_connected_ms(shell->redis) + wait_ms)
        return TAKING_TRUSTS_ALL;
    return redis_connections(shell->redis) <= 1 ? "given-up" : "nothing";
}

static bool may_found(const struct cluster *cluster)
{
    if (cluster->has_term)
        return true;
    if (cluster->found_at_ms == 0) /* just started: our copy may be old, or there is none */
        return cluster->epoch == 0;
    return clock_monotonic_ms() >= cluster->found_at_ms;
}

bool taking_has_shape(const redisReply *reply, struct error *err)
{
    bool is_ours = reply->type == REDIS_REPLY_ARRAY && reply->elements >= 3 &&
                   reply->element[0]->type == REDIS_REPLY_INTEGER &&
                   reply->element[0]->integer != 0;
    size_t expected = is_ours ? 3 : 4;
    if (reply->type == REDIS_REPLY_ARRAY && reply->elements == expected &&
        reply->element[1]->type == REDIS_REPLY_STRING &&
        reply->element[2]->type == REDIS_REPLY_INTEGER &&
        reply->element[expected - 1]->type == REDIS_REPLY_INTEGER)
        return true;
    error_set(err, ERROR_PROTOCOL, "redis: the lease script gave another answer than expected");
    return false;
}

/* Where our copy of the journal stands; a text, compared as such. */
static void write_position(const struct cluster *cluster, char position[TAKING_POSITION])
{
    const struct journal_head *head = &cluster->copy_head;
    snprintf(position, TAKING_POSITION, "%020" PRIu64 ".%020" PRIu64, head->epoch, head->sequence);
}

void taking_begin(struct shell *shell, struct cluster *cluster, const struct request *broken,
                  struct taking *taking)
{
    static const char *const keys[TAKING_KEYS] = {"lease", "epoch", "lease-break", "lease-given-up",
                                                  "furthest-copy"};
    taking->cluster = cluster;
    taking->asked_ms = clock_monotonic_ms();
    for (size_t i = 0; i < TAKING_KEYS; i++) {
        channel_key(taking->keys[i], cluster->config->name, keys[i], NULL);
        taking->arguments[i] = taking->keys[i];
    }
    lease_value(shell, taking->value);
    snprintf(taking->ttl, sizeof(taking->ttl), "%lld", (long long)shell->config->lease_ms);
    snprintf(taking->floor_text, sizeof(taking->floor_text), "%llu",
             (unsigned long long)journal_epoch_floor(shell, cluster));
    snprintf(taking->epoch, sizeof(taking->epoch), "%lld",
             broken != NULL ? (long long)broken->epoch : -1);
    snprintf(taking->broken_ttl, sizeof(taking->broken_ttl), "%lld",
             (long long)(cluster->holder_ttl_ms - LEASE_ACT_MOST_MS));
    taking->trust = what_is_trusted(shell, cluster);
    write_position(cluster, taking->position);
    const char *const rest[TAKING_ARGUMENTS - TAKING_KEYS] = {taking->value,
                                                              taking->ttl,
                                                              taking->floor_text,
                                                              cluster->is_led ? "0" : "1",
                                                              broken != NULL ? broken->holder : "",
                                                              taking->epoch,
                                                              taking->broken_ttl,
                                                              may_found(cluster) ? "1" : "0",
                                                              taking->trust,
                                                              taking->position};
    memcpy(taking->arguments + TAKING_KEYS, rest, sizeof(rest));
}
