/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What ARM's refusals mean. Pure.
 */
#ifndef SHUNT_AZURE_REFUSAL_H
#define SHUNT_AZURE_REFUSAL_H

#include "error.h"
#include "json.h"

/* For any status but 2xx. ERROR_BUSY: somebody else's change is under way or was first, and what is
 * asked for has to be computed anew from the resource as it is then: refusals by another operation,
 * also with 429, and a precondition (412) that no longer holds. Else: too many requests and a
 * server in trouble ERROR_UNAVAILABLE, 401 and 403 ERROR_DENIED, 404 ERROR_NOT_FOUND, 409
 * ERROR_CONFLICT, another 4xx ERROR_INVALID, anything else ERROR_PROTOCOL. ARM's code and message
 * are told where the body has them. */
void azure_refusal(int status, const char *bytes, size_t size, struct error *err);

/* The end of an operation: true for Succeeded. Else false with err: ERROR_BUSY where it was
 * overtaken, ERROR_UNAVAILABLE where Azure itself was in trouble, otherwise ERROR_CONFLICT with
 * ARM's code and message. Not for an operation that goes on. */
bool azure_check_end(const json_t *operation, struct error *err);

/* `status` of an operation is none of those that end it. */
bool azure_goes_on(const json_t *operation);

/* Reads the body of Azure-AsyncOperation. */
bool azure_operation_parse(const char *bytes, size_t size, json_t **ret_operation,
                           struct error *err);

#endif
