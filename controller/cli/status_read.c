/* SPDX-License-Identifier: Apache-2.0 */
#include "status_read.h"

#include "figures.h"
#include "json.h"
#include "text.h"

#include <string.h>

#define FIGURE_MOST                                                                                \
    INT64_C(1000000000000000) /* bytes, sessions, epochs: beyond it, it is no count */

static const char *const pass_names[PASS_COUNT] = {[PASS_UP] = "up", [PASS_BACK] = "back"};

static bool unknown_word(const char *key, const char *word, struct error *err)
{
    error_set(err, ERROR_PROTOCOL, "'%s' is '%s', which this version does not know", key, word);
    error_hint(err, "use a shunt of the controllers' version");
    return false;
}

static bool read_place(const json_t *json, enum place *ret_place, struct error *err)
{
    char word[STATUS_WORD];
    return json_get_text(json, "place", word, sizeof(word), err) &&
           (place_parse(word, ret_place) || unknown_word("place", word, err));
}

static bool read_outcome(const json_t *json, enum outcome *ret_outcome, struct error *err)
{
    char word[STATUS_WORD];
    return json_get_text(json, "outcome", word, sizeof(word), err) &&
           (outcome_parse(word, ret_outcome) || unknown_word("outcome", word, err));
}

static bool read_pass(const json_t *json, enum pass *ret_pass, struct error *err)
{
    char word[STATUS_WORD];
    if (!json_get_text(json, "pass", word, sizeof(word), err))
        return false;
    for (unsigned i = 0; i < PASS_COUNT; i++) {
        if (text_equal(pass_names[i], word)) {
            *ret_pass = (enum pass)i;
            return true;
        }
    }
    return unknown_word("pass", word, err);
}

static bool read_time(const json_t *json, const char *key, int64_t *ret_ms, struct error *err)
{
    return json_get_integer(json, key, 0, FIGURE_TIME_MOST, ret_ms, err);
}

static bool read_figure(const json_t *json, const char *key, int64_t *ret_value, struct error *err)
{
    return json_get_integer(json, key, -1, FIGURE_MOST, ret_value, err);
}

/* The member as it is; ERROR_PROTOCOL where it is missing or of another type. */
static bool get_list(const json_t *json, const char *key, size_t most, const json_t **ret_list,
                     struct error *err)
{
    const json_t *list = json_object_get(json, key);
    if (!json_is_array(list)) {
        error_set(err, ERROR_PROTOCOL, "'%s' is missing or no list", key);
        return false;
    }
    if (json_array_size(list) > most) {
        error_set(err, ERROR_PROTOCOL, "'%s' has %zu entries, more than %zu", key,
                  json_array_size(list), most);
        return false;
    }
    *ret_list = list;
    return true;
}

bool status_read_error(const json_t *object, const char *key, struct error *ret_error,
                       struct error *err)
{
    char code[STATUS_WORD];
    struct error error;
    const json_t *json = json_object_get(object, key);
    error_clear(&error);
    if (json != NULL && !json_is_null(json)) {
        if (!json_get_text(json, "code", code, sizeof(code), err) ||
            !json_get_text(json, "message", error.message, sizeof(error.message), err) ||
            !json_find_text(json, "hint", error.hint, sizeof(error.hint), err)) {
            error_wrap(err, "'%s'", key);
            return false;
        }
        error.code = error_code_parse(code);
    }
    *ret_error = error;
    return true;
}

/* Steps of a newer controller are passed over: there is no row to show them in. */
static bool read_steps(const json_t *steps, struct step_times times[STEP_COUNT], struct error *err)
{
    if (!json_is_object(steps)) {
        error_set(err, ERROR_PROTOCOL, "'steps' is missing or no object");
        return false;
    }
    for (unsigned i = 0; i < STEP_COUNT; i++) {
        const json_t *step = json_object_get(steps, step_name((enum step)i));
        times[i] = (struct step_times){.begun_ms = 0, .took_ms = -1};
        if (step == NULL)
            continue;
        if (!read_time(step, "begun_ms", &times[i].begun_ms, err) ||
            !read_figure(step, "took_ms", &times[i].took_ms, err)) {
            error_wrap(err, "step %s", step_name((enum step)i));
            return false;
        }
    }
    return true;
}

static bool read_passes(const json_t *json, struct node_summary *node, struct error *err)
{
    const json_t *passes;
    if (!get_list(json, "passes", PASS_COUNT, &passes, err))
        return false;
    for (size_t i = 0; i < json_array_size(passes); i++) {
        const json_t *item = json_array_get(passes, i);
        enum pass pass;
        if (!read_pass(item, &pass, err))
            return false;
        struct pass_times *times = &node->passes[pass];
        if (!read_time(item, "begun_ms", &times->begun_ms, err) ||
            !read_time(item, "ended_ms", &times->ended_ms, err) ||
            !read_steps(json_object_get(item, "steps"), times->steps, err)) {
            error_wrap(err, "pass %s", pass_names[pass]);
            return false;
        }
    }
    return true;
}

static bool read_node_figures(const json_t *json, struct node_summary *node, struct error *err)
{
    return read_time(json, "step_begun_ms", &node->step_begun_ms, err) &&
           read_figure(json, "load", &node->load, err) &&
           read_figure(json, "sessions", &node->sessions, err) &&
           read_figure(json, "connections", &node->connections, err) &&
           read_figure(json, "bytes_done", &node->bytes_done, err) &&
           read_figure(json, "bytes_total", &node->bytes_total, err);
}

