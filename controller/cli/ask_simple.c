/* SPDX-License-Identifier: Apache-2.0 */
#include "ask_simple.h"

#include "ask.h"
#include "clean.h"
#include "text.h"

#define LINE_BYTES 4096 /* a message, every byte of it escaped */

bool ask_take_node(const struct client *client, struct request *request, struct error *err)
{
    if (client->word == NULL)
        return true;
    if (text_is_name(client->word) && TEXT_COPY(request->node, client->word))
        return true;
    error_set(err, ERROR_INVALID, "'%s' is not the name of a node", client->word);
    error_hint(err, "`shunt nodes %s` lists them", client->cluster->name);
    return false;
}

static void tell(struct cli *cli, const struct client *client, const struct answer *answer)
{
    BUFFER_CLEANUP struct buffer line;
    buffer_init(&line, LINE_BYTES);
    (void)buffer_format(&line, "%s: ", client->cluster->name);
    clean_add(&line, answer->message[0] != '\0' ? answer->message : "done");
    (void)buffer_add_text(&line, "\n");
    output_text(&cli->output, buffer_text(&line));
}

enum exit_code ask_and_tell(struct cli *cli, struct client *client, struct request *request,
                            struct error *err)
{
    ANSWER_CLEANUP struct answer answer = {.json = NULL};
    enum exit_code code = ask_controller(client, request, &answer, err);
    if (code != EXIT_CODE_OK)
        return code;
    output_document(&cli->output, answer.json);
    if (answer.is_ok)
        tell(cli, client, &answer);
    return answer_exit_code(&answer, err);
}

enum exit_code ask_simple(struct cli *cli, struct request *request, struct error *err)
{
    CLIENT_CLEANUP struct client client = {.redis = NULL};
    enum exit_code code = client_open_cluster(&client, cli, err);
    if (code == EXIT_CODE_OK && !ask_take_node(&client, request, err))
        code = EXIT_CODE_USAGE;
    return code == EXIT_CODE_OK ? ask_and_tell(cli, &client, request, err) : code;
}
