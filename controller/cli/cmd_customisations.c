/* SPDX-License-Identifier: Apache-2.0 */
/* What was changed in the install directory of a node since it was unpacked. */
#include "ask.h"
#include "ask_simple.h"
#include "customisations_draw.h"

#define SCREEN_BYTES (256 * 1024)

static enum exit_code show(struct cli *cli, const json_t *customisations, struct error *err)
{
    BUFFER_CLEANUP struct buffer out;
    buffer_init(&out, SCREEN_BYTES);
    if (!customisations_draw(customisations, cli->output.is_coloured, &out, err))
        return exit_code_of_error(err);
    if (arguments_has(&cli->arguments, OPTION_DIFF)) {
        buffer_add_text(&out, "\n");
        if (!customisations_draw_hunks(customisations, &out, err))
            return exit_code_of_error(err);
    }
    output_text(&cli->output, buffer_text(&out));
    return EXIT_CODE_OK;
}

enum exit_code cmd_customisations(struct cli *cli, struct error *err)
{
    CLIENT_CLEANUP struct client client = {.redis = NULL};
    ANSWER_CLEANUP struct answer answer = {.json = NULL};
    struct request request = {.verb = REQUEST_CUSTOMISATIONS};
    enum exit_code code = client_open_cluster(&client, cli, err);
    if (code == EXIT_CODE_OK && !ask_take_node(&client, &request, err))
        code = EXIT_CODE_USAGE;
    if (code == EXIT_CODE_OK)
        code = ask_controller(&client, &request, &answer, err);
    if (code != EXIT_CODE_OK)
        return code;
    output_document(&cli->output, answer.json);
    if (!answer.is_ok)
        return answer_exit_code(&answer, err);
    return show(cli, json_object_get(answer.json, "customisations"), err);
}
