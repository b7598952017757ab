/* SPDX-License-Identifier: Apache-2.0 */
#include "redis.h"

#include "redis_server.h"
#include "scripted_server.h"
#include "text.h"
#include "unit_test.h"

#define WAIT_MS 20000

static struct redis_server real;
static struct redis *redis;

static struct deadline soon(void)
{
    return deadline_after_ms(WAIT_MS);
}

#define command(reply, err, ...) redis_command(redis, soon(), reply, err, __VA_ARGS__, (char *)NULL)

static int start_real(void **state)
{
    if (scratch_make(state) != 0)
        return -1;
    redis_server_start(&real, scratch, NULL);
    return 0;
}

static int stop_real(void **state)
{
    redis_server_stop(&real);
    return scratch_remove(state);
}

static int connect_real(void **state)
{
    REPLY_CLEANUP redisReply *reply = NULL;
    struct error err;
    (void)state;
    redis = redis_new(&real.address);
    return redis_connect(redis, soon(), &err) && command(&reply, &err, "FLUSHALL") ? 0 : -1;
}

static int disconnect(void **state)
{
    (void)state;
    redis_free(redis);
    redis = NULL;
    return 0;
}

#define test_with_redis(test) cmocka_unit_test_setup_teardown(test, connect_real, disconnect)

static void addresses_are_parsed(void **state)
{
    static const struct {
        const char *url, *written;
        int database;
        bool is_tls;
    } rows[] = {
        {"redis://localhost", "localhost:6379", 0, false},
        {"redis://r1.example.com:6400/", "r1.example.com:6400", 0, false},
        {"rediss://10.0.0.1/3", "10.0.0.1:6379", 3, true},
        {"REDIS://[::1]:7000/15", "[::1]:7000", 15, false},
        {"unix:///run/shunt/redis.sock", "unix:/run/shunt/redis.sock", 0, false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct redis_address address;
        char text[300];
        assert_good(redis_address_parse(rows[i].url, &address, &err));
        redis_address_write(&address, text, sizeof(text));
        assert_string_equal(text, rows[i].written);
        assert_int_equal(address.database, rows[i].database);
        assert_int_equal(address.is_tls, rows[i].is_tls);
    }
}

static void wrong_addresses_are_invalid(void **state)
{
    static const char *const urls[] = {
        "",
        "localhost:6379",
        "http://localhost",
        "redis://",
        "redis://:6379",
        "redis://me:secret@localhost",
        "redis://:secret@localhost",
        "redis://localhost:0",
        "redis://localhost:65536",
        "redis://localhost:64x",
        "redis://localhost:",
        "redis://local host",
        "redis://localhost/x",
        "redis://localhost/-1",
        "redis://localhost/0/1",
        "redis://localhost?db=1",
        "redis://[::1",
        "redis://[::g]",
        "redis://[::1]6379",
        "unix://run/redis.sock",
        ("unix:///a-path-that-is-longer-than-sun_path-can-hold/0123456789012345678901234567890123"
         "456789012345678901234567890123456789"),
    };
    (void)state;
    for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
        struct redis_address address;
        struct error err = {0};
        if (redis_address_parse(urls[i], &address, &err) || err.code != ERROR_INVALID ||
            strstr(err.message, "secret"))
            fail_msg("'%s': %s (%s)", urls[i], err.message, error_code_name(err.code));
    }
}

static void call_gives_the_reply(void **state)
{
    REPLY_CLEANUP redisReply *set = NULL, *get = NULL, *nil = NULL;
    (void)state;
    assert_good(command(&set, &err, "SET", "k", "value"));
    assert_good(command(&get, &err, "GET", "k"));
    assert_good(command(&nil, &err, "GET", "absent"));
    assert_int_equal(get->type, REDIS_REPLY_STRING);
    assert_string_equal(get->str, "value");
    assert_int_equal(nil->type, REDIS_REPLY_NIL);
}

