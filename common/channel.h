/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The streams that carry signed messages, the same for all three programs: which keys, which
 * fields, how one is added, read and acknowledged. The keys of a cluster share the hash tag
 * {CLUSTER}, so that they live in one slot:
 *
 *   shunt:{C}:command:NODE  commands for the agent of a node   (consumer group "agent")
 *   shunt:{C}:report        all agents' reports                (group "controller")
 *   shunt:{C}:request       operators' requests                (group "controller")
 *   shunt:{C}:lease-break   requests to break the lease, read by every controller
 *   shunt:{C}:answer:ID     a list with the answer of one request, with a time to live
 *   shunt:{C}:beat:NODE     an agent's heartbeat, with a time to live
 *   shunt:{C}:enroll:NODE   an agent's public key, to be accepted (enrolment.h), with a time to
 * live shunt:{C}:agents        public keys of agents that operators have accepted (hash)
 *   shunt:{C}:lease         name of the leading controller, with a time to live
 *   shunt:{C}:epoch         fencing number
 *   shunt:{C}:journal       the journal (stream)
 *   shunt:{C}:journal:bad:T one that was put aside, with a time to live
 *   shunt:{C}:status        what `shunt status` shows (JSON text)
 *   shunt:{C}:history       summaries of ended upgrades, and what operators had to force (stream)
 *   shunt:{C}:news          a stream whose entries tell watchers that the status has changed
 *
 * and of no cluster: shunt:controller:NAME, which process has a controller's name.
 *
 * An entry has three fields: "body" (exact bytes), "key" (the signer's name), "sig".
 */
#ifndef SHUNT_CHANNEL_H
#define SHUNT_CHANNEL_H

#include "keys.h"
#include "limit.h"
#include "redis.h"

#define CHANNEL_KEY_SIZE      (2 * LIMIT_NAME + 32)
#define CHANNEL_ENTRY_ID_SIZE 44

/* "shunt:{cluster}:what" or, with a tail, "shunt:{cluster}:what:tail". */
void channel_key(char key[CHANNEL_KEY_SIZE], const char *cluster, const char *what,
                 const char *tail);

/* One entry of a stream, as read; all borrowed from the reply it came in. */
struct channel_entry {
    const char *stream;
    const char *id;
    const char *body; /* NULL where the entry lacks one of the fields or is too long */
    size_t body_size;
    const char *signer;
    const char *signature;
    bool is_gone; /* taken away while it was pending: nobody wants it any more */
};

/* Signs and adds with an approximate cap of `most` entries (MAXLEN ~). */
bool channel_add(struct redis *redis, struct deadline deadline, const char *stream, size_t most,
                 const struct key_pair *key, const char *signer, const char *domain,
                 const char *body, struct error *err);

/* Makes the consumer group at the stream's begin (and the stream); one that exists is fine. */
bool channel_make_group(struct redis *redis, struct deadline deadline, const char *stream,
                        const char *group, struct error *err);

/* Sends XREADGROUP … COUNT count BLOCK block_ms STREAMS … for redis_receive_nowait().
 * from_pending: entries delivered earlier and not acknowledged, instead of new ones. */
bool channel_send_read(struct redis *redis, struct deadline deadline, const char *group,
                       const char *consumer, size_t count, int64_t block_ms,
                       const char *const *streams, size_t stream_count, bool from_pending,
                       struct error *err);

/* Calls `each` for every entry of a reply to XREADGROUP or XREAD (nil: none). ERROR_PROTOCOL where
 * the reply has another shape. */
typedef void (*channel_entry_fn)(void *context, const struct channel_entry *entry);
bool channel_each(const redisReply *reply, channel_entry_fn each, void *context, struct error *err);

/* Several entries in one round trip, in their order: those of a stream together. */
struct channel_entry_id {
    const char *stream, *id;
};
bool channel_acknowledge_all(struct redis *redis, struct deadline deadline, const char *group,
                             const struct channel_entry_id *entries, size_t count,
                             struct error *err);

/* XACK and XDEL. */
bool channel_acknowledge(struct redis *redis, struct deadline deadline, const char *stream,
                         const char *group, const char *id, struct error *err);

#endif
