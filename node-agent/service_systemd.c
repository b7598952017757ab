/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A systemd unit, ordered over the system bus: StartUnit and StopUnit give a job, and the signal
 * JobRemoved tells how it ended.
 */
#include "service.h"

#include "log.h"
#include "memory.h"
#include "quote.h"
#include "text.h"
#include "unit_bus.h"
#include "unit_settings.h"

#include <stdlib.h>
#include <string.h>

struct service_order {
    enum service_action action;
    struct unit_bus bus;
    sd_bus_slot *slot;
    char job[256];   /* object path; "" until the call has been answered */
    char result[32]; /* of JobRemoved: "done", "failed", "timeout", …; "" until it came */
};

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

/* A unit that is active without a process would take a start for done: one with RemainAfterExit=,
 * as systemd makes them from init scripts, whose Bitbucket has crashed or was stopped by hand. */
static bool choose_method(struct service_order *order, const char **ret_method, struct error *err)
{
    char state[32];
    *ret_method = order->action == SERVICE_START ? "StartUnit" : "StopUnit";
    if (order->action == SERVICE_STOP)
        return true;
    if (!unit_bus_load(&order->bus, err) ||
        !unit_bus_get_text(&order->bus, UNIT_BUS_UNIT, "ActiveState", state, sizeof(state), err))
        return false;
    if (!text_equal(state, "active"))
        return true;
    log_warning("start: unit %s is active, but no process of Bitbucket lives: it is restarted",
                order->bus.unit);
    *ret_method = "RestartUnit";
    return true;
}

static bool call_unit(struct service_order *order, struct error *err)
{
    const char *method;
    sd_bus_error failure = SD_BUS_ERROR_NULL;
    sd_bus_message *reply = NULL;
    const char *job;
    if (!choose_method(order, &method, err))
        return false;
    int status =
        sd_bus_call_method(order->bus.bus, UNIT_BUS_SYSTEMD, UNIT_BUS_PATH, UNIT_BUS_MANAGER,
                           method, &failure, &reply, "ss", order->bus.unit, "replace");
    if (status >= 0)
        status = sd_bus_message_read(reply, "o", &job);
    if (status >= 0)
        TEXT_COPY(order->job, job);
    sd_bus_message_unref(reply);
    return status >= 0 || unit_bus_failed(&order->bus, method, status, &failure, err);
}

static bool subscribe(struct service_order *order, struct error *err)
{
    sd_bus_error failure = SD_BUS_ERROR_NULL;
    int status = sd_bus_match_signal(order->bus.bus, &order->slot, UNIT_BUS_SYSTEMD, UNIT_BUS_PATH,
                                     UNIT_BUS_MANAGER, "JobRemoved", job_removed, order);
    /* systemd sends its signals only while somebody has asked for them. */
    if (status >= 0)
        status = sd_bus_call_method(order->bus.bus, UNIT_BUS_SYSTEMD, UNIT_BUS_PATH,
                                    UNIT_BUS_MANAGER, "Subscribe", &failure, NULL, "");
    return status >= 0 || unit_bus_failed(&order->bus, "Subscribe", status, &failure, err);
}

static void systemd_leave(struct service_order *order)
{
    sd_bus_slot_unref(order->slot);
    unit_bus_done(&order->bus);
    free(order);
}

static bool systemd_begin(const struct bitbucket_config *config, enum service_action action,
                          struct deadline deadline, struct service_order **ret_order,
                          struct error *err)
{
    (void)deadline; /* the unit has its own: TimeoutStartSec, TimeoutStopSec */
    struct service_order *order = memory_zeroed(1, sizeof(*order));
    order->action = action;
    if (!unit_bus_open(&order->bus, config->unit, err) || !subscribe(order, err) ||
        !call_unit(order, err)) {
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
    return sd_bus_get_fd(order->bus.bus);
}

/* What JobRemoved says where it is not "done", in words of our own: org.freedesktop.systemd1(5). */
static const struct job_result {
    const char *result;
    const char *meaning;
    enum error_code code;
} job_results[] = {
    {"failed", "a command of the unit failed, or its main process ended at once", ERROR_SYSTEM},
    {"timeout", "systemd's own time limit was over (TimeoutStartSec, TimeoutStopSec)",
     ERROR_TIMEOUT},
    {"canceled", "somebody gave the unit another order meanwhile", ERROR_CONFLICT},
    {"dependency", "a unit that it needs could not be started", ERROR_CONFLICT},
    {"skipped", "it was not running, or was not to be touched", ERROR_CONFLICT},
    {"assert", "an Assert… of the unit does not hold", ERROR_INVALID},
    {"unsupported", "units of this kind cannot be started here", ERROR_INVALID},
};

static bool judge(const struct service_order *order, struct error *err)
{
    bool is_start = order->action == SERVICE_START;
    const char *meaning = "a result that is not known";
    enum error_code code = ERROR_SYSTEM;
    if (text_equal(order->result, "done"))
        return true;
    for (size_t i = 0; i < sizeof(job_results) / sizeof(job_results[0]); i++) {
        if (text_equal(order->result, job_results[i].result)) {
            meaning = job_results[i].meaning;
            code = job_results[i].code;
        }
    }
    /* A start that fails is the release's fault, unless somebody else had a hand in it. */
    error_set(err, is_start && code != ERROR_CONFLICT ? ERROR_RELEASE : code,
              "unit %s: its %s job ended as '%s': %s", order->bus.unit, is_start ? "start" : "stop",
              order->result, meaning);
    error_hint(err, "journalctl -u %s", order->bus.unit);
    return false;
}

static bool systemd_advance(struct service_order *order, bool *ret_is_over, struct error *err)
{
    int status;
    do {
        status = sd_bus_process(order->bus.bus, NULL);
    } while (status > 0 && order->result[0] == '\0');
    *ret_is_over = order->result[0] != '\0';
    if (*ret_is_over)
        return judge(order, err);
    if (status < 0) {
        *ret_is_over = true;
        error_set_errno(err, -status, "unit %s: the system bus", order->bus.unit);
        return false;
    }
    return true;
}

const struct service service_systemd = {
    .begin = systemd_begin,
    .is_busy = systemd_is_busy,
    .fd = systemd_fd,
    .advance = systemd_advance,
    .leave = systemd_leave,
    .environment_home = unit_settings_home,
    .user = unit_settings_user,
    .define = unit_settings_define,
    .reload = unit_settings_reload,
};
