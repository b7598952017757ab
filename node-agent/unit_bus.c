/* SPDX-License-Identifier: Apache-2.0 */
#include "unit_bus.h"

#include "text.h"

#define CALL_US 10000000ULL /* systemd answers in milliseconds */

bool unit_bus_open(struct unit_bus *bus, const char *unit, struct error *err)
{
    *bus = (struct unit_bus){.bus = NULL};
    TEXT_COPY(bus->unit, unit);
    int status = sd_bus_open_system(&bus->bus);
    if (status < 0) {
        error_set_errno(err, -status, "unit %s: connect to the system bus", unit);
        return false;
    }
    sd_bus_set_method_call_timeout(bus->bus, CALL_US);
    return true;
}

void unit_bus_done(struct unit_bus *bus)
{
    bus->bus = sd_bus_flush_close_unref(bus->bus);
}

void unit_bus_unref(sd_bus_message **message)
{
    *message = sd_bus_message_unref(*message);
}

bool unit_bus_failed(const struct unit_bus *bus, const char *what, int status,
                     sd_bus_error *failure, struct error *err)
{
    if (sd_bus_error_is_set(failure)) {
        bool is_unknown = sd_bus_error_has_name(failure, UNIT_BUS_SYSTEMD ".NoSuchUnit");
        bool is_denied = sd_bus_error_has_name(failure, SD_BUS_ERROR_ACCESS_DENIED);
        error_set(err,
                  is_unknown  ? ERROR_NOT_FOUND
                  : is_denied ? ERROR_DENIED
                              : ERROR_SYSTEM,
                  "unit %s: %s: %s", bus->unit, what,
                  failure->message != NULL ? failure->message : failure->name);
    } else {
        error_set_errno(err, -status, "unit %s: %s", bus->unit, what);
    }
    sd_bus_error_free(failure);
    return false;
}

bool unit_bus_load(struct unit_bus *bus, struct error *err)
{
    sd_bus_error failure = SD_BUS_ERROR_NULL;
    UNIT_REPLY_CLEANUP sd_bus_message *reply = NULL;
    const char *text;
    int status = sd_bus_call_method(bus->bus, UNIT_BUS_SYSTEMD, UNIT_BUS_PATH, UNIT_BUS_MANAGER,
                                    "LoadUnit", &failure, &reply, "s", bus->unit);
    if (status >= 0)
        status = sd_bus_message_read(reply, "o", &text);
    if (status >= 0)
        TEXT_COPY(bus->path, text);
    return status >= 0 || unit_bus_failed(bus, "LoadUnit", status, &failure, err);
}

bool unit_bus_get(struct unit_bus *bus, const char *interface, const char *property,
                  const char *type, sd_bus_message **ret_reply, struct error *err)
{
    sd_bus_error failure = SD_BUS_ERROR_NULL;
    int status = sd_bus_get_property(bus->bus, UNIT_BUS_SYSTEMD, bus->path, interface, property,
                                     &failure, ret_reply, type);
    return status >= 0 || unit_bus_failed(bus, property, status, &failure, err);
}

bool unit_bus_get_text(struct unit_bus *bus, const char *interface, const char *property,
                       char *text, size_t size, struct error *err)
{
    UNIT_REPLY_CLEANUP sd_bus_message *reply = NULL;
    const char *value = "";
    if (!unit_bus_get(bus, interface, property, "s", &reply, err))
        return false;
    if (sd_bus_message_read(reply, "s", &value) >= 0 && text_copy(text, size, value))
        return true;
    error_set(err, ERROR_PROTOCOL, "unit %s: %s has more than %zu bytes", bus->unit, property,
              size - 1);
    return false;
}

bool unit_bus_get_flag(struct unit_bus *bus, const char *interface, const char *property,
                       bool *ret_flag, struct error *err)
{
    UNIT_REPLY_CLEANUP sd_bus_message *reply = NULL;
    int value = 0;
    if (!unit_bus_get(bus, interface, property, "b", &reply, err))
        return false;
    if (sd_bus_message_read(reply, "b", &value) < 0) {
        error_set(err, ERROR_PROTOCOL, "unit %s: %s is no boolean", bus->unit, property);
        return false;
    }
    *ret_flag = value != 0;
    return true;
}
