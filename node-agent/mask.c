/* SPDX-License-Identifier: Apache-2.0 */
#include "mask.h"

#include <string.h>
#include <strings.h>

#define NAME_CHARACTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-"

static bool is_secret(const char *name, size_t length)
{
    static const char *const words[] = {"password", "passwd", "passphrase", "secret", "token"};
    for (size_t word = 0; word < sizeof(words) / sizeof(words[0]); word++) {
        size_t size = strlen(words[word]);
        for (size_t at = 0; at + size <= length; at++)
            if (strncasecmp(name + at, words[word], size) == 0)
                return true;
    }
    return false;
}

/* What stands between a name and its value, as in `NAME = "`, `NAME: ` and `<NAME>`; 0 if no value
 * follows. */
static size_t separator_size(const char *text)
{
    size_t blanks = strspn(text, " \t");
    if (text[blanks] == '\0' || strchr("=:>", text[blanks]) == NULL)
        return 0;
    return blanks + 1 + strspn(text + blanks + 1, " \t");
}

static size_t value_size(const char *text)
{
    if (*text == '"' || *text == '\'') {
        const char end[] = {*text, '\n', '\0'};
        size_t size = 1 + strcspn(text + 1, end);
        return size + (text[size] == *text);
    }
    return strcspn(text, " \t\r\n<\"';");
}

void mask_secrets(const char *text, struct buffer *ret_text)
{
    while (*text != '\0') {
        size_t name = strspn(text, NAME_CHARACTERS);
        size_t separator = name > 0 ? separator_size(text + name) : 0;
        if (separator > 0 && is_secret(text, name)) {
            size_t value = value_size(text + name + separator);
            if (!buffer_add(ret_text, text, name + separator) ||
                (value > 0 && !buffer_add_text(ret_text, "***")))
                return;
            text += name + separator + value;
            continue;
        }
        size_t plain = name > 0 ? name : 1;
        if (!buffer_add(ret_text, text, plain))
            return;
        text += plain;
    }
}
