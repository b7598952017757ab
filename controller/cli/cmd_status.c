/* SPDX-License-Identifier: Apache-2.0 */
/* What one cluster is doing, or a line for each of them. */
#include "json.h"
#include "memory.h"
#include "progress.h"
#include "store.h"
#include "table.h"
#include "watch.h"

#include <stdio.h>

#define SCREEN_BYTES (4 * 1024 * 1024) /* LIMIT_CLUSTERS lines with an error each */

/* How old it is says how much it is worth while nobody leads. */
static void draw_one(struct cli *cli, const struct cluster_status *status, bool is_led)
{
    struct progress_view view = {
        .now_ms = clock_wall_ms(), .is_coloured = cli->output.is_coloured, .notice = ""};
    BUFFER_CLEANUP struct buffer out;
    buffer_init(&out, SCREEN_BYTES);
    if (!is_led) {
        view.notice = "nobody leads the cluster: this is what was last known";
        view.now_ms = status->at_ms;
    }
    progress_draw(status, &view, &out);
    if (status->has_upgrade && status->upgrade.outcome != OUTCOME_NONE)
        progress_draw_end(&status->upgrade, view.now_ms, view.is_coloured, &out);
    (void)buffer_add_text(&out, "\ncontroller ");
    clean_add(&out, status->controller);
    (void)buffer_format(&out, ", epoch %lld", (long long)status->epoch);
    if (status->refused > 0)
        (void)buffer_format(&out, ", %lld requests or messages refused",
                            (long long)status->refused);
    (void)buffer_add_text(&out, "\n");
    output_text(&cli->output, buffer_text(&out));
}

static enum exit_code show_one(struct cli *cli, struct client *client, struct error *err)
{
    JSON_CLEANUP json_t *json = NULL;
    FREE_CLEANUP struct cluster_status *status = memory_zeroed(1, sizeof(*status));
    bool is_led = client_await_leader(client, err);
    if (!is_led && !redis_is_connected(client->redis))
        return exit_code_of_error(err);
    struct error lead = *err;
    if (!store_read_status(client, &json, status, err))
        return exit_code_of_error(err);
    if (json != NULL) {
        draw_one(cli, status, is_led);
        output_document(&cli->output, json);
    } else if (is_led) {
        error_set(&lead, ERROR_UNAVAILABLE, "cluster %s: its controller has told nothing yet",
                  client->cluster->name);
    }
    *err = lead;
    return exit_code_of_error(err);
}

static void add_row(struct table *table, const struct cluster_status *status, bool is_led)
{
    const struct upgrade_summary *upgrade = &status->upgrade;
    const char *doing = outcome_name(upgrade->outcome);
    if (upgrade->outcome == OUTCOME_NONE)
        doing = upgrade->is_waiting ? "waiting" : upgrade->is_paused ? "paused" : upgrade->phase;
    table_add(table, COLOUR_BOLD, status->cluster);
    table_add(table, is_led ? COLOUR_NONE : COLOUR_BAD, is_led ? status->controller : "nobody");
    table_add(table, COLOUR_NONE, upgrade->cluster_state);
    table_add(table, upgrade->is_waiting ? COLOUR_BAD : COLOUR_NONE,
              status->has_upgrade ? doing : "");
    if (status->has_upgrade)
        table_format(table, COLOUR_NONE, "%s → %s", upgrade->from, upgrade->to);
    else
        table_add(table, COLOUR_NONE, "");
    table_add_or_blank(table, COLOUR_NONE,
                       status->error.code != ERROR_NONE ? status->error.message
                                                        : upgrade->reason.message);
}

static void add_unreadable(struct table *table, json_t *list, const char *cluster,
                           const struct error *error)
{
    table_add(table, COLOUR_BOLD, cluster);
    for (unsigned i = 0; i < 4; i++)
        table_add(table, COLOUR_NONE, "");
    table_add(table, COLOUR_BAD, error->message);
    json_t *json = json_pack("{s:s,s:{s:s,s:o,s:o}}", "cluster", cluster, "error", "code",
                             error_code_name(error->code), "message", json_text(error->message),
                             "hint", json_text(error->hint));
    json_array_append_new(list, json);
}

/* A cluster whose status is unreadable, or not there, is a line that says so. False where Redis
 * itself does not answer. */
static bool add_cluster(struct client *client, struct table *table, json_t *list,
                        struct error *first, struct error *err)
{
    JSON_CLEANUP json_t *json = NULL;
    FREE_CLEANUP struct cluster_status *status = memory_zeroed(1, sizeof(*status));
    bool is_led = false;
    if (!store_is_led(client, &is_led, err))
        return false;
    if (!store_read_status(client, &json, status, err)) {
        if (err->code != ERROR_PROTOCOL)
            return false;
        add_unreadable(table, list, client->cluster->name, err);
        if (first->code == ERROR_NONE)
            *first = *err;
    } else if (json == NULL) {
        error_set(err, ERROR_NOT_FOUND, is_led ? "told nothing yet" : "no controller has led it");
        add_unreadable(table, list, client->cluster->name, err);
    } else {
        add_row(table, status, is_led);
        json_array_append(list, json);
    }
    error_clear(err);
    return true;
}

static enum exit_code show_all(struct cli *cli, struct client *client, struct error *err)
{
    static const char *const headings[] = {"CLUSTER", "LEADER", "STATE", "UPGRADE", "VERSIONS", ""};
    BUFFER_CLEANUP struct buffer out;
    TABLE_CLEANUP struct table table;
    JSON_CLEANUP json_t *document = json_object();
    json_t *list = json_array();
    struct error first;
    json_object_set_new(document, "clusters", list);
    buffer_init(&out, SCREEN_BYTES);
    table_init(&table, headings, sizeof(headings) / sizeof(headings[0]), cli->output.is_coloured);
    error_clear(&first);
    for (size_t i = 0; i < client->config.cluster_count; i++) {
        client->cluster = &client->config.clusters[i];
        if (!add_cluster(client, &table, list, &first, err))
            return exit_code_of_error(err);
    }
    table_draw(&table, &out);
    output_text(&cli->output, buffer_text(&out));
    output_document(&cli->output, document);
    *err = first;
    return exit_code_of_error(err);
}

/* Without a name, people see the only cluster as if they had named it; programs get a list, so that
 * it has one form. */
enum exit_code cmd_status(struct cli *cli, struct error *err)
{
    CLIENT_CLEANUP struct client client = {.redis = NULL};
    const struct watch_options options = {.upgrade_id = NULL, .ends_waiting = false};
    bool is_watched = arguments_has(&cli->arguments, OPTION_WATCH);
    bool is_list = cli->output.is_json && cli->arguments.word_count == 0;
    enum exit_code code =
        is_watched ? client_open_cluster(&client, cli, err) : client_open(&client, cli, err);
    if (code != EXIT_CODE_OK)
        return code;
    if (is_watched)
        return watch_cluster(cli, &client, &options, err);
    if (client.cluster != NULL && !is_list)
        return show_one(cli, &client, err);
    return show_all(cli, &client, err);
}
