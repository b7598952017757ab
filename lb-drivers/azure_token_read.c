/* SPDX-License-Identifier: Apache-2.0 */
#include "azure_token.h"

#include "json.h"
#include "text.h"

#include <ctype.h>
#include <string.h>

#define RENEW_BEFORE_MS 300000
#define MOST_LIFETIME_S 86400 /* of a managed identity */
#define CODE_SIZE       64

void azure_token_init(struct buffer *token)
{
    buffer_init(token, AZURE_TOKEN_BYTES);
}

int64_t azure_token_renew_ms(int64_t lifetime_ms)
{
    return lifetime_ms > 2 * RENEW_BEFORE_MS ? lifetime_ms - RENEW_BEFORE_MS : lifetime_ms / 2;
}

bool azure_form_add(struct buffer *form, const char *key, const char *value)
{
    if (!buffer_format(form, "%s%s=", form->length > 0 ? "&" : "", key))
        return false;
    for (const char *c = value; *c != '\0'; c++) {
        bool is_plain = isalnum((unsigned char)*c) || strchr("-._~", *c) != NULL;
        bool is_added =
            is_plain ? buffer_add(form, c, 1) : buffer_format(form, "%%%02X", (unsigned char)*c);
        if (!is_added)
            return false;
    }
    return true;
}

/* A number, or a text of one, as IMDS writes it. */
static bool read_lifetime(const json_t *answer, int64_t *ret_lifetime_ms, struct error *err)
{
    const json_t *value = json_object_get(answer, "expires_in");
    uint64_t seconds = 0;

    if (json_is_integer(value) && json_integer_value(value) >= 0)
        seconds = (uint64_t)json_integer_value(value);
    else if (!json_is_string(value) ||
             !text_parse_u64(json_string_value(value), INT64_MAX, &seconds)) {
        error_set(err, ERROR_PROTOCOL, "'expires_in' is missing or no number");
        return false;
    }
    if (seconds > MOST_LIFETIME_S)
        seconds = MOST_LIFETIME_S;
    *ret_lifetime_ms = (int64_t)seconds * 1000;
    return true;
}

/* The text in the document is a copy of the secret. */
static void wipe_text(const json_t *text)
{
    char *bytes;
    const char *held = json_string_value(text);
    memcpy(&bytes, &held, sizeof(bytes));
    if (bytes != NULL)
        explicit_bzero(bytes, json_string_length(text));
}

static bool read_token(const json_t *answer, struct buffer *ret_token, struct error *err)
{
    const json_t *value = json_object_get(answer, "access_token");
    const char *text = json_string_value(value);
    bool is_good = text != NULL && text[0] != '\0';

    for (const char *c = text; is_good && *c != '\0'; c++)
        is_good = *c > ' ' && *c <= '~'; /* it becomes a part of a header */
    if (!is_good)
        error_set(err, ERROR_PROTOCOL, "'access_token' is missing or no token");
    else if (!buffer_add_text(ret_token, text)) {
        error_set(err, ERROR_PROTOCOL, "'access_token' is longer than %d bytes", AZURE_TOKEN_BYTES);
        is_good = false;
    }
    wipe_text(value);
    return is_good;
}

bool azure_token_parse(const char *bytes, size_t size, struct buffer *ret_token,
                       int64_t *ret_lifetime_ms, struct error *err)
{
    JSON_CLEANUP json_t *answer = NULL;
    int64_t lifetime_ms;

    if (!json_read_object(bytes, size, &answer, err) || !read_lifetime(answer, &lifetime_ms, err) ||
        !read_token(answer, ret_token, err)) {
        error_wrap(err, "no token");
        return false;
    }
    *ret_lifetime_ms = lifetime_ms;
    return true;
}

/* "AADSTS7000215: Invalid client secret …": the number is what can be looked up, and the sentence
 * behind it may quote what was sent. */
static void copy_code(char code[CODE_SIZE], const json_t *answer, const char *key)
{
    const char *text = json_string_value(json_object_get(answer, key));
    size_t length = 0;
    while (text != NULL && length + 1 < CODE_SIZE &&
           (isalnum((unsigned char)text[length]) || text[length] == '_'))
        length++;
    if (length > 0)
        memcpy(code, text, length);
    code[length] = '\0';
}

void azure_token_refusal(int status, const char *bytes, size_t size, struct error *err)
{
    JSON_CLEANUP json_t *answer = NULL;
    struct error ignored;
    char code[CODE_SIZE] = "", number[CODE_SIZE] = "";
    bool is_passing = status == 408 || status == 410 || status == 429 || status >= 500;

    if (json_read_object(bytes, size, &answer, &ignored)) {
        copy_code(code, answer, "error");
        copy_code(number, answer, "error_description");
    }
    error_set(err,
              is_passing      ? ERROR_UNAVAILABLE
              : status >= 400 ? ERROR_DENIED
                              : ERROR_PROTOCOL,
              "no token: status %d%s%s%s%s", status, code[0] != '\0' ? " " : "", code,
              text_starts_with(number, "AADSTS") ? " " : "",
              text_starts_with(number, "AADSTS") ? number : "");
    if (err->code == ERROR_DENIED)
        error_hint(err, "look at the tenant, the client id and its secret or assertion, and at the "
                        "end of their validity");
}
