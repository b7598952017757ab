/* SPDX-License-Identifier: Apache-2.0 */
/* Key pairs of controllers, agents and operators. Needs neither a configuration nor Redis. */
#include "clean.h"
#include "commands.h"
#include "file.h"
#include "json.h"
#include "keys.h"
#include "memory.h"
#include "text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define TEXT_BYTES (16 * 1024) /* two paths, every byte of them escaped, and some words */

static bool expect_nothing_at(const char *path, struct error *err)
{
    struct stat status;
    if (lstat(path, &status) != 0)
        return true;
    error_set(err, ERROR_CONFLICT, "'%s' exists already", path);
    error_hint(err, "choose another NAME, or move the old pair away");
    return false;
}

/* The private key comes last: it is made with O_EXCL, and nothing is left of a pair without it. */
static bool save_pair(const struct key_pair *pair, const char *public_text, const char *key_path,
                      const char *public_path, struct error *err)
{
    FREE_CLEANUP char *line = memory_format("%s\n", public_text);
    return expect_nothing_at(key_path, err) && expect_nothing_at(public_path, err) &&
           key_pair_save(pair, key_path, err) &&
           file_replace(public_path, line, strlen(line), 0644, err);
}

static void draw_pair(const char *name, const char *key_path, const char *public_text,
                      struct buffer *out)
{
    FREE_CLEANUP char *absolute = realpath(key_path, NULL);
    (void)buffer_format(out, "public key   %s\nprivate key  ", public_text);
    clean_add(out, absolute != NULL ? absolute : key_path);
    (void)buffer_format(out,
                        " (keep it to yourself)\n\n"
                        "an operator, in the controllers' configuration:\n"
                        "  operators:\n"
                        "    - {name: %s, role: operator, key: \"%s\"}\n"
                        "and in the configuration where `shunt` is run:\n"
                        "  operator: {name: %s, key_file: ",
                        name, public_text, name);
    clean_add(out, absolute != NULL ? absolute : key_path);
    (void)buffer_format(out,
                        "}\n"
                        "an agent: `agent_key` of its node in the controllers' configuration\n"
                        "a controller: its entry of `controllers` in every agent's configuration:\n"
                        "  - {name: %s, key: \"%s\"}\n",
                        name, public_text);
}

static void tell_pair(struct cli *cli, const char *name, const char *key_path,
                      const char *public_path, const char *public_text)
{
    BUFFER_CLEANUP struct buffer out;
    buffer_init(&out, TEXT_BYTES);
    draw_pair(name, key_path, public_text, &out);
    output_text(&cli->output, buffer_text(&out));
    JSON_CLEANUP json_t *json =
        json_pack("{s:s,s:o,s:o,s:s}", "name", name, "key_file", json_text(key_path), "public_file",
                  json_text(public_path), "public_key", public_text);
    output_document(&cli->output, json);
}

enum exit_code cmd_keys_new(struct cli *cli, struct error *err)
{
    char public_text[KEY_PUBLIC_TEXT_SIZE];
    struct key_public public_key;
    const char *name = cli->arguments.words[0];
    const char *directory = cli->arguments.values[OPTION_DIR];
    if (!text_is_name(name)) {
        error_set(err, ERROR_INVALID, "'%s' is no name: letters, digits, '.', '_' and '-'", name);
        return EXIT_CODE_USAGE;
    }
    directory = directory != NULL ? directory : ".";
    FREE_CLEANUP char *key_path = memory_format("%s/%s.key", directory, name);
    FREE_CLEANUP char *public_path = memory_format("%s/%s.pub", directory, name);
    struct key_pair *pair = key_pair_new();
    key_pair_public(pair, &public_key);
    key_public_write(&public_key, public_text);
    bool is_saved = save_pair(pair, public_text, key_path, public_path, err);
    key_pair_free(pair);
    if (!is_saved)
        return err->code == ERROR_CONFLICT ? EXIT_CODE_REFUSED : EXIT_CODE_CONFIGURATION;
    tell_pair(cli, name, key_path, public_path, public_text);
    return EXIT_CODE_OK;
}

enum exit_code cmd_keys_show(struct cli *cli, struct error *err)
{
    char public_text[KEY_PUBLIC_TEXT_SIZE];
    struct key_public public_key;
    struct key_pair *pair = NULL;
    const char *path = cli->arguments.words[0];
    if (!key_pair_load(path, &pair, err))
        return EXIT_CODE_CONFIGURATION;
    key_pair_public(pair, &public_key);
    key_pair_free(pair);
    key_public_write(&public_key, public_text);
    FREE_CLEANUP char *line = memory_format("%s\n", public_text);
    output_text(&cli->output, line);
    JSON_CLEANUP json_t *json =
        json_pack("{s:o,s:s}", "key_file", json_text(path), "public_key", public_text);
    output_document(&cli->output, json);
    return EXIT_CODE_OK;
}
