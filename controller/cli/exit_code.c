/* SPDX-License-Identifier: Apache-2.0 */
#include "exit_code.h"

#include "check.h"

static const char *const meanings[] = {
    [EXIT_CODE_OK] = "done",
    [EXIT_CODE_INTERNAL] = "internal or system error, or an answer that cannot be understood",
    [EXIT_CODE_USAGE] = "wrong use: nothing was asked",
    [EXIT_CODE_CONFIGURATION] = "the configuration, a key file or a password file is wrong",
    [EXIT_CODE_ROLLED_BACK] = "the upgrade ended rolled back",
    [EXIT_CODE_REFUSED] = "refused (failed checks, role, conflict): nothing was done",
    [EXIT_CODE_WAITING] = "the upgrade waits for a decision",
    [EXIT_CODE_NO_ANSWER] =
        "no answer: Redis is away, or no controller leads the cluster or takes it over",
    [EXIT_CODE_FAILED] = "the upgrade ended failed or aborted",
};
_Static_assert(sizeof(meanings) / sizeof(meanings[0]) == EXIT_CODE_COUNT, "one line a code");

/* What an error code means for the exit status, by where the error comes from. */
static const struct {
    enum exit_code here, answered;
} codes[] = {
    [ERROR_NONE] = {EXIT_CODE_OK, EXIT_CODE_OK},
    [ERROR_INVALID] = {EXIT_CODE_CONFIGURATION, EXIT_CODE_REFUSED},
    [ERROR_NOT_FOUND] = {EXIT_CODE_CONFIGURATION, EXIT_CODE_REFUSED},
    [ERROR_DENIED] = {EXIT_CODE_CONFIGURATION, EXIT_CODE_REFUSED},
    [ERROR_CONFLICT] = {EXIT_CODE_REFUSED, EXIT_CODE_REFUSED},
    [ERROR_UNAVAILABLE] = {EXIT_CODE_NO_ANSWER, EXIT_CODE_INTERNAL},
    [ERROR_TIMEOUT] = {EXIT_CODE_NO_ANSWER, EXIT_CODE_INTERNAL},
    [ERROR_FULL] = {EXIT_CODE_INTERNAL, EXIT_CODE_INTERNAL},
    [ERROR_INTEGRITY] = {EXIT_CODE_INTERNAL, EXIT_CODE_INTERNAL},
    [ERROR_PROTOCOL] = {EXIT_CODE_INTERNAL, EXIT_CODE_INTERNAL},
    [ERROR_RELEASE] = {EXIT_CODE_INTERNAL, EXIT_CODE_INTERNAL},
    [ERROR_STALE] = {EXIT_CODE_INTERNAL, EXIT_CODE_REFUSED},
    [ERROR_BUSY] = {EXIT_CODE_REFUSED, EXIT_CODE_REFUSED},
    [ERROR_CANCELLED] = {EXIT_CODE_REFUSED, EXIT_CODE_REFUSED},
    [ERROR_SYSTEM] = {EXIT_CODE_INTERNAL, EXIT_CODE_INTERNAL},
};
_Static_assert(sizeof(codes) / sizeof(codes[0]) == ERROR_CODE_COUNT, "one row an error code");

const char *exit_code_meaning(enum exit_code code)
{
    CHECK((unsigned)code < EXIT_CODE_COUNT);
    return meanings[code];
}

enum exit_code exit_code_of_error(const struct error *err)
{
    CHECK((unsigned)err->code < ERROR_CODE_COUNT);
    return codes[err->code].here;
}

enum exit_code exit_code_of_answer(const struct error *err)
{
    CHECK((unsigned)err->code < ERROR_CODE_COUNT);
    return codes[err->code].answered;
}

enum exit_code exit_code_of_outcome(enum outcome outcome)
{
    switch (outcome) {
    case OUTCOME_NONE:
    case OUTCOME_DONE:
        return EXIT_CODE_OK;
    case OUTCOME_ROLLED_BACK:
        return EXIT_CODE_ROLLED_BACK;
    case OUTCOME_ABORTED:
    case OUTCOME_FAILED:
        return EXIT_CODE_FAILED;
    case OUTCOME_COUNT:
        break;
    }
    CHECK(!"an outcome of no kind");
    return EXIT_CODE_INTERNAL;
}
