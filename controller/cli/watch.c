/* SPDX-License-Identifier: Apache-2.0 */
#include "watch.h"

#include "changes.h"
#include "clock.h"
#include "frame.h"
#include "json.h"
#include "memory.h"
#include "progress.h"
#include "store.h"
#include "text.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REDRAW_MS    1000  /* times on the screen are in seconds */
#define AWAY_MOST_MS 60000 /* a failover of Redis, or a controller's restart, is over by then */
#define NOTICE_MS    1000  /* what mends itself within it is not worth a word */
#define RETRY_MS     250
#define SCREEN_BYTES (256 * 1024) /* LIMIT_NODES lines with an error each, all of it escaped */

struct watch {
    struct cli *cli;
    struct client *client;
    const struct watch_options *options;
    char news[CHANNEL_ENTRY_ID_SIZE]; /* last seen; empty = not yet asked */
    bool has_status, is_new;          /* is_new: not shown yet */
    json_t *json;                     /* as it came */
    struct cluster_status status;
    int64_t away_since_ms; /* monotonic; 0 = all is well */
    struct error away;
    struct changes changes;
    struct frame frame;
};

static void watch_free(struct watch **watch)
{
    json_decref((*watch)->json);
    free(*watch);
}

/* Keeps a status for showing, unless it is the one we have. */
static void keep_status(struct watch *watch, json_t *json, const struct cluster_status *status)
{
    watch->is_new = watch->is_new || !watch->has_status || !json_equal(json, watch->json);
    json_decref(watch->json);
    watch->json = json_incref(json);
    watch->status = *status;
    watch->has_status = true;
}

/* The wanted upgrade may be over, and another one in its place: then the history has it. */
static bool find_in_history(struct watch *watch, json_t *json, struct cluster_status *status,
                            bool *ret_is_found, struct error *err)
{
    JSON_CLEANUP json_t *list = NULL;
    if (!store_read_history(watch->client, HISTORY_MOST, &list, err))
        return false;
    *ret_is_found = false;
    for (size_t i = 0; i < json_array_size(list) && !*ret_is_found; i++) {
        json_t *upgrade = json_array_get(list, i);
        const char *id = json_string_value(json_object_get(upgrade, "id"));
        if (id == NULL || !text_equal(id, watch->options->upgrade_id))
            continue;
        if (!upgrade_summary_read(upgrade, &status->upgrade, err))
            return false;
        status->has_upgrade = *ret_is_found = true;
        json_object_set(json, "upgrade", upgrade);
    }
    return true;
}

/* *ret_is_there: the status shows what is watched. */
static bool read_wanted(struct watch *watch, bool *ret_is_there, struct error *err)
{
    JSON_CLEANUP json_t *json = NULL;
    FREE_CLEANUP struct cluster_status *status = memory_zeroed(1, sizeof(*status));
    const char *wanted = watch->options->upgrade_id;
    if (!store_read_status(watch->client, &json, status, err))
        return false;
    *ret_is_there = json != NULL;
    if (*ret_is_there && wanted != NULL &&
        (!status->has_upgrade || !text_equal(status->upgrade.id, wanted)) &&
        !find_in_history(watch, json, status, ret_is_there, err))
        return false;
    if (*ret_is_there)
        keep_status(watch, json, status);
    return true;
}

/* All that there is to know now; ERROR_UNAVAILABLE where some of it may come a little later. */
static bool look(struct watch *watch, struct error *err)
{
    struct client *client = watch->client;
    bool is_there = false, is_led = false;
    if (!client_connect(client, REDRAW_MS, err) ||
        (watch->news[0] == '\0' && !store_last_news(client, watch->news, err)) ||
        !store_is_led(client, &is_led, err) || !read_wanted(watch, &is_there, err))
        return false;
    if (is_there && is_led)
        return true;
    error_set(err, ERROR_UNAVAILABLE,
              is_led ? "cluster %s: the status is not there yet" : "no controller leads cluster %s",
              client->cluster->name);
    return false;
}

