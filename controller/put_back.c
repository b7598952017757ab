/* SPDX-License-Identifier: Apache-2.0 */
#include "put_back.h"

#include <stdio.h>

#define ENTRIES_MOST "1000" /* in one call: some milliseconds; a read is given 64 */

/* KEYS stream, ARGV group consumer most-entries most-bytes → how many were dropped, since nobody
 * could have read them: no message of ours, or longer than one may be */
static struct redis_script put_back_script = {
    .text = "if redis.replicate_commands then redis.replicate_commands() end\n"
            "local stream, group, dropped = KEYS[1], ARGV[1], 0\n"
            "local rows = redis.pcall('XPENDING', stream, group, '-', '+', ARGV[3], ARGV[2])\n"
            "if rows.err and string.find(rows.err, 'NOGROUP') then return 0 end\n"
            "if rows.err then return rows end\n"
            "for _, row in ipairs(rows) do\n"
            "  local entry = redis.call('XRANGE', stream, row[1], row[1])[1]\n"
            "  local size = 0\n"
            "  for _, text in ipairs(entry and entry[2] or {}) do size = size + #text end\n"
            "  if entry and #entry[2] == 6 and size <= tonumber(ARGV[4]) then\n"
            "    redis.call('XADD', stream, '*', unpack(entry[2]))\n"
            "  elseif entry then\n"
            "    dropped = dropped + 1\n"
            "  end\n"
            "  redis.call('XACK', stream, group, row[1])\n"
            "  redis.call('XDEL', stream, row[1])\n"
            "end\n"
            "return dropped\n"};

bool put_back(struct redis *redis, struct deadline deadline, const char *stream, const char *group,
              const char *consumer, unsigned *ret_dropped, struct error *err)
{
    char most_bytes[24];
    REPLY_CLEANUP redisReply *reply = NULL;
    const char *arguments[] = {stream, group, consumer, ENTRIES_MOST, most_bytes};
    (void)snprintf(most_bytes, sizeof(most_bytes), "%d", PUT_BACK_BYTES);
    *ret_dropped = 0;
    if (!redis_eval(redis, deadline, &put_back_script, 1, arguments,
                    sizeof(arguments) / sizeof(arguments[0]), &reply, err))
        return false;
    if (reply->type == REDIS_REPLY_INTEGER && reply->integer >= 0) {
        *ret_dropped = (unsigned)reply->integer;
        return true;
    }
    error_set(err, ERROR_PROTOCOL, "redis: a script gave no number");
    return false;
}
