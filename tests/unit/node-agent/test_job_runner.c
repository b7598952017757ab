/* SPDX-License-Identifier: Apache-2.0 */
#include "job_runner.h"

#include "common/unit_test.h"
#include "memory.h"
#include "message_codec.h"
#include "text.h"

#include <fcntl.h>
#include <unistd.h>

/* A job whose process is this test: what it writes into `child` is what a child would. */
static struct job_runner runner;
static struct running_job *job;
static int child;

static int begin_job(void **state)
{
    int ends[2];
    (void)state;
    if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0)
        return -1;
    job_runner_init(&runner, NULL, NULL);
    job = &runner.jobs[0];
    child = ends[1];
    job->is_used = true;
    job->pipe_fd = ends[0];
    job->kill_at = deadline_never();
    job->command = (struct command){
        .id = "t1", .cluster = "git", .node = "bb1", .epoch = 3, .verb = VERB_CONNECTIONS};
    buffer_init(&job->incoming, 2 * LIMIT_MESSAGE_BYTES);
    return 0;
}

static void end_child(void)
{
    memory_close_fd(&child);
    child = -1;
}

static int end_job(void **state)
{
    (void)state;
    end_child();
    job_runner_done(&runner);
    return 0;
}

#define test_of_job(test) cmocka_unit_test_setup_teardown(test, begin_job, end_job)

static void put(const void *bytes, size_t size)
{
    assert_int_equal(write(child, bytes, size), size);
}

static void put_text(const char *text)
{
    uint32_t size = (uint32_t)strlen(text);
    put(&size, sizeof(size));
    put(text, size);
}

static struct report report_of(enum report_kind kind, int64_t connections)
{
    struct report report = {.cluster = "git",
                            .node = "bb1",
                            .kind = kind,
                            .verb = VERB_CONNECTIONS,
                            .connections = connections,
                            .bytes_total = -1};
    TEXT_COPY(report.command_id, "t1");
    if (kind == REPORT_FAILED)
        error_set(&report.error, ERROR_RELEASE, "it failed");
    return report;
}

static void put_report(const struct report *report)
{
    FREE_CLEANUP char *text = report_write(report);
    put_text(text);
}

static void put_kind(enum report_kind kind, int64_t connections)
{
    const struct report report = report_of(kind, connections);
    put_report(&report);
}

static void assert_garbled(void)
{
    (void)running_job_read(job);
    assert_true(job->has_ended);
    assert_int_equal(job->report.kind, REPORT_FAILED);
    assert_int_equal(job->report.error.code, ERROR_PROTOCOL);
}

static void nothing_written_is_nothing_new(void **state)
{
    (void)state;
    assert_false(running_job_read(job));
    assert_false(job->has_ended);
}

static void progress_is_new_and_not_the_end(void **state)
{
    (void)state;
    put_kind(REPORT_PROGRESS, 5);
    assert_true(running_job_read(job));
    assert_false(job->has_ended);
    assert_int_equal(job->report.kind, REPORT_PROGRESS);
    assert_int_equal(job->report.connections, 5);
    assert_false(running_job_read(job));
}

static void last_of_several_reports_counts(void **state)
{
    (void)state;
    put_kind(REPORT_PROGRESS, 5);
    put_kind(REPORT_PROGRESS, 4);
    put_kind(REPORT_DONE, 0);
    assert_true(running_job_read(job));
    assert_true(job->has_ended);
    assert_int_equal(job->report.kind, REPORT_DONE);
    assert_int_equal(job->report.connections, 0);
}

static void report_that_comes_byte_by_byte_is_taken_when_it_is_whole(void **state)
{
    const struct report report = report_of(REPORT_DONE, 0);
    FREE_CLEANUP char *text = report_write(&report);
    uint32_t size = (uint32_t)strlen(text);
    (void)state;
    for (size_t i = 0; i < sizeof(size); i++) {
        put((const char *)&size + i, 1);
        assert_false(running_job_read(job));
    }
    for (size_t i = 0; i + 1 < size; i++) {
        put(text + i, 1);
        assert_false(running_job_read(job));
    }
    put(text + size - 1, 1);
    assert_true(running_job_read(job));
    assert_true(job->has_ended);
}

static void job_cannot_speak_for_another(void **state)
{
    struct report report = report_of(REPORT_DONE, 0);
    (void)state;
    TEXT_COPY(report.command_id, "other");
    TEXT_COPY(report.node, "bb2");
    report.verb = VERB_STOP;
    report.epoch = 99;
    put_report(&report);
    assert_true(running_job_read(job));
    assert_string_equal(job->report.command_id, "t1");
    assert_string_equal(job->report.node, "bb1");
    assert_int_equal(job->report.verb, VERB_CONNECTIONS);
    assert_int_equal(job->report.epoch, 3);
}

