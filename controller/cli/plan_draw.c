/* SPDX-License-Identifier: Apache-2.0 */
#include "plan_draw.h"

#include "customisations_draw.h"
#include "figures.h"
#include "json.h"
#include "limit.h"
#include "plan.h"
#include "status_read.h"
#include "table.h"

#include <stdio.h>

#define NOTE_BYTES (ERROR_HINT_SIZE + 16)

struct check_row {
    char name[64], subject[2 * LIMIT_NAME], detail[128];
    bool is_ok;
    struct error error;
};

static bool read_check(const json_t *json, struct check_row *row, struct error *err)
{
    return json_get_text(json, "check", row->name, sizeof(row->name), err) &&
           json_get_text(json, "subject", row->subject, sizeof(row->subject), err) &&
           json_get_bool(json, "ok", &row->is_ok, err) &&
           json_find_text(json, "detail", row->detail, sizeof(row->detail), err) &&
           status_read_error(json, "error", &row->error, err);
}

static void add_check(struct table *table, const struct check_row *row)
{
    char hint[NOTE_BYTES];
    table_add(table, row->is_ok ? COLOUR_GOOD : COLOUR_BAD, row->is_ok ? "passed" : "FAILED");
    table_add(table, COLOUR_NONE, row->name);
    table_add(table, COLOUR_NONE, row->subject);
    table_add_or_blank(table, COLOUR_NONE, row->is_ok ? row->detail : row->error.message);
    if (row->is_ok || row->error.hint[0] == '\0')
        return;
    (void)snprintf(hint, sizeof(hint), "hint: %s", row->error.hint);
    table_note(table, hint);
}

static bool draw_checks(const json_t *checks, bool only_failed, bool is_coloured,
                        struct buffer *out, struct error *err)
{
    static const char *const headings[] = {"RESULT", "CHECK", "SUBJECT", ""};
    TABLE_CLEANUP struct table table;
    table_init(&table, headings, sizeof(headings) / sizeof(headings[0]), is_coloured);
    for (size_t i = 0; i < json_array_size(checks); i++) {
        struct check_row row = {.is_ok = false};
        if (!read_check(json_array_get(checks, i), &row, err)) {
            error_wrap(err, "check %zu", i + 1);
            return false;
        }
        if (!row.is_ok || !only_failed)
            add_check(&table, &row);
    }
    table_draw(&table, out);
    return true;
}

static bool draw_order(const json_t *order, struct buffer *out, struct error *err)
{
    (void)buffer_add_text(out, "\norder of the nodes, least busy first:\n");
    for (size_t i = 0; i < json_array_size(order); i++) {
        const json_t *item = json_array_get(order, i);
        char node[LIMIT_NAME];
        int64_t load = -1;
        if (!json_get_text(item, "node", node, sizeof(node), err) ||
            !json_find_integer(item, "load", -1, INT64_MAX, &load, err)) {
            error_wrap(err, "order %zu", i + 1);
            return false;
        }
        (void)buffer_format(out, "%3zu. ", i + 1);
        clean_add(out, node);
        if (load >= 0)
            (void)buffer_format(out, "  load %lld\n", (long long)load);
        else
            (void)buffer_add_text(out, "  load unknown\n");
    }
    return true;
}

static bool draw_title(const json_t *plan, struct buffer *out, struct error *err)
{
    char cluster[LIMIT_NAME], from[LIMIT_VERSION], to[LIMIT_VERSION];
    if (!json_get_text(plan, "cluster", cluster, sizeof(cluster), err) ||
        !json_get_text(plan, "from", from, sizeof(from), err) ||
        !json_get_text(plan, "to", to, sizeof(to), err))
        return false;
    (void)buffer_add_text(out, "plan for ");
    clean_add(out, cluster);
    (void)buffer_add_text(out, ": ");
    clean_add(out, from[0] != '\0' ? from : "unknown version");
    (void)buffer_add_text(out, " → ");
    clean_add(out, to);
    (void)buffer_add_text(out, "\n\n");
    return true;
}

/* The lines that a person has to decide about, of each node. */
static bool draw_conflicts(const json_t *list, struct buffer *out, struct error *err)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *one = json_array_get(list, i);
        char node[LIMIT_NAME];
        int64_t conflicts = 0;
        if (!json_get_text(one, "node", node, sizeof(node), err) ||
            !json_get_integer(one, "conflicts", 0, INT64_MAX, &conflicts, err))
            return false;
        if (conflicts == 0)
            continue;
        (void)buffer_add_text(out, "\nconflicts on ");
        clean_add(out, node);
        (void)buffer_add_text(out, ":\n");
        if (!customisations_draw_hunks(one, out, err))
            return false;
    }
    return true;
}

static bool draw_body(const json_t *plan, bool only_failed, bool is_coloured, struct buffer *out,
                      struct plan_result *result, struct error *err)
{
    const json_t *checks = json_object_get(plan, "checks");
    const json_t *order = json_object_get(plan, "order");
    if (!json_is_array(checks) || json_array_size(checks) > PLAN_CHECKS_MAX ||
        !json_is_array(order) || json_array_size(order) > LIMIT_NODES) {
        error_set(err, ERROR_PROTOCOL, "no list of checks, or none of nodes, or too long ones");
        return false;
    }
    result->checks = (int64_t)json_array_size(checks);
    return json_get_integer(plan, "failed", 0, PLAN_CHECKS_MAX, &result->failed, err) &&
           draw_title(plan, out, err) && draw_checks(checks, only_failed, is_coloured, out, err) &&
           draw_conflicts(json_object_get(plan, "customisations"), out, err) &&
           (only_failed || draw_order(order, out, err));
}

bool plan_draw(const json_t *plan, bool only_failed, bool is_coloured, struct buffer *out,
               struct plan_result *ret_result, struct error *err)
{
    struct plan_result result;
    if (!draw_body(plan, only_failed, is_coloured, out, &result, err)) {
        error_wrap(err, "unreadable plan");
        return false;
    }
    (void)buffer_format(out, "\n%lld checks, %lld failed\n", (long long)result.checks,
                        (long long)result.failed);
    *ret_result = result;
    return true;
}
