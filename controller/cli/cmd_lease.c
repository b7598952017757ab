/* SPDX-License-Identifier: Apache-2.0 */
/* `lease break`: there may be no leader to answer. What comes of the request shows in the lease. */
#include "ask.h"
#include "clean.h"
#include "json.h"
#include "store.h"

#include <string.h>

/* Others look every 2 s, and take a lease whose holder was silent for 7 s. A healthy leader gives
 * it up, and takes it again after 6 s where nobody else has. */
#define BREAK_WAIT_MS 20000
#define BREAK_LOOK_S  1
#define LINE_BYTES    4096

struct lease {
    char holder[LEASE_HOLDER_SIZE]; /* empty = nobody */
    char name[LEASE_HOLDER_SIZE];   /* of that controller */
    int64_t epoch;
};

static bool read_lease(struct client *client, struct lease *lease, struct error *err)
{
    struct lease now = {.epoch = 0};
    if (!store_read_lease(client, now.holder, &now.epoch, err))
        return false;
    memcpy(now.name, now.holder, strcspn(now.holder, ":"));
    *lease = now;
    return true;
}

static bool is_same_controller(const struct lease *a, const struct lease *b)
{
    return strcmp(a->holder, b->holder) == 0;
}

static void tell(struct cli *cli, const char *cluster, const struct lease *before,
                 const struct lease *now)
{
    BUFFER_CLEANUP struct buffer line;
    JSON_CLEANUP json_t *json =
        json_pack("{s:b,s:s,s:o,s:I}", "ok", 1, "cluster", cluster, "controller",
                  json_text(now->name), "epoch", (json_int_t)now->epoch);
    buffer_init(&line, LINE_BYTES);
    (void)buffer_format(&line, "%s: ", cluster);
    clean_add(&line, now->name);
    (void)buffer_format(&line, " leads now, with epoch %lld; before it was ",
                        (long long)now->epoch);
    clean_add(&line, before->name);
    (void)buffer_add_text(&line, "\n");
    output_text(&cli->output, buffer_text(&line));
    output_document(&cli->output, json);
}

static void nobody_took(const char *cluster, const struct lease *before, const struct lease *now,
                        struct error *err)
{
    if (now->holder[0] == '\0')
        error_set(err, ERROR_UNAVAILABLE, "%s gave its lease up, and no other controller took it",
                  before->name);
    else if (now->epoch != before->epoch)
        error_set(err, ERROR_UNAVAILABLE,
                  "no other controller took over: %s gave its lease up and leads again, with "
                  "epoch %lld",
                  now->name, (long long)now->epoch);
    else
        error_set(
            err, ERROR_UNAVAILABLE,
            "no other controller took over in %d s: %s still holds the lease, with epoch %lld",
            BREAK_WAIT_MS / 1000, now->name, (long long)now->epoch);
    error_hint(err, "is another controller running that has cluster %s in its configuration?",
               cluster);
}

/* Until another leads, or it was refused, or the time is over. */
static enum exit_code await(struct cli *cli, struct client *client, const struct request *request,
                            const struct lease *before, struct error *err)
{
    ANSWER_CLEANUP struct answer answer = {.json = NULL};
    struct deadline deadline = deadline_after_ms(BREAK_WAIT_MS);
    struct lease now = *before;
    bool is_over = false;
    while (!deadline_is_over(deadline)) {
        if (ask_try_answer(client, request, BREAK_LOOK_S, &answer, &is_over, err)) {
            output_document(&cli->output, answer.json);
            return answer_exit_code(&answer, err);
        }
        if (is_over)
            return exit_code_of_error(err);
        if (!redis_is_connected(client->redis) || !read_lease(client, &now, err))
            continue; /* connected again in the next round */
        if (now.holder[0] != '\0' && !is_same_controller(&now, before)) {
            error_clear(err);
            tell(cli, request->cluster, before, &now);
            return EXIT_CODE_OK;
        }
        if (now.holder[0] != '\0' && now.epoch != before->epoch)
            break;
    }
    nobody_took(request->cluster, before, &now, err);
    return exit_code_of_error(err);
}

static bool name_lease(struct client *client, struct request *request, struct lease *ret_lease,
                       struct error *err)
{
    if (!read_lease(client, ret_lease, err))
        return false;
    memcpy(request->holder, ret_lease->holder, sizeof(request->holder));
    request->epoch = ret_lease->epoch;
    if (request->holder[0] != '\0')
        return true;
    error_set(err, ERROR_UNAVAILABLE, "no controller leads cluster %s: there is no lease to break",
              client->cluster->name);
    error_hint(err, "start one, or see why none does: systemctl status shunt-controller");
    return false;
}

enum exit_code cmd_lease_break(struct cli *cli, struct error *err)
{
    CLIENT_CLEANUP struct client client = {.redis = NULL};
    struct request request = {.verb = REQUEST_LEASE_BREAK};
    struct lease before = {.epoch = 0};
    if (!ask_take_reason(cli, &request, err))
        return EXIT_CODE_USAGE;
    enum exit_code code = client_open_cluster(&client, cli, err);
    if (code == EXIT_CODE_OK && !name_lease(&client, &request, &before, err))
        code = exit_code_of_error(err);
    if (code == EXIT_CODE_OK)
        code = ask_send(&client, &request, "lease-break", err);
    return code == EXIT_CODE_OK ? await(cli, &client, &request, &before, err) : code;
}
