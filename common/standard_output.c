/* SPDX-License-Identifier: Apache-2.0 */
#include "standard_output.h"

#include <errno.h>
#include <stdio.h>

bool standard_output_flush(struct error *err)
{
    bool was_lost = ferror(stdout) != 0;
    errno = EIO; /* of a write before this one, whose reason is not known any more */
    if (fflush(stdout) == 0 && !was_lost)
        return true;
    error_set_errno(err, errno, "standard output");
    return false;
}