static void job_cannot_say_what_is_ours_to_say(void **state)
{
    (void)state;
    put_kind(REPORT_ACCEPTED, 0);
    assert_garbled();
}

static void text_that_is_no_report_ends_the_job(void **state)
{
    (void)state;
    put_text("{}");
    assert_garbled();
}

static void empty_report_ends_the_job(void **state)
{
    (void)state;
    put_text("");
    assert_garbled();
}

static void length_beyond_the_limit_ends_the_job_before_the_text_comes(void **state)
{
    const uint32_t sizes[] = {LIMIT_MESSAGE_BYTES + 1, UINT32_MAX};
    (void)state;
    put(&sizes[0], sizeof(sizes[0]));
    assert_garbled();
    assert_int_equal(end_job(state), 0);
    assert_int_equal(begin_job(state), 0);
    put(&sizes[1], sizeof(sizes[1]));
    assert_garbled();
}

static void nothing_is_taken_after_the_end(void **state)
{
    (void)state;
    put_kind(REPORT_DONE, 0);
    put_kind(REPORT_FAILED, 7);
    assert_true(running_job_read(job));
    assert_false(running_job_read(job));
    assert_int_equal(job->report.kind, REPORT_DONE);
    assert_int_equal(job->pipe_fd, -1);
}

static void closed_pipe_alone_is_not_the_end(void **state)
{
    (void)state;
    put_kind(REPORT_PROGRESS, 1);
    put("\1\0", 2);
    end_child();
    assert_true(running_job_read(job));
    assert_false(job->has_ended);
    assert_int_equal(job->pipe_fd, -1);
}

static void failure_of_a_cancelled_job_is_its_cancellation(void **state)
{
    (void)state;
    job_runner_cancel(job);
    assert_true(job->is_cancelled);
    put_kind(REPORT_FAILED, 1);
    assert_true(running_job_read(job));
    assert_int_equal(job->report.error.code, ERROR_CANCELLED);
    assert_string_equal(job->report.error.message, "it failed");
}

static void success_of_a_cancelled_job_stays_one(void **state)
{
    (void)state;
    job_runner_cancel(job);
    put_kind(REPORT_DONE, 0);
    assert_true(running_job_read(job));
    assert_int_equal(job->report.kind, REPORT_DONE);
}

static void job_that_changes_the_node_is_busy_until_its_end_is_recorded(void **state)
{
    (void)state;
    assert_null(job_runner_busy(&runner, SUBJECT_NODE));
    job->command.verb = VERB_STOP;
    job->pid = 1 << 22; /* no process has this number: pid_max is the number of pids */
    assert_ptr_equal(job_runner_busy(&runner, SUBJECT_NODE), job);
    put_kind(REPORT_DONE, 0);
    assert_true(running_job_read(job));
    assert_ptr_equal(job_runner_busy(&runner, SUBJECT_NODE), job);
    assert_null(job_runner_busy(&runner, SUBJECT_LB));
    running_job_settle(job);
    assert_null(job_runner_busy(&runner, SUBJECT_NODE));
    /* Its process is not reaped yet. */
    assert_int_equal(job_runner_count(&runner), 1);
    assert_ptr_equal(job_runner_find(&runner, "t1"), job);
}

static void settled_and_reaped_job_leaves_its_place(void **state)
{
    (void)state;
    put_kind(REPORT_DONE, 0);
    assert_true(running_job_read(job));
    running_job_settle(job);
    assert_int_equal(job_runner_count(&runner), 0);
    assert_null(job_runner_find(&runner, "t1"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test_of_job(nothing_written_is_nothing_new),
        test_of_job(progress_is_new_and_not_the_end),
        test_of_job(last_of_several_reports_counts),
        test_of_job(report_that_comes_byte_by_byte_is_taken_when_it_is_whole),
        test_of_job(job_cannot_speak_for_another),
        test_of_job(job_cannot_say_what_is_ours_to_say),
        test_of_job(text_that_is_no_report_ends_the_job),
        test_of_job(empty_report_ends_the_job),
        test_of_job(length_beyond_the_limit_ends_the_job_before_the_text_comes),
        test_of_job(nothing_is_taken_after_the_end),
        test_of_job(closed_pipe_alone_is_not_the_end),
        test_of_job(failure_of_a_cancelled_job_is_its_cancellation),
        test_of_job(success_of_a_cancelled_job_stays_one),
        test_of_job(job_that_changes_the_node_is_busy_until_its_end_is_recorded),
        test_of_job(settled_and_reaped_job_leaves_its_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
