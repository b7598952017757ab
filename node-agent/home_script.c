/* SPDX-License-Identifier: Apache-2.0 */
#include "home_script.h"

#include "check.h"
#include "text.h"

#include <string.h>

#define VARIABLE "BITBUCKET_HOME"

/* A stretch of the script; never NULL. */
struct span {
    const char *at;
    size_t size;
};

/* Where the scan is: outside, or in a guarded block before its first statement, or after it. */
enum place { PLACE_OUTSIDE, PLACE_BLOCK, PLACE_BLOCK_BODY };

struct scan {
    enum place place;
    int line;
    struct span value; /* of the one assignment in a guarded block; at == NULL until found */
};

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static struct span trimmed(struct span line)
{
    while (line.size > 0 && is_blank(line.at[0]))
        line = (struct span){line.at + 1, line.size - 1};
    while (line.size > 0 && is_blank(line.at[line.size - 1]))
        line.size--;
    return line;
}

static bool span_equal(struct span span, const char *text)
{
    return span.size == strlen(text) && memcmp(span.at, text, span.size) == 0;
}

static bool span_starts_with(struct span span, const char *prefix)
{
    size_t size = strlen(prefix);
    return span.size >= size && memcmp(span.at, prefix, size) == 0;
}

static struct span span_after(struct span span, size_t size)
{
    return (struct span){span.at + size, span.size - size};
}

static bool is_guard(struct span statement)
{
    static const char *const forms[] = {
        "if [ -z \"${" VARIABLE "}\" ]; then",
        "if [ -z \"$" VARIABLE "\" ]; then",
        "if [[ -z \"${" VARIABLE "}\" ]]; then",
        "if [[ -z \"$" VARIABLE "\" ]]; then",
    };
    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        if (span_equal(statement, forms[i]))
            return true;
    }
    return false;
}

/* Takes one quoted part with its quotes off `rest`; false where it does not end on this line. */
static bool skip_quoted(struct span *rest)
{
    char quote = rest->at[0];
    for (size_t i = 1; i < rest->size; i++) {
        if (rest->at[i] == quote) {
            *rest = span_after(*rest, i + 1);
            return true;
        }
        if (quote == '"' && rest->at[i] == '\\')
            i++;
    }
    return false;
}

/* Takes one word of the shell off `rest`, as far as a value on one line needs it; false for command
 * substitutions, operators and quotes that go on on the next line. */
static bool skip_word(struct span *rest)
{
    while (rest->size > 0 && !is_blank(rest->at[0])) {
        char c = rest->at[0];
        if (c == '\'' || c == '"') {
            if (!skip_quoted(rest))
                return false;
        } else if (c == '\\') {
            if (rest->size < 2)
                return false;
            *rest = span_after(*rest, 2);
        } else if (strchr(";&|<>()`", c) != NULL) {
            return false;
        } else {
            *rest = span_after(*rest, 1);
        }
    }
    return true;
}

/* The value's stretch in `VARIABLE=value`; only a comment may follow it. */
static bool find_value(struct span statement, struct span *ret_value)
{
    struct span value = span_after(statement, strlen(VARIABLE "="));
    struct span rest = value;
    if (!skip_word(&rest))
        return false;
    value.size -= rest.size;
    rest = trimmed(rest);
    if (rest.size > 0 && rest.at[0] != '#')
        return false;
    *ret_value = value;
    return true;
}

static bool is_assignment(struct span statement)
{
    static const char *const prefixes[] = {"export ", "readonly ", "declare ", "typeset "};
    for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++) {
        if (span_starts_with(statement, prefixes[i]))
            statement = trimmed(span_after(statement, strlen(prefixes[i])));
    }
    return span_starts_with(statement, VARIABLE "=") || span_starts_with(statement, VARIABLE "+=");
}

static bool not_understood(const struct scan *scan, const char *rule, struct error *err)
{
    error_set(err, ERROR_INTEGRITY, "line %d: %s", scan->line, rule);
    return false;
}

static bool take_assignment(struct scan *scan, struct span statement, struct error *err)
{
    if (scan->place != PLACE_BLOCK || !span_starts_with(statement, VARIABLE "="))
        return not_understood(scan, "sets " VARIABLE " in a place that is not understood", err);
    if (scan->value.at != NULL)
        return not_understood(scan, "sets " VARIABLE " a second time", err);
    if (!find_value(statement, &scan->value))
        return not_understood(scan, "the value of " VARIABLE " is not one plain word", err);
    scan->place = PLACE_BLOCK_BODY;
    return true;
}

