/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The command line, taken apart: options anywhere, words in their order. Which command they make is
 * commands.h's affair. All texts are borrowed from argv.
 */
#ifndef SHUNT_ARGUMENTS_H
#define SHUNT_ARGUMENTS_H

#include "error.h"

#include <stdbool.h>
#include <stddef.h>

enum option {
    OPTION_CONFIG,
    OPTION_JSON,
    OPTION_HELP,
    OPTION_VERSION,
    OPTION_TO,
    OPTION_ARTIFACT,
    OPTION_SHA256,
    OPTION_YES,
    OPTION_WATCH,
    OPTION_LIMIT,
    OPTION_ROLLBACK,
    OPTION_DIR,
    OPTION_REASON,
    OPTION_DIFF,
    OPTION_KEY,
    OPTION_COUNT
};

#define OPTION_BIT(option) (1u << (option))

/* These make sense with every command. */
#define OPTIONS_GENERAL                                                                            \
    (OPTION_BIT(OPTION_CONFIG) | OPTION_BIT(OPTION_JSON) | OPTION_BIT(OPTION_HELP) |               \
     OPTION_BIT(OPTION_VERSION))

#define ARGUMENTS_WORDS 5 /* "agents accept CLUSTER NODE" is four; one more is too many */

struct arguments {
    unsigned given;                   /* OPTION_BITs */
    const char *values[OPTION_COUNT]; /* NULL where not given, or where the option takes none */
    const char *words[ARGUMENTS_WORDS];
    size_t word_count;
};

/* "--to VERSION", "--to=VERSION", "-h"; what follows "--" are words. ERROR_INVALID says what is
 * wrong: an unknown option, one given twice, a value missing or too much, too many words. */
bool arguments_read(int argc, char *const *argv, struct arguments *ret_arguments,
                    struct error *err);

bool arguments_has(const struct arguments *arguments, enum option option);

const char *option_name(enum option option);       /* "--to" */
const char *option_value_name(enum option option); /* "VERSION"; NULL where it takes none */
const char *option_help(enum option option);       /* one line */

#endif
