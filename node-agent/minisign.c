/* SPDX-License-Identifier: Apache-2.0 */
#include "minisign.h"

#include "text.h"

#include <ctype.h>
#include <string.h>

#define FORM_BYTES    2
#define COMMENT_BYTES 1024 /* as minisign itself reads */

enum line { LINE_UNTRUSTED, LINE_SIGNATURE, LINE_TRUSTED, LINE_GLOBAL, LINE_COUNT };

static const char untrusted[] = "untrusted comment: ";
static const char trusted[] = "trusted comment: ";

static bool decode(const char *text, size_t length, unsigned char *bytes, size_t size)
{
    size_t decoded;
    const char *end;
    return sodium_base642bin(bytes, size, text, length, NULL, &decoded, &end,
                             sodium_base64_VARIANT_ORIGINAL) == 0 &&
           decoded == size && end == text + length;
}

/* ---- the key ---- */

bool minisign_key_parse(const char *text, struct minisign_key *ret_key, struct error *err)
{
    unsigned char bytes[FORM_BYTES + sizeof(ret_key->id) + sizeof(ret_key->bytes)];
    if (!decode(text, strlen(text), bytes, sizeof(bytes)) || memcmp(bytes, "Ed", FORM_BYTES) != 0) {
        error_set(err, ERROR_INVALID, "expected a public key of minisign, as RWQ…");
        return false;
    }
    memcpy(ret_key->id, bytes + FORM_BYTES, sizeof(ret_key->id));
    memcpy(ret_key->bytes, bytes + FORM_BYTES + sizeof(ret_key->id), sizeof(ret_key->bytes));
    return true;
}

/* The number is stored with its lowest byte first. */
static void write_id(const unsigned char id[MINISIGN_ID_BYTES], char text[MINISIGN_ID_SIZE])
{
    unsigned char turned[MINISIGN_ID_BYTES];
    for (size_t i = 0; i < MINISIGN_ID_BYTES; i++)
        turned[i] = id[MINISIGN_ID_BYTES - 1 - i];
    sodium_bin2hex(text, MINISIGN_ID_SIZE, turned, sizeof(turned));
    for (; *text != '\0'; text++)
        *text = (char)toupper((unsigned char)*text);
}

void minisign_key_write_id(const struct minisign_key *key, char text[MINISIGN_ID_SIZE])
{
    write_id(key->id, text);
}

/* ---- the signature ---- */

struct line_text {
    const char *text;
    size_t length;
};

static bool bad(struct error *err, const char *what)
{
    error_set(err, ERROR_INTEGRITY, "the signature %s", what);
    return false;
}

static bool split_lines(const char *text, struct line_text lines[LINE_COUNT])
{
    for (int i = 0; i < LINE_COUNT; i++) {
        size_t length = strcspn(text, "\n");
        bool has_end = text[length] == '\n';
        lines[i] = (struct line_text){text, length};
        if (length > 0 && text[length - 1] == '\r')
            lines[i].length--;
        if (!has_end && i + 1 < LINE_COUNT)
            return false;
        text += length + has_end;
    }
    return text[0] == '\0' && text_starts_with(lines[LINE_UNTRUSTED].text, untrusted) &&
           text_starts_with(lines[LINE_TRUSTED].text, trusted);
}

/* The comment is signed together with the signature, so that neither can be put to another. */
static bool check_comment(const struct minisign_signature *signature, struct line_text comment,
                          const unsigned char global[crypto_sign_BYTES],
                          const struct minisign_key *key)
{
    unsigned char message[crypto_sign_BYTES + COMMENT_BYTES];
    size_t prefix = strlen(trusted);
    size_t length = comment.length - prefix;
    if (comment.length < prefix || length > COMMENT_BYTES)
        return false;
    memcpy(message, signature->bytes, crypto_sign_BYTES);
    memcpy(message + crypto_sign_BYTES, comment.text + prefix, length);
    return crypto_sign_verify_detached(global, message, crypto_sign_BYTES + length, key->bytes) ==
           0;
}

static bool check_key(const struct minisign_signature *signature, const struct minisign_key *key,
                      struct error *err)
{
    char found[MINISIGN_ID_SIZE];
    char wanted[MINISIGN_ID_SIZE];
    if (memcmp(signature->id, key->id, sizeof(key->id)) == 0)
        return true;
    write_id(signature->id, found);
    write_id(key->id, wanted);
    error_set(err, ERROR_INTEGRITY, "the signature is of the key %s, expected %s", found, wanted);
    return false;
}

bool minisign_signature_parse(const char *text, const struct minisign_key *key,
                              struct minisign_signature *ret_signature, struct error *err)
{
    struct line_text lines[LINE_COUNT];
    struct minisign_signature signature;
    unsigned char bytes[FORM_BYTES + sizeof(signature.id) + sizeof(signature.bytes)];
    unsigned char global[crypto_sign_BYTES];
    if (!split_lines(text, lines) ||
        !decode(lines[LINE_SIGNATURE].text, lines[LINE_SIGNATURE].length, bytes, sizeof(bytes)) ||
        !decode(lines[LINE_GLOBAL].text, lines[LINE_GLOBAL].length, global, sizeof(global)))
        return bad(err, "is not one of minisign's");
    if (memcmp(bytes, "ED", FORM_BYTES) != 0) {
        bad(err, "is not of the form 'ED', over the hash of the file");
        error_hint(err, "sign again with minisign -H");
        return false;
    }
    memcpy(signature.id, bytes + FORM_BYTES, sizeof(signature.id));
    memcpy(signature.bytes, bytes + FORM_BYTES + sizeof(signature.id), sizeof(signature.bytes));
    if (!check_key(&signature, key, err))
        return false;
    if (!check_comment(&signature, lines[LINE_TRUSTED], global, key))
        return bad(err, "or its comment has been altered");
    *ret_signature = signature;
    return true;
}

/* ---- what is signed ---- */

static crypto_generichash_state *state_of(struct minisign_hash *hash)
{
    size_t off = (uintptr_t)hash->room % MINISIGN_HASH_ALIGNMENT;
    void *state = hash->room + (off == 0 ? 0 : MINISIGN_HASH_ALIGNMENT - off);
    return state;
}

void minisign_hash_init(struct minisign_hash *hash)
{
    crypto_generichash_init(state_of(hash), NULL, 0, crypto_generichash_BYTES_MAX);
}

void minisign_hash_add(struct minisign_hash *hash, const void *bytes, size_t size)
{
    crypto_generichash_update(state_of(hash), bytes, size);
}

bool minisign_check(struct minisign_hash *hash, const struct minisign_key *key,
                    const struct minisign_signature *signature, struct error *err)
{
    unsigned char bytes[crypto_generichash_BYTES_MAX];
    crypto_generichash_final(state_of(hash), bytes, sizeof(bytes));
    if (crypto_sign_verify_detached(signature->bytes, bytes, sizeof(bytes), key->bytes) == 0)
        return true;
    return bad(err, "is not of this artifact");
}
