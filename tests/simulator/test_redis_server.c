/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The simulated Redis against the real one: the same random commands must get the same replies.
 * What depends on the clock or on faults is tested alone, in virtual time.
 */
#include "redis_server.h"

/* The header of the real server's harness uses two of our names. */
#define redis_server         real_server
#define redis_server_execute real_server_execute
#include "../unit/redis_server.h"
#undef redis_server
#undef redis_server_execute

#include "../unit/common/unit_test.h"
#include "buffer.h"
#include "redis.h"
#include "redis_chance.h"

#define SEEDS       4
#define COMMANDS    4000
#define REPLY_BYTES (1 << 20)
#define NOW_MS      1700000000000

static struct real_server real;
static redisContext *connection;

static struct redis_server *server;

/* One reply as text, for comparing two and for showing them. */
static void write_reply(struct buffer *text, const redisReply *reply)
{
    switch (reply->type) {
    case REDIS_REPLY_INTEGER:
        buffer_format(text, "(%lld)", reply->integer);
        break;
    case REDIS_REPLY_NIL:
        buffer_add_text(text, "nil");
        break;
    case REDIS_REPLY_ARRAY:
        buffer_add_text(text, "[");
        for (size_t i = 0; i < reply->elements; i++) {
            buffer_add_text(text, i > 0 ? ", " : "");
            write_reply(text, reply->element[i]);
        }
        buffer_add_text(text, "]");
        break;
    default:
        buffer_add_text(text, reply->type == REDIS_REPLY_ERROR    ? "error "
                              : reply->type == REDIS_REPLY_STATUS ? "status "
                                                                  : "'");
        buffer_add(text, reply->str, (size_t)reply->len);
        buffer_add_text(text, reply->type == REDIS_REPLY_STRING ? "'" : "");
        break;
    }
}

static void expect_reply(int64_t now_ms, const char *expected, size_t count,
                         const char *const *argv)
{
    BUFFER_CLEANUP struct buffer text;
    redisReply *reply = redis_server_execute(server, now_ms, count, argv, NULL);
    buffer_init(&text, REPLY_BYTES);
    write_reply(&text, reply);
    freeReplyObject(reply);
    assert_string_equal(buffer_text(&text), expected);
}

#define COUNT_OF(...) (sizeof((const char *[]){__VA_ARGS__}) / sizeof(const char *))
#define expect(now_ms, expected, ...)                                                              \
    expect_reply(now_ms, expected, COUNT_OF(__VA_ARGS__), (const char *[]){__VA_ARGS__})
#define carry_out(now_ms, ...)                                                                     \
    freeReplyObject(redis_server_execute(server, now_ms, COUNT_OF(__VA_ARGS__),                    \
                                         (const char *[]){__VA_ARGS__}, NULL))

static int start_server(void **state)
{
    (void)state;
    server = redis_server_new();
    return 0;
}

static int end_server(void **state)
{
    (void)state;
    redis_server_free(server);
    server = NULL;
    return 0;
}

/* "hz": BLOCK ends in time, and not at the next tenth of a second. */
static int start_real(void **state)
{
    static const char *const arguments[] = {"--hz", "500", NULL};
    if (scratch_make(state) != 0)
        return -1;
    redis_server_start(&real, scratch, arguments);
    connection = redisConnectUnix(real.address.socket_path);
    return connection != NULL && connection->err == 0 ? 0 : -1;
}

static int stop_real(void **state)
{
    redisFree(connection);
    redis_server_stop(&real);
    return scratch_remove(state);
}

/* The real server's clock goes on between its answer and ours. */
static bool is_time_left(const char *command, const redisReply *a, const redisReply *b)
{
    return strstr(command, "TTL ") != NULL && a->type == REDIS_REPLY_INTEGER &&
           b->type == REDIS_REPLY_INTEGER && a->integer > 0 &&
           llabs(a->integer - b->integer) < 60000;
}

static void show_command(const struct redis_chance *chance)
{
    for (size_t i = 0; i < chance->count; i++)
        print_error("%s%s", chance->argv[i], i + 1 < chance->count ? " " : "\n");
}