static bool read_node(const json_t *json, struct node_summary *node, struct error *err)
{
    if (json_get_text(json, "node", node->name, sizeof(node->name), err) &&
        read_place(json, &node->place, err) && read_pass(json, &node->pass, err) &&
        json_get_text(json, "step", node->step, sizeof(node->step), err) &&
        json_get_text(json, "version", node->version, sizeof(node->version), err) &&
        json_get_text(json, "state", node->state, sizeof(node->state), err) &&
        read_node_figures(json, node, err) && status_read_error(json, "error", &node->error, err) &&
        read_passes(json, node, err))
        return true;
    error_wrap(err, "node '%s'", node->name);
    return false;
}

static bool read_nodes(const json_t *json, struct upgrade_summary *upgrade, struct error *err)
{
    const json_t *nodes;
    if (!get_list(json, "nodes", LIMIT_NODES, &nodes, err))
        return false;
    upgrade->node_count = json_array_size(nodes);
    for (size_t i = 0; i < upgrade->node_count; i++) {
        if (!read_node(json_array_get(nodes, i), &upgrade->nodes[i], err))
            return false;
    }
    return true;
}

static bool read_names(const json_t *json, struct upgrade_summary *upgrade, struct error *err)
{
    return json_get_text(json, "id", upgrade->id, sizeof(upgrade->id), err) &&
           json_get_text(json, "cluster", upgrade->cluster, sizeof(upgrade->cluster), err) &&
           json_get_text(json, "from", upgrade->from, sizeof(upgrade->from), err) &&
           json_get_text(json, "to", upgrade->to, sizeof(upgrade->to), err) &&
           json_get_text(json, "operator", upgrade->operator, sizeof(upgrade->operator), err) &&
           json_get_text(json, "phase", upgrade->phase, sizeof(upgrade->phase), err) &&
           json_get_text(json, "cluster_state", upgrade->cluster_state,
                         sizeof(upgrade->cluster_state), err);
}

bool upgrade_summary_read(const json_t *json, struct upgrade_summary *ret_upgrade,
                          struct error *err)
{
    struct upgrade_summary upgrade;
    memset(&upgrade, 0, sizeof(upgrade));
    if (!read_names(json, &upgrade, err) || !read_outcome(json, &upgrade.outcome, err) ||
        !read_time(json, "begun_ms", &upgrade.begun_ms, err) ||
        !read_time(json, "ended_ms", &upgrade.ended_ms, err) ||
        !json_get_bool(json, "is_paused", &upgrade.is_paused, err) ||
        !json_get_bool(json, "is_waiting", &upgrade.is_waiting, err) ||
        !json_get_bool(json, "is_aborting", &upgrade.is_aborting, err) ||
        !json_get_bool(json, "upgrade_mode", &upgrade.is_upgrade_mode, err) ||
        !status_read_error(json, "reason", &upgrade.reason, err) ||
        !read_nodes(json, &upgrade, err)) {
        error_wrap(err, "upgrade");
        return false;
    }
    *ret_upgrade = upgrade;
    return true;
}

bool event_summary_read(const json_t *json, struct event_summary *ret_event, struct error *err)
{
    struct event_summary event;
    memset(&event, 0, sizeof(event));
    if (!json_get_text(json, "event", event.what, sizeof(event.what), err) ||
        !json_get_text(json, "controller", event.controller, sizeof(event.controller), err) ||
        !json_get_text(json, "operator", event.operator, sizeof(event.operator), err) ||
        !json_get_text(json, "reason", event.reason, sizeof(event.reason), err) ||
        !json_get_text(json, "text", event.text, sizeof(event.text), err) ||
        !read_time(json, "at_ms", &event.at_ms, err) ||
        !json_get_integer(json, "epoch", 0, INT64_MAX, &event.epoch, err)) {
        error_wrap(err, "event");
        return false;
    }
    *ret_event = event;
    return true;
}

bool cluster_status_read(const json_t *json, struct cluster_status *ret_status, struct error *err)
{
    struct cluster_status status;
    memset(&status, 0, sizeof(status));
    const json_t *upgrade = json_object_get(json, "upgrade");
    status.has_upgrade = upgrade != NULL && !json_is_null(upgrade);
    if (!json_get_text(json, "cluster", status.cluster, sizeof(status.cluster), err) ||
        !json_get_text(json, "controller", status.controller, sizeof(status.controller), err) ||
        !json_get_integer(json, "epoch", 0, INT64_MAX, &status.epoch, err) ||
        !read_time(json, "at_ms", &status.at_ms, err) ||
        !json_get_integer(json, "refused", 0, INT64_MAX, &status.refused, err) ||
        !status_read_error(json, "error", &status.error, err) ||
        (status.has_upgrade && !upgrade_summary_read(upgrade, &status.upgrade, err)))
        return false;
    *ret_status = status;
    return true;
}

int64_t node_out_of_service_ms(const struct node_summary *node, int64_t now_ms, bool *ret_is_out)
{
    int64_t total_ms = 0, out_since_ms = 0;
    for (unsigned i = 0; i < PASS_COUNT; i++) {
        const struct step_times *drain = &node->passes[i].steps[STEP_DRAIN];
        const struct step_times *back = &node->passes[i].steps[STEP_RETURN];
        if (out_since_ms == 0)
            out_since_ms = drain->begun_ms;
        /* Times of a pass that was begun again may be older than its drain. */
        if (out_since_ms == 0 || back->begun_ms < out_since_ms || back->took_ms < 0)
            continue;
        total_ms += back->begun_ms + back->took_ms - out_since_ms;
        out_since_ms = 0;
    }
    *ret_is_out = out_since_ms != 0;
    if (*ret_is_out && now_ms > out_since_ms)
        total_ms += now_ms - out_since_ms;
    return total_ms > 0 ? total_ms : 0;
}
