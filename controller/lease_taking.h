/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one question by which a lease is taken, renewed or broken. It decides in Redis, so that of
 * several controllers that ask at one time one gets it.
 */
#ifndef SHUNT_LEASE_TAKING_H
#define SHUNT_LEASE_TAKING_H

#include "shell.h"

#define LEASE_ACT_MOST_MS 6000 /* without a renewal; three may fail */

/* For so long after it has asked for its lease a controller acts. */
static inline int64_t lease_act_ms(const struct config *config)
{
    return config->lease_ms < LEASE_ACT_MOST_MS ? config->lease_ms : LEASE_ACT_MOST_MS;
}

#define TAKING_KEYS       5
#define TAKING_ARGUMENTS  15
#define TAKING_TRUSTS_ALL "all"
#define TAKING_POSITION   44 /* two numbers of 20 digits */

/* One question; the request's words point into it and into the request to break a lease. */
struct taking {
    struct cluster *cluster;
    int64_t asked_ms; /* monotonic */
    const char *trust;
    bool is_asked; /* told: requests to break it wait */
    char keys[TAKING_KEYS][CHANNEL_KEY_SIZE], value[LEASE_HOLDER_SIZE];
    char ttl[24], floor_text[24], epoch[24], broken_ttl[24], position[TAKING_POSITION];
    const char *arguments[TAKING_ARGUMENTS];
};

extern struct redis_script taking_script;

/* Of taking or renewing the lease; or of breaking that of `broken`, if it is not NULL. */
void taking_begin(struct shell *shell, struct cluster *cluster, const struct request *broken,
                  struct taking *taking);

/* Is it an answer of the script? ERROR_PROTOCOL if not. */
bool taking_has_shape(const redisReply *reply, struct error *err);

#endif
