/* SPDX-License-Identifier: Apache-2.0 */
#include "commands.h"

#include "text.h"

#include <string.h>

#define BIT OPTION_BIT

#define OPTIONS_PLAN (BIT(OPTION_TO) | BIT(OPTION_ARTIFACT) | BIT(OPTION_SHA256))

const struct command_row command_table[] = {
    {
        .name = "plan",
        .usage = "CLUSTER --to VERSION [--artifact FILE|URL] [--sha256 HEX]",
        .help = "check whether an upgrade would succeed; touches nothing",
        .run = cmd_plan,
        .takes_cluster = true,
        .options = OPTIONS_PLAN,
        .required = BIT(OPTION_TO),
    },
    {
        .name = "upgrade",
        .usage = "CLUSTER --to VERSION --artifact FILE|URL [--sha256 HEX] [--yes] [--watch]",
        .help = "upgrade a cluster node by node, or refuse on a failed check",
        .run = cmd_upgrade,
        .takes_cluster = true,
        .options = OPTIONS_PLAN | BIT(OPTION_YES) | BIT(OPTION_WATCH),
        .required = BIT(OPTION_TO) | BIT(OPTION_ARTIFACT),
    },
    {
        .name = "status",
        .usage = "[CLUSTER] [--watch]",
        .help = "what a cluster, or every cluster, is doing",
        .run = cmd_status,
        .takes_cluster = true,
        .options = BIT(OPTION_WATCH),
    },
    {
        .name = "nodes",
        .usage = "CLUSTER",
        .help = "its nodes just now: state, versions, load, agent, traffic",
        .run = cmd_nodes,
        .takes_cluster = true,
    },
    {
        .name = "customisations",
        .usage = "CLUSTER NODE [--diff]",
        .help = "what was changed in a node's install directory",
        .run = cmd_customisations,
        .takes_cluster = true,
        .word_count = 1,
        .options = BIT(OPTION_DIFF),
    },
    {
        .name = "history",
        .usage = "CLUSTER [--limit N]",
        .help = "its upgrades, and what operators had to force, the latest last",
        .run = cmd_history,
        .takes_cluster = true,
        .options = BIT(OPTION_LIMIT),
    },
    {
        .name = "pause",
        .usage = "CLUSTER",
        .help = "let no further node begin; those under way go on",
        .run = cmd_pause,
        .takes_cluster = true,
    },
    {
        .name = "resume",
        .usage = "CLUSTER",
        .help = "go on after a pause, or try again what has failed",
        .run = cmd_resume,
        .takes_cluster = true,
    },
    {
        .name = "abort",
        .usage = "CLUSTER [--rollback]",
        .help = "end the upgrade where it is; legal at any time",
        .run = cmd_abort,
        .takes_cluster = true,
        .options = BIT(OPTION_ROLLBACK),
    },
    {
        .name = "rollback",
        .usage = "CLUSTER",
        .help = "put every upgraded node back to the version before",
        .run = cmd_rollback,
        .takes_cluster = true,
    },
    {
        .name = "approve",
        .usage = "CLUSTER",
        .help = "the point of no return, where the policy leaves it to people",
        .run = cmd_approve,
        .takes_cluster = true,
    },
    {
        .name = "drain",
        .usage = "CLUSTER NODE",
        .help = "take a node's new traffic away at every load balancer",
        .run = cmd_drain,
        .takes_cluster = true,
        .word_count = 1,
    },
    {
        .name = "return",
        .usage = "CLUSTER NODE",
        .help = "give a node its traffic back",
        .run = cmd_return,
        .takes_cluster = true,
        .word_count = 1,
    },
    {
        .name = "lease break",
        .usage = "CLUSTER --reason TEXT",
        .help = "let another controller lead now: the leader hangs or is cut off",
        .run = cmd_lease_break,
        .takes_cluster = true,
        .options = BIT(OPTION_REASON),
        .required = BIT(OPTION_REASON),
    },
    {
        .name = "recover",
        .usage = "CLUSTER --reason TEXT",
        .help = "put a journal aside that cannot be used, and show what is observed",
        .run = cmd_recover,
        .takes_cluster = true,
        .options = BIT(OPTION_REASON),
        .required = BIT(OPTION_REASON),
    },
    {
        /* before `agents`, which its first word is, too */
        .name = "agents accept",
        .usage = "[CLUSTER] NODE [--key KEY] [--yes]",
        .help = "take the public key of an agent, compared with what its host says",
        .run = cmd_agents_accept,
        .takes_cluster = true,
        .word_count = 1,
        .options = BIT(OPTION_KEY) | BIT(OPTION_YES),
    },
    {
        .name = "agents",
        .usage = "[CLUSTER]",
        .help = "agents and where their public keys come from",
        .run = cmd_agents,
        .takes_cluster = true,
    },
    {
        .name = "keys new",
        .usage = "NAME [--dir DIR]",
        .help = "make a key pair: NAME.key (keep it) and NAME.pub",
        .run = cmd_keys_new,
        .word_count = 1,
        .options = BIT(OPTION_DIR),
    },
    {
        .name = "keys show",
        .usage = "FILE",
        .help = "the public key of a private key file",
        .run = cmd_keys_show,
        .word_count = 1,
    },
};

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
