/* SPDX-License-Identifier: Apache-2.0 */
#include "start_settings.h"

#include "beneath.h"
#include "memory.h"
#include "process.h"
#include "process_evidence.h"
#include "text.h"

#include <stdio.h>
#include <string.h>

#define SCRIPT       "bin/_start-webapp.sh"
#define SCRIPT_BYTES ((size_t)256 * 1024) /* 10 KB as shipped */
#define VALUE_SIZE   4096
#define NODE_NAME    "-Dcluster.node.name="
#define ARGUMENTS    "JVM_SUPPORT_RECOMMENDED_ARGS"

/* Each becomes one word of the command line. */
static const struct {
    const char *variable, *option;
} memory_settings[] = {
    {"JVM_MINIMUM_MEMORY", "-Xms"},
    {"JVM_MAXIMUM_MEMORY", "-Xmx"},
};

/* ---- the script ---- */

/* Behind "NAME=", where the line assigns it; NULL otherwise. */
static const char *assigned(const char *line, const char *name)
{
    line += strspn(line, " \t");
    if (text_starts_with(line, "export "))
        line += strlen("export ");
    line += strspn(line, " \t");
    size_t length = strlen(name);
    return strncmp(line, name, length) == 0 && line[length] == '=' ? line + length + 1 : NULL;
}

/* One word of plain text, in quotes or not, and then nothing but blanks or a comment. */
static bool take_value(const char *text, char *value, size_t value_size)
{
    char quote = *text == '"' || *text == '\'' ? *text : '\0';
    text += quote != '\0';
    size_t size =
        quote != '\0' ? strcspn(text, quote == '"' ? "\"\n" : "'\n") : strcspn(text, " \t\r\n;#");
    const char *rest = text + size;
    if (quote != '\0' && *rest++ != quote)
        return false;
    rest += strspn(rest, " \t\r;");
    if ((*rest != '\n' && *rest != '\0' && *rest != '#') || size >= value_size)
        return false;
    memcpy(value, text, size);
    value[size] = '\0';
    return quote == '\'' || strpbrk(value, "$`\\") == NULL;
}

bool start_setting_of(const char *script, const char *name, char *value, size_t value_size)
{
    bool is_known = false;
    for (const char *line = script; line != NULL; line = strchr(line, '\n')) {
        line += *line == '\n';
        const char *text = assigned(line, name);
        if (text != NULL)
            is_known = take_value(text, value, value_size);
    }
    return is_known;
}

static bool read_script(int tree_fd, const char *path, struct buffer *ret_text, struct error *err)
{
    CLOSE_CLEANUP int fd = -1;
    if (!beneath_open_file(tree_fd, path, &fd, err))
        return err->code == ERROR_NOT_FOUND; /* no assignment then */
    return beneath_read(fd, path, ret_text, err);
}

/* ---- the process ---- */

/* What both are: words from /proc. */
struct running {
    struct buffer arguments, environment;
};

static bool has_argument(const struct running *running, const char *argument)
{
    const char *word = NULL;
    while ((word = evidence_next_word(&running->arguments, word)) != NULL)
        if (text_equal(word, argument))
            return true;
    return false;
}

static const char *argument_with(const struct running *running, const char *prefix)
{
    const char *word = NULL;
    while ((word = evidence_next_word(&running->arguments, word)) != NULL)
        if (text_starts_with(word, prefix))
            return word;
    return NULL;
}

/* A variable of the service wins over the script's own, which only assigns where there is none. */
static bool is_in_environment(const struct running *running, const char *name)
{
    const char *word = NULL;
    size_t length = strlen(name);
    while ((word = evidence_next_word(&running->environment, word)) != NULL)
        if (strncmp(word, name, length) == 0 && word[length] == '=' && word[length + 1] != '\0')
            return true;
    return false;
}

/* ---- comparing ---- */

