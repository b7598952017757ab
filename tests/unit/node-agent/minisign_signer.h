/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signs as minisign(1) does, with a key made here.
 */
#ifndef SHUNT_MINISIGN_SIGNER_H
#define SHUNT_MINISIGN_SIGNER_H

#include "minisign.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#define SIGNER_COMMENT "for a test"

struct signer {
    struct minisign_key key;
    unsigned char secret[crypto_sign_SECRETKEYBYTES];
};

static inline struct signer signer_make(unsigned char number)
{
    struct signer signer = {.key = {.id = {number}}};
    unsigned char seed[crypto_sign_SEEDBYTES] = {number};
    crypto_sign_seed_keypair(signer.key.bytes, signer.secret, seed);
    return signer;
}

static inline void signer_write(char *text, size_t size, const unsigned char *bytes, size_t length)
{
    sodium_bin2base64(text, size, bytes, length, sodium_base64_VARIANT_ORIGINAL);
}

/* The text of the .minisig file. */
static inline void signer_sign(const struct signer *signer, const void *bytes, size_t size,
                               char text[MINISIGN_FILE_BYTES])
{
    unsigned char hash[crypto_generichash_BYTES_MAX];
    unsigned char signature[2 + MINISIGN_ID_BYTES + crypto_sign_BYTES] = "ED";
    unsigned char commented[crypto_sign_BYTES + sizeof(SIGNER_COMMENT) - 1];
    unsigned char global[crypto_sign_BYTES];
    char signature_text[128], global_text[128];
    crypto_generichash(hash, sizeof(hash), bytes, size, NULL, 0);
    memcpy(signature + 2, signer->key.id, MINISIGN_ID_BYTES);
    crypto_sign_detached(signature + 2 + MINISIGN_ID_BYTES, NULL, hash, sizeof(hash),
                         signer->secret);
    memcpy(commented, signature + 2 + MINISIGN_ID_BYTES, crypto_sign_BYTES);
    memcpy(commented + crypto_sign_BYTES, SIGNER_COMMENT, sizeof(SIGNER_COMMENT) - 1);
    crypto_sign_detached(global, NULL, commented, sizeof(commented), signer->secret);
    signer_write(signature_text, sizeof(signature_text), signature, sizeof(signature));
    signer_write(global_text, sizeof(global_text), global, sizeof(global));
    snprintf(text, MINISIGN_FILE_BYTES,
             "untrusted comment: x\n%s\ntrusted comment: " SIGNER_COMMENT "\n%s\n", signature_text,
             global_text);
}

#endif
