/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How an agent makes its public key known: it leaves an enrolment in shunt:{C}:enroll:NODE, for a
 * day, signed by that very key, which proves that whoever left it has the private one. It does not
 * prove whose host that is: a person compares the key with what `shunt-agent enroll` has printed
 * there, and accepts it (`shunt agents accept`).
 */
#ifndef SHUNT_ENROLMENT_H
#define SHUNT_ENROLMENT_H

#include "keys.h"
#include "limit.h"

#include <stdint.h>

#define ENROLMENT_WHAT    "enroll"              /* of its key in Redis */
#define ENROLMENT_LIFE_MS (24 * 60 * 60 * 1000) /* a working day and the night after it */
#define ENROLMENT_BYTES   1024                  /* its fields fill 500 at most */

struct enrolment {
    char cluster[LIMIT_NAME];
    char node[LIMIT_NAME]; /* the agent's name */
    struct key_public key;
    int64_t made_ms; /* wall clock of the agent's host */
};

/* Signed with the pair, whose public key the enrolment must name; the caller frees the text. */
char *enrolment_write(const struct enrolment *enrolment, const struct key_pair *pair);

/* ERROR_PROTOCOL where it is none, ERROR_DENIED where another key has signed it, or where it is of
 * another agent than the one whose it should be. */
bool enrolment_read(const char *bytes, size_t size, const char *cluster, const char *node,
                    struct enrolment *ret_enrolment, struct error *err);

#endif
