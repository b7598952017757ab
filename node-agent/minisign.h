/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signatures as minisign(1) writes them: Ed25519 over the BLAKE2b-512 hash of a file (the form
 * "ED", which `minisign -H` and every version since 0.10 makes), and over signature and trusted
 * comment together. The hash is taken while the file is read for other reasons.
 *
 * The format: https://jedisct1.github.io/minisign/#signature-format
 */
#ifndef SHUNT_MINISIGN_H
#define SHUNT_MINISIGN_H

#include "error.h"

#include <sodium.h>
#include <stddef.h>

#define MINISIGN_ID_BYTES   8
#define MINISIGN_ID_SIZE    (2 * MINISIGN_ID_BYTES + 1) /* in hex, incl. NUL */
#define MINISIGN_FILE_BYTES 4096 /* of a signature; comments are of a user's making */

struct minisign_key {
    unsigned char id[MINISIGN_ID_BYTES];
    unsigned char bytes[crypto_sign_PUBLICKEYBYTES];
};

struct minisign_signature {
    unsigned char id[MINISIGN_ID_BYTES]; /* of the key that has signed */
    unsigned char bytes[crypto_sign_BYTES];
};

/* In place: never copied. libsodium wants its state at 64 bytes, which not every stack gives. */
#define MINISIGN_HASH_ALIGNMENT 64
struct minisign_hash {
    unsigned char room[sizeof(crypto_generichash_state) + MINISIGN_HASH_ALIGNMENT];
};

/* The base64 text of a public key: the second line of minisign.pub. ERROR_INVALID. */
bool minisign_key_parse(const char *text, struct minisign_key *ret_key, struct error *err);
/* The key's number as minisign(1) shows it. */
void minisign_key_write_id(const struct minisign_key *key, char text[MINISIGN_ID_SIZE]);

/* Reads a .minisig file of this key, whose comment must be as it was signed. ERROR_INTEGRITY if it
 * is of another key, of another form, or altered. What it signs is not looked at yet. */
bool minisign_signature_parse(const char *text, const struct minisign_key *key,
                              struct minisign_signature *ret_signature, struct error *err);

void minisign_hash_init(struct minisign_hash *hash);
void minisign_hash_add(struct minisign_hash *hash, const void *bytes, size_t size);

/* Once, after the last byte. ERROR_INTEGRITY unless exactly these bytes have been signed. */
bool minisign_check(struct minisign_hash *hash, const struct minisign_key *key,
                    const struct minisign_signature *signature, struct error *err);

#endif