static void call_is_binary_safe(void **state)
{
    static const char bytes[] = "a\0b\r\n\xff";
    const char *set_argv[] = {"SET", "k", bytes};
    const size_t set_lengths[] = {3, 1, sizeof(bytes)};
    REPLY_CLEANUP redisReply *set = NULL, *get = NULL;
    (void)state;
    assert_good(redis_call(redis, soon(), 3, set_argv, set_lengths, &set, &err));
    assert_good(command(&get, &err, "GET", "k"));
    assert_int_equal(get->len, sizeof(bytes));
    assert_memory_equal(get->str, bytes, sizeof(bytes));
}

static void large_values_go_both_ways(void **state)
{
    enum { SIZE = 8 << 20 };
    char *value = malloc(SIZE);
    const char *argv[] = {"SET", "k", value};
    const size_t lengths[] = {3, 1, SIZE};
    REPLY_CLEANUP redisReply *set = NULL, *get = NULL;
    (void)state;
    memset(value, 'v', SIZE);
    assert_good(redis_call(redis, soon(), 3, argv, lengths, &set, &err));
    assert_good(command(&get, &err, "GET", "k"));
    assert_int_equal(get->len, SIZE);
    assert_memory_equal(get->str, value, SIZE);
    free(value);
}

static void error_reply_fails_and_keeps_the_connection(void **state)
{
    redisReply *reply = NULL;
    (void)state;
    assert_fails(command(&reply, &err, "NO-SUCH-COMMAND"), ERROR_PROTOCOL, "unknown command");
    assert_null(reply);
    assert_fails(command(&reply, &err, "EVALSHA", "0123456789012345678901234567890123456789", "0"),
                 ERROR_NOT_FOUND, "NOSCRIPT");
    assert_fails(command(&reply, &err, "XREADGROUP", "GROUP", "g", "c", "STREAMS", "s", ">"),
                 ERROR_NOT_FOUND, "NOGROUP");
    assert_good(command(&reply, &err, "PING"));
    redis_reply_cleanup(&reply);
}

static void unanswered_call_times_out_and_disconnects(void **state)
{
    redisReply *reply = NULL;
    (void)state;
    assert_fails(
        redis_command(redis, deadline_after_ms(30), &reply, &err, "BLPOP", "k", "0", (char *)NULL),
        ERROR_TIMEOUT, "redis unix:/tmp/");
    assert_false(redis_is_connected(redis));
    assert_int_equal(redis_fd(redis), -1);
    assert_fails(command(&reply, &err, "PING"), ERROR_UNAVAILABLE, "not connected");
    assert_good(redis_connect(redis, soon(), &err));
    assert_good(command(&reply, &err, "PING"));
    redis_reply_cleanup(&reply);
}

static void absent_server_is_unavailable(void **state)
{
    struct redis_address address = {.host = "127.0.0.1", .port = 1};
    struct redis *nobody = redis_new(&address);
    (void)state;
    assert_fails(redis_connect(nobody, soon(), &err), ERROR_UNAVAILABLE, "redis 127.0.0.1:1: ");
    redis_free(nobody);
    address = (struct redis_address){.socket_path = "/tmp/no-such-directory/redis.sock"};
    nobody = redis_new(&address);
    assert_fails(redis_connect(nobody, soon(), &err), ERROR_UNAVAILABLE, "no such socket");
    redis_free(nobody);
}

static struct redis_script counting = {
    .text = "redis.call('INCRBY', KEYS[1], ARGV[1]); return redis.call('GET', KEYS[1])"};

