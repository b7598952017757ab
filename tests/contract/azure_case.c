/* SPDX-License-Identifier: Apache-2.0 */
#include "azure_case.h"

#include "check.h"
#include "http.h"

#include <poll.h>

struct lb azure_lb;
struct error azure_err;

bool azure_set(const char *member, enum lb_admin admin)
{
    return azure_lb.driver->set_members(&azure_lb, &member, 1, admin, deadline_after_ms(CALL_MS),
                                        &azure_err);
}

/* Asks until it is done, or fails otherwise than by being under way. */
bool azure_set_to_end(const char *member, enum lb_admin admin)
{
    struct deadline patience = deadline_after_ms(PATIENCE_MS);
    while (!azure_set(member, admin)) {
        if (azure_err.code != ERROR_BUSY || deadline_is_over(patience))
            return false;
        poll(NULL, 0, 5);
    }
    return true;
}

bool azure_try_read(const char *member, struct lb_member_state *ret_state)
{
    return azure_lb.driver->read_members(&azure_lb, &member, 1, deadline_after_ms(CALL_MS),
                                         ret_state, &azure_err);
}

struct lb_member_state azure_state_of(const char *member)
{
    struct lb_member_state state;
    if (!azure_try_read(member, &state))
        fail_msg("%s: %s", member, azure_err.message);
    return state;
}

json_int_t azure_count_of(const char *method)
{
    json_t *report = azure_standin_report();
    json_int_t count =
        json_integer_value(json_object_get(json_object_get(report, "counts"), method));
    json_decref(report);
    return count;
}

json_int_t azure_token_count(void)
{
    json_t *report = azure_standin_report();
    json_int_t count = json_integer_value(json_object_get(report, "tokens"));
    json_decref(report);
    return count;
}

/* Of the gateway, with what ARM never shows. */
json_t *azure_gateway_document(void)
{
    json_t *report = azure_standin_report();
    json_t *document = json_incref(json_object_get(json_object_get(report, "secrets"), GATEWAY));
    json_decref(report);
    return document;
}

int azure_begin(void **unused)
{
    (void)unused;
    azure_standin_setup("{\"reset\": true, \"gateway\": {\"" GATEWAY "\": {\"pools\": {\"bb\": "
                        "[\"10.0.0.1\", \"10.0.0.2\", \"node3.example.com\"], "
                        "\"single\": [\"10.0.1.1\"]}, \"drain_s\": 2}}}");
    azure_standin_setup("{\"faults\": {\"health\": {\"10.0.0.1\": \"Up\", \"10.0.0.2\": \"Up\", "
                        "\"node3.example.com\": \"Down\", \"10.0.1.1\": \"Up\"}}}");
    azure_standin_configure(&azure_lb, GATEWAY);
    lb_open(&azure_lb);
    return 0;
}

int azure_end(void **unused)
{
    (void)unused;
    lb_close(&azure_lb);
    azure_standin_release(&azure_lb);
    return 0;
}

/* As after a restart of the controller. */
void azure_forget(void)
{
    lb_close(&azure_lb);
    lb_open(&azure_lb);
}

void azure_run_begin(void)
{
    CHECK(http_init(&azure_err));
    azure_standin_start();
}

int azure_run_end(int failures)
{
    azure_standin_stop();
    return failures == 0 ? 0 : 1;
}
