/* SPDX-License-Identifier: Apache-2.0 */
/* The upgrades of a cluster, the latest last: the one that runs as well. Between them what
 * operators had to force. */
#include "figures.h"
#include "json.h"
#include "memory.h"
#include "store.h"
#include "table.h"
#include "text.h"

#define LIMIT_DEFAULT 20
#define SCREEN_BYTES  (1024 * 1024)

static bool read_limit(const struct arguments *arguments, size_t *ret_limit, struct error *err)
{
    uint64_t limit = LIMIT_DEFAULT;
    const char *text = arguments->values[OPTION_LIMIT];
    if (text != NULL && (!text_parse_u64(text, HISTORY_MOST, &limit) || limit == 0)) {
        error_set(err, ERROR_INVALID, "--limit must be 1 to %d", HISTORY_MOST);
        return false;
    }
    *ret_limit = (size_t)limit;
    return true;
}

static bool has_id(const json_t *list, const char *id)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *text = json_string_value(json_object_get(json_array_get(list, i), "id"));
        if (text != NULL && text_equal(text, id))
            return true;
    }
    return false;
}

/* The status holds the upgrade that runs, which has no place in the history yet. */
static bool add_running(struct client *client, json_t *list, size_t limit, struct error *err)
{
    JSON_CLEANUP json_t *json = NULL;
    FREE_CLEANUP struct cluster_status *status = memory_zeroed(1, sizeof(*status));
    if (!store_read_status(client, &json, status, err))
        return false;
    if (!status->has_upgrade || has_id(list, status->upgrade.id))
        return true;
    if (json_array_size(list) == limit)
        json_array_remove(list, 0);
    json_array_append(list, json_object_get(json, "upgrade"));
    return true;
}

static void add_row(struct table *table, const struct upgrade_summary *upgrade)
{
    char begun[FIGURE_SIZE], took[FIGURE_SIZE] = "";
    enum colour colour = upgrade->outcome == OUTCOME_DONE   ? COLOUR_GOOD
                         : upgrade->outcome == OUTCOME_NONE ? COLOUR_BUSY
                                                            : COLOUR_BAD;
    figure_time(begun, upgrade->begun_ms);
    if (upgrade->ended_ms != 0)
        figure_duration(took, upgrade->ended_ms - upgrade->begun_ms);
    table_add(table, COLOUR_NONE, begun);
    table_format(table, COLOUR_NONE, "%s → %s", upgrade->from, upgrade->to);
    table_add(table, colour, outcome_name(upgrade->outcome));
    table_add(table, COLOUR_NONE, took);
    table_add(table, COLOUR_NONE, upgrade->operator);
    table_add(table, COLOUR_FAINT, upgrade->id);
    table_add(table, COLOUR_NONE, upgrade->reason.message);
}

static void add_event_row(struct table *table, const struct event_summary *event)
{
    char at[FIGURE_SIZE];
    figure_time(at, event->at_ms);
    table_add(table, COLOUR_NONE, at);
    table_add_or_blank(table, COLOUR_NONE, "");
    table_add(table, COLOUR_BUSY, event->what);
    table_add_or_blank(table, COLOUR_NONE, "");
    table_add(table, COLOUR_NONE, event->operator);
    table_format(table, COLOUR_FAINT, "%s, epoch %lld", event->controller, (long long)event->epoch);
    if (event->reason[0] != '\0')
        table_format(table, COLOUR_NONE, "%s (%s)", event->reason, event->text);
    else
        table_add(table, COLOUR_NONE, event->text);
}

static bool is_event(const json_t *json)
{
    return json_object_get(json, "event") != NULL;
}

static bool add_any_row(struct table *table, const json_t *json, struct error *err)
{
    struct event_summary event;
    if (is_event(json)) {
        if (!event_summary_read(json, &event, err))
            return false;
        add_event_row(table, &event);
        return true;
    }
    FREE_CLEANUP struct upgrade_summary *upgrade = memory_zeroed(1, sizeof(*upgrade));
    if (!upgrade_summary_read(json, upgrade, err))
        return false;
    add_row(table, upgrade);
    return true;
}

static void tell_document(struct output *output, const json_t *list)
{
    JSON_CLEANUP json_t *document = json_object();
    json_t *upgrades = json_array(), *events = json_array();
    for (size_t i = 0; i < json_array_size(list); i++) {
        json_t *json = json_array_get(list, i);
        json_array_append(is_event(json) ? events : upgrades, json);
    }
    json_object_set_new(document, "upgrades", upgrades);
    json_object_set_new(document, "events", events);
    output_document(output, document);
}

static bool show(struct cli *cli, json_t *list, struct error *err)
{
    static const char *const headings[] = {"BEGUN",    "VERSIONS", "OUTCOME", "TOOK",
                                           "OPERATOR", "ID",       "REASON"};
    TABLE_CLEANUP struct table table;
    BUFFER_CLEANUP struct buffer out;
    table_init(&table, headings, sizeof(headings) / sizeof(headings[0]), cli->output.is_coloured);
    buffer_init(&out, SCREEN_BYTES);
    for (size_t i = 0; i < json_array_size(list); i++) {
        if (!add_any_row(&table, json_array_get(list, i), err))
            return false;
    }
    table_draw(&table, &out);
    output_text(&cli->output, buffer_text(&out));
    tell_document(&cli->output, list);
    return true;
}

enum exit_code cmd_history(struct cli *cli, struct error *err)
{
    CLIENT_CLEANUP struct client client = {.redis = NULL};
    JSON_CLEANUP json_t *list = NULL;
    size_t limit;
    if (!read_limit(&cli->arguments, &limit, err))
        return EXIT_CODE_USAGE;
    enum exit_code code = client_open_cluster(&client, cli, err);
    if (code != EXIT_CODE_OK)
        return code;
    if (store_read_history(&client, limit, &list, err) && add_running(&client, list, limit, err) &&
        show(cli, list, err))
        return EXIT_CODE_OK;
    return exit_code_of_error(err);
}
