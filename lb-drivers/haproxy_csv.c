/* SPDX-License-Identifier: Apache-2.0 */
#include "haproxy_csv.h"

#include "haproxy_table.h"
#include "text.h"

#include <string.h>

/* Bits of srv_admin_state. Two more say nothing of the present: 4, `disabled` stands in the
 * configuration and stays after `ready`; 64, the name was changed at run time. */
#define ADMIN_FORCED_MAINT     1
#define ADMIN_INHERITED_MAINT  2
#define ADMIN_FORCED_DRAIN     8
#define ADMIN_INHERITED_DRAIN  16
#define ADMIN_RESOLUTION_MAINT 32
#define ADMIN_MAINT            (ADMIN_FORCED_MAINT | ADMIN_INHERITED_MAINT | ADMIN_RESOLUTION_MAINT)
#define ADMIN_DRAIN            (ADMIN_FORCED_DRAIN | ADMIN_INHERITED_DRAIN)

/* Bits of srv_check_state and srv_agent_state: configured, and not switched off at run time. */
#define CHECK_CONFIGURED 2
#define CHECK_ENABLED    4
#define CHECK_WORKS      (CHECK_CONFIGURED | CHECK_ENABLED)

#define MOST_MASK     UINT32_MAX
#define MOST_SESSIONS (1ULL << 40) /* far beyond any process, and sums of it stay in an int64_t */

enum state_column {
    STATE_BACKEND_ID,
    STATE_BACKEND,
    STATE_SERVER,
    STATE_ADMIN,
    STATE_WEIGHT,
    STATE_FULL_WEIGHT,
    STATE_CHANGED,
    STATE_CHECK,
    STATE_AGENT,
    STATE_COLUMNS
};

static const char *const state_columns[] = {
    [STATE_BACKEND_ID] = "be_id",
    [STATE_BACKEND] = "be_name",
    [STATE_SERVER] = "srv_name",
    [STATE_ADMIN] = "srv_admin_state",
    [STATE_WEIGHT] = "srv_uweight",
    [STATE_FULL_WEIGHT] = "srv_iweight",
    [STATE_CHECK] = "srv_check_state",
    [STATE_AGENT] = "srv_agent_state",
    [STATE_CHANGED] = "srv_time_since_last_change",
};
_Static_assert(sizeof(state_columns) / sizeof(state_columns[0]) == STATE_COLUMNS, "all named");

enum stat_column {
    STAT_BACKEND,
    STAT_SERVER,
    STAT_QUEUED,
    STAT_SESSIONS,
    STAT_STATUS,
    STAT_WEIGHT,
    STAT_IS_BACKUP,
    STAT_TRACKED,
    STAT_COLUMNS
};

static const char *const stat_columns[] = {
    [STAT_BACKEND] = "pxname", [STAT_SERVER] = "svname",   [STAT_QUEUED] = "qcur",
    [STAT_SESSIONS] = "scur",  [STAT_STATUS] = "status",   [STAT_WEIGHT] = "weight",
    [STAT_IS_BACKUP] = "bck",  [STAT_TRACKED] = "tracked",
};
_Static_assert(sizeof(stat_columns) / sizeof(stat_columns[0]) == STAT_COLUMNS, "all named");

/* The words of the status column. DRAIN is shown only of a server that is otherwise up, NOLB of
 * one whose check asks for no new load; "UP 1/3" and "DOWN 1/2" are on their way. */
static const struct status_word {
    const char *word;
    bool is_prefix;
    enum lb_health health;
} status_words[] = {
    {"UP", false, LB_HEALTH_UP},          {"no check", false, LB_HEALTH_UP},
    {"DRAIN", false, LB_HEALTH_UP},       {"DRAIN (agent)", false, LB_HEALTH_UP},
    {"DOWN", false, LB_HEALTH_DOWN},      {"DOWN (agent)", false, LB_HEALTH_DOWN},
    {"UP ", true, LB_HEALTH_CHANGING},    {"DOWN ", true, LB_HEALTH_CHANGING},
    {"DRAIN ", true, LB_HEALTH_CHANGING}, {"NOLB", true, LB_HEALTH_CHANGING},
    {"MAINT", true, LB_HEALTH_UNKNOWN},
};

