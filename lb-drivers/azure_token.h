/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A token for ARM: from Entra ID, for a secret or for an assertion that a platform wrote into a
 * file, or from the host's own identity (IMDS). Tokens and secrets stand in no message, and are
 * wiped when they are done with.
 */
#ifndef SHUNT_AZURE_TOKEN_H
#define SHUNT_AZURE_TOKEN_H

#include "azure_options.h"
#include "buffer.h"

#define AZURE_TOKEN_BYTES 16384 /* Entra ID's have 1 to 4 KB */

/* A token is initialised by azure_token_init(), and ended by secret_wipe(). */
void azure_token_init(struct buffer *token);
bool azure_token_fetch(const struct lb_options *options, struct deadline deadline,
                       struct buffer *ret_token, int64_t *ret_lifetime_ms, struct error *err);

/* When to get a new one: five minutes before the end, or half way to it where it lives shortly. */
int64_t azure_token_renew_ms(int64_t lifetime_ms);

/* Pure, in azure_token_read.c: the answer with a token, and the refusal of one. */
bool azure_token_parse(const char *bytes, size_t size, struct buffer *ret_token,
                       int64_t *ret_lifetime_ms, struct error *err);
void azure_token_refusal(int status, const char *bytes, size_t size, struct error *err);
/* Pure: adds "&KEY=VALUE" of a form, escaped; the first without the ampersand. */
bool azure_form_add(struct buffer *form, const char *key, const char *value);

#endif
