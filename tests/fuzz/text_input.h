/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The fuzzer of functions that take a file's text: what has a NUL byte never gets to them. A
 * fuzzer that includes this has check_text() alone to write.
 */
#ifndef SHUNT_TEXT_INPUT_H
#define SHUNT_TEXT_INPUT_H

#include <stdint.h>
#include <string.h>

#define TEXT_INPUT_SIZE 4096

static void check_text(const char *text);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char text[TEXT_INPUT_SIZE];
    if (size >= sizeof(text) || memchr(data, 0, size) != NULL)
        return 0;
    memcpy(text, data, size);
    text[size] = '\0';
    check_text(text);
    return 0;
}

#endif