static enum lb_health status_health(const struct haproxy_cell *status)
{
    for (size_t i = 0; i < sizeof(status_words) / sizeof(status_words[0]); i++) {
        const struct status_word *row = &status_words[i];
        if (row->is_prefix ? haproxy_cell_starts_with(status, row->word)
                           : haproxy_cell_is(status, row->word))
            return row->health;
    }
    return LB_HEALTH_UNKNOWN;
}

static bool read_state_row(const struct haproxy_table *table, struct haproxy_state *ret_state,
                           struct error *err)
{
    uint64_t weight, full_weight, check, agent;
    struct haproxy_state state = {0};

    if (!haproxy_table_number(table, STATE_BACKEND_ID, MOST_MASK, &state.backend_id, err) ||
        !haproxy_table_number(table, STATE_ADMIN, MOST_MASK, &state.admin_mask, err) ||
        !haproxy_table_number(table, STATE_WEIGHT, MOST_MASK, &weight, err) ||
        !haproxy_table_number(table, STATE_FULL_WEIGHT, MOST_MASK, &full_weight, err) ||
        !haproxy_table_number(table, STATE_CHANGED, MOST_MASK, &state.changed_s, err) ||
        !haproxy_table_number(table, STATE_CHECK, MOST_MASK, &check, err) ||
        !haproxy_table_number(table, STATE_AGENT, MOST_MASK, &agent, err))
        return false;
    state.weight = (int64_t)weight;
    state.full_weight = (int64_t)full_weight;
    state.has_agent = (agent & CHECK_WORKS) == CHECK_WORKS;
    state.is_checked = (check & CHECK_WORKS) == CHECK_WORKS || state.has_agent;
    *ret_state = state;
    return true;
}

static bool open_states(struct haproxy_table *table, const char *bytes, size_t size,
                        struct error *err)
{
    static const char format_line[] = "1\n"; /* of the only format there is so far */

    if (size < sizeof(format_line) - 1 ||
        memcmp(bytes, format_line, sizeof(format_line) - 1) != 0) {
        error_set(err, ERROR_PROTOCOL, "the answer is no table of servers in format 1");
        return false;
    }
    return haproxy_table_open(table, bytes + 2, size - 2, ' ', state_columns, STATE_COLUMNS, err);
}

bool haproxy_check_states(const char *bytes, size_t size, struct error *err)
{
    struct haproxy_table table;
    struct haproxy_state state;

    if (!open_states(&table, bytes, size, err))
        return false;
    while (haproxy_table_next(&table, err)) {
        if (!read_state_row(&table, &state, err))
            return false;
    }
    return haproxy_table_is_whole(&table);
}

bool haproxy_read_state(const char *bytes, size_t size, const char *backend, const char *server,
                        struct haproxy_state *ret_state, struct error *err)
{
    struct haproxy_table table;
    struct haproxy_state state;
    bool is_found = false;

    if (!open_states(&table, bytes, size, err))
        return false;
    while (haproxy_table_next(&table, err)) {
        if (!haproxy_cell_is(&table.cells[STATE_BACKEND], backend) ||
            !haproxy_cell_is(&table.cells[STATE_SERVER], server))
            continue;
        if (!read_state_row(&table, &state, err))
            return false;
        is_found = true;
    }
    if (!haproxy_table_is_whole(&table))
        return false;
    if (!is_found) {
        error_set(err, ERROR_NOT_FOUND, "no such server");
        error_hint(err, "compare with the server lines of haproxy.cfg");
        return false;
    }
    *ret_state = state;
    return true;
}

