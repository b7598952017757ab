/* SPDX-License-Identifier: Apache-2.0 */
#include "heartbeat.h"

#include "channel.h"
#include "check.h"
#include "json.h"
#include "memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define TEXT_OF(number)  TEXT_OF_(number)
#define TEXT_OF_(number) #number

static json_t *write_refused(const uint64_t *refused)
{
    json_t *counts = json_object();
    for (unsigned reason = REFUSAL_NONE + 1; reason < REFUSAL_COUNT; reason++) {
        if (refused[reason] == 0)
            continue;
        CHECK(json_object_set_new(counts, refusal_name((enum refusal)reason),
                                  json_integer((json_int_t)refused[reason])) == 0);
    }
    return counts;
}

static char *write_beat(const struct heartbeat *heartbeat)
{
    json_t *beat =
        json_pack("{s:s, s:s, s:I, s:s?, s:i, s:I, s:o}", "node", heartbeat->node, "agent_version",
                  SHUNT_VERSION, "epoch", (json_int_t)heartbeat->epoch, "job", heartbeat->verb,
                  "pid", (int)getpid(), "at_ms", (json_int_t)clock_wall_ms(), "refused",
                  write_refused(heartbeat->refused));
    CHECK(beat != NULL);
    char *text = json_write(beat);
    json_decref(beat);
    return text;
}

bool heartbeat_send(const struct heartbeat *heartbeat, struct redis *redis,
                    struct deadline deadline, struct error *err)
{
    char key[CHANNEL_KEY_SIZE];
    REPLY_CLEANUP redisReply *reply = NULL;
    FREE_CLEANUP char *text = write_beat(heartbeat);
    channel_key(key, heartbeat->cluster, "beat", heartbeat->node);
    return redis_command(redis, deadline, &reply, err, "SET", key, text, "PX",
                         TEXT_OF(HEARTBEAT_LIFE_MS), (char *)NULL);
}
