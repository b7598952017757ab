/* SPDX-License-Identifier: Apache-2.0 */
#include "yaml_tree.h"

#include "text.h"
#include "url.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define EXPECTED_SIZE 256
#define SHOWN_BYTES   60 /* of a wrong value, in its complaint */

static void complain_of_value(struct yaml_document *document, const struct yaml_node *node,
                              const char *expected)
{
    if (node->kind != YAML_SCALAR)
        yaml_complain(document, node, "found a %s, expected %s",
                      node->kind == YAML_LIST ? "list" : "map", expected);
    else
        yaml_complain(document, node, "found %s%.*s%s%s, expected %s", node->is_plain ? "'" : "\"",
                      SHOWN_BYTES, node->text, strlen(node->text) > SHOWN_BYTES ? "…" : "",
                      node->is_plain ? "'" : "\"", expected);
}

/* The member of that kind; NULL, and a complaint where one is due, if there is none. */
static const struct yaml_node *get_kind(struct yaml_document *document, const struct yaml_node *map,
                                        const char *key, bool required, enum yaml_kind kind,
                                        const char *expected)
{
    const struct yaml_node *node = yaml_find(map, key);
    if (!node && map && required)
        yaml_complain_at(document, map->line, map->column, map, key, "missing, expected %s",
                         expected);
    if (!node || node->kind == kind)
        return node;
    complain_of_value(document, node, expected);
    return NULL;
}

static const struct yaml_node *get_scalar(struct yaml_document *document,
                                          const struct yaml_node *map, const char *key,
                                          bool required, const char *expected)
{
    return get_kind(document, map, key, required, YAML_SCALAR, expected);
}

/* Settles a scalar: *value was set, or the value is complained of. */
static bool settle(struct yaml_document *document, const struct yaml_node *node, bool is_good,
                   const char *expected)
{
    if (!is_good)
        complain_of_value(document, node, expected);
    return is_good;
}

static bool is_printable(const char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text < ' ' || *text == 0x7f)
            return false;
    return true;
}

/* Like text_copy(), but the array stays as it is where the text does not fit. */
static bool copy_if_fits(char *array, size_t array_size, const char *text)
{
    return strlen(text) < array_size && text_copy(array, array_size, text);
}

bool yaml_get_text(struct yaml_document *document, const struct yaml_node *map, const char *key,
                   bool required, char *array, size_t array_size)
{
    char expected[EXPECTED_SIZE];
    snprintf(expected, sizeof(expected), "one line of text of at most %zu bytes", array_size - 1);
    const struct yaml_node *node = get_scalar(document, map, key, required, expected);
    return node && settle(document, node,
                          is_printable(node->text) && copy_if_fits(array, array_size, node->text),
                          expected);
}

bool yaml_get_name(struct yaml_document *document, const struct yaml_node *map, const char *key,
                   bool required, char *array, size_t array_size)
{
    const char *expected =
        "a name of 1 to 63 letters, digits, '.', '_' or '-', the first of them a "
        "letter or digit";
    const struct yaml_node *node = get_scalar(document, map, key, required, expected);
    return node && settle(document, node,
                          text_is_name(node->text) && copy_if_fits(array, array_size, node->text),
                          expected);
}

bool yaml_get_path(struct yaml_document *document, const struct yaml_node *map, const char *key,
                   bool required, char *array, size_t array_size)
{
    char expected[EXPECTED_SIZE];
    snprintf(expected, sizeof(expected), "an absolute path of at most %zu bytes", array_size - 1);
    const struct yaml_node *node = get_scalar(document, map, key, required, expected);
    return node && settle(document, node,
                          node->text[0] == '/' && is_printable(node->text) &&
                              copy_if_fits(array, array_size, node->text),
                          expected);
}

static bool is_web_url(const char *text)
{
    struct url url;
    struct error ignored;
    return url_parse(text, &url, &ignored) && !strchr(text, '#') &&
           (text_equal(url.scheme, "http") || text_equal(url.scheme, "https"));
}

/* A wrong URL is not shown: what makes it wrong may be a password in it. */
bool yaml_get_url(struct yaml_document *document, const struct yaml_node *map, const char *key,
                  bool required, char *array, size_t array_size)
{
    char expected[EXPECTED_SIZE];
    snprintf(expected, sizeof(expected),
             "http(s)://HOST[:PORT][/PATH] without user name and fragment, of at most %zu bytes",
             array_size - 1);
    const struct yaml_node *node = get_scalar(document, map, key, required, expected);
    if (!node)
        return false;
    if (!is_web_url(node->text) || !copy_if_fits(array, array_size, node->text)) {
        yaml_complain(document, node, "expected %s", expected);
        return false;
    }
    size_t length = strlen(array);
    if (array[length - 1] == '/' && !strchr(array, '?'))
        array[length - 1] = '\0';
    return true;
}

