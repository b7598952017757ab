/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What can go wrong, one row a kind in incidents.c. A fault is plain data, so that it can be drawn
 * by chance, enumerated, or written in a scenario file.
 */
#ifndef SHUNT_SIMULATOR_INCIDENTS_H
#define SHUNT_SIMULATOR_INCIDENTS_H

#include "error.h"
#include "world.h"

enum target { TARGET_NONE, TARGET_CONTROLLER, TARGET_NODE, TARGET_LB };

struct incident_kind {
    const char *name;
    enum target target;
    const char *what; /* for people */
    void (*strike)(uint32_t index, int64_t span_us);
};

struct incident {
    const struct incident_kind *kind;
    uint32_t index;  /* of the target */
    int64_t span_us; /* how long it lasts, or how much is lost */
};

extern const struct incident_kind incident_kinds[];
extern const size_t incident_kind_count;

const struct incident_kind *incident_find(const char *name);
void incident_strike(const struct incident *fault);
struct incident incident_draw(struct random *random);

/* A process that a fault has ended is started again after this long. */
void revive_later(int64_t us);
/* All that still lasts ends now; releases that do not start stay as they are. */
void faults_cease(void);
/* What a person does who is called: starts what is down and nobody works on. */
void person_mends(void);

#endif
