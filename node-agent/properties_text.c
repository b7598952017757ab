/* SPDX-License-Identifier: Apache-2.0 */
#include "properties_text.h"

#include "text.h"

#include <string.h>

/* One character of a logical line. */
struct letter {
    char c; /* '\0' at the end of the line */
    bool is_escaped;
};

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\f';
}

static const char *skip_blanks(const char *at)
{
    while (is_blank(*at))
        at++;
    return at;
}

/* Behind a line's end, which has one or two characters. */
static const char *skip_line_end(const char *at)
{
    if (at[0] == '\r' && at[1] == '\n')
        return at + 2;
    return *at != '\0' ? at + 1 : at;
}

static bool is_line_end(char c)
{
    return c == '\n' || c == '\r' || c == '\0';
}

/* What no key or value of ours has (\uXXXX among others) stays what it is without its backslash. */
static char unescape(char c)
{
    static const char from[] = "tnrf";
    static const char to[] = "\t\n\r\f";
    const char *found = strchr(from, c);
    return found != NULL && *found != '\0' ? to[found - from] : c;
}

/* To where the logical line goes on, at the end of one that does. */
static const char *skip_breaks(const char *at)
{
    while (at[0] == '\\' && is_line_end(at[1]) && at[1] != '\0')
        at = skip_blanks(skip_line_end(at + 1));
    return at;
}

/* What may stand round the character that parts a key from its value. */
static const char *skip_gap(const char *at)
{
    const char *before;
    do {
        before = at;
        at = skip_breaks(skip_blanks(at));
    } while (at != before);
    return at;
}

static struct letter take(const char **at)
{
    *at = skip_breaks(*at);
    if (is_line_end(**at))
        return (struct letter){.c = '\0'};
    if (**at != '\\')
        return (struct letter){.c = *(*at)++};
    if ((*at)[1] == '\0') { /* the last of the text */
        *at += 1;
        return (struct letter){.c = '\0'};
    }
    *at += 2;
    return (struct letter){.c = unescape((*at)[-1]), .is_escaped = true};
}

/* Takes the key and what parts it from its value. */
static bool take_key(const char **at, const char *key)
{
    size_t length = 0;
    bool is_equal = true;
    for (;;) {
        const char *before = *at;
        struct letter letter = take(at);
        bool is_end = letter.c == '\0' || (!letter.is_escaped &&
                                           (is_blank(letter.c) || strchr("=:", letter.c) != NULL));
        if (is_end) {
            *at = before;
            break;
        }
        is_equal = is_equal && key[length] == letter.c;
        length += is_equal;
    }
    *at = skip_gap(*at);
    if (**at == '=' || **at == ':')
        *at = skip_gap(*at + 1);
    return is_equal && key[length] == '\0';
}

/* False where it does not fit. */
static bool take_value(const char **at, char *value, size_t size)
{
    struct letter letter;
    size_t length = 0, end = 0;
    while ((letter = take(at)).c != '\0') {
        if (length + 1 < size)
            value[length] = letter.c;
        length++;
        if (!is_blank(letter.c) || letter.is_escaped)
            end = length;
    }
    value[end < size ? end : size - 1] = '\0';
    return end < size;
}

bool properties_text_get(const char *text, const char *key, char *value, size_t size,
                         struct error *err)
{
    bool is_whole = true;
    value[0] = '\0';
    for (const char *at = skip_blanks(text); *at != '\0'; at = skip_blanks(skip_line_end(at))) {
        if (*at == '#' || *at == '!')
            at += strcspn(at, "\r\n");
        else if (take_key(&at, key))
            is_whole = take_value(&at, value, size);
        else
            while (take(&at).c != '\0')
                continue;
    }
    if (is_whole && strstr(value, "${") == NULL)
        return true;
    error_set(err, ERROR_INTEGRITY, "the value of %s cannot be told", key);
    return false;
}