static void script_is_sent_whole_only_when_unknown(void **state)
{
    const char *const arguments[] = {"counter", "5"};
    REPLY_CLEANUP redisReply *flushed = NULL, *reset = NULL, *first = NULL, *second = NULL;
    REPLY_CLEANUP redisReply *stats = NULL;
    (void)state;
    assert_good(command(&flushed, &err, "SCRIPT", "FLUSH"));
    assert_good(command(&reset, &err, "CONFIG", "RESETSTAT"));
    assert_good(redis_eval(redis, soon(), &counting, 1, arguments, 2, &first, &err));
    assert_good(redis_eval(redis, soon(), &counting, 1, arguments, 2, &second, &err));
    assert_string_equal(first->str, "5");
    assert_string_equal(second->str, "10");
    assert_good(command(&stats, &err, "INFO", "commandstats"));
    assert_non_null(strstr(stats->str, "cmdstat_eval:calls=1,"));
    assert_non_null(strstr(stats->str, "cmdstat_evalsha:calls=2,"));
}

/* What a script did before its own error must not be done twice. */
static void failing_script_runs_once(void **state)
{
    static struct redis_script failing = {
        .text = "redis.call('INCR', KEYS[1]); return redis.error_reply('NOGROUP of my own')"};
    const char *const arguments[] = {"counter"};
    REPLY_CLEANUP redisReply *count = NULL;
    redisReply *reply = NULL;
    (void)state;
    assert_fails(redis_eval(redis, soon(), &failing, 1, arguments, 1, &reply, &err),
                 ERROR_NOT_FOUND, "NOGROUP of my own");
    assert_good(command(&count, &err, "GET", "counter"));
    assert_string_equal(count->str, "1");
}

/* Takes one reply of a connection that is waited for with poll(2). */
static redisReply *await_reply(void)
{
    struct pollfd fd = {.fd = redis_fd(redis), .events = POLLIN};
    redisReply *reply = NULL;
    for (;;) {
        assert_good(redis_receive_nowait(redis, &reply, &err));
        if (reply)
            return reply;
        assert_int_equal(poll(&fd, 1, WAIT_MS), 1);
    }
}

static void many_calls_have_their_own_replies(void **state)
{
    const char *set[] = {"SET", "k", "value"}, *wrong[] = {"NO-SUCH-COMMAND"},
               *get[] = {"GET", "k"};
    struct redis_request requests[] = {
        {.argv = set, .count = 3}, {.argv = wrong, .count = 1}, {.argv = get, .count = 2}};
    (void)state;
    redis_call_all(redis, soon(), requests, 3);
    assert_int_equal(requests[0].reply->type, REDIS_REPLY_STATUS);
    assert_null(requests[1].reply);
    assert_int_equal(requests[1].err.code, ERROR_PROTOCOL);
    assert_string_equal(requests[2].reply->str, "value");
    redis_reply_cleanup(&requests[0].reply);
    redis_reply_cleanup(&requests[2].reply);
    redis_call_all(redis, soon(), NULL, 0);
    assert_true(redis_is_connected(redis));
}

static void many_calls_without_an_answer_time_out_together(void **state)
{
    const char *ping[] = {"PING"}, *wait[] = {"BLPOP", "k", "0"};
    struct redis_request requests[] = {
        {.argv = ping, .count = 1}, {.argv = wait, .count = 3}, {.argv = ping, .count = 1}};
    (void)state;
    redis_call_all(redis, deadline_after_ms(30), requests, 3);
    assert_non_null(requests[0].reply);
    redis_reply_cleanup(&requests[0].reply);
    for (size_t i = 1; i < 3; i++) {
        assert_null(requests[i].reply);
        assert_int_equal(requests[i].err.code, ERROR_TIMEOUT);
    }
    assert_false(redis_is_connected(redis));
    redis_call_all(redis, soon(), requests, 1);
    assert_null(requests[0].reply);
    assert_int_equal(requests[0].err.code, ERROR_UNAVAILABLE);
}

