/* SPDX-License-Identifier: Apache-2.0 */
#include "record.h"

#include "append_log.h"
#include "common/unit_test.h"
#include "memory.h"
#include "message_codec.h"
#include "record_line.h"
#include "text.h"

#include <sys/stat.h>
#include <unistd.h>

#define NOW_MS 1700000000000
#define DAY_MS (24 * 60 * 60 * 1000LL)

static struct command command_of(const char *id, enum verb verb)
{
    struct command command = {
        .cluster = "git", .node = "bb1", .epoch = 3, .issued_ms = NOW_MS, .verb = verb};
    TEXT_COPY(command.id, id);
    if (verb == VERB_STOP)
        command.deadline_ms = 1000;
    return command;
}

static struct report done_of(const char *id, enum verb verb)
{
    struct report report = {.cluster = "git",
                            .node = "bb1",
                            .kind = REPORT_DONE,
                            .verb = verb,
                            .elapsed_ms = 12,
                            .connections = -1,
                            .bytes_total = -1};
    TEXT_COPY(report.command_id, id);
    return report;
}

static struct record *open_record(void)
{
    struct record *record = NULL;
    size_t torn_bytes = 99;
    assert_good(record_open(scratch_path("record"), &record, &torn_bytes, &err));
    assert_int_equal(torn_bytes, 0);
    return record;
}

static struct record *reopen(struct record *record)
{
    record_close(record);
    return open_record();
}

static void accept_command(struct record *record, const char *id, enum verb verb, int64_t at_ms)
{
    const struct command command = command_of(id, verb);
    assert_good(record_accept(record, &command, at_ms, &err));
}

static void finish(struct record *record, const char *id, enum verb verb)
{
    const struct report report = done_of(id, verb);
    assert_good(record_end(record, &report, &err));
    assert_good(record_mark_sent(record, id, &err));
}

static void new_record_is_empty_and_of_epoch_0(void **state)
{
    (void)state;
    struct record *record = open_record();
    assert_int_equal(record_epoch(record), 0);
    assert_int_equal(record_count(record), 0);
    assert_null(record_find(record, "a"));
    assert_false(record_has_unsent(record));
    record_close(record);
}

static void epoch_survives_a_restart(void **state)
{
    (void)state;
    struct record *record = open_record();
    assert_good(record_raise_epoch(record, 41, &err));
    assert_good(record_raise_epoch(record, 42, &err));
    record = reopen(record);
    assert_int_equal(record_epoch(record), 42);
    record_close(record);
}

static void accepted_command_is_unfinished_after_a_restart(void **state)
{
    struct command command = {0};
    (void)state;
    struct record *record = open_record();
    accept_command(record, "a", VERB_STOP, NOW_MS);
    record = reopen(record);
    assert_int_equal(record_count(record), 1);
    const struct record_entry *entry = record_find(record, "a");
    assert_non_null(entry);
    assert_null(entry->report);
    assert_int_equal(entry->accepted_ms, NOW_MS);
    assert_int_equal(entry->verb, VERB_STOP);
    record_entry_command(entry, &command);
    assert_int_equal(command.deadline_ms, 1000);
    assert_int_equal(command.epoch, 3);
    assert_false(record_has_unsent(record));
    record_close(record);
}

static void ended_command_waits_to_be_sent_after_a_restart(void **state)
{
    struct report report = {0};
    (void)state;
    struct record *record = open_record();
    accept_command(record, "a", VERB_STOP, NOW_MS);
    struct report failed = done_of("a", VERB_STOP);
    failed.kind = REPORT_FAILED;
    error_set(&failed.error, ERROR_TIMEOUT, "a line\nand \"quotes\" and \\ and ä");
    assert_good(record_end(record, &failed, &err));
    record = reopen(record);
    assert_true(record_has_unsent(record));
    record_entry_report(record_find(record, "a"), &report);
    assert_int_equal(report.kind, REPORT_FAILED);
    assert_int_equal(report.error.code, ERROR_TIMEOUT);
    assert_string_equal(report.error.message, "a line\nand \"quotes\" and \\ and ä");
    assert_int_equal(report.elapsed_ms, 12);
    record_close(record);
}

