/* SPDX-License-Identifier: Apache-2.0 */
#include "keys.h"

#include "buffer.h"
#include "check.h"
#include "file.h"
#include "memory.h"
#include "text.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PRIVATE_PREFIX    "shunt-ed25519-private:"
#define SEED_TEXT_SIZE    sodium_base64_ENCODED_LEN(crypto_sign_SEEDBYTES, BASE64)
#define PRIVATE_FILE_SIZE (sizeof(PRIVATE_PREFIX) + SEED_TEXT_SIZE + 1)
#define PUBLIC_PREFIX     "ed25519:"
#define SECRET_FILE_BYTES 4096 /* what file_read_secret() reads at most */
#define BASE64            sodium_base64_VARIANT_ORIGINAL

struct key_pair {
    unsigned char seed[crypto_sign_SEEDBYTES];
    unsigned char public[crypto_sign_PUBLICKEYBYTES];
    unsigned char secret[crypto_sign_SECRETKEYBYTES];
};

_Static_assert(sizeof(struct key_public) == crypto_sign_PUBLICKEYBYTES, "Ed25519 public key");

bool keys_init(struct error *err)
{
    if (sodium_init() >= 0)
        return true;
    error_set(err, ERROR_SYSTEM, "libsodium cannot be initialised");
    return false;
}

/* sodium_malloc() locks the pages, keeps them out of core dumps and wipes them when freed. */
static struct key_pair *allocate_pair(void)
{
    struct key_pair *pair = sodium_malloc(sizeof(*pair));
    CHECK(pair != NULL);
    return pair;
}

struct key_pair *key_pair_new(void)
{
    struct key_pair *pair = allocate_pair();
    randombytes_buf(pair->seed, sizeof(pair->seed));
    crypto_sign_seed_keypair(pair->public, pair->secret, pair->seed);
    return pair;
}

void key_pair_free(struct key_pair *pair)
{
    sodium_free(pair);
}

/* True if the text is the base64 of exactly `size` bytes. */
static bool decode_base64(const char *text, unsigned char *bytes, size_t size)
{
    size_t decoded;
    const char *end;
    return sodium_base642bin(bytes, size, text, strlen(text), NULL, &decoded, &end, BASE64) == 0 &&
           decoded == size && *end == '\0';
}

/* O_EXCL rather than a rename: a key that exists is never replaced, whoever makes it meanwhile. */
static bool write_new_file(const char *path, const char *text, struct error *err)
{
    size_t size = strlen(text);
    CLOSE_CLEANUP int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0 && errno == EEXIST) {
        error_set(err, ERROR_CONFLICT, "key file '%s' exists already", path);
        return false;
    }
    if (fd < 0) {
        error_set_errno(err, errno, "make key file '%s'", path);
        return false;
    }
    ssize_t written = write(fd, text, size);
    if (written == (ssize_t)size && fsync(fd) == 0)
        return true;
    error_set_errno(err, written >= 0 && written != (ssize_t)size ? ENOSPC : errno,
                    "write key file '%s'", path);
    unlink(path);
    return false;
}

bool key_pair_save(const struct key_pair *pair, const char *path, struct error *err)
{
    char seed[SEED_TEXT_SIZE], text[PRIVATE_FILE_SIZE];
    sodium_bin2base64(seed, sizeof(seed), pair->seed, sizeof(pair->seed), BASE64);
    snprintf(text, sizeof(text), PRIVATE_PREFIX "%s\n", seed);
    bool is_written = write_new_file(path, text, err);
    sodium_memzero(seed, sizeof(seed));
    sodium_memzero(text, sizeof(text));
    if (!is_written)
        return false;
    FREE_CLEANUP char *copy = memory_text(path);
    return file_sync_directory(dirname(copy), err);
}

static bool parse_private(const char *text, struct key_pair *pair)
{
    if (!text_starts_with(text, PRIVATE_PREFIX) ||
        !decode_base64(text + strlen(PRIVATE_PREFIX), pair->seed, sizeof(pair->seed)))
        return false;
    crypto_sign_seed_keypair(pair->public, pair->secret, pair->seed);
    return true;
}

