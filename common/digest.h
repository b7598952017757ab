/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SHA-256 of a stream, in lower-case hex. OpenSSL's, which uses the processor's own instructions:
 * an artifact has 300 MB and more, and libsodium takes five times as long for it.
 */
#ifndef SHUNT_DIGEST_H
#define SHUNT_DIGEST_H

#include "error.h"
#include "limit.h"

#include <openssl/sha.h>
#include <stddef.h>

struct digest {
    SHA256_CTX state;
};

void digest_init(struct digest *digest);
void digest_add(struct digest *digest, const void *bytes, size_t size);
/* The digest so far; more may be added afterwards. */
void digest_write(const struct digest *digest, char text[LIMIT_SHA256_HEX]);

/* ERROR_INTEGRITY unless the digest is `wanted`. */
bool digest_check(const struct digest *digest, const char *wanted, struct error *err);

#endif