static void sent_report_is_not_waiting_after_a_restart(void **state)
{
    (void)state;
    struct record *record = open_record();
    accept_command(record, "a", VERB_STOP, NOW_MS);
    finish(record, "a", VERB_STOP);
    assert_false(record_has_unsent(record));
    record = reopen(record);
    assert_false(record_has_unsent(record));
    assert_true(record_find(record, "a")->is_sent);
    assert_good(record_mark_sent(record, "a", &err));
    record_close(record);
}

static void torn_last_record_is_dropped_and_the_rest_kept(void **state)
{
    struct stat status;
    size_t torn_bytes;
    (void)state;
    struct record *record = open_record();
    accept_command(record, "a", VERB_STOP, NOW_MS);
    accept_command(record, "b", VERB_FACTS, NOW_MS);
    record_close(record);
    assert_int_equal(stat(scratch_path("record"), &status), 0);
    assert_int_equal(truncate(scratch_path("record"), status.st_size - 1), 0);
    assert_good(record_open(scratch_path("record"), &record, &torn_bytes, &err));
    assert_int_not_equal(torn_bytes, 0);
    assert_non_null(record_find(record, "a"));
    assert_null(record_find(record, "b"));
    record_close(record);
}

/* ---- files that this agent did not write, or not so ---- */

static bool drop_line(void *context, uint64_t number, const char *text, struct error *err)
{
    (void)context;
    (void)number;
    (void)text;
    (void)err;
    return true;
}

static void write_lines(const char *const *lines, size_t count)
{
    struct append_log *log;
    size_t torn_bytes;
    (void)unlink(scratch_path("record"));
    assert_good(append_log_open(scratch_path("record"), drop_line, NULL, &log, &torn_bytes, &err));
    assert_good(append_log_add(log, lines, count, &err));
    append_log_close(log);
}

static void assert_refused(const char *const *lines, size_t count, enum error_code code,
                           const char *part)
{
    struct record *record = NULL;
    size_t torn_bytes;
    write_lines(lines, count);
    assert_fails(record_open(scratch_path("record"), &record, &torn_bytes, &err), code, part);
    assert_null(record);
}

static void record_of_a_newer_agent_is_refused_and_says_what_to_do(void **state)
{
    static const char *const kind[] = {"{\"record\": \"lease\", \"until\": 7}"};
    static const char *const field[] = {"{\"record\": \"epoch\", \"epoch\": 7, \"of\": \"c1\"}"};
    struct record *record;
    struct error err = {0};
    size_t torn_bytes;
    (void)state;
    assert_refused(kind, 1, ERROR_PROTOCOL, "unknown kind 'lease'");
    assert_refused(field, 1, ERROR_PROTOCOL, "of");
    assert_false(record_open(scratch_path("record"), &record, &torn_bytes, &err));
    assert_non_null(strstr(err.hint, "newer shunt-agent"));
}

static void record_that_contradicts_itself_is_refused(void **state)
{
    const struct command command = command_of("a", VERB_FACTS);
    const struct report report = done_of("a", VERB_FACTS);
    FREE_CLEANUP char *command_text = command_write(&command);
    FREE_CLEANUP char *report_text = report_write(&report);
    FREE_CLEANUP char *accepted = record_line_accepted(command_text, NOW_MS);
    FREE_CLEANUP char *ended = record_line_ended(report_text);
    const char *sent = "{\"record\": \"sent\", \"id\": \"a\"}";
    (void)state;
    assert_refused((const char *[]){accepted, accepted}, 2, ERROR_INTEGRITY, "accepted twice");
    assert_refused((const char *[]){ended}, 1, ERROR_INTEGRITY, "not running");
    assert_refused((const char *[]){accepted, ended, ended}, 3, ERROR_INTEGRITY, "not running");
    assert_refused((const char *[]){accepted, sent}, 2, ERROR_INTEGRITY, "not ended");
    assert_refused((const char *[]){"{\"record\": \"epoch\", \"epoch\": 7}",
                                    "{\"record\": \"epoch\", \"epoch\": 6}"},
                   2, ERROR_INTEGRITY, "goes down");
}