static void compare(struct redis_chance *chance)
{
    BUFFER_CLEANUP struct buffer wanted, got;
    redisReply *theirs = redisCommandArgv(connection, (int)chance->count, chance->argv, NULL);
    assert_non_null(theirs);
    redisReply *ours =
        redis_server_execute(server, clock_wall_ms(), chance->count, chance->argv, NULL);
    buffer_init(&wanted, REPLY_BYTES);
    buffer_init(&got, REPLY_BYTES);
    write_reply(&wanted, theirs);
    write_reply(&got, ours);
    if (strcmp(buffer_text(&wanted), buffer_text(&got)) != 0 &&
        !is_time_left(chance->pattern, theirs, ours)) {
        show_command(chance);
        fail_msg("\n  redis-server: %s\n  ours:         %s", buffer_text(&wanted),
                 buffer_text(&got));
    }
    freeReplyObject(theirs);
    freeReplyObject(ours);
}

static void begin_both(void)
{
    freeReplyObject(redisCommand(connection, "FLUSHALL"));
    freeReplyObject(redisCommand(connection, "SCRIPT FLUSH"));
    server = redis_server_new();
}

static void each_pattern_is_answered_alike_without_keys(void **state)
{
    struct redis_chance chance = {.state = 1};
    for (size_t i = 0; i < redis_chance_patterns(); i++) {
        begin_both();
        redis_chance_draw_like(&chance, i);
        compare(&chance);
        end_server(state);
    }
}

static void random_commands_are_answered_alike(void **state)
{
    for (unsigned seed = 1; seed <= SEEDS; seed++) {
        struct redis_chance chance = {.state = seed * 0x9e3779b97f4a7c15u};
        begin_both();
        for (unsigned i = 0; i < COMMANDS; i++) {
            redis_chance_draw(&chance);
            compare(&chance);
        }
        end_server(state);
    }
}

static void texts_hold_any_byte(void **state)
{
    const char *set[] = {"SET", "a", "x\0y\r\n"}, *get[] = {"GET", "a"};
    const char *add[] = {"XADD", "s", "1-1", "\0", "\xff\0"}, *range[] = {"XRANGE", "s", "-", "+"};
    const char *eval[] = {"EVAL", "return redis.call('GET', KEYS[1]) .. ARGV[1]", "1", "a", "\0z"};
    (void)state;
    freeReplyObject(redis_server_execute(server, NOW_MS, 3, set, (size_t[]){3, 1, 5}));
    freeReplyObject(redis_server_execute(server, NOW_MS, 5, add, (size_t[]){4, 1, 3, 1, 2}));
    redisReply *reply = redis_server_execute(server, NOW_MS, 2, get, NULL);
    assert_int_equal(reply->len, 5);
    assert_memory_equal(reply->str, "x\0y\r\n", 6);
    freeReplyObject(reply);
    reply = redis_server_execute(server, NOW_MS, 4, range, NULL);
    assert_memory_equal(reply->element[0]->element[1]->element[1]->str, "\xff\0", 3);
    freeReplyObject(reply);
    reply = redis_server_execute(server, NOW_MS, 5, eval, (size_t[]){4, strlen(eval[1]), 1, 1, 2});
    assert_int_equal(reply->len, 7);
    assert_memory_equal(reply->str, "x\0y\r\n\0z", 8);
    freeReplyObject(reply);
}

static void many_arguments_are_taken(void **state)
{
    const char *argv[200] = {"RPUSH", "list"};
    (void)state;
    for (size_t i = 2; i < 200; i++)
        argv[i] = "x";
    expect_reply(NOW_MS, "(198)", 200, argv);
}

static void many_keys_are_found_again(void **state)
{
    char key[24];
    (void)state;
    for (int i = 0; i < 1000; i++) {
        (void)snprintf(key, sizeof(key), "key%d", i);
        expect(NOW_MS, "status OK", "SET", key, key + 3);
    }
    for (int i = 0; i < 1000; i++) {
        (void)snprintf(key, sizeof(key), "key%d", i);
        assert_string_equal(redis_server_peek(server, NOW_MS, key), key + 3);
    }
    expect(NOW_MS, "status OK", "FLUSHALL");
    expect(NOW_MS, "(0)", "EXISTS", "key0", "key999");
}

