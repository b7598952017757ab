/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"

#include <stdio.h>
#include <stdlib.h>

/* fputs() piece by piece: this must work when nothing else can be relied on any more. */
void check_failed(const char *file, int line, const char *function, const char *condition)
{
    char place[32];
    (void)snprintf(place, sizeof(place), ":%d: ", line);
    fputs(file, stderr);
    fputs(place, stderr);
    fputs(function, stderr);
    fputs("(): CHECK failed: ", stderr);
    fputs(condition, stderr);
    fputs("\n", stderr);
    abort();
}
