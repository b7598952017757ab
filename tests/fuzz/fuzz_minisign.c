/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signature files: no text that is not of the key passes, and all are read within their bounds.
 */
#include "buffer.h"
#include "check.h"
#include "minisign.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char text[] = "RWR6ggn/hO5hsJx/e+fCYO0Vrm7rEBRAq1zwpqHdQTjAPUv4m23Pj/aL";
    struct buffer BUFFER_CLEANUP given;
    struct minisign_key key;
    struct minisign_signature signature;
    struct minisign_hash hash;
    struct error err;
    buffer_init(&given, MINISIGN_FILE_BYTES);
    CHECK(minisign_key_parse(text, &key, &err));
    if (!buffer_add(&given, data, size) ||
        !minisign_signature_parse(buffer_text(&given), &key, &signature, &err))
        return 0;
    minisign_hash_init(&hash);
    CHECK(!minisign_check(&hash, &key, &signature, &err)); /* of nothing, which is not signed */
    return 0;
}