static void keys_end_with_their_time(void **state)
{
    (void)state;
    expect(NOW_MS, "status OK", "SET", "a", "1", "PX", "100");
    expect(NOW_MS + 40, "(60)", "PTTL", "a");
    expect(NOW_MS + 100, "'1'", "GET", "a");
    assert_string_equal(redis_server_peek(server, NOW_MS + 100, "a"), "1");
    assert_null(redis_server_peek(server, NOW_MS + 101, "a"));
    expect(NOW_MS + 101, "nil", "GET", "a");
    expect(NOW_MS + 101, "(-2)", "PTTL", "a");
    expect(NOW_MS + 101, "status OK", "SET", "a", "2", "NX", "EX", "10");
    expect(NOW_MS + 200, "(3)", "INCR", "a");
    expect(NOW_MS + 10101, "(1)", "EXISTS", "a");
    expect(NOW_MS + 10102, "(0)", "EXISTS", "a");
    carry_out(NOW_MS + 10102, "RPUSH", "list", "1");
    expect(NOW_MS + 10102, "(1)", "EXPIRE", "list", "5");
    expect(NOW_MS + 15103, "(0)", "LLEN", "list");
}

static void plain_set_ends_the_time_of_expiry(void **state)
{
    (void)state;
    carry_out(NOW_MS, "SET", "a", "1", "PX", "100");
    carry_out(NOW_MS, "SET", "a", "2");
    expect(NOW_MS + 1000, "'2'", "GET", "a");
}

static void entries_get_ids_of_the_clock(void **state)
{
    (void)state;
    expect(NOW_MS, "'1700000000000-0'", "XADD", "s", "*", "f", "1");
    expect(NOW_MS, "'1700000000000-1'", "XADD", "s", "*", "f", "2");
    expect(NOW_MS + 5, "'1700000000005-0'", "XADD", "s", "*", "f", "3");
    expect(NOW_MS + 5, "'1700000000009-7'", "XADD", "s", "1700000000009-7", "f", "4");
    expect(NOW_MS + 6, "'1700000000009-8'", "XADD", "s", "*", "f", "5");
    expect(NOW_MS + 6, "'1700000000006-0'", "XADD", "other", "*", "f", "1");
    assert_int_equal(redis_server_additions(server), 6);
    expect(NOW_MS + 6, "(5)", "XLEN", "s");
    assert_int_equal(redis_server_additions(server), 6);
}

static void ids_grow_where_all_entries_are_deleted(void **state)
{
    (void)state;
    carry_out(NOW_MS, "XADD", "s", "*", "f", "1");
    expect(NOW_MS, "(1)", "XDEL", "s", "1700000000000-0");
    expect(NOW_MS, "'1700000000000-1'", "XADD", "s", "*", "f", "2");
}

static void about_so_many_entries_stay(void **state)
{
    (void)state;
    for (int i = 0; i < 110; i++)
        carry_out(NOW_MS, "XADD", "s", "MAXLEN", "~", "100", "*", "f", "v");
    expect(NOW_MS, "(110)", "XLEN", "s");
    carry_out(NOW_MS, "XADD", "s", "MAXLEN", "~", "100", "*", "f", "v");
    expect(NOW_MS, "(100)", "XLEN", "s");
    expect(NOW_MS, "[['1700000000000-11', ['f', 'v']]]", "XRANGE", "s", "-", "+", "COUNT", "1");
}

