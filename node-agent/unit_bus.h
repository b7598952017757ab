/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Talking to systemd about one unit, over the system bus (org.freedesktop.systemd1(5)).
 */
#ifndef SHUNT_UNIT_BUS_H
#define SHUNT_UNIT_BUS_H

#include "error.h"

#include <systemd/sd-bus.h>

#define UNIT_BUS_SYSTEMD "org.freedesktop.systemd1"
#define UNIT_BUS_PATH    "/org/freedesktop/systemd1"
#define UNIT_BUS_MANAGER "org.freedesktop.systemd1.Manager"
#define UNIT_BUS_UNIT    "org.freedesktop.systemd1.Unit"
#define UNIT_BUS_SERVICE "org.freedesktop.systemd1.Service"

struct unit_property {
    const char *interface, *name;
};

/* A property that was asked for beforehand. */
struct unit_answer {
    const struct unit_property *property;
    sd_bus_message *reply; /* NULL = none came, or a refusal */
    size_t *awaited;       /* the count of those that are still to come */
};

#define UNIT_BUS_ASKED_MOST 16 /* at once */

struct unit_bus {
    sd_bus *bus;
    char unit[128]; /* its name, for messages */
    char path[256]; /* of its object; "" until unit_bus_load() */
    struct unit_answer answers[UNIT_BUS_ASKED_MOST];
    size_t answer_count;
};

/* unit_bus_done() is right after a failure, too. */
bool unit_bus_open(struct unit_bus *bus, const char *unit, struct error *err);
void unit_bus_done(struct unit_bus *bus);
#define UNIT_BUS_CLEANUP __attribute__((cleanup(unit_bus_done)))

/* Has systemd load the unit, and finds its object; a unit without a file has one, too. */
bool unit_bus_load(struct unit_bus *bus, struct error *err);

/* Asks for all of them at once, instead of waiting for each: on a busy host every answer costs two
 * turns of other processes. unit_bus_get() then has them; one that did not come it asks for again.
 * The properties must outlive the bus. */
void unit_bus_ask(struct unit_bus *bus, const struct unit_property *properties, size_t count);

/* A text of the unit; ERROR_PROTOCOL where it is longer than that. */
bool unit_bus_get_text(struct unit_bus *bus, const char *interface, const char *property,
                       char *text, size_t size, struct error *err);
bool unit_bus_get_flag(struct unit_bus *bus, const char *interface, const char *property,
                       bool *ret_flag, struct error *err);
/* The caller unrefs *ret_reply, which stands at the value, of the type `type`. */
bool unit_bus_get(struct unit_bus *bus, const char *interface, const char *property,
                  const char *type, sd_bus_message **ret_reply, struct error *err);

/* A call has failed: sets err, frees `failure`, gives false. */
bool unit_bus_failed(const struct unit_bus *bus, const char *what, int status,
                     sd_bus_error *failure, struct error *err);

void unit_bus_unref(sd_bus_message **message);
#define UNIT_REPLY_CLEANUP __attribute__((cleanup(unit_bus_unref)))

#endif
