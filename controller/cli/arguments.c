/* SPDX-License-Identifier: Apache-2.0 */
#include "arguments.h"

#include "check.h"
#include "text.h"

#include <string.h>

static const struct option_row {
    const char *name, *value, *help;
} option_table[] = {
    [OPTION_CONFIG] = {"--config", "FILE", "default $SHUNT_CONFIG, else /etc/shunt/shunt.yaml"},
    [OPTION_JSON] = {"--json", NULL, "one JSON document on standard output (--watch: one a line)"},
    [OPTION_HELP] = {"--help", NULL, "this text, or that of the command"},
    [OPTION_VERSION] = {"--version", NULL, "the version of shunt"},
    [OPTION_TO] = {"--to", "VERSION", "the version to upgrade to"},
    [OPTION_ARTIFACT] = {"--artifact", "FILE|URL", "its tarball, as every node can reach it"},
    [OPTION_SHA256] = {"--sha256", "HEX", "what the tarball must hash to"},
    [OPTION_YES] = {"--yes", NULL, "do not show it first and ask"},
    [OPTION_WATCH] = {"--watch", NULL, "follow until the upgrade ends or waits for a decision"},
    [OPTION_LIMIT] = {"--limit", "N", "at most so many, the latest"},
    [OPTION_ROLLBACK] = {"--rollback", NULL, "put the upgraded nodes back as well"},
    [OPTION_DIR] = {"--dir", "DIR", "where the files go; default: the working directory"},
    [OPTION_REASON] = {"--reason", "TEXT", "why; it is logged and stands in the history"},
    [OPTION_DIFF] = {"--diff", NULL, "show the lines too"},
    [OPTION_KEY] = {"--key", "KEY", "what `shunt-agent enroll` printed; Redis is not looked at"},
};
_Static_assert(sizeof(option_table) / sizeof(option_table[0]) == OPTION_COUNT, "a row an option");

const char *option_name(enum option option)
{
    CHECK((unsigned)option < OPTION_COUNT);
    return option_table[option].name;
}

const char *option_value_name(enum option option)
{
    CHECK((unsigned)option < OPTION_COUNT);
    return option_table[option].value;
}

const char *option_help(enum option option)
{
    CHECK((unsigned)option < OPTION_COUNT);
    return option_table[option].help;
}

bool arguments_has(const struct arguments *arguments, enum option option)
{
    return (arguments->given & OPTION_BIT(option)) != 0;
}

/* The option that `text` names, which may go on with "=VALUE"; OPTION_COUNT if there is none. */
static enum option find_option(const char *text)
{
    size_t length = strcspn(text, "=");
    if (text_equal(text, "-h"))
        return OPTION_HELP;
    for (unsigned i = 0; i < OPTION_COUNT; i++) {
        const char *name = option_table[i].name;
        if (strlen(name) == length && strncmp(name, text, length) == 0)
            return (enum option)i;
    }
    return OPTION_COUNT;
}

static bool add_word(struct arguments *arguments, const char *word, struct error *err)
{
    if (arguments->word_count == ARGUMENTS_WORDS) {
        error_set(err, ERROR_INVALID, "'%s' is one word too many", word);
        return false;
    }
    arguments->words[arguments->word_count++] = word;
    return true;
}

/* `next` is the argument that follows, NULL at the end; *ret_used tells whether it was the value.
 */
static bool add_option(struct arguments *arguments, const char *text, const char *next,
                       bool *ret_used, struct error *err)
{
    enum option option = find_option(text);
    const char *equals = strchr(text, '=');
    *ret_used = false;
    if (option == OPTION_COUNT) {
        error_set(err, ERROR_INVALID, "there is no option '%s'", text);
    } else if (arguments_has(arguments, option)) {
        error_set(err, ERROR_INVALID, "%s is given twice", option_table[option].name);
    } else if (option_table[option].value == NULL && equals != NULL) {
        error_set(err, ERROR_INVALID, "%s takes no value", option_table[option].name);
    } else if (option_table[option].value != NULL && equals == NULL && next == NULL) {
        error_set(err, ERROR_INVALID, "%s needs a value: %s", option_table[option].name,
                  option_table[option].value);
    } else {
        arguments->given |= OPTION_BIT(option);
        *ret_used = option_table[option].value != NULL && equals == NULL;
        if (option_table[option].value != NULL)
            arguments->values[option] = equals != NULL ? equals + 1 : next;
        return true;
    }
    return false;
}

bool arguments_read(int argc, char *const *argv, struct arguments *ret_arguments, struct error *err)
{
    struct arguments arguments = {0};
    bool are_words = false, is_used;
    for (int i = 1; i < argc; i++) {
        if (!are_words && text_equal(argv[i], "--")) {
            are_words = true;
        } else if (are_words || argv[i][0] != '-' || argv[i][1] == '\0') {
            if (!add_word(&arguments, argv[i], err))
                return false;
        } else {
            const char *next = i + 1 < argc ? argv[i + 1] : NULL;
            if (!add_option(&arguments, argv[i], next, &is_used, err))
                return false;
            i += is_used;
        }
    }
    *ret_arguments = arguments;
    return true;
}
