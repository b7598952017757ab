/* SPDX-License-Identifier: Apache-2.0 */
#include "commands.h"

#include "text.h"

#include <string.h>

#define BIT OPTION_BIT

/* clang-format off */
const struct command_row command_table[] = {
/*   name         usage, help                                                    function       cluster words options, required */
    {"plan",      "CLUSTER --to VERSION [--artifact FILE|URL] [--sha256 HEX]",
     "check whether an upgrade would succeed; touches nothing",                  cmd_plan,      true,   0,
     BIT(OPTION_TO) | BIT(OPTION_ARTIFACT) | BIT(OPTION_SHA256), BIT(OPTION_TO)},
    {"upgrade",   "CLUSTER --to VERSION --artifact FILE|URL [--sha256 HEX] [--yes] [--watch]",
     "upgrade a cluster node by node, or refuse on a failed check",              cmd_upgrade,   true,   0,
     BIT(OPTION_TO) | BIT(OPTION_ARTIFACT) | BIT(OPTION_SHA256) | BIT(OPTION_YES) | BIT(OPTION_WATCH),
     BIT(OPTION_TO) | BIT(OPTION_ARTIFACT)},
    {"status",    "[CLUSTER] [--watch]",
     "what a cluster, or every cluster, is doing",                               cmd_status,    true,   0,
     BIT(OPTION_WATCH), 0},
    {"nodes",     "CLUSTER",
     "its nodes: place, step, version, load, sessions, last error",              cmd_nodes,     true,   0, 0, 0},
    {"history",   "CLUSTER [--limit N]",
     "its upgrades, the latest last",                                            cmd_history,   true,   0,
     BIT(OPTION_LIMIT), 0},
    {"pause",     "CLUSTER",
     "let no further node begin; those under way go on",                         cmd_pause,     true,   0, 0, 0},
    {"resume",    "CLUSTER",
     "go on after a pause, or try again what has failed",                        cmd_resume,    true,   0, 0, 0},
    {"abort",     "CLUSTER [--rollback]",
     "end the upgrade where it is; legal at any time",                           cmd_abort,     true,   0,
     BIT(OPTION_ROLLBACK), 0},
    {"rollback",  "CLUSTER",
     "put every upgraded node back to the version before",                       cmd_rollback,  true,   0, 0, 0},
    {"approve",   "CLUSTER",
     "the point of no return, where the policy leaves it to people",             cmd_approve,   true,   0, 0, 0},
    {"drain",     "CLUSTER NODE",
     "take a node's new traffic away at every load balancer",                    cmd_drain,     true,   1, 0, 0},
    {"return",    "CLUSTER NODE",
     "give a node its traffic back",                                             cmd_return,    true,   1, 0, 0},
    {"keys new",  "NAME [--dir DIR]",
     "make a key pair: NAME.key (keep it) and NAME.pub",                         cmd_keys_new,  false,  1,
     BIT(OPTION_DIR), 0},
    {"keys show", "FILE",
     "the public key of a private key file",                                     cmd_keys_show, false,  1, 0, 0},
};
/* clang-format on */

const size_t command_count = sizeof(command_table) / sizeof(command_table[0]);

static bool is_named(const char *name, const struct arguments *arguments, size_t *ret_words)
{
    size_t first = strcspn(name, " ");
    if (strlen(arguments->words[0]) != first || strncmp(arguments->words[0], name, first) != 0)
        return false;
    *ret_words = name[first] == ' ' ? 2 : 1;
    return *ret_words == 1 ||
           (arguments->word_count >= 2 && text_equal(arguments->words[1], name + first + 1));
}

const struct command_row *command_find(const struct arguments *arguments, size_t *ret_words)
{
    for (size_t i = 0; arguments->word_count > 0 && i < command_count; i++) {
        if (is_named(command_table[i].name, arguments, ret_words))
            return &command_table[i];
    }
    return NULL;
}

bool command_check(const struct command_row *row, const struct arguments *arguments,
                   struct error *err)
{
    size_t most = row->word_count + (row->takes_cluster ? 1 : 0);
    for (unsigned i = 0; i < OPTION_COUNT; i++) {
        enum option option = (enum option)i;
        bool is_given = arguments_has(arguments, option);
        if (is_given && ((row->options | OPTIONS_GENERAL) & BIT(option)) == 0) {
            error_set(err, ERROR_INVALID, "%s takes no %s", row->name, option_name(option));
            return false;
        }
        if (!is_given && (row->required & BIT(option)) != 0) {
            error_set(err, ERROR_INVALID, "%s needs %s %s", row->name, option_name(option),
                      option_value_name(option));
            return false;
        }
    }
    if (arguments->word_count >= row->word_count && arguments->word_count <= most)
        return true;
    if (arguments->word_count > most)
        error_set(err, ERROR_INVALID, "%s: '%s' is one word too many", row->name,
                  arguments->words[most]);
    else
        error_set(err, ERROR_INVALID, "%s: something is missing", row->name);
    return false;
}
