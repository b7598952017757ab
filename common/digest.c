/* SPDX-License-Identifier: Apache-2.0 */
#include "digest.h"

#include "text.h"

void digest_init(struct digest *digest)
{
    crypto_hash_sha256_init(&digest->state);
}

void digest_add(struct digest *digest, const void *bytes, size_t size)
{
    crypto_hash_sha256_update(&digest->state, bytes, size);
}

void digest_write(const struct digest *digest, char text[LIMIT_SHA256_HEX])
{
    unsigned char bytes[crypto_hash_sha256_BYTES];
    crypto_hash_sha256_state copy = digest->state;
    crypto_hash_sha256_final(&copy, bytes);
    sodium_bin2hex(text, LIMIT_SHA256_HEX, bytes, sizeof(bytes));
}

bool digest_check(const struct digest *digest, const char *wanted, struct error *err)
{
    char found[LIMIT_SHA256_HEX];
    digest_write(digest, found);
    if (text_equal(found, wanted))
        return true;
    error_set(err, ERROR_INTEGRITY, "hash is %s, expected %s", found, wanted);
    return false;
}
