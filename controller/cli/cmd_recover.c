/* SPDX-License-Identifier: Apache-2.0 */
/* A journal that cannot be used is put aside; then people see what is to be mended by hand. */
#include "ask.h"
#include "clean.h"
#include "json.h"
#include "nodes_show.h"
#include "text.h"

#define SCREEN_BYTES (1024 * 1024)

static bool add_finding(const char *cluster, const json_t *finding, struct buffer *out,
                        struct error *err)
{
    char subject[LIMIT_NAME], message[2 * ERROR_MESSAGE_SIZE], hint[ERROR_HINT_SIZE];
    if (!json_get_text(finding, "subject", subject, sizeof(subject), err) ||
        !json_get_text(finding, "message", message, sizeof(message), err) ||
        !json_get_text(finding, "hint", hint, sizeof(hint), err))
        return false;
    clean_add(out, cluster);
    (void)buffer_add_text(out, ": ");
    clean_add(out, subject);
    (void)buffer_add_text(out, ": ");
    clean_add(out, message);
    (void)buffer_add_text(out, "\n");
    if (hint[0] == '\0')
        return true;
    (void)buffer_add_text(out, "    hint: ");
    clean_add(out, hint);
    (void)buffer_add_text(out, "\n");
    return true;
}

static bool tell_findings(struct cli *cli, const char *cluster, const json_t *findings,
                          struct error *err)
{
    BUFFER_CLEANUP struct buffer out;
    buffer_init(&out, SCREEN_BYTES);
    for (size_t i = 0; i < json_array_size(findings); i++) {
        if (!add_finding(cluster, json_array_get(findings, i), &out, err)) {
            error_wrap(err, "findings[%zu]", i);
            return false;
        }
    }
    if (json_array_size(findings) == 0)
        (void)buffer_format(&out, "%s: nothing was found amiss\n", cluster);
    output_text(&cli->output, buffer_text(&out));
    return true;
}

static enum exit_code show(struct cli *cli, const char *cluster, const struct answer *answer,
                           struct error *err)
{
    BUFFER_CLEANUP struct buffer out;
    const json_t *observed = json_object_get(answer->json, "observed");
    buffer_init(&out, SCREEN_BYTES);
    (void)buffer_format(&out, "%s: ", cluster);
    clean_add(&out, answer->message);
    (void)buffer_add_text(&out, "\n");
    output_text(&cli->output, buffer_text(&out));
    enum exit_code code = nodes_show(cli, json_object_get(observed, "nodes"), err);
    if (code != EXIT_CODE_OK ||
        tell_findings(cli, cluster, json_object_get(observed, "findings"), err))
        return code;
    return exit_code_of_error(err);
}

enum exit_code cmd_recover(struct cli *cli, struct error *err)
{
    CLIENT_CLEANUP struct client client = {.redis = NULL};
    ANSWER_CLEANUP struct answer answer = {.json = NULL};
    struct request request = {.verb = REQUEST_RECOVER};
    if (!ask_take_reason(cli, &request, err))
        return EXIT_CODE_USAGE;
    enum exit_code code = ask_document(cli, &request, &client, &answer, err);
    if (code != EXIT_CODE_OK)
        return code;
    if (!answer.is_ok)
        return answer_exit_code(&answer, err);
    return show(cli, client.cluster->name, &answer, err);
}