/* Decimal, plain, without the leading zeros that YAML 1.1 takes for octal. */
static bool parse_integer(const struct yaml_node *node, int64_t *ret_value)
{
    const char *digits = node->text[0] == '-' ? node->text + 1 : node->text;
    uint64_t number;
    if (!node->is_plain || (digits[0] == '0' && digits[1] != '\0') ||
        !text_parse_u64(digits, INT64_MAX, &number))
        return false;
    *ret_value = digits == node->text ? (int64_t)number : -(int64_t)number;
    return true;
}

bool yaml_get_integer(struct yaml_document *document, const struct yaml_node *map, const char *key,
                      bool required, int64_t least, int64_t most, int64_t *value)
{
    char expected[EXPECTED_SIZE];
    int64_t number;
    snprintf(expected, sizeof(expected), "a whole number from %" PRId64 " to %" PRId64 ", unquoted",
             least, most);
    const struct yaml_node *node = get_scalar(document, map, key, required, expected);
    if (!node ||
        !settle(document, node, parse_integer(node, &number) && number >= least && number <= most,
                expected))
        return false;
    *value = number;
    return true;
}

bool yaml_get_bool(struct yaml_document *document, const struct yaml_node *map, const char *key,
                   bool required, bool *value)
{
    const char *expected = "true or false";
    const struct yaml_node *node = get_scalar(document, map, key, required, expected);
    if (!node)
        return false;
    bool is_true = node->is_plain && text_equal(node->text, "true");
    bool is_false = node->is_plain && text_equal(node->text, "false");
    if (!settle(document, node, is_true || is_false, expected))
        return false;
    *value = is_true;
    return true;
}

static const struct {
    const char *unit;
    int64_t ms;
} duration_units[] = {{"h", 3600000}, {"m", 60000}, {"s", 1000}, {"ms", 1}}; /* largest first */

#define UNIT_COUNT (sizeof(duration_units) / sizeof(duration_units[0]))

static bool parse_duration(const char *text, int64_t *ret_ms)
{
    char digits[24];
    uint64_t number;
    size_t length = strspn(text, "0123456789");
    if (length >= sizeof(digits))
        return false;
    memcpy(digits, text, length);
    digits[length] = '\0';
    for (size_t i = 0; i < UNIT_COUNT; i++)
        if (text_equal(text + length, duration_units[i].unit)) {
            if (!text_parse_u64(digits, (uint64_t)(INT64_MAX / duration_units[i].ms), &number))
                return false;
            *ret_ms = (int64_t)number * duration_units[i].ms;
            return true;
        }
    return false;
}

/* In the largest unit that needs no fraction. */
static void write_duration(char *text, size_t size, int64_t ms)
{
    size_t i = 0;
    while (i + 1 < UNIT_COUNT && (ms == 0 || ms % duration_units[i].ms != 0))
        i++;
    snprintf(text, size, "%" PRId64 "%s", ms / duration_units[i].ms, duration_units[i].unit);
}

bool yaml_get_duration_ms(struct yaml_document *document, const struct yaml_node *map,
                          const char *key, bool required, int64_t least_ms, int64_t most_ms,
                          int64_t *value_ms)
{
    char expected[EXPECTED_SIZE], least[32], most[32];
    int64_t ms;
    write_duration(least, sizeof(least), least_ms);
    write_duration(most, sizeof(most), most_ms);
    snprintf(expected, sizeof(expected), "a duration from %s to %s with its unit (ms, s, m or h)",
             least, most);
    const struct yaml_node *node = get_scalar(document, map, key, required, expected);
    if (!node ||
        !settle(document, node, parse_duration(node->text, &ms) && ms >= least_ms && ms <= most_ms,
                expected))
        return false;
    *value_ms = ms;
    return true;
}

static void write_words(char *text, size_t size, const char *const *words)
{
    size_t length = (size_t)snprintf(text, size, "one of");
    for (size_t i = 0; words[i] && length < size; i++)
        length +=
            (size_t)snprintf(text + length, size - length, "%s %s", i > 0 ? "," : "", words[i]);
}

bool yaml_get_word(struct yaml_document *document, const struct yaml_node *map, const char *key,
                   bool required, const char *const *words, int *value)
{
    char expected[EXPECTED_SIZE];
    write_words(expected, sizeof(expected), words);
    const struct yaml_node *node = get_scalar(document, map, key, required, expected);
    if (!node)
        return false;
    for (int i = 0; words[i]; i++)
        if (text_equal(node->text, words[i])) {
            *value = i;
            return true;
        }
    complain_of_value(document, node, expected);
    return false;
}

const struct yaml_node *yaml_get_map(struct yaml_document *document, const struct yaml_node *map,
                                     const char *key, bool required)
{
    return get_kind(document, map, key, required, YAML_MAP, "a map (\"key: value\")");
}

const struct yaml_node *yaml_get_list(struct yaml_document *document, const struct yaml_node *map,
                                      const char *key, bool required)
{
    return get_kind(document, map, key, required, YAML_LIST, "a list (\"- value\")");
}
