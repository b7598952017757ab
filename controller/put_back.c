/* SPDX-License-Identifier: Apache-2.0 */
#include "put_back.h"

#include <stdio.h>

#define ENTRIES_MOST "1000" /* in one call: some milliseconds; a read is given 64 */

/* KEYS stream, ARGV group consumer most-entries most-bytes → how many were dropped, since nobody
 * could have read them: no message of ours, or longer than one may be */
static struct redis_script put_back_script = {
    .text = "local stream, group, dropped = KEYS[1], ARGV[1], 0\n"
            "local given = redis.pcall('XREADGROUP', 'GROUP', group, ARGV[2], 'COUNT', ARGV[3],\n"
            "                          'STREAMS', stream, '0')\n"
            "if given.err and string.find(given.err, 'NOGROUP') then return 0 end\n"
            "if given.err then return given end\n"
            "for _, entry in ipairs(given[1][2]) do\n"
            "  local id, fields, size = entry[1], entry[2], 0\n"
            "  for _, text in ipairs(fields or {}) do size = size + #text end\n"
            "  if fields and #fields == 6 and size <= tonumber(ARGV[4]) then\n"
            "    redis.call('XADD', stream, '*', unpack(fields))\n"
            "  elseif fields then\n"
            "    dropped = dropped + 1\n"
            "  end\n"
            "  redis.call('XACK', stream, group, id)\n"
            "  redis.call('XDEL', stream, id)\n"
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
