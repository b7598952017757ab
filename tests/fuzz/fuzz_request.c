/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as an operator's request: what is read keeps its bounds and comes out of its own
 * writing again. */
#include "check.h"
#include "request.h"
#include "text.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct request request, again;
    struct error err = {0};
    if (!request_read((const char *)data, size, &request, &err)) {
        CHECK(err.code == ERROR_PROTOCOL || err.code == ERROR_INVALID);
        CHECK(err.message[0] != '\0');
        return 0;
    }
    CHECK(request_verb_name(request.verb) != NULL);
    CHECK(request_verb_role(request.verb) <= ROLE_APPROVER);
    CHECK(text_is_name(request.id) && text_is_name(request.cluster));
    CHECK(request.issued_ms >= 0 && request.expires_ms >= 0);
    char *text = request_write(&request);
    CHECK(request_read(text, strlen(text), &again, &err));
    char *second = request_write(&again);
    CHECK(strcmp(text, second) == 0);
    free(text);
    free(second);
    return 0;
}