bool key_pair_load(const char *path, struct key_pair **ret_pair, struct error *err)
{
    BUFFER_CLEANUP struct buffer text;
    buffer_init(&text, SECRET_FILE_BYTES);
    bool is_read = file_read_secret(path, &text, err);
    struct key_pair *pair = allocate_pair();
    bool is_good = is_read && strlen(buffer_text(&text)) == text.length &&
                   parse_private(buffer_text(&text), pair);
    if (text.data)
        sodium_memzero(text.data, text.capacity);
    if (is_good) {
        *ret_pair = pair;
        return true;
    }
    if (is_read)
        error_set(err, ERROR_INVALID, "'%s' is no private key file: \"%s…\" is expected", path,
                  PRIVATE_PREFIX);
    key_pair_free(pair);
    return false;
}

void key_pair_public(const struct key_pair *pair, struct key_public *ret_public)
{
    memcpy(ret_public->bytes, pair->public, sizeof(ret_public->bytes));
}

void key_public_write(const struct key_public *key, char text[KEY_PUBLIC_TEXT_SIZE])
{
    char bytes[sodium_base64_ENCODED_LEN(sizeof(key->bytes), BASE64)];
    sodium_bin2base64(bytes, sizeof(bytes), key->bytes, sizeof(key->bytes), BASE64);
    snprintf(text, KEY_PUBLIC_TEXT_SIZE, PUBLIC_PREFIX "%s", bytes);
}

bool key_public_parse(const char *text, struct key_public *ret_key, struct error *err)
{
    struct key_public key;
    if (!text_starts_with(text, PUBLIC_PREFIX)) {
        error_set(err, ERROR_INVALID, "a public key begins with \"%s\"", PUBLIC_PREFIX);
        return false;
    }
    if (!decode_base64(text + strlen(PUBLIC_PREFIX), key.bytes, sizeof(key.bytes))) {
        error_set(err, ERROR_INVALID, "a public key is the base64 of 32 bytes after \"%s\"",
                  PUBLIC_PREFIX);
        return false;
    }
    if (!crypto_core_ed25519_is_valid_point(key.bytes)) {
        error_set(err, ERROR_INVALID, "these 32 bytes are no Ed25519 public key");
        return false;
    }
    *ret_key = key;
    return true;
}

/* domain NUL bytes: no domain is a prefix of another, so no signature fits two of them. */
static unsigned char *join_domain(const char *domain, const void *bytes, size_t size,
                                  size_t *ret_size)
{
    size_t domain_size = strlen(domain) + 1;
    unsigned char *joined = memory_zeroed(domain_size + size, 1);
    memcpy(joined, domain, domain_size);
    if (size > 0)
        memcpy(joined + domain_size, bytes, size);
    *ret_size = domain_size + size;
    return joined;
}

void key_sign(const struct key_pair *pair, const char *domain, const void *bytes, size_t size,
              char signature[KEY_SIGNATURE_TEXT_SIZE])
{
    unsigned char raw[crypto_sign_BYTES];
    size_t joined_size;
    FREE_CLEANUP unsigned char *joined = join_domain(domain, bytes, size, &joined_size);
    crypto_sign_detached(raw, NULL, joined, joined_size, pair->secret);
    sodium_bin2base64(signature, KEY_SIGNATURE_TEXT_SIZE, raw, sizeof(raw), BASE64);
}

bool key_verify(const struct key_public *key, const char *domain, const void *bytes, size_t size,
                const char *signature, struct error *err)
{
    unsigned char raw[crypto_sign_BYTES];
    size_t joined_size;
    if (!decode_base64(signature, raw, sizeof(raw))) {
        error_set(err, ERROR_DENIED, "the signature is malformed");
        return false;
    }
    FREE_CLEANUP unsigned char *joined = join_domain(domain, bytes, size, &joined_size);
    if (crypto_sign_verify_detached(raw, joined, joined_size, key->bytes) == 0)
        return true;
    error_set(err, ERROR_DENIED, "the signature is not of this key and %s", domain);
    return false;
}

void key_random_id(char text[33])
{
    unsigned char bytes[16];
    randombytes_buf(bytes, sizeof(bytes));
    sodium_bin2hex(text, 33, bytes, sizeof(bytes));
}
