/* SPDX-License-Identifier: Apache-2.0 */
#include "progress.h"

#include "check.h"
#include "figures.h"
#include "table.h"
#include "text.h"

#include <stdio.h>
#include <string.h>

#define DETAIL_BYTES 768 /* an error's message and a few words */

enum colour progress_colour(enum place place)
{
    static const enum colour colours[PLACE_COUNT] = {
        [PLACE_OLD] = COLOUR_NONE, [PLACE_WORKING] = COLOUR_BUSY,
        [PLACE_NEW] = COLOUR_GOOD, [PLACE_RESTORED] = COLOUR_GOOD,
        [PLACE_HELD] = COLOUR_BAD, [PLACE_QUARANTINED] = COLOUR_BAD,
    };
    CHECK((unsigned)place < PLACE_COUNT);
    return colours[place];
}

static bool is_staging(const struct upgrade_summary *upgrade, const struct node_summary *node)
{
    return upgrade->outcome == OUTCOME_NONE && node->place == PLACE_OLD &&
           text_equal(upgrade->phase, phase_name(PHASE_STAGE));
}

void progress_step(const struct upgrade_summary *upgrade, const struct node_summary *node,
                   char *text, size_t size)
{
    const char *back = node->pass == PASS_BACK ? "back: " : "";
    if (node->place == PLACE_WORKING)
        (void)snprintf(text, size, "%s%s", back, node->step);
    else if (node->place == PLACE_HELD || node->place == PLACE_QUARANTINED)
        (void)snprintf(text, size, "%s at %s%s", place_name(node->place), back, node->step);
    else
        (void)snprintf(text, size, "%s",
                       is_staging(upgrade, node) ? upgrade->phase : place_name(node->place));
}

/* While it matters: nothing is left of what was never there. */
static void draw_left(const struct node_summary *node, char *text, size_t size)
{
    text[0] = '\0';
    if (node->sessions > 0 && node->connections > 0)
        (void)snprintf(text, size, "%lld sessions, %lld connections left",
                       (long long)node->sessions, (long long)node->connections);
    else if (node->sessions > 0)
        (void)snprintf(text, size, "%lld sessions left", (long long)node->sessions);
    else if (node->connections > 0)
        (void)snprintf(text, size, "%lld connections left", (long long)node->connections);
}

static void draw_staged(const struct node_summary *node, char *text, size_t size)
{
    char done[FIGURE_SIZE], total[FIGURE_SIZE];
    figure_bytes(done, node->bytes_done);
    figure_bytes(total, node->bytes_total);
    if (node->bytes_total > 0)
        (void)snprintf(text, size, "%s of %s (%.0f %%)", done, total,
                       100.0 * (double)node->bytes_done / (double)node->bytes_total);
    else if (node->bytes_done > 0)
        (void)snprintf(text, size, "%s", done);
    else
        text[0] = '\0';
}

static void draw_detail(const struct upgrade_summary *upgrade, const struct node_summary *node,
                        char *text, size_t size)
{
    text[0] = '\0';
    if (is_staging(upgrade, node))
        draw_staged(node, text, size);
    else if (node->place == PLACE_WORKING)
        draw_left(node, text, size);
    else if (node->place == PLACE_HELD || node->place == PLACE_QUARANTINED)
        (void)snprintf(text, size, "%s", node->error.message);
    else if (node->place == PLACE_OLD && node->load >= 0)
        (void)snprintf(text, size, "load %lld", (long long)node->load);
}

static void draw_node(const struct upgrade_summary *upgrade, const struct node_summary *node,
                      int64_t now_ms, struct table *table)
{
    char step[2 * STATUS_WORD], detail[DETAIL_BYTES], time[FIGURE_SIZE] = "";
    progress_step(upgrade, node, step, sizeof(step));
    draw_detail(upgrade, node, detail, sizeof(detail));
    if (node->place == PLACE_WORKING)
        figure_duration_whole(time, now_ms - node->step_begun_ms);
    else if (is_staging(upgrade, node))
        figure_duration_whole(time, now_ms - upgrade->begun_ms);
    table_add(table, COLOUR_BOLD, node->name);
    table_add(table, progress_colour(node->place), step);
    table_add(table, COLOUR_NONE, time);
    table_add(table, COLOUR_NONE, node->version);
    table_add(table, COLOUR_NONE, node->state);
    table_add_or_blank(table, COLOUR_NONE, detail);
}

static void draw_nodes(const struct upgrade_summary *upgrade, const struct progress_view *view,
                       struct buffer *out)
{
    /* Wide enough for most steps and times, so that columns stay where they are between frames. */
    static const char *const headings[] = {"NODE",    "STEP        ", "TIME   ",
                                           "VERSION", "STATE",        ""};
    TABLE_CLEANUP struct table table;
    table_init(&table, headings, sizeof(headings) / sizeof(headings[0]), view->is_coloured);
    for (size_t i = 0; i < upgrade->node_count; i++)
        draw_node(upgrade, &upgrade->nodes[i], view->now_ms, &table);
    table_draw(&table, out);
}

static void draw_error(const struct error *error, const char *label, bool is_coloured,
                       struct buffer *out)
{
    clean_add_coloured(out, is_coloured, COLOUR_BAD, label);
    clean_add(out, error->message);
    (void)buffer_add_text(out, "\n");
    if (error->hint[0] == '\0')
        return;
    (void)buffer_add_text(out, "    hint: ");
    clean_add(out, error->hint);
    (void)buffer_add_text(out, "\n");
}