static void pending_entries_are_given_again(void **state)
{
    (void)state;
    carry_out(NOW_MS, "XGROUP", "CREATE", "s", "g", "0", "MKSTREAM");
    expect(NOW_MS, "nil", "XREADGROUP", "GROUP", "g", "c", "BLOCK", "5000", "STREAMS", "s", ">");
    carry_out(NOW_MS, "XADD", "s", "1-1", "f", "a");
    carry_out(NOW_MS, "XADD", "s", "1-2", "f", "b");
    expect(NOW_MS, "[['s', [['1-1', ['f', 'a']], ['1-2', ['f', 'b']]]]]", "XREADGROUP", "GROUP",
           "g", "c", "COUNT", "10", "STREAMS", "s", ">");
    expect(NOW_MS, "nil", "XREADGROUP", "GROUP", "g", "c", "STREAMS", "s", ">");
    expect(NOW_MS, "(1)", "XDEL", "s", "1-1");
    for (int i = 0; i < 2; i++)
        expect(NOW_MS, "[['s', [['1-1', nil], ['1-2', ['f', 'b']]]]]", "XREADGROUP", "GROUP", "g",
               "c", "COUNT", "10", "STREAMS", "s", "0");
    expect(NOW_MS, "[['s', []]]", "XREADGROUP", "GROUP", "g", "other", "STREAMS", "s", "0");
    expect(NOW_MS, "(1)", "XACK", "s", "g", "1-1");
    expect(NOW_MS, "(0)", "XACK", "s", "g", "1-1");
    expect(NOW_MS, "[['s', [['1-2', ['f', 'b']]]]]", "XREADGROUP", "GROUP", "g", "c", "STREAMS",
           "s", "0");
}

/* The controller's own, with ids of the clock. */
static const char append_text[] =
    "if redis.call('GET', KEYS[1]) ~= ARGV[1] or redis.call('GET', KEYS[2]) ~= ARGV[2] then\n"
    "  return -1\n"
    "end\n"
    "if ARGV[6] == '1' then redis.call('DEL', KEYS[3]) end\n"
    "if ARGV[4] ~= '' then\n"
    "  redis.call('XADD', KEYS[3], 'MAXLEN', '~', ARGV[3], '*', 'record', ARGV[4])\n"
    "end\n"
    "for i = 4, #KEYS do\n"
    "  redis.call('XADD', KEYS[i], 'MAXLEN', '~', 1000, '*', 'body', ARGV[2 * i - 1],\n"
    "             'key', ARGV[5], 'sig', ARGV[2 * i])\n"
    "end\n"
    "return 1\n";

#define take(now_ms, expected, who)                                                                \
    expect(now_ms, expected, "EVAL", redis_chance_script("take"), "2", "lease", "epoch", who,      \
           "1000", "0", "0")
#define append(now_ms, expected, who, epoch)                                                       \
    expect(now_ms, expected, "EVAL", append_text, "4", "lease", "epoch", "journal", "commands",    \
           who, epoch, "20000", "a record", "key", "0", "a body", "signed")

static void lease_and_journal_work_as_scripts(void **state)
{
    (void)state;
    append(NOW_MS, "(-1)", "me", "1");
    take(NOW_MS, "[(1), '1']", "me");
    take(NOW_MS + 10, "[(0), 'me']", "you");
    append(NOW_MS + 10, "(1)", "me", "1");
    take(NOW_MS + 900, "[(1), '1']", "me");
    take(NOW_MS + 1900, "[(0), 'me']", "you");
    take(NOW_MS + 1901, "[(1), '2']", "you");
    append(NOW_MS + 1901, "(-1)", "me", "1");
    append(NOW_MS + 1901, "(1)", "you", "2");
    assert_int_equal(redis_server_additions(server), 4);
    expect(NOW_MS + 1901,
           "[['1700000001901-0', ['body', 'a body', 'key', 'key', 'sig', 'signed']]]", "XREVRANGE",
           "commands", "+", "-", "COUNT", "1");
    expect(NOW_MS + 1901, "(1)", "EVAL", redis_chance_script("release"), "1", "lease", "you");
    assert_null(redis_server_peek(server, NOW_MS + 1901, "lease"));
    assert_string_equal(redis_server_peek(server, NOW_MS + 1901, "epoch"), "2");
    assert_null(redis_server_peek(server, NOW_MS + 1901, "journal"));
}