static bool scan_line(struct scan *scan, struct span line, struct error *err)
{
    struct span statement = trimmed(line);
    if (statement.size == 0 || statement.at[0] == '#')
        return true;
    /* The next line would belong to this one, and so not be what it looks like. */
    if (line.at[line.size - 1] == '\\')
        return not_understood(scan, "goes on on the next line", err);
    if (is_assignment(statement))
        return take_assignment(scan, statement, err);
    if (is_guard(statement))
        scan->place = PLACE_BLOCK;
    else if (span_equal(statement, "fi"))
        scan->place = PLACE_OUTSIDE;
    else if (scan->place == PLACE_BLOCK)
        scan->place = PLACE_BLOCK_BODY;
    return true;
}

static bool scan_text(const char *text, size_t size, struct span *ret_value, struct error *err)
{
    struct scan scan = {.place = PLACE_OUTSIDE};
    const char *at = text;
    const char *end = text + size;
    while (at < end) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        struct span line = {at, (size_t)((newline != NULL ? newline : end) - at)};
        scan.line++;
        if (!scan_line(&scan, line, err))
            return false;
        at = newline != NULL ? newline + 1 : end;
    }
    if (scan.value.at == NULL) {
        error_set(err, ERROR_INTEGRITY,
                  "no line '" VARIABLE "=' in a block that begins with"
                  " 'if [ -z \"${" VARIABLE "}\" ]; then'");
        return false;
    }
    *ret_value = scan.value;
    return true;
}

static bool needs_quotes(const char *home)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                "0123456789/._-";
    return home[strspn(home, plain)] != '\0';
}

/* Between single quotes nothing is special but the single quote itself. */
static bool add_quoted(struct buffer *text, const char *home)
{
    if (!needs_quotes(home))
        return buffer_add_text(text, home);
    bool is_added = buffer_add_text(text, "'");
    for (const char *at = home; *at != '\0' && is_added; at++)
        is_added = *at == '\'' ? buffer_add_text(text, "'\\''") : buffer_add(text, at, 1);
    return is_added && buffer_add_text(text, "'");
}

static bool check_home(const char *home, struct error *err)
{
    if (home[0] != '/' || strlen(home) >= LIMIT_PATH) {
        error_set(err, ERROR_INVALID, "the home directory is not an absolute path");
        return false;
    }
    for (const char *at = home; *at != '\0'; at++) {
        if ((unsigned char)*at < ' ' || *at == 0x7F) {
            error_set(err, ERROR_INVALID, "the home directory's name has a control character");
            return false;
        }
    }
    return true;
}

bool home_script_edit(const char *text, size_t size, const char *home, struct buffer *ret_text,
                      struct error *err)
{
    struct span value;
    if (!check_home(home, err))
        return false;
    if (size > HOME_SCRIPT_BYTES || memchr(text, '\0', size) != NULL) {
        error_set(err, ERROR_INTEGRITY, "not a shell script: too long, or it has NUL bytes");
        return false;
    }
    if (!scan_text(text, size, &value, err))
        return false;
    const char *rest = value.at + value.size;
    bool is_added = buffer_add(ret_text, text, (size_t)(value.at - text)) &&
                    add_quoted(ret_text, home) &&
                    buffer_add(ret_text, rest, (size_t)(text + size - rest));
    CHECK(is_added);
    return true;
}

/* A plain word, or one whole quoted part: what home_script_edit() writes, and people do. */
static bool is_literal(struct span *value)
{
    static const char plain_ends[] = "\"'\\$~*?[ \t";
    char quote = value->size > 0 ? value->at[0] : '\0';
    if (quote == '\'' || quote == '"') {
        *value = span_after(*value, 1);
        if (value->size == 0 || value->at[--value->size] != quote)
            return false;
        if (quote == '\'')
            return memchr(value->at, quote, value->size) == NULL;
    }
    for (size_t i = 0; i < value->size; i++) {
        if (strchr(plain_ends, value->at[i]) != NULL || value->at[i] == '`')
            return false;
    }
    return true;
}

void home_script_read(const char *text, size_t size, char home[LIMIT_PATH])
{
    struct span value;
    struct error ignored;
    home[0] = '\0';
    if (!scan_text(text, size, &value, &ignored) || !is_literal(&value) || value.size >= LIMIT_PATH)
        return;
    memcpy(home, value.at, value.size);
    home[value.size] = '\0';
}
