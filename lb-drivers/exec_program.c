/* SPDX-License-Identifier: Apache-2.0 */
#include "exec_program.h"

#include "check.h"
#include "child.h"
#include "exec_answer.h"
#include "memory.h"

#include <inttypes.h>
#include <stdio.h>

#define CALL_MOST_MS  60000 /* of a caller that sets no deadline */
#define GRACE_MOST_MS 500   /* of the time that there is, kept to end a program that goes on */
#define GRACE_PART    4     /* and not more than this part of it */
#define VARIABLE_SIZE (LIMIT_PATH + 32) /* a path and the name of its variable */
#define VARIABLES     8

/* The whole environment of the program, but for what is the same for all. */
struct environment {
    char texts[VARIABLES][VARIABLE_SIZE];
    const char *list[VARIABLES + 3];
    size_t count;
};

/* Absent where there is nothing to say. */
static void add(struct environment *environment, const char *name, const char *value)
{
    if (value[0] == '\0')
        return;
    CHECK(environment->count < VARIABLES);
    char *text = environment->texts[environment->count];
    int size = snprintf(text, VARIABLE_SIZE, "%s=%s", name, value);
    CHECK(size > 0 && size < VARIABLE_SIZE);
    environment->list[environment->count++] = text;
}

/* Secrets stay in their files: an environment is shown by /proc, and passed on to children. */
static void fill_environment(const struct lb *lb, int64_t time_ms, struct environment *environment)
{
    const struct credentials *credentials = &lb->options.credentials;
    char time_text[24];
    environment->count = 0;
    snprintf(time_text, sizeof(time_text), "%" PRId64, time_ms);
    add(environment, "SHUNT_LB", lb->name);
    add(environment, "SHUNT_TIME_MS", time_text);
    add(environment, "SHUNT_USER", credentials->user);
    add(environment, "SHUNT_PASSWORD_FILE", credentials->password_file);
    add(environment, "SHUNT_TOKEN_FILE", credentials->token_file);
    add(environment, "SHUNT_CA_FILE", lb->options.ca_file);
    environment->list[environment->count] =
        "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    environment->list[environment->count + 1] = "LANG=C.UTF-8";
    environment->list[environment->count + 2] = NULL;
}

static int64_t time_left_ms(struct deadline deadline)
{
    int64_t left_ms = deadline.at_ms - clock_monotonic_ms();
    return left_ms < CALL_MOST_MS ? left_ms : CALL_MOST_MS;
}

static bool read_result(const char *program, struct child_result *result, int64_t time_ms,
                        struct buffer *ret_answer, struct error *err)
{
    if (result->timed_out) {
        error_set(err, ERROR_TIMEOUT, "%s has not ended within %" PRId64 " ms", program, time_ms);
        return false;
    }
    if (result->exit_status != 0) {
        exec_read_error(&result->output, &result->errors, result->exit_status, err);
        return false;
    }
    if (result->output.length >= CHILD_OUTPUT_BYTES) {
        error_set(err, ERROR_PROTOCOL, "the answer is not shorter than %d bytes",
                  CHILD_OUTPUT_BYTES);
        return false;
    }
    *ret_answer = result->output;
    buffer_init(&result->output, CHILD_OUTPUT_BYTES);
    return true;
}

static bool run(const struct lb *lb, const char *address, const char *verb, const char *question,
                int64_t left_ms, struct buffer *ret_answer, struct error *err)
{
    const char *program = lb->options.values[EXEC_PROGRAM];
    const char *const argv[] = {program, verb, address, NULL};
    int64_t grace_ms = left_ms / GRACE_PART < GRACE_MOST_MS ? left_ms / GRACE_PART : GRACE_MOST_MS;
    int64_t time_ms = left_ms - grace_ms;
    struct environment environment;
    struct child_request request = {
        .argv = argv,
        .environment = environment.list,
        .user = lb->options.values[EXEC_USER],
        .input = question,
        .deadline = deadline_after_ms(time_ms),
        .grace_ms = grace_ms > 0 ? grace_ms : 1,
        .keeps_errors_apart = true,
    };
    struct child_result result;
    fill_environment(lb, time_ms, &environment);
    if (!child_run(&request, &result, err)) {
        error_hint(err, "look at 'program' and 'user' of this load balancer in the configuration, "
                        "and at the program's first line, which names what runs it");
        return false;
    }
    bool is_good = read_result(program, &result, time_ms, ret_answer, err);
    child_result_done(&result);
    return is_good;
}

bool exec_call(const struct lb *lb, const char *address, const char *verb,
               const char *const *members, size_t count, struct deadline deadline,
               struct buffer *ret_answer, struct error *err)
{
    FREE_CLEANUP char *question = exec_write_question(members, count);
    int64_t left_ms = time_left_ms(deadline);
    if (left_ms <= 0) {
        error_set(err, ERROR_TIMEOUT, "no time is left to run the program");
        return false;
    }
    if (run(lb, address, verb, question, left_ms, ret_answer, err))
        return true;
    error_wrap(err, "%s", verb);
    return false;
}
