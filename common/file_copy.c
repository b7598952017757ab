/* SPDX-License-Identifier: Apache-2.0 */
#include "file.h"

#include <errno.h>
#include <sys/sendfile.h>
#include <unistd.h>

#define STEP_BYTES (16UL * 1024 * 1024) /* of the kernel's */

/* Within a file system the kernel may share the blocks; between two it copies the bytes. */
static ssize_t copy_some(int from, int to)
{
    ssize_t size = copy_file_range(from, NULL, to, NULL, STEP_BYTES, 0);
    if (size < 0 && (errno == EXDEV || errno == EINVAL || errno == EOPNOTSUPP || errno == ENOSYS))
        size = sendfile(to, from, NULL, STEP_BYTES);
    return size;
}

bool file_copy(int from, int to, struct error *err)
{
    ssize_t size = 1;
    while (size > 0)
        size = copy_some(from, to);
    if (size < 0)
        error_set_errno(err, errno, "copy");
    return size == 0;
}