static void a_script_is_run_for_each_request_known_or_not(void **state)
{
    static struct redis_script adding = {.text = "return redis.call('INCRBY', KEYS[1], ARGV[1])"};
    const char *first[] = {"a", "1"}, *second[] = {"b", "2"}, *third[] = {"a", "x"};
    (void)state;
    for (long long round = 1; round <= 2; round++) {
        struct redis_request requests[] = {{.argv = first, .count = 2, .key_count = 1},
                                           {.argv = second, .count = 2, .key_count = 1},
                                           {.argv = third, .count = 2, .key_count = 1}};
        redis_eval_all(redis, soon(), &adding, requests, 3);
        assert_int_equal(requests[0].reply->integer, round);
        assert_int_equal(requests[1].reply->integer, 2 * round);
        assert_null(requests[2].reply);
        redis_reply_cleanup(&requests[0].reply);
        redis_reply_cleanup(&requests[1].reply);
    }
}

static void receive_takes_replies_in_order_without_waiting(void **state)
{
    const char *const block[] = {"BLPOP", "list", "0"}, *const ping[] = {"PING"};
    struct redis *other = redis_new(&real.address);
    REPLY_CLEANUP redisReply *pushed = NULL, *popped = NULL, *pong = NULL;
    redisReply *none = NULL;
    (void)state;
    assert_good(redis_connect(other, soon(), &err));
    assert_good(redis_send(redis, soon(), 3, block, &err));
    assert_good(redis_send(redis, soon(), 1, ping, &err));
    assert_good(redis_receive_nowait(redis, &none, &err));
    assert_null(none);
    assert_good(redis_command(other, soon(), &pushed, &err, "RPUSH", "list", "x", (char *)NULL));
    popped = await_reply();
    assert_int_equal(popped->elements, 2);
    pong = await_reply();
    assert_string_equal(pong->str, "PONG");
    assert_good(redis_receive_nowait(redis, &none, &err));
    assert_null(none);
    redis_free(other);
}

static void received_error_reply_keeps_the_connection(void **state)
{
    const char *const argv[] = {"XREADGROUP", "GROUP", "g", "c", "STREAMS", "s", ">"};
    struct pollfd fd = {.fd = redis_fd(redis), .events = POLLIN};
    redisReply *reply = NULL;
    (void)state;
    assert_good(redis_send(redis, soon(), 7, argv, &err));
    assert_int_equal(poll(&fd, 1, WAIT_MS), 1);
    assert_fails(redis_receive_nowait(redis, &reply, &err), ERROR_NOT_FOUND, "NOGROUP");
    assert_true(redis_is_connected(redis));
    assert_good(command(&reply, &err, "PING"));
    redis_reply_cleanup(&reply);
}

static void wait_tells_which_connection_has_something(void **state)
{
    const char *const block[] = {"BLPOP", "list", "0"}, *const ping[] = {"PING"};
    struct redis *other = redis_new(&real.address);
    struct redis *const both[] = {redis, other};
    bool is_ready[2] = {true, true};
    (void)state;
    assert_good(redis_connect(other, soon(), &err));
    assert_good(redis_send(redis, soon(), 3, block, &err));
    redis_wait(both, 2, deadline_after_ms(0), is_ready);
    assert_false(is_ready[0] || is_ready[1]);
    assert_good(redis_send(other, soon(), 1, ping, &err));
    redis_wait(both, 2, soon(), is_ready);
    assert_false(is_ready[0]);
    assert_true(is_ready[1]);
    redis_free(other);
}

static void write_file(const char *path, const char *text)
{
    assert_good(file_replace(path, text, strlen(text), 0600, &err));
}

