/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as an agent's enrolment, and as a signed text: what is read of that comes out of its
 * own writing again, byte for byte. */
#include "check.h"
#include "enrolment.h"
#include "signed_text.h"
#include "text.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_signed_text(const char *bytes, size_t size)
{
    struct signed_text text;
    struct error err = {0};
    if (!signed_text_read(bytes, size, &text, &err)) {
        CHECK(err.code == ERROR_PROTOCOL);
        return;
    }
    char *again = signed_text_write(&text);
    CHECK(strlen(again) == size && memcmp(again, bytes, size) == 0);
    free(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct enrolment enrolment;
    struct error err = {0};
    CHECK(keys_init(&err));
    read_signed_text((const char *)data, size);
    if (enrolment_read((const char *)data, size, "git", "bb1", &enrolment, &err)) {
        CHECK(text_equal(enrolment.cluster, "git") && text_equal(enrolment.node, "bb1"));
        CHECK(enrolment.made_ms >= 0);
        return 0;
    }
    CHECK(err.code == ERROR_PROTOCOL || err.code == ERROR_DENIED);
    CHECK(err.message[0] != '\0');
    return 0;
}