static bool differs(struct error *err, const char *variable, const char *value, const char *runs)
{
    error_set(err, ERROR_INVALID, SCRIPT ": %s is '%.100s', but Bitbucket runs with %.100s",
              variable, value, runs);
    error_hint(err, "restart the node with what the script says, or put back in the script what it "
                    "runs with");
    return false;
}

static bool check_memory(const struct running *running, const char *script, struct error *err)
{
    char value[VALUE_SIZE], wanted[VALUE_SIZE + 8];
    for (size_t i = 0; i < sizeof(memory_settings) / sizeof(memory_settings[0]); i++) {
        const char *variable = memory_settings[i].variable, *option = memory_settings[i].option;
        const char *runs = argument_with(running, option);
        if (runs == NULL || is_in_environment(running, variable) ||
            !start_setting_of(script, variable, value, sizeof(value)) || value[0] == '\0')
            continue;
        snprintf(wanted, sizeof(wanted), "%s%s", option, value);
        if (!has_argument(running, wanted))
            return differs(err, variable, value, runs);
    }
    return true;
}

/* Each word of the script's is among the process's arguments, and the node's name among the
 * script's words. */
static bool check_arguments(const struct running *running, const char *script, struct error *err)
{
    char value[VALUE_SIZE], words[VALUE_SIZE];
    char *rest = NULL;
    if (is_in_environment(running, ARGUMENTS) ||
        !start_setting_of(script, ARGUMENTS, value, sizeof(value)))
        return true;
    TEXT_COPY(words, value);
    for (const char *word = strtok_r(words, " \t", &rest); word != NULL;
         word = strtok_r(NULL, " \t", &rest)) {
        if (!has_argument(running, word))
            return differs(err, ARGUMENTS, value, "other arguments");
    }
    return true;
}

/* The name stands in one of the scripts, or in a variable of the service. */
static bool check_name(const struct running *running, int tree_fd, struct error *err)
{
    static const char *const scripts[] = {SCRIPT, "bin/start-bitbucket.sh", "bin/set-jmx-opts.sh",
                                          "bin/set-bitbucket-home.sh", "bin/set-jre-home.sh"};
    const char *name = argument_with(running, NODE_NAME);
    const char *word = NULL;
    if (name == NULL)
        return true;
    while ((word = evidence_next_word(&running->environment, word)) != NULL)
        if (strstr(word, name) != NULL)
            return true;
    for (size_t i = 0; i < sizeof(scripts) / sizeof(scripts[0]); i++) {
        struct buffer BUFFER_CLEANUP text;
        buffer_init(&text, SCRIPT_BYTES);
        if (!read_script(tree_fd, scripts[i], &text, err))
            return false;
        if (strstr(buffer_text(&text), name) != NULL ||
            strstr(buffer_text(&text), NODE_NAME "$") != NULL) /* as the shell finds it */
            return true;
    }
    error_set(err, ERROR_INVALID, "Bitbucket runs with %.100s, which no script in bin/ gives it",
              name);
    error_hint(err, "it would come back as a stranger: put it into " ARGUMENTS " of " SCRIPT);
    return false;
}

bool start_settings_check(const struct bitbucket_config *config, int tree_fd, struct error *err)
{
    struct process_list PROCESS_LIST_CLEANUP list = {.count = 0};
    struct buffer BUFFER_CLEANUP script;
    struct running running;
    buffer_init(&script, SCRIPT_BYTES);
    if (!process_find(config, &list, err))
        return false;
    if (list.count == 0)
        return true;
    buffer_init(&running.arguments, EVIDENCE_BYTES);
    buffer_init(&running.environment, EVIDENCE_BYTES);
    bool is_good = read_script(tree_fd, SCRIPT, &script, err);
    if (is_good && evidence_read(list.items[0].pid, "cmdline", &running.arguments) &&
        evidence_read(list.items[0].pid, "environ", &running.environment))
        is_good = check_memory(&running, buffer_text(&script), err) &&
                  check_arguments(&running, buffer_text(&script), err) &&
                  check_name(&running, tree_fd, err);
    buffer_done(&running.arguments);
    buffer_done(&running.environment);
    return is_good;
}
