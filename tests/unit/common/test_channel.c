/* SPDX-License-Identifier: Apache-2.0 */
#include "channel.h"

#include "buffer.h"
#include "redis_server.h"
#include "text.h"
#include "unit_test.h"

#define WAIT_MS 20000
#define STREAM  "shunt:{c1}:command:n1"

static struct redis_server server;
static struct redis *redis;
static struct key_pair *pair;
static struct buffer seen; /* "stream|body|signer\n" of each entry, "-" for one without a body */
static char last_id[CHANNEL_ENTRY_ID_SIZE];

static struct deadline soon(void)
{
    return deadline_after_ms(WAIT_MS);
}

static int start(void **state)
{
    struct error err;
    if (scratch_make(state) != 0 || !keys_init(&err))
        return -1;
    redis_server_start(&server, scratch, NULL);
    pair = key_pair_new();
    return 0;
}

static int stop(void **state)
{
    key_pair_free(pair);
    redis_server_stop(&server);
    return scratch_remove(state);
}

#define command(reply, err, ...) redis_command(redis, soon(), reply, err, __VA_ARGS__, (char *)NULL)

static int connect_empty(void **state)
{
    REPLY_CLEANUP redisReply *reply = NULL;
    struct error err;
    (void)state;
    buffer_init(&seen, 65536);
    redis = redis_new(&server.address);
    return redis_connect(redis, soon(), &err) && command(&reply, &err, "FLUSHALL") ? 0 : -1;
}

static int disconnect(void **state)
{
    (void)state;
    buffer_done(&seen);
    redis_free(redis);
    return 0;
}

#define test_with_redis(test) cmocka_unit_test_setup_teardown(test, connect_empty, disconnect)

static void add(const char *stream, const char *body)
{
    assert_good(channel_add(redis, soon(), stream, 1000, pair, "controller-1", KEY_DOMAIN_COMMAND,
                            body, &err));
}

static void see(void *context, const struct channel_entry *entry)
{
    struct buffer *text = context;
    assert_true(strlen(entry->id) < sizeof(last_id));
    TEXT_COPY(last_id, entry->id);
    const char *lacking = entry->is_gone ? "gone" : "-";
    buffer_format(text, "%s|%s|%s\n", entry->stream, entry->body ? entry->body : lacking,
                  entry->body ? entry->signer : "");
    if (entry->body)
        assert_int_equal(entry->body_size, strlen(entry->body));
}

/* Reads as an agent does; `seen` has what came. */
static void read_entries(const char *const *streams, size_t count, bool from_pending)
{
    redisReply *reply = NULL;
    struct pollfd fd = {.fd = redis_fd(redis), .events = POLLIN};
    buffer_clear(&seen);
    assert_good(channel_send_read(redis, soon(), "agent", "n1", 100, 10, streams, count,
                                  from_pending, &err));
    while (!reply) {
        assert_int_equal(poll(&fd, 1, WAIT_MS), 1);
        assert_good(redis_receive_nowait(redis, &reply, &err));
    }
    assert_good(channel_each(reply, see, &seen, &err));
    redis_reply_cleanup(&reply);
}

static void read_stream(bool from_pending)
{
    read_entries((const char *const[]){STREAM}, 1, from_pending);
}

static void make_group(const char *stream)
{
    assert_good(channel_make_group(redis, soon(), stream, "agent", &err));
}

static void keys_of_a_cluster_share_its_hash_tag(void **state)
{
    char key[CHANNEL_KEY_SIZE];
    (void)state;
    channel_key(key, "c1", "report", NULL);
    assert_string_equal(key, "shunt:{c1}:report");
    channel_key(key, "c1", "command", "n1");
    assert_string_equal(key, STREAM);
}