static bool read_stat_row(const struct haproxy_table *table, struct haproxy_stat *stat,
                          struct error *err)
{
    uint64_t working, queued;

    if (!haproxy_table_number(table, STAT_SESSIONS, MOST_SESSIONS, &working, err) ||
        !haproxy_table_number(table, STAT_QUEUED, MOST_SESSIONS, &queued, err))
        return false;
    stat->sessions = (int64_t)(working + queued);
    stat->health = status_health(&table->cells[STAT_STATUS]);
    stat->is_tracking = table->cells[STAT_TRACKED].size > 0 &&
                        !haproxy_cell_is(&table->cells[STAT_STATUS], "no check");
    return true;
}

/* A server in drain or maintenance shows neither word; one of weight 0 may. A backup does not
 * count: it gets traffic when all else is gone, and then often says "sorry". */
static bool takes_traffic(const struct haproxy_table *table)
{
    const struct haproxy_cell *status = &table->cells[STAT_STATUS];

    return (haproxy_cell_is(status, "UP") || haproxy_cell_is(status, "no check")) &&
           !haproxy_cell_is(&table->cells[STAT_WEIGHT], "0") &&
           !haproxy_cell_is(&table->cells[STAT_IS_BACKUP], "1");
}

bool haproxy_read_stat(const char *bytes, size_t size, const char *backend, const char *server,
                       struct haproxy_stat *ret_stat, struct error *err)
{
    struct haproxy_table table;
    struct haproxy_stat stat = {0};
    bool is_found = false;

    if (!haproxy_table_open(&table, bytes, size, ',', stat_columns, STAT_COLUMNS, err))
        return false;
    while (haproxy_table_next(&table, err)) {
        const struct haproxy_cell *name = &table.cells[STAT_SERVER];
        if (!haproxy_cell_is(&table.cells[STAT_BACKEND], backend))
            continue;
        if (haproxy_cell_is(name, "FRONTEND") || haproxy_cell_is(name, "BACKEND"))
            continue;
        if (!haproxy_cell_is(name, server)) {
            stat.peers_up += takes_traffic(&table);
            continue;
        }
        if (!read_stat_row(&table, &stat, err))
            return false;
        is_found = true;
    }
    if (!haproxy_table_is_whole(&table))
        return false;
    if (!is_found) {
        error_set(err, ERROR_NOT_FOUND, "no such server");
        return false;
    }
    *ret_stat = stat;
    return true;
}

enum lb_admin haproxy_admin(const struct haproxy_state *state)
{
    if (state->admin_mask & ADMIN_MAINT)
        return LB_ADMIN_DOWN;
    /* Weight 0 means for HAProxy just what drain means. */
    if ((state->admin_mask & ADMIN_DRAIN) || state->weight == 0)
        return LB_ADMIN_DRAIN;
    return LB_ADMIN_UP;
}

int64_t haproxy_share(const struct haproxy_state *state, unsigned percent)
{
    int64_t weight = state->full_weight * percent / 100;
    return weight > 0 || state->full_weight == 0 ? weight : 1;
}

const char *haproxy_conflict_reason(const struct haproxy_state *state)
{
    if (state->admin_mask & (ADMIN_INHERITED_MAINT | ADMIN_INHERITED_DRAIN))
        return "it tracks a server that is out of service: let that one be a member too";
    if (state->admin_mask & ADMIN_RESOLUTION_MAINT)
        return "HAProxy cannot resolve the server's host name";
    if (state->has_agent)
        return "its agent-check has a say as well: let the agent not answer ready, drain, maint or "
               "0% while nodes are moved, or say 'disable agent BACKEND/SERVER' to HAProxy before";
    if (state->weight == 0 && (state->admin_mask & ADMIN_DRAIN) == 0)
        return "its weight is 0: somebody drained it that way, and must give it a weight again";
    return "somebody else or a reload of HAProxy has changed it";
}
