/* SPDX-License-Identifier: Apache-2.0 */
#include "cli.h"

#include "commands.h"
#include "help.h"
#include "json.h"
#include "keys.h"
#include "text.h"

#include <string.h>

#define HELP_BYTES (16 * 1024)

static void tell_version(struct cli *cli)
{
    JSON_CLEANUP json_t *json = json_pack("{s:s}", "version", SHUNT_VERSION);
    output_text(&cli->output, "shunt " SHUNT_VERSION "\n");
    output_document(&cli->output, json);
}

static enum exit_code tell_help(struct cli *cli, const char *command, struct error *err)
{
    BUFFER_CLEANUP struct buffer out;
    buffer_init(&out, HELP_BYTES);
    if (command == NULL) {
        help_draw(&out);
    } else if (!help_draw_command(command, &out)) {
        error_set(err, ERROR_INVALID, "there is no command '%s'", command);
        error_hint(err, "`shunt help` lists them");
        return EXIT_CODE_USAGE;
    }
    output_text(&cli->output, buffer_text(&out));
    JSON_CLEANUP json_t *json = json_pack("{s:o}", "help", json_text(buffer_text(&out)));
    output_document(&cli->output, json);
    return EXIT_CODE_OK;
}

/* The words of the command's name are taken off; what is left are its own. */
static bool find_command(struct cli *cli, struct error *err)
{
    struct arguments *arguments = &cli->arguments;
    size_t words = 0;
    cli->row = command_find(arguments, &words);
    if (cli->row == NULL) {
        if (arguments->word_count == 0)
            error_set(err, ERROR_INVALID, "which command?");
        else
            error_set(err, ERROR_INVALID, "there is no command '%s%s%s'", arguments->words[0],
                      arguments->word_count > 1 ? " " : "",
                      arguments->word_count > 1 ? arguments->words[1] : "");
        error_hint(err, "`shunt help` lists them");
        return false;
    }
    arguments->word_count -= words;
    memmove(arguments->words, arguments->words + words,
            arguments->word_count * sizeof(arguments->words[0]));
    if (command_check(cli->row, arguments, err))
        return true;
    error_hint(err, "usage: shunt %s %s", cli->row->name, cli->row->usage);
    return false;
}

static enum exit_code run_command(struct cli *cli, struct error *err)
{
    const struct arguments *arguments = &cli->arguments;
    bool is_help = arguments->word_count > 0 && text_equal(arguments->words[0], "help");
    if (arguments_has(arguments, OPTION_VERSION)) {
        tell_version(cli);
        return EXIT_CODE_OK;
    }
    if (is_help)
        return tell_help(cli, arguments->word_count > 1 ? arguments->words[1] : NULL, err);
    if (arguments_has(arguments, OPTION_HELP))
        return tell_help(cli, arguments->word_count > 0 ? arguments->words[0] : NULL, err);
    if (!find_command(cli, err))
        return EXIT_CODE_USAGE;
    return keys_init(err) ? cli->row->run(cli, err) : EXIT_CODE_INTERNAL;
}

/* Errors of the command line are told as JSON too, even if --json itself could not be read. */
static bool asks_for_json(int argc, char *const *argv)
{
    for (int i = 1; i < argc; i++) {
        if (text_equal(argv[i], "--json"))
            return true;
    }
    return false;
}

/* What is not told is not done, for whoever waits for it; but a failure stays what it was. */
static enum exit_code told(struct output *output, enum exit_code code)
{
    struct error err;
    if (output_is_whole(output, &err))
        return code;
    output_failure(output, &err);
    return code == EXIT_CODE_OK ? EXIT_CODE_INTERNAL : code;
}

enum exit_code cli_run(int argc, char *const *argv)
{
    struct cli cli = {.row = NULL};
    struct error err;
    enum exit_code code = EXIT_CODE_USAGE;
    error_clear(&err);
    output_init(&cli.output);
    cli.output.is_json = asks_for_json(argc, argv);
    if (arguments_read(argc, argv, &cli.arguments, &err)) {
        cli.output.is_json = arguments_has(&cli.arguments, OPTION_JSON);
        code = run_command(&cli, &err);
    } else {
        error_hint(&err, "`shunt help` shows how it is used");
    }
    if (err.code != ERROR_NONE)
        output_failure(&cli.output, &err);
    return told(&cli.output, code);
}
