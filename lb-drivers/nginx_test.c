/* SPDX-License-Identifier: Apache-2.0 */
/* `nginx -t`, which must be content before anything is reloaded. */
#include "nginx_master.h"

#include "child.h"
#include "nginx_title.h"

#include <stddef.h>

bool nginx_master_test(const char *binary, const char *prefix, const char *config_path,
                       struct deadline deadline, struct error *err)
{
    const char *const argv[] = {binary, "-t", "-q", "-c", config_path, prefix != NULL ? "-p" : NULL,
                                prefix, NULL};
    static const char *const environment[] = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C",
                                              NULL};
    struct child_request request = {.argv = argv, .environment = environment, .deadline = deadline};
    struct child_result result;

    if (!child_run(&request, &result, err))
        return false;
    bool is_good = !result.timed_out && result.exit_status == 0;
    if (result.timed_out)
        error_set(err, ERROR_TIMEOUT, "nginx -t did not end in time");
    else if (!is_good)
        nginx_test_failed(buffer_text(&result.output), err);
    child_result_done(&result);
    return is_good;
}