static void hostile_lines_are_refused(void **state)
{
    static const char *const lines[] = {
        "",
        "7",
        "{}",
        "{\"record\": 1}",
        "{\"record\": \"epoch\"}",
        "{\"record\": \"epoch\", \"epoch\": -1}",
        "{\"record\": \"epoch\", \"epoch\": 1e300}",
        "{\"record\": \"accepted\", \"at_ms\": 1, \"command\": {}}",
        "{\"record\": \"accepted\", \"at_ms\": 1, \"command\": \"{}\"}",
        "{\"record\": \"ended\", \"report\": \"\"}",
        "{\"record\": \"sent\", \"id\": \"\"}",
        "{\"record\": \"sent\", \"id\": \"a b\"}",
    };
    struct record *record;
    struct error err;
    size_t torn_bytes;
    (void)state;
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        write_lines(&lines[i], 1);
        assert_false(record_open(scratch_path("record"), &record, &torn_bytes, &err));
    }
}

/* ---- compaction ---- */

/* Finished commands, each of a size that makes the file grow fast. */
static void fill(struct record *record, size_t count, enum verb verb, int64_t at_ms)
{
    static size_t number;
    for (size_t i = 0; i < count; i++) {
        char id[LIMIT_ID];
        (void)snprintf(id, sizeof(id), "%s-%zu", verb_name(verb), number++);
        struct command command = command_of(id, verb);
        struct report report = done_of(id, verb);
        report.kind = REPORT_FAILED;
        error_set(&report.error, ERROR_SYSTEM, "%0480d", 0);
        assert_good(record_accept(record, &command, at_ms, &err));
        assert_good(record_end(record, &report, &err));
        assert_good(record_mark_sent(record, id, &err));
    }
}

static void small_record_is_not_compacted(void **state)
{
    (void)state;
    struct record *record = open_record();
    fill(record, 300, VERB_FACTS, 0);
    assert_good(record_compact(record, NOW_MS, &err));
    assert_int_equal(record_count(record), 300);
    record_close(record);
}

static void compaction_forgets_what_is_old_and_keeps_what_matters(void **state)
{
    (void)state;
    struct record *record = open_record();
    assert_good(record_raise_epoch(record, 5, &err));
    accept_command(record, "unfinished", VERB_STOP, 0);
    accept_command(record, "unsent", VERB_FACTS, 0);
    const struct report report = done_of("unsent", VERB_FACTS);
    assert_good(record_end(record, &report, &err));
    fill(record, 20, VERB_STOP, NOW_MS - DAY_MS - 1);
    fill(record, 20, VERB_STOP, NOW_MS - DAY_MS + 1);
    fill(record, 1200, VERB_FACTS, NOW_MS);
    assert_good(record_compact(record, NOW_MS, &err));
    /* The two, the young ones with an effect, and the last 200. */
    assert_int_equal(record_count(record), 2 + 20 + 200);
    record = reopen(record);
    assert_int_equal(record_count(record), 2 + 20 + 200);
    assert_int_equal(record_epoch(record), 5);
    assert_null(record_find(record, "unfinished")->report);
    assert_true(record_has_unsent(record));
    assert_false(record_find(record, "unsent")->is_sent);
    record_close(record);
}

static void compacted_record_is_bounded(void **state)
{
    (void)state;
    struct record *record = open_record();
    fill(record, 1200, VERB_STOP, NOW_MS);
    assert_good(record_compact(record, NOW_MS, &err));
    assert_int_equal(record_count(record), RECORD_KEEP_MOST);
    accept_command(record, "next", VERB_STOP, NOW_MS);
    record = reopen(record);
    assert_non_null(record_find(record, "next"));
    assert_int_equal(record_count(record), RECORD_KEEP_MOST + 1);
    record_close(record);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test_in_scratch(new_record_is_empty_and_of_epoch_0),
        test_in_scratch(epoch_survives_a_restart),
        test_in_scratch(accepted_command_is_unfinished_after_a_restart),
        test_in_scratch(ended_command_waits_to_be_sent_after_a_restart),
        test_in_scratch(sent_report_is_not_waiting_after_a_restart),
        test_in_scratch(torn_last_record_is_dropped_and_the_rest_kept),
        test_in_scratch(record_of_a_newer_agent_is_refused_and_says_what_to_do),
        test_in_scratch(record_that_contradicts_itself_is_refused),
        test_in_scratch(hostile_lines_are_refused),
        test_in_scratch(small_record_is_not_compacted),
        test_in_scratch(compaction_forgets_what_is_old_and_keeps_what_matters),
        test_in_scratch(compacted_record_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
