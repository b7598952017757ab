/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the driver's own cases share: one gateway of the stand-in, and calls on it.
 *
 * Its pool `bb` has two servers that are up (10.0.0.1, 10.0.0.2) and one that is down
 * (node3.example.com), and lets old requests go on for 2 s; the pool `single` has 10.0.1.1 alone.
 */
#ifndef SHUNT_CONTRACT_AZURE_CASE_H
#define SHUNT_CONTRACT_AZURE_CASE_H

#include "azure_standin.h"

#include "cmocka_setup.h"

#define GATEWAY AZURE_GATEWAY "gw"
#define POOL    GATEWAY "/backendAddressPools/bb"
#define FIRST   "bb/10.0.0.1"

#define CALL_MS     5000
#define PATIENCE_MS 15000

extern struct lb azure_lb;
extern struct error azure_err; /* of the last call that failed */

/* One call, and calls until it is done, or fails otherwise than by being under way. */
bool azure_set(const char *member, enum lb_admin admin);
bool azure_set_to_end(const char *member, enum lb_admin admin);
bool azure_try_read(const char *member, struct lb_member_state *ret_state);
struct lb_member_state azure_state_of(const char *member);

#define assert_set(member, admin)                                                                  \
    do {                                                                                           \
        if (!azure_set_to_end((member), (admin)))                                                  \
            fail_msg("%s: %s", (member), azure_err.message);                                       \
    } while (0)

/* Requests that ARM has had, and tokens that were given. */
json_int_t azure_count_of(const char *method);
json_int_t azure_token_count(void);
/* The gateway, with what ARM never shows; the caller's. */
json_t *azure_gateway_document(void);

int azure_begin(void **unused);
int azure_end(void **unused);
/* As after a restart of the controller. */
void azure_forget(void);

#define CASE(name) cmocka_unit_test_setup_teardown(name, azure_begin, azure_end)

/* Runs them with a stand-in; the exit status. */
#define azure_run(name, cases)                                                                     \
    (azure_run_begin(), azure_run_end(cmocka_run_group_tests_name(name, cases, NULL, NULL)))
void azure_run_begin(void);
int azure_run_end(int failures);

#endif
