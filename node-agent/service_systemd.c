/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A systemd unit, ordered over the system bus (org.freedesktop.systemd1(5)): StartUnit and StopUnit
 * give a job, and the signal JobRemoved tells how it ended.
 */
#include "service.h"

#include "memory.h"
#include "quote.h"
#include "text.h"

#include <errno.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-bus.h>

#define DESTINATION       "org.freedesktop.systemd1"
#define MANAGER_PATH      "/org/freedesktop/systemd1"
#define MANAGER_INTERFACE "org.freedesktop.systemd1.Manager"
#define SERVICE_INTERFACE "org.freedesktop.systemd1.Service"
#define CALL_US           10000000ULL /* systemd answers in milliseconds */
#define FILES_MOST        16          /* environment files of a unit */
#define LINE_SIZE         4096

struct service_order {
    enum service_action action;
    char unit[128];
    sd_bus *bus;
    sd_bus_slot *slot;
    char job[256];   /* object path; "" until the call has been answered */
    char result[32]; /* of JobRemoved: "done", "failed", "timeout", …; "" until it came */
};

static void unref_bus(sd_bus **bus)
{
    sd_bus_flush_close_unref(*bus);
}

static bool open_bus(sd_bus **ret_bus, struct error *err)
{
    int status = sd_bus_open_system(ret_bus);
    if (status < 0) {
        error_set_errno(err, -status, "connect to the system bus");
        return false;
    }
    sd_bus_set_method_call_timeout(*ret_bus, CALL_US);
    return true;
}

static bool call_failed(struct error *err, const char *unit, const char *what, int status,
                        sd_bus_error *failure)
{
    if (sd_bus_error_is_set(failure)) {
        bool is_unknown = sd_bus_error_has_name(failure, DESTINATION ".NoSuchUnit");
        bool is_denied = sd_bus_error_has_name(failure, SD_BUS_ERROR_ACCESS_DENIED);
        error_set(err,
                  is_unknown  ? ERROR_NOT_FOUND
                  : is_denied ? ERROR_DENIED
                              : ERROR_SYSTEM,
                  "unit %s: %s: %s", unit, what,
                  failure->message != NULL ? failure->message : failure->name);
    } else {
        error_set_errno(err, -status, "unit %s: %s", unit, what);
    }
    sd_bus_error_free(failure);
    return false;
}

/* ---- orders ---- */

/* JobRemoved(u id, o job, s unit, s result). One that comes before the call has been answered waits
 * in the bus's queue until sd_bus_process(), when order->job is known. */
static int job_removed(sd_bus_message *message, void *context, sd_bus_error *failure)
{
    struct service_order *order = context;
    uint32_t id;
    const char *job;
    const char *unit;
    const char *result;
    (void)failure;
    if (sd_bus_message_read(message, "uoss", &id, &job, &unit, &result) < 0)
        return 0;
    if (text_equal(job, order->job))
        quote_text(order->result, sizeof(order->result), result, strlen(result));
    return 0;
}

static bool call_unit(struct service_order *order, struct error *err)
{
    const char *method = order->action == SERVICE_START ? "StartUnit" : "StopUnit";
    sd_bus_error failure = SD_BUS_ERROR_NULL;
    sd_bus_message *reply = NULL;
    const char *job;
    int status = sd_bus_call_method(order->bus, DESTINATION, MANAGER_PATH, MANAGER_INTERFACE,
                                    method, &failure, &reply, "ss", order->unit, "replace");
    if (status >= 0)
        status = sd_bus_message_read(reply, "o", &job);
    if (status >= 0)
        TEXT_COPY(order->job, job);
    sd_bus_message_unref(reply);
    return status >= 0 || call_failed(err, order->unit, method, status, &failure);
}

static bool subscribe(struct service_order *order, struct error *err)
{
    sd_bus_error failure = SD_BUS_ERROR_NULL;
    int status = sd_bus_match_signal(order->bus, &order->slot, DESTINATION, MANAGER_PATH,
                                     MANAGER_INTERFACE, "JobRemoved", job_removed, order);
    /* systemd sends its signals only while somebody has asked for them. */
    if (status >= 0)
        status = sd_bus_call_method(order->bus, DESTINATION, MANAGER_PATH, MANAGER_INTERFACE,
                                    "Subscribe", &failure, NULL, "");
    return status >= 0 || call_failed(err, order->unit, "Subscribe", status, &failure);
}

static void systemd_leave(struct service_order *order)
{
    sd_bus_slot_unref(order->slot);
    sd_bus_flush_close_unref(order->bus);
    free(order);
}

static bool systemd_begin(const struct bitbucket_config *config, enum service_action action,
                          struct deadline deadline, struct service_order **ret_order,
                          struct error *err)
{
    (void)deadline; /* the unit has its own: TimeoutStartSec, TimeoutStopSec */
    struct service_order *order = memory_zeroed(1, sizeof(*order));
    order->action = action;
    TEXT_COPY(order->unit, config->unit);
    if (!open_bus(&order->bus, err) || !subscribe(order, err) || !call_unit(order, err)) {
        systemd_leave(order);
        return false;
    }
    *ret_order = order;
    return true;
}

/* A second order joins the first one's job, or waits for it. */
static bool systemd_is_busy(const struct bitbucket_config *config)
{
    (void)config;
    return false;
}

