/* SPDX-License-Identifier: Apache-2.0 */
#include "unit_bus.h"

#include "check.h"
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

static void forget_answers(struct unit_bus *bus)
{
    for (size_t i = 0; i < bus->answer_count; i++)
        sd_bus_message_unref(bus->answers[i].reply);
    bus->answer_count = 0;
}

void unit_bus_done(struct unit_bus *bus)
{
    forget_answers(bus);
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

/* ---- properties ---- */

static int take_answer(sd_bus_message *message, void *context, sd_bus_error *failure)
{
    struct unit_answer *answer = context;
    (void)failure;
    (*answer->awaited)--;
    if (!sd_bus_message_is_method_error(message, NULL))
        answer->reply = sd_bus_message_ref(message);
    return 0;
}

/* Each call ends within CALL_US, with an error if with nothing else; so this does, too. */
static void await_answers(struct unit_bus *bus, const size_t *awaited)
{
    int status = 0;
    while (*awaited > 0 && status >= 0) {
        status = sd_bus_process(bus->bus, NULL);
        if (status == 0)
            status = sd_bus_wait(bus->bus, CALL_US);
    }
}

void unit_bus_ask(struct unit_bus *bus, const struct unit_property *properties, size_t count)
{
    size_t awaited = 0;
    sd_bus_slot *slots[UNIT_BUS_ASKED_MOST] = {NULL};
    CHECK(count <= UNIT_BUS_ASKED_MOST);
    forget_answers(bus);
    for (size_t i = 0; i < count; i++) {
        struct unit_answer *answer = &bus->answers[i];
        *answer = (struct unit_answer){.property = &properties[i], .awaited = &awaited};
        if (sd_bus_call_method_async(bus->bus, &slots[i], UNIT_BUS_SYSTEMD, bus->path,
                                     "org.freedesktop.DBus.Properties", "Get", take_answer, answer,
                                     "ss", properties[i].interface, properties[i].name) >= 0)
            awaited++;
    }
    bus->answer_count = count;
    await_answers(bus, &awaited);
    for (size_t i = 0; i < count; i++)
        sd_bus_slot_unref(slots[i]); /* one that did not come is not waited for any more */
}

/* The reply is a variant around the value, from its start however often it is read. */
static bool find_answer(struct unit_bus *bus, const char *interface, const char *property,
                        const char *type, sd_bus_message **ret_reply)
{
    for (size_t i = 0; i < bus->answer_count; i++) {
        sd_bus_message *reply = bus->answers[i].reply;
        const struct unit_property *asked = bus->answers[i].property;
        if (reply == NULL || !text_equal(asked->interface, interface) ||
            !text_equal(asked->name, property))
            continue;
        if (sd_bus_message_rewind(reply, true) < 0 ||
            sd_bus_message_enter_container(reply, 'v', type) < 0)
            return false;
        *ret_reply = sd_bus_message_ref(reply);
        return true;
    }
    return false;
}

bool unit_bus_get(struct unit_bus *bus, const char *interface, const char *property,
                  const char *type, sd_bus_message **ret_reply, struct error *err)
{
    sd_bus_error failure = SD_BUS_ERROR_NULL;
    if (find_answer(bus, interface, property, type, ret_reply))
        return true;
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