static void longest_names_fit_a_key(void **state)
{
    char name[LIMIT_NAME], key[CHANNEL_KEY_SIZE];
    (void)state;
    memset(name, 'n', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    channel_key(key, name, "command", name);
    assert_non_null(strstr(key, "}:command:n"));
}

static void verify_entry(void *context, const struct channel_entry *entry)
{
    struct key_public key;
    key_pair_public(pair, &key);
    assert_good(key_verify(&key, KEY_DOMAIN_COMMAND, entry->body, entry->body_size,
                           entry->signature, &err));
    *(int *)context += 1;
}

static void added_message_is_read_with_a_good_signature(void **state)
{
    redisReply *reply = NULL;
    int count = 0;
    (void)state;
    add(STREAM, "{\"verb\":\"stop\"}");
    assert_good(command(&reply, &err, "XREAD", "STREAMS", STREAM, "0"));
    assert_good(channel_each(reply, verify_entry, &count, &err));
    assert_int_equal(count, 1);
    redis_reply_cleanup(&reply);
}

static void group_reads_what_was_there_before_it(void **state)
{
    (void)state;
    add(STREAM, "one");
    add(STREAM, "two");
    make_group(STREAM);
    read_stream(false);
    assert_string_equal(buffer_text(&seen),
                        STREAM "|one|controller-1\n" STREAM "|two|controller-1\n");
}

static void group_that_exists_is_fine(void **state)
{
    (void)state;
    make_group(STREAM);
    make_group(STREAM);
}

static void make_group_on_another_type_fails(void **state)
{
    REPLY_CLEANUP redisReply *reply = NULL;
    (void)state;
    assert_good(command(&reply, &err, "SET", STREAM, "text"));
    assert_fails(channel_make_group(redis, soon(), STREAM, "agent", &err), ERROR_PROTOCOL,
                 "WRONGTYPE");
}

static void read_without_messages_gives_none(void **state)
{
    (void)state;
    make_group(STREAM);
    read_stream(false);
    assert_string_equal(buffer_text(&seen), "");
    read_stream(true);
    assert_string_equal(buffer_text(&seen), "");
}

static void unacknowledged_messages_stay_pending(void **state)
{
    (void)state;
    make_group(STREAM);
    add(STREAM, "one");
    read_stream(false);
    read_stream(false);
    assert_string_equal(buffer_text(&seen), "");
    read_stream(true);
    assert_string_equal(buffer_text(&seen), STREAM "|one|controller-1\n");
}

static void acknowledged_message_is_gone(void **state)
{
    REPLY_CLEANUP redisReply *length = NULL;
    (void)state;
    make_group(STREAM);
    add(STREAM, "one");
    read_stream(false);
    assert_good(channel_acknowledge(redis, soon(), STREAM, "agent", last_id, &err));
    read_stream(true);
    assert_string_equal(buffer_text(&seen), "");
    assert_good(command(&length, &err, "XLEN", STREAM));
    assert_int_equal(length->integer, 0);
}

static void acknowledged_messages_of_several_streams_are_gone(void **state)
{
    enum { MANY = 150 };
    const char *const streams[] = {STREAM, "shunt:{c1}:report"};
    char ids[2 * MANY][CHANNEL_ENTRY_ID_SIZE];
    struct channel_entry_id entries[2 * MANY];
    (void)state;
    for (size_t stream = 0; stream < 2; stream++) {
        make_group(streams[stream]);
        for (size_t i = 0; i < MANY; i++) {
            struct channel_entry_id *entry = &entries[stream * MANY + i];
            char *id = ids[stream * MANY + i];
            REPLY_CLEANUP redisReply *added = NULL;
            assert_good(command(&added, &err, "XADD", streams[stream], "*", "body", "x"));
            (void)snprintf(id, CHANNEL_ENTRY_ID_SIZE, "%s", added->str);
            *entry = (struct channel_entry_id){streams[stream], id};
        }
    }
    assert_good(channel_acknowledge_all(redis, soon(), "agent", entries, 2 * MANY - 1, &err));
    for (size_t stream = 0; stream < 2; stream++) {
        REPLY_CLEANUP redisReply *length = NULL;
        assert_good(command(&length, &err, "XLEN", streams[stream]));
        assert_int_equal(length->integer, stream);
    }
}

static void several_streams_are_read_at_once(void **state)
{
    const char *const streams[] = {"shunt:{c1}:report", "shunt:{c1}:request"};
    (void)state;
    make_group(streams[0]);
    make_group(streams[1]);
    add(streams[0], "r");
    add(streams[1], "q");
    read_entries(streams, 2, false);
    assert_string_equal(buffer_text(&seen),
                        "shunt:{c1}:report|r|controller-1\nshunt:{c1}:request|q|controller-1\n");
}

static void old_messages_are_dropped_beyond_the_cap(void **state)
{
    REPLY_CLEANUP redisReply *length = NULL;
    (void)state;
    for (int i = 0; i < 1000; i++)
        assert_good(
            channel_add(redis, soon(), STREAM, 10, pair, "c", KEY_DOMAIN_COMMAND, "x", &err));
    assert_good(command(&length, &err, "XLEN", STREAM));
    assert_true(length->integer >= 10 && length->integer < 300); /* "~": whole blocks of 100 */
}

static void message_that_is_too_long_is_not_sent(void **state)
{
    char *body = calloc(LIMIT_MESSAGE_BYTES + 2, 1);
    (void)state;
    memset(body, 'x', LIMIT_MESSAGE_BYTES + 1);
    assert_fails(channel_add(redis, soon(), STREAM, 10, pair, "c", KEY_DOMAIN_COMMAND, body, &err),
                 ERROR_INVALID, "bytes");
    free(body);
}

static void add_foreign(const char *const *fields, const size_t *lengths, size_t count)
{
    const char *argv[16] = {"XADD", STREAM, "*"};
    size_t sizes[16] = {4, strlen(STREAM), 1};
    REPLY_CLEANUP redisReply *reply = NULL;
    for (size_t i = 0; i < count; i++) {
        argv[3 + i] = fields[i];
        sizes[3 + i] = lengths ? lengths[i] : strlen(fields[i]);
    }
    assert_good(redis_call(redis, soon(), 3 + count, argv, sizes, &reply, &err));
}

static void foreign_entries_come_without_a_body(void **state)
{
    char *large = calloc(LIMIT_MESSAGE_BYTES + 2, 1);
    const char *const large_fields[] = {"body", large, "key", "k", "sig", "s"};
    (void)state;
    memset(large, 'x', LIMIT_MESSAGE_BYTES + 1);
    make_group(STREAM);
    add_foreign((const char *const[]){"hello", "world"}, NULL, 2);
    add_foreign((const char *const[]){"body", "b", "key", "k"}, NULL, 4);
    add_foreign((const char *const[]){"body", "b", "key", "k", "sig", "s", "more", "m"}, NULL, 8);
    add_foreign((const char *const[]){"body", "a\0b", "key", "k", "sig", "s"},
                (const size_t[]){4, 3, 3, 1, 3, 1}, 6);
    add_foreign(large_fields, NULL, 6);
    read_stream(false);
    assert_string_equal(buffer_text(&seen),
                        STREAM "|-|\n" STREAM "|-|\n" STREAM "|-|\n" STREAM "|-|\n" STREAM "|-|\n");
    free(large);
}

static void pending_entry_that_was_trimmed_comes_as_one_that_is_gone(void **state)
{
    REPLY_CLEANUP redisReply *reply = NULL;
    (void)state;
    make_group(STREAM);
    add(STREAM, "one");
    read_stream(false);
    assert_good(command(&reply, &err, "XDEL", STREAM, last_id));
    read_stream(true);
    assert_string_equal(buffer_text(&seen), STREAM "|gone|\n");
    assert_good(channel_acknowledge(redis, soon(), STREAM, "agent", last_id, &err));
    read_stream(true);
    assert_string_equal(buffer_text(&seen), "");
}

static void replies_of_another_shape_are_refused(void **state)
{
    static const char *const scripts[] = {
        "return 7",
        "return {7}",
        "return {{'s'}}",
        "return {{'s', 't'}}",
        "return {{'s', {7}}}",
        "return {{'s', {{7, {}}}}}",
        "return {{'s', {{'1-1', {}}, {'1-2'}}}}",
    };
    (void)state;
    for (size_t i = 0; i < sizeof(scripts) / sizeof(scripts[0]); i++) {
        redisReply *reply = NULL;
        assert_good(command(&reply, &err, "EVAL", scripts[i], "0"));
        assert_fails(channel_each(reply, see, &seen, &err), ERROR_PROTOCOL, "no list of streams");
        redis_reply_cleanup(&reply);
    }
    assert_string_equal(buffer_text(&seen), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test_with_redis(keys_of_a_cluster_share_its_hash_tag),
        test_with_redis(longest_names_fit_a_key),
        test_with_redis(added_message_is_read_with_a_good_signature),
        test_with_redis(group_reads_what_was_there_before_it),
        test_with_redis(group_that_exists_is_fine),
        test_with_redis(make_group_on_another_type_fails),
        test_with_redis(read_without_messages_gives_none),
        test_with_redis(unacknowledged_messages_stay_pending),
        test_with_redis(acknowledged_message_is_gone),
        test_with_redis(acknowledged_messages_of_several_streams_are_gone),
        test_with_redis(several_streams_are_read_at_once),
        test_with_redis(old_messages_are_dropped_beyond_the_cap),
        test_with_redis(message_that_is_too_long_is_not_sent),
        test_with_redis(foreign_entries_come_without_a_body),
        test_with_redis(pending_entry_that_was_trimmed_comes_as_one_that_is_gone),
        test_with_redis(replies_of_another_shape_are_refused),
    };
    return cmocka_run_group_tests_name("channel", tests, start, stop);
}