/* What an operator has decided, or has to decide. */
static void draw_decisions(const struct upgrade_summary *upgrade, bool is_coloured,
                           struct buffer *out)
{
    if (upgrade->is_waiting) {
        draw_error(&upgrade->reason, "waits for a decision: ", is_coloured, out);
        (void)buffer_format(out, "    decide with shunt resume, %srollback or abort ",
                            text_equal(upgrade->phase, "verify") ? "approve, " : "");
        clean_add(out, upgrade->cluster);
        (void)buffer_add_text(out, "\n");
    } else if (upgrade->is_aborting) {
        (void)buffer_add_text(out, "an operator has asked to abort it\n");
    } else if (upgrade->is_paused) {
        (void)buffer_add_text(out, "paused by an operator: no further node begins\n");
    }
    /* At the end it stands below the table. */
    if (!upgrade->is_waiting && upgrade->outcome == OUTCOME_NONE &&
        upgrade->reason.code != ERROR_NONE)
        draw_error(&upgrade->reason, "reason: ", is_coloured, out);
}

static void draw_header(const struct cluster_status *status, const struct progress_view *view,
                        struct buffer *out)
{
    const struct upgrade_summary *upgrade = &status->upgrade;
    bool is_over = upgrade->outcome != OUTCOME_NONE;
    char elapsed[FIGURE_SIZE];
    figure_duration_whole(elapsed,
                          (is_over ? upgrade->ended_ms : view->now_ms) - upgrade->begun_ms);
    clean_add_coloured(out, view->is_coloured, COLOUR_BOLD, status->cluster);
    (void)buffer_add_text(out, "  ");
    clean_add(out, upgrade->from);
    (void)buffer_add_text(out, " → ");
    clean_add(out, upgrade->to);
    (void)buffer_add_text(out, "  ");
    clean_add(out, is_over ? outcome_name(upgrade->outcome) : upgrade->phase);
    (void)buffer_format(out, "  %s  ", elapsed);
    clean_add(out, upgrade->cluster_state);
    (void)buffer_add_text(out, upgrade->is_upgrade_mode ? "  upgrade mode on  by " : "  by ");
    clean_add(out, upgrade->operator);
    (void)buffer_add_text(out, "\n");
}

void progress_draw(const struct cluster_status *status, const struct progress_view *view,
                   struct buffer *out)
{
    if (status->has_upgrade) {
        draw_header(status, view, out);
    } else {
        clean_add_coloured(out, view->is_coloured, COLOUR_BOLD, status->cluster);
        (void)buffer_add_text(out, status->error.code != ERROR_NONE
                                       ? "  it is not known whether an upgrade runs\n"
                                       : "  no upgrade has been made\n");
    }
    if (view->notice[0] != '\0') {
        clean_add_coloured(out, view->is_coloured, COLOUR_BAD, view->notice);
        (void)buffer_add_text(out, "\n");
    }
    if (status->error.code != ERROR_NONE)
        draw_error(&status->error, "the controller does not act: ", view->is_coloured, out);
    if (!status->has_upgrade)
        return;
    draw_decisions(&status->upgrade, view->is_coloured, out);
    draw_nodes(&status->upgrade, view, out);
}

static void draw_end_node(const struct node_summary *node, int64_t now_ms, struct table *table)
{
    char time[FIGURE_SIZE];
    bool is_out;
    figure_duration(time, node_out_of_service_ms(node, now_ms, &is_out));
    table_add(table, COLOUR_BOLD, node->name);
    table_add(table, progress_colour(node->place), place_name(node->place));
    table_add(table, COLOUR_NONE, node->version);
    table_format(table, is_out ? COLOUR_BAD : COLOUR_NONE, "%s%s", time,
                 is_out ? ", still out" : "");
}

void progress_draw_end(const struct upgrade_summary *upgrade, int64_t now_ms, bool is_coloured,
                       struct buffer *out)
{
    static const char *const headings[] = {"NODE", "OUTCOME", "VERSION", "OUT OF SERVICE"};
    TABLE_CLEANUP struct table table;
    char took[FIGURE_SIZE];
    bool is_over = upgrade->outcome != OUTCOME_NONE;
    enum colour colour = upgrade->outcome == OUTCOME_DONE ? COLOUR_GOOD : COLOUR_BAD;
    figure_duration(took, (is_over ? upgrade->ended_ms : now_ms) - upgrade->begun_ms);
    (void)buffer_add_text(out, "\n");
    clean_add(out, upgrade->cluster);
    (void)buffer_add_text(out, ": ");
    clean_add_coloured(out, is_coloured, colour,
                       is_over ? outcome_name(upgrade->outcome) : "waiting for a decision");
    (void)buffer_add_text(out, ", ");
    clean_add(out, upgrade->from);
    (void)buffer_add_text(out, " → ");
    clean_add(out, upgrade->to);
    (void)buffer_format(out, ", after %s\n", took);
    table_init(&table, headings, sizeof(headings) / sizeof(headings[0]), is_coloured);
    for (size_t i = 0; i < upgrade->node_count; i++)
        draw_end_node(&upgrade->nodes[i], is_over ? upgrade->ended_ms : now_ms, &table);
    table_draw(&table, out);
    if (upgrade->reason.code != ERROR_NONE)
        draw_error(&upgrade->reason, "reason: ", is_coloured, out);
}