static void password_and_database_are_used(void **state)
{
    struct redis_address address;
    struct redis_server guarded;
    REPLY_CLEANUP redisReply *client = NULL;
    redisReply *reply = NULL;
    (void)state;
    redis_server_start(&guarded, scratch,
                       (const char *const[]){"--user", "agent", "on", ">right", "~*", "+@all",
                                             "--user", "default", "off", NULL});
    address = guarded.address;
    address.database = 5;
    TEXT_COPY(address.user, "agent");
    TEXT_COPY(address.password_file, scratch_path("password"));
    write_file(address.password_file, "right\n");
    struct redis *user = redis_new(&address);
    assert_good(redis_connect(user, soon(), &err));
    assert_good(redis_command(user, soon(), &client, &err, "CLIENT", "LIST", (char *)NULL));
    assert_non_null(strstr(client->str, "user=agent"));
    assert_non_null(strstr(client->str, "db=5"));
    redis_disconnect(user);
    write_file(address.password_file, "wrong\n"); /* is read again */
    assert_fails(redis_connect(user, soon(), &err), ERROR_DENIED, "WRONGPASS");
    assert_false(redis_is_connected(user));
    redis_free(user);
    user = redis_new(&guarded.address);
    assert_good(redis_connect(user, soon(), &err));
    assert_fails(redis_command(user, soon(), &reply, &err, "PING", (char *)NULL), ERROR_DENIED,
                 "NOAUTH");
    redis_free(user);
    redis_server_stop(&guarded);
}

static void restarted_server_is_found_again(void **state)
{
    struct redis_server server;
    redisReply *reply = NULL;
    (void)state;
    redis_server_start(&server, scratch, NULL);
    struct redis *client = redis_new(&server.address);
    assert_good(redis_connect(client, soon(), &err));
    redis_server_stop(&server);
    assert_fails(redis_command(client, soon(), &reply, &err, "PING", (char *)NULL),
                 ERROR_UNAVAILABLE, "redis unix:");
    redis_server_start(&server, scratch, NULL);
    assert_good(redis_connect(client, soon(), &err));
    assert_good(redis_command(client, soon(), &reply, &err, "PING", (char *)NULL));
    redis_reply_cleanup(&reply);
    redis_free(client);
    redis_server_stop(&server);
}

/* What a hostile or broken server may answer to PING. */
static const struct hostile_answer {
    const char *name;
    struct scripted_row row;
    enum error_code code;
} hostile_answers[] = {
    {"garbage", {.send = "HTTP/1.1 400 Bad Request\r\n\r\n"}, ERROR_PROTOCOL},
    {"NUL bytes", {.send = "\0\0\0\0", .send_size = 4}, ERROR_PROTOCOL},
    {"nothing", {.end = SCRIPTED_CLOSE}, ERROR_UNAVAILABLE},
    {"a reset", {.end = SCRIPTED_RESET}, ERROR_UNAVAILABLE},
    {"half a reply", {.send = "$10\r\nhalf"}, ERROR_UNAVAILABLE},
    {"a reply cut in its length", {.send = "$1"}, ERROR_UNAVAILABLE},
    {"half an array", {.send = "*2\r\n$1\r\na\r\n"}, ERROR_UNAVAILABLE},
    {"no answer", {.end = SCRIPTED_HOLD}, ERROR_TIMEOUT},
    {"a huge bulk that never comes",
     {.send = "$9223372036854775807\r\nx", .end = SCRIPTED_HOLD},
     ERROR_TIMEOUT},
    {"a huge bulk that comes",
     {.send = "$4000000000\r\n", .filler_bytes = 100 << 20},
     ERROR_PROTOCOL},
    {"an endless line", {.send = "+", .filler_bytes = 100 << 20}, ERROR_PROTOCOL},
    {"a length out of range", {.send = "$92233720368547758080\r\n"}, ERROR_PROTOCOL},
    {"a negative length", {.send = "$-7\r\n"}, ERROR_PROTOCOL},
    {"an array of billions", {.send = "*2000000000\r\n", .end = SCRIPTED_HOLD}, ERROR_PROTOCOL},
    {"arrays in arrays", {.send = "*200000\r\n*200000\r\n", .end = SCRIPTED_HOLD}, ERROR_PROTOCOL},
    {"deep arrays",
     {.send = "*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n",
      .end = SCRIPTED_HOLD},
     ERROR_PROTOCOL},
};

