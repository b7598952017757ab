/* SPDX-License-Identifier: Apache-2.0 */
#include "outbox.h"

#include "channel.h"
#include "common/unit_test.h"
#include "memory.h"
#include "message_codec.h"
#include "redis_server.h"
#include "text.h"

static struct redis_server server;
static struct redis *redis;
static struct key_pair *key;
static struct agent_config config;
static struct record *record;
static struct outbox *outbox;

static int start_server(void **state)
{
    struct error err;
    if (scratch_make(state) != 0 || !keys_init(&err))
        return -1;
    redis_server_start(&server, scratch, NULL);
    redis = redis_new(&server.address);
    key = key_pair_new();
    TEXT_COPY(config.cluster, "git");
    TEXT_COPY(config.node, "bb1");
    return 0;
}

static int stop_server(void **state)
{
    redis_free(redis);
    key_pair_free(key);
    redis_server_stop(&server);
    return scratch_remove(state);
}

static int make_outbox(void **state)
{
    REPLY_CLEANUP redisReply *reply = NULL;
    struct error err;
    size_t torn_bytes;
    (void)state;
    (void)unlink(scratch_path("record"));
    if (!redis_connect(redis, deadline_after_ms(5000), &err) ||
        !redis_command(redis, deadline_after_ms(5000), &reply, &err, "FLUSHALL", (char *)NULL) ||
        !record_open(scratch_path("record"), &record, &torn_bytes, &err))
        return -1;
    outbox = outbox_new(&config, key, record);
    return 0;
}

static int free_outbox(void **state)
{
    (void)state;
    outbox_free(outbox);
    record_close(record);
    return 0;
}

#define test_of_outbox(test) cmocka_unit_test_setup_teardown(test, make_outbox, free_outbox)

static struct report report_of(const char *id, enum report_kind kind)
{
    struct report report = {.cluster = "git",
                            .node = "bb1",
                            .kind = kind,
                            .verb = VERB_FACTS,
                            .connections = -1,
                            .bytes_total = -1};
    TEXT_COPY(report.command_id, id);
    if (kind == REPORT_REFUSED)
        error_set(&report.error, ERROR_STALE, "overtaken");
    return report;
}

static void put(const char *id, enum report_kind kind)
{
    const struct report report = report_of(id, kind);
    outbox_put(outbox, &report);
}

static void end_in_record(const char *id)
{
    struct command command = {.cluster = "git", .node = "bb1", .verb = VERB_FACTS};
    const struct report report = report_of(id, REPORT_DONE);
    TEXT_COPY(command.id, id);
    assert_good(record_accept(record, &command, 1, &err));
    assert_good(record_end(record, &report, &err));
}

struct sent {
    char texts[4096]; /* "ID kind epoch|" of each */
    size_t count;
};

static void add_sent(void *context, const struct channel_entry *entry)
{
    struct sent *sent = context;
    struct key_public public_key;
    struct report report;
    size_t used = strlen(sent->texts);
    key_pair_public(key, &public_key);
    assert_string_equal(entry->signer, "bb1");
    assert_good(key_verify(&public_key, KEY_DOMAIN_REPORT, entry->body, entry->body_size,
                           entry->signature, &err));
    assert_good(report_read(entry->body, entry->body_size, &report, &err));
    (void)snprintf(sent->texts + used, sizeof(sent->texts) - used, "%s %s %d|", report.command_id,
                   report_kind_name(report.kind), (int)report.epoch);
    sent->count++;
}

static struct sent read_sent(void)
{
    REPLY_CLEANUP redisReply *reply = NULL;
    struct sent sent = {.count = 0};
    assert_good(redis_command(redis, deadline_after_ms(5000), &reply, &err, "XREAD", "STREAMS",
                              "shunt:{git}:report", "0", (char *)NULL));
    assert_good(channel_each(reply, add_sent, &sent, &err));
    return sent;
}

static void assert_sent(const char *expected)
{
    struct sent sent = read_sent();
    assert_string_equal(sent.texts, expected);
}

static void flush(void)
{
    assert_good(outbox_flush(outbox, redis, &err));
}

static void reports_go_out_signed_in_order_and_once(void **state)
{
    (void)state;
    put("", REPORT_HELLO);
    put("a", REPORT_ACCEPTED);
    flush();
    flush();
    put("a", REPORT_PROGRESS);
    flush();
    assert_sent(" hello 0|a accepted 0|a progress 0|");
}

static void overtaken_report_is_not_sent(void **state)
{
    (void)state;
    put("a", REPORT_ACCEPTED);
    put("b", REPORT_ACCEPTED);
    put("a", REPORT_PROGRESS);
    flush();
    assert_sent("b accepted 0|a progress 0|");
}

static void end_in_the_record_is_sent_once_and_overtakes_what_waits(void **state)
{
    (void)state;
    put("a", REPORT_ACCEPTED);
    put("b", REPORT_ACCEPTED);
    end_in_record("a");
    outbox_forget(outbox, "a");
    flush();
    flush();
    assert_sent("b accepted 0|a done 0|");
    assert_false(record_has_unsent(record));
}

static void refusal_of_one_attempt_does_not_overtake_the_job(void **state)
{
    (void)state;
    put("a", REPORT_ACCEPTED);
    put("a", REPORT_REFUSED);
    put("a", REPORT_PROGRESS);
    flush();
    assert_sent("a refused 0|a progress 0|");
}

static void each_report_tells_the_highest_epoch_when_it_is_sent(void **state)
{
    (void)state;
    put("a", REPORT_ACCEPTED);
    end_in_record("b");
    assert_good(record_raise_epoch(record, 9, &err));
    flush();
    assert_sent("a accepted 9|b done 9|");
}

static void failed_sending_loses_nothing(void **state)
{
    (void)state;
    put("a", REPORT_ACCEPTED);
    end_in_record("b");
    redis_disconnect(redis);
    assert_fails(outbox_flush(outbox, redis, &err), ERROR_UNAVAILABLE, "not connected");
    assert_good(redis_connect(redis, deadline_after_ms(5000), &err));
    flush();
    assert_sent("a accepted 0|b done 0|");
}

static void pile_of_refusals_is_bounded_and_pushes_nothing_else_out(void **state)
{
    (void)state;
    put("", REPORT_HELLO);
    put("a", REPORT_ACCEPTED);
    for (unsigned i = 0; i < 3 * OUTBOX_MOST; i++) {
        char id[16];
        (void)snprintf(id, sizeof(id), "r%u", i);
        put(id, REPORT_REFUSED);
    }
    flush();
    struct sent sent = read_sent();
    assert_int_equal(sent.count, OUTBOX_MOST);
    assert_true(text_starts_with(sent.texts, " hello 0|a accepted 0|r130 refused"));
    assert_non_null(strstr(sent.texts, "r191 refused"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test_of_outbox(reports_go_out_signed_in_order_and_once),
        test_of_outbox(overtaken_report_is_not_sent),
        test_of_outbox(end_in_the_record_is_sent_once_and_overtakes_what_waits),
        test_of_outbox(refusal_of_one_attempt_does_not_overtake_the_job),
        test_of_outbox(each_report_tells_the_highest_epoch_when_it_is_sent),
        test_of_outbox(failed_sending_loses_nothing),
        test_of_outbox(pile_of_refusals_is_bounded_and_pushes_nothing_else_out),
    };
    return cmocka_run_group_tests(tests, start_server, stop_server);
}
