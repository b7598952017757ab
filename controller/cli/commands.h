/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The commands of `shunt`: one table (commands.c), one file a command or family (cmd_*.c). Adding
 * one is a function here and a row there.
 */
#ifndef SHUNT_COMMANDS_H
#define SHUNT_COMMANDS_H

#include "arguments.h"
#include "exit_code.h"
#include "output.h"

struct command_row;

/* One run of the program. */
struct cli {
    const struct command_row *row;
    struct arguments arguments; /* words without those of the command's name */
    struct output output;
};

/* Does the command and gives the exit status. *err is cleared before, and is set where there is
 * something to be told on standard error; cli.c does that. */
typedef enum exit_code (*command_fn)(struct cli *cli, struct error *err);

struct command_row {
    const char *name;  /* may be two words: "keys new" */
    const char *usage; /* what follows the name */
    const char *help;  /* one line */
    command_fn run;
    bool takes_cluster; /* first word; may be left out where the configuration has one cluster */
    size_t word_count;  /* words it must have besides the cluster */
    unsigned options;   /* OPTION_BITs it knows besides OPTIONS_GENERAL */
    unsigned required;  /* and those it must have */
};

extern const struct command_row command_table[];
extern const size_t command_count;

/* The row that the first words name, and how many words that are; NULL if there is none. */
const struct command_row *command_find(const struct arguments *arguments, size_t *ret_words);

/* ERROR_INVALID where words or options do not fit the row. */
bool command_check(const struct command_row *row, const struct arguments *arguments,
                   struct error *err);

enum exit_code cmd_plan(struct cli *cli, struct error *err);
enum exit_code cmd_upgrade(struct cli *cli, struct error *err);
enum exit_code cmd_status(struct cli *cli, struct error *err);
enum exit_code cmd_nodes(struct cli *cli, struct error *err);
enum exit_code cmd_customisations(struct cli *cli, struct error *err);
enum exit_code cmd_history(struct cli *cli, struct error *err);
enum exit_code cmd_pause(struct cli *cli, struct error *err);
enum exit_code cmd_resume(struct cli *cli, struct error *err);
enum exit_code cmd_abort(struct cli *cli, struct error *err);
enum exit_code cmd_rollback(struct cli *cli, struct error *err);
enum exit_code cmd_approve(struct cli *cli, struct error *err);
enum exit_code cmd_drain(struct cli *cli, struct error *err);
enum exit_code cmd_return(struct cli *cli, struct error *err);
enum exit_code cmd_lease_break(struct cli *cli, struct error *err);
enum exit_code cmd_recover(struct cli *cli, struct error *err);
enum exit_code cmd_agents(struct cli *cli, struct error *err);
enum exit_code cmd_agents_accept(struct cli *cli, struct error *err);
enum exit_code cmd_keys_new(struct cli *cli, struct error *err);
enum exit_code cmd_keys_show(struct cli *cli, struct error *err);

#endif
