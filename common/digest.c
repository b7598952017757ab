/* SPDX-License-Identifier: Apache-2.0 */
/* The plain functions, deprecated in favour of EVP's: a digest here is a value, which is copied and
 * has no end that frees it. */
#define OPENSSL_SUPPRESS_DEPRECATED

#include "digest.h"

#include "check.h"
#include "text.h"

#include <sodium.h>

void digest_init(struct digest *digest)
{
    int is_done = SHA256_Init(&digest->state);
    CHECK(is_done == 1);
}

void digest_add(struct digest *digest, const void *bytes, size_t size)
{
    int is_done = SHA256_Update(&digest->state, bytes, size);
    CHECK(is_done == 1);
}

void digest_write(const struct digest *digest, char text[LIMIT_SHA256_HEX])
{
    unsigned char bytes[SHA256_DIGEST_LENGTH];
    SHA256_CTX copy = digest->state;
    int is_done = SHA256_Final(bytes, &copy);
    CHECK(is_done == 1);
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
