/* SPDX-License-Identifier: Apache-2.0 */
#include "agree.h"
#include "ask_plan.h"
#include "clean.h"
#include "watch.h"

/* Without --yes somebody must be there who sees the plan and can say no. */
static bool may_ask(const struct cli *cli, struct error *err)
{
    if (arguments_has(&cli->arguments, OPTION_YES) || agree_is_possible(cli))
        return true;
    error_set(err, ERROR_INVALID, "there is nobody to show the plan to and ask");
    error_hint(err, "look at `shunt plan` and give --yes");
    return false;
}

static bool is_agreed(struct cli *cli, const struct request *request)
{
    BUFFER_CLEANUP struct buffer question;
    buffer_init(&question, 1024);
    (void)buffer_format(&question, "\nupgrade %s to %s now?", request->cluster, request->to);
    return agree_ask(cli, buffer_text(&question));
}

static enum exit_code show_plan_and_ask(struct cli *cli, struct client *client,
                                        const struct request *request, struct error *err)
{
    ANSWER_CLEANUP struct answer answer = {.json = NULL};
    struct request plan = *request;
    plan.verb = REQUEST_PLAN;
    enum exit_code code = ask_controller(client, &plan, &answer, err);
    if (code == EXIT_CODE_OK)
        code = answer_exit_code(&answer, err);
    if (code == EXIT_CODE_OK)
        code = ask_plan_show(cli, &answer, false, err);
    if (code != EXIT_CODE_OK || is_agreed(cli, &plan))
        return code;
    error_set(err, ERROR_CANCELLED, "not agreed: nothing was done");
    return EXIT_CODE_REFUSED;
}

/* A refusal on failed checks brings the plan along; what else there is to say is in the error. */
static enum exit_code tell_refusal(struct cli *cli, const struct answer *answer, struct error *err)
{
    struct error unreadable;
    const json_t *plan = json_object_get(answer->json, "plan");
    if (json_is_object(plan))
        (void)ask_plan_show(cli, answer, true, &unreadable);
    return answer_exit_code(answer, err);
}

static void tell_begun(struct cli *cli, const struct client *client, const struct answer *answer,
                       bool is_watched)
{
    BUFFER_CLEANUP struct buffer text;
    buffer_init(&text, 4096);
    (void)buffer_format(&text, "%s: upgrade ", client->cluster->name);
    clean_add(&text, answer->message);
    (void)buffer_add_text(&text, " has begun\n");
    if (!is_watched)
        (void)buffer_format(&text, "`shunt status %s --watch` follows it\n", client->cluster->name);
    output_text(&cli->output, buffer_text(&text));
}

static enum exit_code begin(struct cli *cli, struct client *client, struct request *request,
                            struct error *err)
{
    ANSWER_CLEANUP struct answer answer = {.json = NULL};
    bool is_watched = arguments_has(&cli->arguments, OPTION_WATCH);
    enum exit_code code = ask_controller(client, request, &answer, err);
    if (code != EXIT_CODE_OK)
        return code;
    output_document(&cli->output, answer.json);
    if (!answer.is_ok)
        return tell_refusal(cli, &answer, err);
    tell_begun(cli, client, &answer, is_watched);
    if (!is_watched)
        return EXIT_CODE_OK;
    struct watch_options options = {.upgrade_id = answer.message, .ends_waiting = true};
    return watch_cluster(cli, client, &options, err);
}

enum exit_code cmd_upgrade(struct cli *cli, struct error *err)
{
    CLIENT_CLEANUP struct client client = {.redis = NULL};
    struct request request = {.verb = REQUEST_UPGRADE};
    if (!ask_plan_arguments(&cli->arguments, &request, err) || !may_ask(cli, err))
        return EXIT_CODE_USAGE;
    enum exit_code code = client_open_cluster(&client, cli, err);
    if (code == EXIT_CODE_OK && !arguments_has(&cli->arguments, OPTION_YES))
        code = show_plan_and_ask(cli, &client, &request, err);
    return code == EXIT_CODE_OK ? begin(cli, &client, &request, err) : code;
}
