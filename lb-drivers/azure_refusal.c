/* SPDX-License-Identifier: Apache-2.0 */
#include "azure_refusal.h"

#include "text.h"

#include <string.h>
#include <strings.h>

#define CODE_SIZE    96
#define MESSAGE_SIZE 320

struct complaint {
    char code[CODE_SIZE];
    char message[MESSAGE_SIZE];
};

/* What fits, in one line. */
static void copy(char *array, size_t array_size, const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    size_t length = 0, character;

    while (text != NULL && (character = text_utf8_size(text + length)) > 0 &&
           length + character < array_size) {
        memcpy(array + length, text + length, character);
        if (character == 1 && (array[length] < ' ' || array[length] == 0x7f))
            array[length] = ' ';
        length += character;
    }
    array[length] = '\0';
}

static void read_complaint(const json_t *document, struct complaint *complaint)
{
    const json_t *error = json_object_get(document, "error");
    copy(complaint->code, sizeof(complaint->code), error, "code");
    copy(complaint->message, sizeof(complaint->message), error, "message");
}

static void read_body(const char *bytes, size_t size, struct complaint *complaint)
{
    JSON_CLEANUP json_t *document = NULL;
    struct error ignored;
    *complaint = (struct complaint){.code = ""};
    if (json_read_object(bytes, size, &document, &ignored))
        read_complaint(document, complaint);
}

/* Codes that say more than the status does. */
static const struct {
    const char *code;
    enum error_code meaning;
} known_codes[] = {
    {"RetryableErrorDueToAnotherOperation", ERROR_BUSY}, /* with 429, and is no throttling */
    {"AnotherOperationInProgress", ERROR_BUSY},          /* 400 or 409 */
    {"CanceledAndSupersededDueToAnotherOperation", ERROR_BUSY},
    {"OperationPreempted", ERROR_BUSY},
    {"RetryableError", ERROR_UNAVAILABLE},
    {"InternalServerError", ERROR_UNAVAILABLE},
    {"InternalError", ERROR_UNAVAILABLE},
};

static bool find_code(const char *code, enum error_code *ret_meaning)
{
    for (size_t i = 0; i < sizeof(known_codes) / sizeof(known_codes[0]); i++) {
        if (strcasecmp(code, known_codes[i].code) != 0)
            continue;
        *ret_meaning = known_codes[i].meaning;
        return true;
    }
    return false;
}

static const struct {
    int least, most;
    enum error_code code;
    const char *hint;
} statuses[] = {
    {401, 401, ERROR_DENIED, "look at management_url, and at the tenant of its subscription"},
    {403, 403, ERROR_DENIED,
     "give the identity a role that may read and write it, join its subnets, and ask "
     "backendhealth"},
    {404, 404, ERROR_NOT_FOUND, "look at the ids in the configuration, and at the identity's role"},
    {408, 408, ERROR_UNAVAILABLE, ""},
    {409, 409, ERROR_CONFLICT, ""},
    {412, 412, ERROR_BUSY, ""},
    {429, 429, ERROR_UNAVAILABLE, ""},
    {400, 499, ERROR_INVALID, ""},
    {500, 599, ERROR_UNAVAILABLE, ""},
    {0, 999, ERROR_PROTOCOL, ""},
};

void azure_refusal(int status, const char *bytes, size_t size, struct error *err)
{
    struct complaint complaint;
    size_t row = 0;

    read_body(bytes, size, &complaint);
    while (row + 1 < sizeof(statuses) / sizeof(statuses[0]) &&
           (status < statuses[row].least || status > statuses[row].most))
        row++;
    enum error_code code = statuses[row].code;
    (void)find_code(complaint.code, &code);
    if (complaint.code[0] != '\0')
        error_set(err, code, "status %d: %s: %s", status, complaint.code, complaint.message);
    else
        error_set(err, code, "status %d", status);
    if (statuses[row].hint[0] != '\0')
        error_hint(err, "%s", statuses[row].hint);
}

bool azure_operation_parse(const char *bytes, size_t size, json_t **ret_operation,
                           struct error *err)
{
    JSON_CLEANUP json_t *operation = NULL;
    char status[CODE_SIZE];

    if (!json_read_object(bytes, size, &operation, err) ||
        !json_get_text(operation, "status", status, sizeof(status), err)) {
        error_wrap(err, "no state of an operation");
        return false;
    }
    *ret_operation = json_incref(operation);
    return true;
}

static bool has_status(const json_t *operation, const char *word)
{
    const char *status = json_string_value(json_object_get(operation, "status"));
    return status != NULL && strcasecmp(status, word) == 0;
}

bool azure_goes_on(const json_t *operation)
{
    return !has_status(operation, "Succeeded") && !has_status(operation, "Failed") &&
           !has_status(operation, "Canceled");
}

bool azure_check_end(const json_t *operation, struct error *err)
{
    struct complaint complaint;
    enum error_code code = ERROR_CONFLICT;

    if (has_status(operation, "Succeeded"))
        return true;
    read_complaint(operation, &complaint);
    (void)find_code(complaint.code, &code);
    error_set(err, code, "the update ended as %s: %s: %s",
              has_status(operation, "Failed") ? "Failed" : "Canceled",
              complaint.code[0] != '\0' ? complaint.code : "no code", complaint.message);
    if (code == ERROR_CONFLICT)
        error_hint(err, "look at the resource's activity log");
    return false;
}
