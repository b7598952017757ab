/* SPDX-License-Identifier: Apache-2.0 */
/* Every agent of the configuration, and where its public key comes from. */
#include "agent_read.h"
#include "figures.h"
#include "json.h"
#include "table.h"

#include <stdio.h>

#define SCREEN_BYTES (16 * 1024 * 1024) /* the largest fleet has 10,000 agents */
#define NOTE_SIZE    (ERROR_MESSAGE_SIZE + ERROR_HINT_SIZE)

static bool has_key(const struct agent_state *state)
{
    return state->source != AGENT_EMBEDDED && state->source != AGENT_MISSING;
}

static void add_note(struct table *table, const struct agent_state *state)
{
    char note[NOTE_SIZE], other[KEY_PUBLIC_TEXT_SIZE];
    if (state->problem.code != ERROR_NONE) {
        (void)snprintf(note, sizeof(note), "not believed: %s", state->problem.message);
        table_note(table, note);
    } else if (state->has_other) {
        key_public_write(&state->other, other);
        (void)snprintf(note, sizeof(note),
                       "another key waits: %s; accept it if that host was set up anew", other);
        table_note(table, note);
    }
}

static void add_row(struct table *table, const char *cluster, const struct config_agent *agent,
                    const struct agent_state *state)
{
    static const enum colour colours[] = {
        [AGENT_CONFIGURATION] = COLOUR_GOOD, [AGENT_EMBEDDED] = COLOUR_GOOD,
        [AGENT_ACCEPTED] = COLOUR_GOOD,      [AGENT_WAITING] = COLOUR_BUSY,
        [AGENT_MISSING] = COLOUR_BAD,
    };
    char key[KEY_PUBLIC_TEXT_SIZE] = "", at[FIGURE_SIZE];
    if (has_key(state))
        key_public_write(&state->key, key);
    figure_time(at, state->at_ms);
    table_add(table, COLOUR_NONE, cluster);
    table_add(table, COLOUR_BOLD, agent->name);
    table_add(table, colours[state->source], agent_source_name(state->source));
    table_add(table, COLOUR_NONE, key);
    table_add(table, COLOUR_NONE, state->operator);
    table_add(table, COLOUR_NONE, at);
    add_note(table, state);
}

static json_t *key_json(bool is_there, const struct key_public *key)
{
    char text[KEY_PUBLIC_TEXT_SIZE];
    if (!is_there)
        return json_null();
    key_public_write(key, text);
    return json_string(text);
}

static json_t *agent_json(const char *cluster, const struct config_agent *agent,
                          const struct agent_state *state)
{
    bool is_accepted = state->source == AGENT_ACCEPTED;
    return json_pack("{s:s,s:s,s:s?,s:s,s:o,s:s?,s:o,s:o,s:o}", "cluster", cluster, "agent",
                     agent->name, "node", agent->node, "source", agent_source_name(state->source),
                     "key", key_json(has_key(state), &state->key), "accepted_by",
                     is_accepted ? state->operator: NULL, "at_ms",
                     state->at_ms != 0 ? json_integer(state->at_ms) : json_null(), "other_key",
                     key_json(state->has_other, &state->other), "problem",
                     state->problem.code != ERROR_NONE ? json_text(state->problem.message)
                                                       : json_null());
}

static bool add_cluster(struct client *client, struct table *table, json_t *list, struct error *err)
{
    const struct cluster_config *cluster = client->cluster;
    for (size_t i = 0; i < config_agent_count(cluster); i++) {
        const struct config_agent agent = config_agent_at(cluster, i);
        struct agent_state state;
        if (!agent_read(client, &agent, &state, err))
            return false;
        add_row(table, cluster->name, &agent, &state);
        json_array_append_new(list, agent_json(cluster->name, &agent, &state));
    }
    return true;
}

static bool add_all(struct client *client, struct table *table, json_t *list, struct error *err)
{
    if (client->cluster != NULL)
        return add_cluster(client, table, list, err);
    for (size_t i = 0; i < client->config.cluster_count; i++) {
        client->cluster = &client->config.clusters[i];
        if (!add_cluster(client, table, list, err))
            return false;
    }
    return true;
}

enum exit_code cmd_agents(struct cli *cli, struct error *err)
{
    static const char *const headings[] = {"CLUSTER",    "AGENT", "KEY FROM",
                                           "PUBLIC KEY", "BY",    "SINCE"};
    CLIENT_CLEANUP struct client client = {.redis = NULL};
    TABLE_CLEANUP struct table table;
    BUFFER_CLEANUP struct buffer out;
    JSON_CLEANUP json_t *document = json_object();
    json_t *list = json_array();
    json_object_set_new(document, "agents", list);
    table_init(&table, headings, sizeof(headings) / sizeof(headings[0]), cli->output.is_coloured);
    buffer_init(&out, SCREEN_BYTES);
    enum exit_code code = client_open(&client, cli, err);
    if (code != EXIT_CODE_OK)
        return code;
    if (!add_all(&client, &table, list, err))
        return exit_code_of_error(err);
    table_draw(&table, &out);
    output_text(&cli->output, buffer_text(&out));
    output_document(&cli->output, document);
    return EXIT_CODE_OK;
}
