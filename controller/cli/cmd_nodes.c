/* SPDX-License-Identifier: Apache-2.0 */
/* The nodes of a cluster as they are just now: what Bitbucket, the agents and the load balancers
 * say of each. The controller looks when it is asked. */
#include "nodes_show.h"

#include "ask.h"
#include "json.h"
#include "memory.h"
#include "table.h"
#include "text.h"

#define SCREEN_BYTES (1024 * 1024)

static const char *const headings[] = {"NODE",  "STATE", "VERSION", "INSTALLED", "TASKS",
                                       "USERS", "AGENT", "TRAFFIC", "SESSIONS"};
#define COLUMNS (sizeof(headings) / sizeof(headings[0]))

struct node_row {
    char name[LIMIT_NAME], state[32], version[LIMIT_VERSION], installed[LIMIT_VERSION];
    char agent[LIMIT_VERSION], traffic[32], trouble[ERROR_MESSAGE_SIZE];
    int64_t tasks, users, sessions;
};

static void note_trouble(const json_t *object, const char *key, struct node_row *row)
{
    struct error ignored;
    const json_t *error = json_object_get(object, key);
    if (json_is_object(error) && row->trouble[0] == '\0')
        (void)json_find_text(error, "message", row->trouble, sizeof(row->trouble), &ignored);
}

/* Of several load balancers the first that does not send it traffic is what matters. */
static bool read_traffic(const json_t *list, struct node_row *row, struct error *err)
{
    row->sessions = 0;
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *lb = json_array_get(list, i);
        int64_t sessions = -1;
        if (row->traffic[0] == '\0' || text_equal(row->traffic, "up"))
            if (!json_get_text(lb, "rotation", row->traffic, sizeof(row->traffic), err))
                return false;
        if (!json_find_integer(lb, "sessions", 0, INT64_MAX, &sessions, err))
            return false;
        row->sessions = sessions < 0 || row->sessions < 0 ? -1 : row->sessions + sessions;
        note_trouble(lb, "error", row);
    }
    return true;
}

static bool read_node(const json_t *json, struct node_row *row, struct error *err)
{
    const json_t *agent = json_object_get(json, "agent");
    *row = (struct node_row){.tasks = -1, .users = -1};
    note_trouble(json, "agent_error", row);
    if (json_is_object(agent) &&
        (!json_get_text(agent, "version", row->agent, sizeof(row->agent), err) ||
         !json_get_text(agent, "linked_version", row->installed, sizeof(row->installed), err)))
        return false;
    return json_get_text(json, "node", row->name, sizeof(row->name), err) &&
           json_get_text(json, "state", row->state, sizeof(row->state), err) &&
           json_get_text(json, "version", row->version, sizeof(row->version), err) &&
           json_find_integer(json, "tasks", 0, INT64_MAX, &row->tasks, err) &&
           json_find_integer(json, "users", 0, INT64_MAX, &row->users, err) &&
           read_traffic(json_object_get(json, "load_balancers"), row, err);
}

static void add_row(struct table *table, const struct node_row *row)
{
    bool is_good = text_equal(row->state, "ACTIVE");
    table_add(table, COLOUR_BOLD, row->name);
    table_add(table, is_good ? COLOUR_GOOD : COLOUR_BAD, row->state);
    table_add(table, COLOUR_NONE, row->version);
    table_add(table, COLOUR_NONE, row->installed);
    table_add_figure(table, row->tasks);
    table_add_figure(table, row->users);
    table_add(table, COLOUR_NONE, row->agent);
    table_add(table, text_equal(row->traffic, "up") ? COLOUR_GOOD : COLOUR_BAD, row->traffic);
    table_add_figure(table, row->sessions);
    if (row->trouble[0] != '\0')
        table_note(table, row->trouble);
}

static bool draw(const json_t *nodes, struct table *table, struct error *err)
{
    struct node_row row;
    if (!json_is_array(nodes) || json_array_size(nodes) > LIMIT_NODES) {
        error_set(err, ERROR_PROTOCOL, "the answer has no list of nodes");
        return false;
    }
    for (size_t i = 0; i < json_array_size(nodes); i++) {
        if (!read_node(json_array_get(nodes, i), &row, err)) {
            error_wrap(err, "nodes[%zu]", i);
            return false;
        }
        add_row(table, &row);
    }
    return true;
}

enum exit_code nodes_show(struct cli *cli, const json_t *nodes, struct error *err)
{
    TABLE_CLEANUP struct table table;
    BUFFER_CLEANUP struct buffer out;
    table_init(&table, headings, COLUMNS, cli->output.is_coloured);
    buffer_init(&out, SCREEN_BYTES);
    if (!draw(nodes, &table, err))
        return exit_code_of_error(err);
    table_draw(&table, &out);
    output_text(&cli->output, buffer_text(&out));
    return EXIT_CODE_OK;
}

enum exit_code cmd_nodes(struct cli *cli, struct error *err)
{
    CLIENT_CLEANUP struct client client = {.redis = NULL};
    ANSWER_CLEANUP struct answer answer = {.json = NULL};
    struct request request = {.verb = REQUEST_NODES};
    enum exit_code code = ask_document(cli, &request, &client, &answer, err);
    if (code != EXIT_CODE_OK)
        return code;
    if (!answer.is_ok)
        return answer_exit_code(&answer, err);
    return nodes_show(cli, json_object_get(answer.json, "nodes"), err);
}