static void lost_writes_are_undone(void **state)
{
    (void)state;
    take(NOW_MS, "[(1), '1']", "me");
    append(NOW_MS + 100, "(1)", "me", "1");
    carry_out(NOW_MS + 100, "XGROUP", "CREATE", "commands", "g", "0");
    carry_out(NOW_MS + 100, "XREADGROUP", "GROUP", "g", "c", "STREAMS", "commands", ">");
    carry_out(NOW_MS + 200, "XACK", "commands", "g", "1700000000100-0");
    append(NOW_MS + 200, "(1)", "me", "1");
    carry_out(NOW_MS + 300, "DEL", "journal", "epoch");
    redis_server_lose(server, NOW_MS + 200);
    assert_int_equal(redis_server_additions(server), 4);
    expect(NOW_MS + 300, "[['1700000000100-0', ['record', 'a record']]]", "XRANGE", "journal", "-",
           "+");
    expect(NOW_MS + 300, "'1'", "GET", "epoch");
    expect(NOW_MS + 300, "(700)", "PTTL", "lease");
    expect(NOW_MS + 300,
           "[['commands', [['1700000000100-0', ['body', 'a body', 'key', 'key', "
           "'sig', 'signed']]]]]",
           "XREADGROUP", "GROUP", "g", "c", "STREAMS", "commands", "0");
    expect(NOW_MS + 300, "error NOSCRIPT No matching script. Please use EVAL.", "EVALSHA",
           redis_chance_sha1("take"), "0");
}

static void more_can_be_lost_after_a_loss(void **state)
{
    (void)state;
    carry_out(NOW_MS, "SET", "a", "1");
    carry_out(NOW_MS + 10, "SET", "a", "2");
    redis_server_lose(server, NOW_MS + 10);
    carry_out(NOW_MS + 20, "SET", "b", "3");
    redis_server_lose(server, NOW_MS + 15);
    expect(NOW_MS + 30, "'1'", "GET", "a");
    expect(NOW_MS + 30, "nil", "GET", "b");
    redis_server_lose(server, NOW_MS);
    expect(NOW_MS + 30, "nil", "GET", "a");
}

/* A script that fails midway has written all the same, and its writes are in the log one by one. */
static void half_a_script_can_be_lost_or_kept(void **state)
{
    (void)state;
    carry_out(NOW_MS, "EVAL", redis_chance_script("half_done"), "1", "a", "x");
    carry_out(NOW_MS + 10, "EVAL", redis_chance_script("half_done"), "1", "a", "y");
    expect(NOW_MS + 10, "'y'", "GET", "a");
    redis_server_lose(server, NOW_MS + 10);
    expect(NOW_MS + 10, "'x'", "GET", "a");
}

/* What can be told apart of a key, by whatever its type allows; "*" shows the stream's last id. */
static void expect_same_key(struct redis_server *other, const char *key)
{
    const struct {
        size_t count;
        const char *argv[7];
    } reads[] = {
        {2, {"PTTL", key}},
        {2, {"GET", key}},
        {4, {"LRANGE", key, "0", "-1"}},
        {4, {"XRANGE", key, "-", "+"}},
        {7, {"XREADGROUP", "GROUP", "g0", "c0", "STREAMS", key, "0"}},
        {5, {"XADD", key, "*", "f", "v"}},
    };
    for (size_t i = 0; i < sizeof(reads) / sizeof(reads[0]); i++) {
        BUFFER_CLEANUP struct buffer expected;
        redisReply *reply =
            redis_server_execute(other, NOW_MS + 3000, reads[i].count, reads[i].argv, NULL);
        buffer_init(&expected, REPLY_BYTES);
        write_reply(&expected, reply);
        freeReplyObject(reply);
        expect_reply(NOW_MS + 3000, buffer_text(&expected), reads[i].count, reads[i].argv);
    }
}

static void random_writes_are_undone_as_if_never_made(void **state)
{
    static const char *const keys[] = {"s0", "s1", "l0", "l1", "x0", "x1"};
    struct redis_chance chance = {.state = 77};
    struct redis_server *loser = redis_server_new();
    (void)state;
    for (unsigned i = 0; i < 3000; i++) {
        redis_chance_draw(&chance);
        freeReplyObject(redis_server_execute(loser, NOW_MS + i, chance.count, chance.argv, NULL));
        if (i < 2000)
            freeReplyObject(
                redis_server_execute(server, NOW_MS + i, chance.count, chance.argv, NULL));
    }
    redis_server_lose(loser, NOW_MS + 2000);
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
        expect_same_key(loser, keys[i]);
    redis_server_free(loser);
}

