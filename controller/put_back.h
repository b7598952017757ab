/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a stream's group has given to us and we have not acknowledged goes back to the stream's end,
 * in one script: an entry is there once, whenever we or Redis are cut off. So nothing is lost of a
 * read that has failed, and nothing stays with somebody who does not lead any more.
 *
 * An entry that cannot be a message is dropped: one that is larger than any reply may be would
 * otherwise fail each read of it, and hide those of others.
 */
#ifndef SHUNT_PUT_BACK_H
#define SHUNT_PUT_BACK_H

#include "limit.h"
#include "redis.h"

#define PUT_BACK_BYTES                                                                             \
    (LIMIT_MESSAGE_BYTES + 1024) /* an entry with names, signer and signature                      \
                                  */

/* Right also where nobody has ever read the stream. False: to be called again. */
bool put_back(struct redis *redis, struct deadline deadline, const char *stream, const char *group,
              const char *consumer, unsigned *ret_dropped, struct error *err);

#endif
