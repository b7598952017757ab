/* SPDX-License-Identifier: Apache-2.0 */
#include "clean.h"

#include "check.h"
#include "text.h"

#include <stdint.h>
#include <string.h>

#define ESCAPE '\x1B'
#define RESET  "\x1B[0m"

/* ECMA-48, SGR: the basic colours that every terminal and every theme has. */
static const char *const sequences[] = {
    [COLOUR_NONE] = "",         [COLOUR_GOOD] = "\x1B[32m", [COLOUR_BAD] = "\x1B[31m",
    [COLOUR_BUSY] = "\x1B[33m", [COLOUR_FAINT] = "\x1B[2m", [COLOUR_BOLD] = "\x1B[1m",
};
_Static_assert(sizeof(sequences) / sizeof(sequences[0]) == COLOUR_BOLD + 1, "one row a colour");

struct range {
    uint32_t first, last;
};

/* Unicode TR 9, explicit directional formatting, and the line and paragraph separators. */
static const struct range hidden[] = {
    {0x0000, 0x001F}, {0x007F, 0x009F}, {0x061C, 0x061C}, {0x200B, 0x200F},
    {0x2028, 0x202E}, {0x2060, 0x206F}, {0xFEFF, 0xFEFF}, {0xE0000, 0xE007F},
};

/* Unicode TR 11: what terminals draw two columns wide, rounded up to whole blocks: a line that is
 * cut too early is still one line. */
static const struct range wide[] = {
    {0x1100, 0x115F}, {0x2E80, 0xA4CF}, {0xAC00, 0xD7A3},   {0xF900, 0xFAFF},
    {0xFE10, 0xFE6F}, {0xFF00, 0xFFE6}, {0x1F000, 0x3FFFD},
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static bool is_in(uint32_t character, const struct range *ranges, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (character >= ranges[i].first && character <= ranges[i].last)
            return true;
    }
    return false;
}

/* The character of `size` bytes, which text_utf8_size() has measured. */
static uint32_t decode(const char *text, size_t size)
{
    static const unsigned char lead_bits[] = {0, 0x7F, 0x1F, 0x0F, 0x07};
    uint32_t character = (unsigned char)text[0] & lead_bits[size];
    for (size_t i = 1; i < size; i++)
        character = character << 6 | ((unsigned char)text[i] & 0x3F);
    return character;
}

void clean_add(struct buffer *out, const char *text)
{
    while (*text != '\0') {
        size_t size = text_utf8_size(text);
        uint32_t character = size > 0 ? decode(text, size) : 0;
        if (size == 0 || (character < 0x80 && is_in(character, hidden, COUNT(hidden)))) {
            (void)buffer_format(out, "\\x%02X", (unsigned)(unsigned char)*text);
            size = 1;
        } else if (is_in(character, hidden, COUNT(hidden))) {
            (void)buffer_format(out, "\\u%04X", (unsigned)character);
        } else {
            (void)buffer_add(out, text, size);
        }
        text += size;
    }
}

void clean_add_coloured(struct buffer *out, bool is_coloured, enum colour colour, const char *text)
{
    CHECK((unsigned)colour < COUNT(sequences));
    bool has_sequence = is_coloured && colour != COLOUR_NONE;
    if (has_sequence)
        (void)buffer_add_text(out, sequences[colour]);
    clean_add(out, text);
    if (has_sequence)
        (void)buffer_add_text(out, RESET);
}

/* The bytes of the next character or colour, and the columns it takes. */
static size_t measure(const char *text, size_t *ret_columns)
{
    *ret_columns = 0;
    if (text[0] == ESCAPE) {
        size_t parameters = strcspn(text, "m");
        return parameters + (text[parameters] == 'm');
    }
    size_t size = text_utf8_size(text);
    *ret_columns = size > 0 && is_in(decode(text, size), wide, COUNT(wide)) ? 2 : 1;
    return size > 0 ? size : 1;
}

size_t clean_columns(const char *text)
{
    size_t columns = 0, taken;
    while (*text != '\0') {
        text += measure(text, &taken);
        columns += taken;
    }
    return columns;
}

void clean_cut(struct buffer *out, const char *text, size_t length, size_t columns)
{
    size_t used = 0, taken;
    bool is_coloured = false;
    for (size_t at = 0; at < length;) {
        size_t size = measure(text + at, &taken);
        if (used + taken > columns)
            break;
        is_coloured = is_coloured || text[at] == ESCAPE;
        (void)buffer_add(out, text + at, size);
        used += taken;
        at += size;
    }
    if (is_coloured)
        (void)buffer_add_text(out, RESET);
}
