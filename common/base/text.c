/* SPDX-License-Identifier: Apache-2.0 */
#include "text.h"

#include "limit.h"

#include <string.h>

bool text_copy(char *array, size_t array_size, const char *text)
{
    size_t length = strlen(text);
    if (length >= array_size) {
        array[0] = '\0';
        return false;
    }
    memcpy(array, text, length + 1);
    return true;
}

bool text_append(char *array, size_t array_size, const char *text)
{
    size_t length = strlen(array);
    size_t added = strlen(text);
    if (length + added >= array_size)
        return false;
    memcpy(array + length, text, added + 1);
    return true;
}

bool text_equal(const char *a, const char *b)
{
    return strcmp(a, b) == 0;
}

bool text_starts_with(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

/* Not isalnum(): a name must not change its meaning with the locale. */
static bool is_letter_or_digit(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool text_is_name(const char *text)
{
    if (!is_letter_or_digit(text[0]))
        return false;
    for (size_t i = 1; text[i] != '\0'; i++) {
        bool is_allowed = is_letter_or_digit(text[i]) || strchr("._-", text[i]) != NULL;
        if (!is_allowed || i + 1 >= LIMIT_NAME)
            return false;
    }
    return true;
}

bool text_parse_u64(const char *text, uint64_t most, uint64_t *ret_value)
{
    uint64_t value = 0;
    if (text[0] == '\0')
        return false;
    for (size_t i = 0; text[i] != '\0'; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
        uint64_t digit = (uint64_t)(text[i] - '0');
        if (digit > most || value > (most - digit) / 10)
            return false;
        value = value * 10 + digit;
    }
    *ret_value = value;
    return true;
}

static bool is_continuation(char c)
{
    return ((unsigned char)c & 0xC0) == 0x80;
}

/* The Unicode standard, table 3-7: what the second byte may be leaves out overlong forms,
 * surrogates and all beyond U+10FFFF. A NUL is no continuation, so nothing is read after it. */
size_t text_utf8_size(const char *text)
{
    unsigned char lead = (unsigned char)text[0];
    if (lead == 0)
        return 0;
    if (lead < 0x80)
        return 1;
    if (lead < 0xC2 || lead > 0xF4 || !is_continuation(text[1]))
        return 0;
    if (lead < 0xE0)
        return 2;
    unsigned char second = (unsigned char)text[1];
    if (lead < 0xF0) {
        bool is_overlong = lead == 0xE0 && second < 0xA0;
        bool is_surrogate = lead == 0xED && second > 0x9F;
        return !is_overlong && !is_surrogate && is_continuation(text[2]) ? 3 : 0;
    }
    bool is_in_range = !(lead == 0xF0 && second < 0x90) && !(lead == 0xF4 && second > 0x8F);
    return is_in_range && is_continuation(text[2]) && is_continuation(text[3]) ? 4 : 0;
}
