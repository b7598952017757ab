/* SPDX-License-Identifier: Apache-2.0 */
/* The nodes of a cluster, as its controller last saw them. */
#include "json.h"
#include "memory.h"
#include "progress.h"
#include "store.h"
#include "table.h"

#define SCREEN_BYTES (1024 * 1024)

static const char *const headings[] = {"NODE", "PLACE",    "STEP",        "VERSION",   "STATE",
                                       "LOAD", "SESSIONS", "CONNECTIONS", "LAST ERROR"};
#define COLUMNS (sizeof(headings) / sizeof(headings[0]))

static void add_node(struct table *table, const struct node_summary *node)
{
    table_add(table, COLOUR_BOLD, node->name);
    table_add(table, progress_colour(node->place), place_name(node->place));
    table_format(table, COLOUR_NONE, "%s%s",
                 node->step[0] != '\0' && node->pass == PASS_BACK ? "back: " : "", node->step);
    table_add(table, COLOUR_NONE, node->version);
    table_add(table, COLOUR_NONE, node->state);
    table_add_figure(table, node->load);
    table_add_figure(table, node->sessions);
    table_add_figure(table, node->connections);
    table_add(table, COLOUR_NONE, node->error.message);
}

/* Before its first upgrade a cluster has names only. */
static void add_configured(struct table *table, json_t *list, const struct cluster_config *cluster)
{
    for (size_t i = 0; i < cluster->node_count; i++) {
        table_add(table, COLOUR_BOLD, cluster->nodes[i].name);
        for (size_t column = 1; column < COLUMNS; column++)
            table_add(table, COLOUR_NONE, "");
        json_array_append_new(list, json_pack("{s:s}", "node", cluster->nodes[i].name));
    }
}

static void show(struct cli *cli, const struct client *client, const json_t *status_json,
                 const struct cluster_status *status)
{
    TABLE_CLEANUP struct table table;
    BUFFER_CLEANUP struct buffer out;
    JSON_CLEANUP json_t *document = json_object(), *list = json_array();
    table_init(&table, headings, COLUMNS, cli->output.is_coloured);
    buffer_init(&out, SCREEN_BYTES);
    if (status->has_upgrade)
        json_array_extend(list, json_object_get(json_object_get(status_json, "upgrade"), "nodes"));
    else
        add_configured(&table, list, client->cluster);
    for (size_t i = 0; i < status->upgrade.node_count; i++)
        add_node(&table, &status->upgrade.nodes[i]);
    table_draw(&table, &out);
    output_text(&cli->output, buffer_text(&out));
    json_object_set_new(document, "cluster", json_string(client->cluster->name));
    json_object_set(document, "nodes", list);
    output_document(&cli->output, document);
}

enum exit_code cmd_nodes(struct cli *cli, struct error *err)
{
    CLIENT_CLEANUP struct client client = {.redis = NULL};
    JSON_CLEANUP json_t *json = NULL;
    FREE_CLEANUP struct cluster_status *status = memory_zeroed(1, sizeof(*status));
    enum exit_code code = client_open_cluster(&client, cli, err);
    if (code != EXIT_CODE_OK)
        return code;
    if (!store_read_status(&client, &json, status, err))
        return exit_code_of_error(err);
    show(cli, &client, json, status);
    return EXIT_CODE_OK;
}