static int systemd_fd(const struct service_order *order)
{
    return sd_bus_get_fd(order->bus);
}

static bool judge(const struct service_order *order, struct error *err)
{
    if (text_equal(order->result, "done"))
        return true;
    error_set(err, order->action == SERVICE_START ? ERROR_RELEASE : ERROR_SYSTEM,
              "unit %s: its %s job ended as '%s'", order->unit,
              order->action == SERVICE_START ? "start" : "stop", order->result);
    error_hint(err, "journalctl -u %s", order->unit);
    return false;
}

static bool systemd_advance(struct service_order *order, bool *ret_is_over, struct error *err)
{
    int status;
    do {
        status = sd_bus_process(order->bus, NULL);
    } while (status > 0 && order->result[0] == '\0');
    *ret_is_over = order->result[0] != '\0';
    if (*ret_is_over)
        return judge(order, err);
    if (status < 0) {
        *ret_is_over = true;
        error_set_errno(err, -status, "unit %s: the system bus", order->unit);
        return false;
    }
    return true;
}

/* ---- the unit's environment ---- */

static bool unit_path(sd_bus *bus, const char *unit, char path[256], struct error *err)
{
    sd_bus_error failure = SD_BUS_ERROR_NULL;
    sd_bus_message *reply = NULL;
    const char *text;
    int status = sd_bus_call_method(bus, DESTINATION, MANAGER_PATH, MANAGER_INTERFACE, "LoadUnit",
                                    &failure, &reply, "s", unit);
    if (status >= 0)
        status = sd_bus_message_read(reply, "o", &text);
    if (status >= 0)
        text_copy(path, 256, text);
    sd_bus_message_unref(reply);
    return status >= 0 || call_failed(err, unit, "LoadUnit", status, &failure);
}

static bool read_environment(sd_bus *bus, const char *unit, const char *path, char home[LIMIT_PATH],
                             struct error *err)
{
    sd_bus_error failure = SD_BUS_ERROR_NULL;
    char **assignments = NULL;
    int status = sd_bus_get_property_strv(bus, DESTINATION, path, SERVICE_INTERFACE, "Environment",
                                          &failure, &assignments);
    if (status < 0)
        return call_failed(err, unit, "Environment", status, &failure);
    for (char **at = assignments; at != NULL && *at != NULL; at++) {
        const char *value = service_home_value(*at);
        if (value != NULL)
            text_copy(home, LIMIT_PATH, value);
        free(*at);
    }
    free(assignments);
    return true;
}

/* systemd.exec(5), EnvironmentFile=: a value may stand in quotes. */
static void unquote(char *value)
{
    size_t length = strcspn(value, "\r\n");
    value[length] = '\0';
    if (length >= 2 && (value[0] == '"' || value[0] == '\'') && value[length - 1] == value[0]) {
        value[length - 1] = '\0';
        memmove(value, value + 1, length - 1);
    }
}

static void read_environment_file(const char *path, char home[LIMIT_PATH])
{
    char line[LINE_SIZE];
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return;
    while (fgets(line, sizeof(line), file) != NULL) {
        char *assignment = line + strspn(line, " \t");
        if (service_home_value(assignment) != NULL) {
            char *value = strchr(assignment, '=') + 1;
            unquote(value);
            text_copy(home, LIMIT_PATH, value);
        }
    }
    fclose(file);
}

/* Each is a pattern, as in the unit. */
static void read_environment_pattern(const char *pattern, char home[LIMIT_PATH])
{
    glob_t found;
    if (glob(pattern, 0, NULL, &found) != 0)
        return;
    for (size_t i = 0; i < found.gl_pathc && i < FILES_MOST; i++)
        read_environment_file(found.gl_pathv[i], home);
    globfree(&found);
}

/* The property is a(sb): a path, and whether it may be missing. Files win over Environment=. */
static bool read_environment_files(sd_bus *bus, const char *unit, const char *path,
                                   char home[LIMIT_PATH], struct error *err)
{
    sd_bus_error failure = SD_BUS_ERROR_NULL;
    sd_bus_message *reply = NULL;
    const char *pattern;
    int may_be_missing;
    int status = sd_bus_get_property(bus, DESTINATION, path, SERVICE_INTERFACE, "EnvironmentFiles",
                                     &failure, &reply, "a(sb)");
    if (status >= 0)
        status = sd_bus_message_enter_container(reply, 'a', "(sb)");
    while (status >= 0 &&
           (status = sd_bus_message_read(reply, "(sb)", &pattern, &may_be_missing)) > 0)
        read_environment_pattern(pattern, home);
    sd_bus_message_unref(reply);
    return status >= 0 || call_failed(err, unit, "EnvironmentFiles", status, &failure);
}

static bool systemd_environment_home(const struct bitbucket_config *config, char home[LIMIT_PATH],
                                     struct error *err)
{
    __attribute__((cleanup(unref_bus))) sd_bus *bus = NULL;
    char path[256];
    home[0] = '\0';
    return open_bus(&bus, err) && unit_path(bus, config->unit, path, err) &&
           read_environment(bus, config->unit, path, home, err) &&
           read_environment_files(bus, config->unit, path, home, err);
}

const struct service service_systemd = {
    .begin = systemd_begin,
    .is_busy = systemd_is_busy,
    .fd = systemd_fd,
    .advance = systemd_advance,
    .leave = systemd_leave,
    .environment_home = systemd_environment_home,
};