static void wiped_server_has_nothing(void **state)
{
    (void)state;
    carry_out(NOW_MS, "EVAL", "return redis.call('SET', KEYS[1], 'x')", "1", "a");
    carry_out(NOW_MS, "SCRIPT", "LOAD", redis_chance_script("release"));
    redis_server_wipe(server);
    expect(NOW_MS, "(0)", "EXISTS", "a");
    expect(NOW_MS, "error NOSCRIPT No matching script. Please use EVAL.", "EVALSHA",
           redis_chance_sha1("release"), "0");
    carry_out(NOW_MS, "SET", "b", "y");
    redis_server_lose(server, NOW_MS + 1);
    expect(NOW_MS + 1, "(1)", "EXISTS", "a", "b");
}

static void restarted_server_keeps_its_keys(void **state)
{
    (void)state;
    carry_out(NOW_MS, "SET", "a", "x");
    carry_out(NOW_MS, "SCRIPT", "LOAD", redis_chance_script("release"));
    expect(NOW_MS, "(0)", "EVALSHA", redis_chance_sha1("release"), "1", "a", "y");
    redis_server_restart(server);
    expect(NOW_MS, "error NOSCRIPT No matching script. Please use EVAL.", "EVALSHA",
           redis_chance_sha1("release"), "1", "a", "y");
    expect(NOW_MS, "'x'", "GET", "a");
}

static void servers_share_no_script(void **state)
{
    struct redis_server *first = server, *second = redis_server_new();
    (void)state;
    carry_out(NOW_MS, "SET", "a", "first");
    expect(NOW_MS, "'first'", "EVAL", redis_chance_script("raised"), "1", "a");
    server = second;
    expect(NOW_MS, "error NOSCRIPT No matching script. Please use EVAL.", "EVALSHA",
           redis_chance_sha1("raised"), "1", "a");
    expect(NOW_MS, "nil", "EVAL", redis_chance_script("raised"), "1", "a");
    server = first;
    expect(NOW_MS, "'first'", "EVALSHA", redis_chance_sha1("raised"), "1", "a");
    redis_server_free(second);
    server = redis_server_new();
    expect(NOW_MS, "[[], [], (0), (0)]", "EVAL", redis_chance_script("arguments"), "0");
    redis_server_free(server);
    server = first;
}

static void peek_changes_nothing(void **state)
{
    (void)state;
    carry_out(NOW_MS, "SET", "a", "1", "PX", "100");
    assert_null(redis_server_peek(server, NOW_MS + 500, "a"));
    assert_string_equal(redis_server_peek(server, NOW_MS + 50, "a"), "1");
    assert_null(redis_server_peek(server, NOW_MS, "b"));
}

#define test_alone(test) cmocka_unit_test_setup_teardown(test, start_server, end_server)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_pattern_is_answered_alike_without_keys),
        cmocka_unit_test(random_commands_are_answered_alike),
        test_alone(texts_hold_any_byte),
        test_alone(many_arguments_are_taken),
        test_alone(many_keys_are_found_again),
        test_alone(keys_end_with_their_time),
        test_alone(plain_set_ends_the_time_of_expiry),
        test_alone(entries_get_ids_of_the_clock),
        test_alone(ids_grow_where_all_entries_are_deleted),
        test_alone(about_so_many_entries_stay),
        test_alone(pending_entries_are_given_again),
        test_alone(lease_and_journal_work_as_scripts),
        test_alone(lost_writes_are_undone),
        test_alone(more_can_be_lost_after_a_loss),
        test_alone(half_a_script_can_be_lost_or_kept),
        test_alone(random_writes_are_undone_as_if_never_made),
        test_alone(wiped_server_has_nothing),
        test_alone(restarted_server_keeps_its_keys),
        test_alone(servers_share_no_script),
        test_alone(peek_changes_nothing),
    };
    return cmocka_run_group_tests(tests, start_real, stop_real);
}