/* False where there is no point in going on. */
static bool look_patiently(struct watch *watch, struct error *err)
{
    struct error reason;
    if (look(watch, &reason)) {
        watch->away_since_ms = 0;
        return true;
    }
    int64_t now_ms = clock_monotonic_ms();
    if (watch->away_since_ms == 0)
        watch->away_since_ms = now_ms;
    watch->away = reason;
    if (error_code_is_transient(reason.code) && now_ms - watch->away_since_ms < AWAY_MOST_MS)
        return true;
    *err = reason;
    if (error_code_is_transient(reason.code)) {
        error_wrap(err, "given up after %d s", AWAY_MOST_MS / 1000);
        error_hint(err, "an upgrade does not need this command: `shunt status` shows it later");
    }
    return false;
}

static bool is_over(const struct watch *watch)
{
    const struct cluster_status *status = &watch->status;
    if (!watch->has_status)
        return false;
    return !status->has_upgrade || status->upgrade.outcome != OUTCOME_NONE ||
           (watch->options->ends_waiting && status->upgrade.is_waiting);
}

static void draw_frame(struct watch *watch, const char *notice, struct buffer *out)
{
    const struct progress_view view = {
        .now_ms = clock_wall_ms(), .is_coloured = watch->cli->output.is_coloured, .notice = notice};
    BUFFER_CLEANUP struct buffer text;
    size_t columns, rows;
    buffer_init(&text, SCREEN_BYTES);
    if (watch->has_status)
        progress_draw(&watch->status, &view, &text);
    else
        clean_add_coloured(&text, view.is_coloured, COLOUR_BAD, notice);
    if (!watch->has_status && notice[0] != '\0')
        (void)buffer_add_text(&text, "\n");
    output_size(&columns, &rows);
    frame_draw(&watch->frame, buffer_text(&text), columns, rows, out);
}

static void draw_log(struct watch *watch, const char *notice, struct buffer *out)
{
    int64_t now_ms = clock_wall_ms();
    changes_tell_notice(&watch->changes, watch->client->cluster->name, notice, now_ms, out);
    if (watch->is_new && watch->status.has_upgrade)
        changes_tell(&watch->changes, &watch->status.upgrade, now_ms, out);
}

static void show(struct watch *watch)
{
    char notice[ERROR_MESSAGE_SIZE + 32] = "";
    BUFFER_CLEANUP struct buffer out;
    buffer_init(&out, SCREEN_BYTES);
    if (watch->away_since_ms != 0 && clock_monotonic_ms() - watch->away_since_ms >= NOTICE_MS)
        (void)snprintf(notice, sizeof(notice), "waiting: %s", watch->away.message);
    if (watch->cli->output.is_terminal)
        draw_frame(watch, notice, &out);
    else
        draw_log(watch, notice, &out);
    output_text(&watch->cli->output, buffer_text(&out));
    if (watch->is_new)
        output_document(&watch->cli->output, watch->json);
    watch->is_new = false;
}

static enum exit_code finish(struct watch *watch)
{
    const struct upgrade_summary *upgrade = &watch->status.upgrade;
    BUFFER_CLEANUP struct buffer out;
    buffer_init(&out, SCREEN_BYTES);
    if (!watch->status.has_upgrade) {
        (void)buffer_add_text(&out, "no upgrade runs\n");
        output_text(&watch->cli->output, buffer_text(&out));
        return EXIT_CODE_OK;
    }
    progress_draw_end(upgrade, clock_wall_ms(), watch->cli->output.is_coloured, &out);
    output_text(&watch->cli->output, buffer_text(&out));
    return upgrade->outcome == OUTCOME_NONE ? EXIT_CODE_WAITING
                                            : exit_code_of_outcome(upgrade->outcome);
}

/* Until there is news, or the screen is due. What fails here is found again by the next look. */
static void rest(struct watch *watch)
{
    struct error ignored;
    bool is_quiet = watch->away_since_ms == 0 && redis_is_connected(watch->client->redis) &&
                    store_await_news(watch->client, REDRAW_MS, watch->news, &ignored);
    if (!is_quiet)
        (void)poll(NULL, 0, RETRY_MS);
}

enum exit_code watch_cluster(struct cli *cli, struct client *client,
                             const struct watch_options *options, struct error *err)
{
    __attribute__((cleanup(watch_free))) struct watch *watch = memory_zeroed(1, sizeof(*watch));
    watch->cli = cli;
    watch->client = client;
    watch->options = options;
    cli->output.is_stream = true;
    while (look_patiently(watch, err)) {
        show(watch);
        if (is_over(watch))
            return finish(watch);
        rest(watch);
    }
    return exit_code_of_error(err);
}
