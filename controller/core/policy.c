/* SPDX-License-Identifier: Apache-2.0 */
#include "policy.h"

#include "check.h"
#include "text.h"

static const char *const on_failure_names[] = {
    [ON_FAILURE_PAUSE] = "pause",
    [ON_FAILURE_ROLLBACK_NODE] = "rollback-node",
    [ON_FAILURE_ROLLBACK_CLUSTER] = "rollback-cluster",
    [ON_FAILURE_QUARANTINE] = "quarantine",
};
_Static_assert(sizeof(on_failure_names) / sizeof(on_failure_names[0]) == ON_FAILURE_COUNT,
               "one name a policy");

const char *on_failure_name(enum on_failure on_failure)
{
    CHECK((unsigned)on_failure < ON_FAILURE_COUNT);
    return on_failure_names[on_failure];
}

bool on_failure_parse(const char *name, enum on_failure *ret_on_failure)
{
    for (unsigned i = 0; i < ON_FAILURE_COUNT; i++) {
        if (text_equal(on_failure_names[i], name)) {
            *ret_on_failure = (enum on_failure)i;
            return true;
        }
    }
    return false;
}
