/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ed25519 keys of controllers, agents and operators, and signatures over exact bytes (libsodium).
 *
 * A private key file is mode 0600 and holds one line "shunt-ed25519-private:BASE64(seed)". A public
 * key is written "ed25519:BASE64(32 bytes)". Every signature covers a domain text as well, so that
 * a signed report can never pass as a command.
 */
#ifndef SHUNT_KEYS_H
#define SHUNT_KEYS_H

#include "error.h"

#include <stdbool.h>
#include <stddef.h>

#define KEY_PUBLIC_TEXT_SIZE    64 /* "ed25519:" + 44 + NUL fits */
#define KEY_SIGNATURE_TEXT_SIZE 96 /* base64 of 64 bytes + NUL fits */

struct key_public {
    unsigned char bytes[32];
};

struct key_pair; /* locked memory, kept out of core dumps */

/* Call once at program start. */
bool keys_init(struct error *err);

struct key_pair *key_pair_new(void);
/* Writes the private file (0600, durable); ERROR_CONFLICT if the path exists. */
bool key_pair_save(const struct key_pair *pair, const char *path, struct error *err);
bool key_pair_load(const char *path, struct key_pair **ret_pair, struct error *err);
void key_pair_free(struct key_pair *pair); /* wipes; NULL is fine */

void key_pair_public(const struct key_pair *pair, struct key_public *ret_public);
void key_public_write(const struct key_public *key, char text[KEY_PUBLIC_TEXT_SIZE]);
/* ERROR_INVALID saying what is wrong with the text. */
bool key_public_parse(const char *text, struct key_public *ret_key, struct error *err);

#define KEY_DOMAIN_COMMAND   "shunt command v1"
#define KEY_DOMAIN_REPORT    "shunt report v1"
#define KEY_DOMAIN_REQUEST   "shunt request v1"
#define KEY_DOMAIN_ENROLMENT "shunt enrolment v1"

void key_sign(const struct key_pair *pair, const char *domain, const void *bytes, size_t size,
              char signature[KEY_SIGNATURE_TEXT_SIZE]);
/* ERROR_DENIED if the signature is malformed or not of this key, domain and bytes. */
bool key_verify(const struct key_public *key, const char *domain, const void *bytes, size_t size,
                const char *signature, struct error *err);

/* 128 random bits in hex, for ids; 33 bytes. */
void key_random_id(char text[33]);

#endif