static void hostile_answers_are_errors_and_disconnect(void **state)
{
    static struct scripted_server hostile;
    (void)state;
    for (size_t i = 0; i < sizeof(hostile_answers) / sizeof(hostile_answers[0]); i++) {
        struct scripted_row row = hostile_answers[i].row;
        struct redis_address address = {.host = "127.0.0.1"};
        struct error err = {0};
        redisReply *reply = NULL;
        row.await = "PING\r\n";
        scripted_server_start(&hostile, &row, 1);
        address.port = hostile.port;
        struct redis *client = redis_new(&address);
        assert_true(redis_connect(client, soon(), &err));
        int64_t most_ms = hostile_answers[i].code == ERROR_TIMEOUT ? 50 : WAIT_MS;
        bool is_good =
            redis_command(client, deadline_after_ms(most_ms), &reply, &err, "PING", (char *)NULL);
        if (is_good || err.code != hostile_answers[i].code || redis_is_connected(client))
            fail_msg("%s: %s (%s)", hostile_answers[i].name, err.message,
                     error_code_name(err.code));
        redis_free(client);
        scripted_server_stop(&hostile);
    }
}

static void receive_never_waits_for_the_rest_of_a_reply(void **state)
{
    static struct scripted_server slow;
    static const struct scripted_row rows[] = {
        {.await = "PING\r\n", .send = "+PO", .end = SCRIPTED_KEEP},
        {.await = "PING\r\n", .send = "NG\r\n+PONG\r\n", .end = SCRIPTED_HOLD},
    };
    const char *const ping[] = {"PING"};
    struct redis_address address = {.host = "127.0.0.1"};
    redisReply *first = NULL, *second = NULL, *none = NULL;
    (void)state;
    scripted_server_start(&slow, rows, 2);
    address.port = slow.port;
    redis = redis_new(&address);
    struct pollfd fd = {.events = POLLIN};
    assert_good(redis_connect(redis, soon(), &err));
    assert_good(redis_send(redis, soon(), 1, ping, &err));
    fd.fd = redis_fd(redis);
    assert_int_equal(poll(&fd, 1, WAIT_MS), 1);
    assert_good(redis_receive_nowait(redis, &none, &err));
    assert_null(none);
    assert_good(redis_send(redis, soon(), 1, ping, &err));
    first = await_reply();
    second = await_reply();
    assert_string_equal(first->str, "PONG");
    assert_string_equal(second->str, "PONG");
    redis_reply_cleanup(&first);
    redis_reply_cleanup(&second);
    disconnect(state);
    scripted_server_stop(&slow);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_are_parsed),
        cmocka_unit_test(wrong_addresses_are_invalid),
        cmocka_unit_test(hostile_answers_are_errors_and_disconnect),
        cmocka_unit_test(receive_never_waits_for_the_rest_of_a_reply),
        test_in_scratch(password_and_database_are_used),
        test_in_scratch(restarted_server_is_found_again),
    };
    const struct CMUnitTest tests_with_redis[] = {
        test_with_redis(call_gives_the_reply),
        test_with_redis(call_is_binary_safe),
        test_with_redis(large_values_go_both_ways),
        test_with_redis(error_reply_fails_and_keeps_the_connection),
        test_with_redis(unanswered_call_times_out_and_disconnects),
        test_with_redis(absent_server_is_unavailable),
        test_with_redis(script_is_sent_whole_only_when_unknown),
        test_with_redis(failing_script_runs_once),
        test_with_redis(many_calls_have_their_own_replies),
        test_with_redis(many_calls_without_an_answer_time_out_together),
        test_with_redis(a_script_is_run_for_each_request_known_or_not),
        test_with_redis(receive_takes_replies_in_order_without_waiting),
        test_with_redis(received_error_reply_keeps_the_connection),
        test_with_redis(wait_tells_which_connection_has_something),
    };
    int failed = cmocka_run_group_tests_name("redis", tests, NULL, NULL);
    return failed + cmocka_run_group_tests_name("redis, with a server", tests_with_redis,
                                                start_real, stop_real);
}
