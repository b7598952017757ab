/* SPDX-License-Identifier: Apache-2.0 */
/* redis.h through sentinels, which are played, as the masters are; sentinels and servers of flesh
 * and blood are in tests/integration/test_sentinel.py. */
#include "redis_sentinel.h"

#include "scripted_server.h"
#include "text.h"
#include "unit_test.h"

#define WAIT_MS 20000

#define ASKED        "SENTINEL\r\n$23\r\nget-master-addr-by-name\r\n$8\r\nmymaster\r\n"
#define ROLE_MASTER  "*3\r\n$6\r\nmaster\r\n:0\r\n*0\r\n"
#define ROLE_REPLICA "*5\r\n$5\r\nslave\r\n$9\r\n127.0.0.1\r\n:1\r\n$9\r\nconnected\r\n:0\r\n"
#define READONLY     "-READONLY You can't write against a read only replica.\r\n"
#define UNBLOCKED    "-UNBLOCKED force unblock from blocking operation, instance state changed\r\n"

static struct scripted_server sentinels[3], masters[2];
static struct redis_address address; /* of the sentinels that were added */

static struct deadline soon(void)
{
    return deadline_after_ms(WAIT_MS);
}

static int forget_address(void **state)
{
    (void)state;
    address = (struct redis_address){.port = 0};
    TEXT_COPY(address.sentinels.master, "mymaster");
    return 0;
}

#define test_fresh(test) cmocka_unit_test_setup(test, forget_address)

static void add_sentinel(int port)
{
    struct redis_host *host = &address.sentinels.hosts[address.sentinels.count++];
    TEXT_COPY(host->host, "127.0.0.1");
    host->port = port;
}

static void start_sentinel(size_t index, const struct scripted_row *rows, size_t count)
{
    scripted_server_start(&sentinels[index], rows, count);
    add_sentinel(sentinels[index].port);
}

/* What a sentinel says of a played master; in one of three static rows. */
static struct scripted_row naming(size_t index, const struct scripted_server *master)
{
    static char texts[3][64];
    (void)snprintf(texts[index], sizeof(texts[index]), "*2\r\n$9\r\n127.0.0.1\r\n$5\r\n%05d\r\n",
                   master->port);
    return (struct scripted_row){.await = ASKED, .send = texts[index], .end = SCRIPTED_KEEP};
}

static void assert_pong(struct redis *redis)
{
    REPLY_CLEANUP redisReply *reply = NULL;
    assert_good(redis_command(redis, soon(), &reply, &err, "PING", (char *)NULL));
}

static const struct scripted_row good_master[] = {
    {.await = "ROLE\r\n", .send = ROLE_MASTER, .end = SCRIPTED_KEEP},
    {.await = "PING\r\n", .send = "+PONG\r\n", .end = SCRIPTED_KEEP},
    {.await = "ROLE\r\n", .send = ROLE_MASTER, .end = SCRIPTED_KEEP},
    {.await = "PING\r\n", .send = "+PONG\r\n", .end = SCRIPTED_KEEP},
};
#define GOOD_ROWS (sizeof(good_master) / sizeof(good_master[0]))

static const struct scripted_row silent = {.await = ASKED, .end = SCRIPTED_HOLD};

/* ---- texts and replies ---- */

static void sentinels_are_parsed(void **state)
{
    static const struct {
        const char *text, *host;
        int port;
    } rows[] = {
        {"10.0.0.1:26380", "10.0.0.1", 26380},
        {"s1.example.com", "s1.example.com", 26379},
        {"[::1]:5000", "::1", 5000},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct redis_host host;
        assert_good(redis_sentinel_parse(rows[i].text, &host, &err));
        assert_string_equal(host.host, rows[i].host);
        assert_int_equal(host.port, rows[i].port);
    }
}

static void wrong_sentinels_are_invalid(void **state)
{
    static const char *const texts[] = {"",    ":26379",     "h:0",       "h:65536", "h:x", "h:1/0",
                                        "a b", "u:secret@h", "redis://h", "::1",     "h?x"};
    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct redis_host host;
        struct error err = {0};
        if (redis_sentinel_parse(texts[i], &host, &err) || err.code != ERROR_INVALID ||
            strstr(err.message, "secret"))
            fail_msg("'%s': %s (%s)", texts[i], err.message, error_code_name(err.code));
    }
}

static void address_names_the_master(void **state)
{
    char text[300];
    (void)state;
    add_sentinel(26379);
    redis_address_write(&address, text, sizeof(text));
    assert_string_equal(text, "sentinel mymaster");
}

/* ---- what sentinels answer ---- */

#define LONG_300                                                                                   \
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" \
    "aaaaaaaa"                                                                                     \
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" \
    "aaaaaaaa"                                                                                     \
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" \
    "aaaaaaaa"

static const struct {
    const char *name;
    struct scripted_row row;
    enum error_code code;
    const char *message;
} bad_answers[] = {
    {"an unknown name", {.send = "*-1\r\n"}, ERROR_NOT_FOUND, "knows no master named 'mymaster'"},
    {"no password", {.send = "-NOAUTH Authentication required.\r\n"}, ERROR_DENIED, "NOAUTH"},
    {"no sentinel", {.send = "-ERR unknown command\r\n"}, ERROR_PROTOCOL, "unknown command"},
    {"a number", {.send = ":6379\r\n"}, ERROR_PROTOCOL, "no host with a port"},
    {"a text", {.send = "+127.0.0.1\r\n"}, ERROR_PROTOCOL, "no host with a port"},
    {"nothing", {.send = "*0\r\n"}, ERROR_PROTOCOL, "no host with a port"},
    {"a host alone", {.send = "*1\r\n$1\r\nh\r\n"}, ERROR_PROTOCOL, "no host"},
    {"too much", {.send = "*3\r\n$1\r\nh\r\n$1\r\n1\r\n$1\r\n2\r\n"}, ERROR_PROTOCOL, "no host"},
    {"a nil host", {.send = "*2\r\n$-1\r\n$1\r\n1\r\n"}, ERROR_PROTOCOL, "no host"},
    {"a nil port", {.send = "*2\r\n$1\r\nh\r\n$-1\r\n"}, ERROR_PROTOCOL, "no host"},
    {"arrays", {.send = "*2\r\n*1\r\n$1\r\nh\r\n*1\r\n$1\r\n1\r\n"}, ERROR_PROTOCOL, "no host"},
    {"an integer port", {.send = "*2\r\n$1\r\nh\r\n:6379\r\n"}, ERROR_PROTOCOL, "no host"},
    {"port 0", {.send = "*2\r\n$1\r\nh\r\n$1\r\n0\r\n"}, ERROR_PROTOCOL, "no host"},
    {"port 65536", {.send = "*2\r\n$1\r\nh\r\n$5\r\n65536\r\n"}, ERROR_PROTOCOL, "no host"},
    {"port 12a", {.send = "*2\r\n$1\r\nh\r\n$3\r\n12a\r\n"}, ERROR_PROTOCOL, "no host"},
    {"an empty host", {.send = "*2\r\n$0\r\n\r\n$1\r\n1\r\n"}, ERROR_PROTOCOL, "no host"},
    {"a line break", {.send = "*2\r\n$3\r\nh\nx\r\n$1\r\n1\r\n"}, ERROR_PROTOCOL, "no host"},
    {"a path", {.send = "*2\r\n$6\r\n/run/x\r\n$1\r\n1\r\n"}, ERROR_PROTOCOL, "no host"},
    {"a NUL",
     {.send = "*2\r\n$3\r\nh\0x\r\n$1\r\n1\r\n", .send_size = 21},
     ERROR_PROTOCOL,
     "no host"},
    {"a long host",
     {.send = "*2\r\n$300\r\n" LONG_300 "\r\n$1\r\n1\r\n"},
     ERROR_PROTOCOL,
     "no host"},
    {"garbage", {.send = "HTTP/1.1 400 Bad Request\r\n"}, ERROR_PROTOCOL, "not a reply of Redis"},
    {"half an answer", {.send = "*2\r\n$1\r\n"}, ERROR_UNAVAILABLE, "closed"},
    {"no answer", {.end = SCRIPTED_HOLD}, ERROR_TIMEOUT, "no answer in time"},
};

static void bad_answers_of_a_sentinel_are_errors(void **state)
{
    for (size_t i = 0; i < sizeof(bad_answers) / sizeof(bad_answers[0]); i++) {
        struct scripted_row row = bad_answers[i].row;
        struct error err = {0};
        row.await = ASKED;
        forget_address(state);
        start_sentinel(0, &row, 1);
        struct redis *redis = redis_new(&address);
        int64_t most_ms = row.end == SCRIPTED_HOLD ? 100 : WAIT_MS;
        if (redis_connect(redis, deadline_after_ms(most_ms), &err) ||
            err.code != bad_answers[i].code || !strstr(err.message, bad_answers[i].message) ||
            !text_starts_with(err.message, "redis sentinel mymaster: none of 1 sentinels "))
            fail_msg("%s: %s (%s)", bad_answers[i].name, err.message, error_code_name(err.code));
        assert_false(redis_is_connected(redis));
        redis_free(redis);
        scripted_server_stop(&sentinels[0]);
    }
}

static void sentinel_that_knows_no_such_master_is_told_rather_than_one_that_is_down(void **state)
{
    static const struct scripted_row nobody = {.await = ASKED, .send = "*-1\r\n"};
    (void)state;
    start_sentinel(0, &nobody, 1);
    add_sentinel(1);
    struct redis *redis = redis_new(&address);
    struct error err = {0};
    assert_false(redis_connect(redis, soon(), &err));
    assert_int_equal(err.code, ERROR_NOT_FOUND);
    assert_non_null(strstr(err.hint, "sentinel monitor NAME"));
    redis_free(redis);
    scripted_server_stop(&sentinels[0]);
}

static void dead_sentinels_leave_time_for_the_others(void **state)
{
    (void)state;
    scripted_server_start(&masters[0], good_master, GOOD_ROWS);
    struct scripted_row row = naming(0, &masters[0]);
    add_sentinel(1); /* refuses */
    start_sentinel(0, &silent, 1);
    start_sentinel(1, &row, 1);
    struct redis *redis = redis_new(&address);
    assert_good(redis_connect(redis, deadline_after_ms(2000), &err));
    assert_pong(redis);
    redis_free(redis);
    scripted_server_stop(&sentinels[0]);
    scripted_server_stop(&sentinels[1]);
    scripted_server_stop(&masters[0]);
}

static void sentinel_that_answered_is_asked_first_the_next_time(void **state)
{
    (void)state;
    scripted_server_start(&masters[0], good_master, GOOD_ROWS);
    struct scripted_row rows[] = {naming(0, &masters[0]), naming(1, &masters[0])};
    start_sentinel(0, &silent, 1);
    start_sentinel(1, rows, 2);
    struct redis *redis = redis_new(&address);
    assert_good(redis_connect(redis, deadline_after_ms(2000), &err));
    assert_pong(redis);
    redis_disconnect(redis);
    assert_good(redis_connect(redis, deadline_after_ms(2000), &err));
    assert_pong(redis);
    redis_free(redis);
    scripted_server_stop(&sentinels[0]);
    scripted_server_stop(&sentinels[1]);
    scripted_server_stop(&masters[0]);
    assert_int_equal(sentinels[0].connections, 1);
}

/* ---- the server that they name ---- */

static void server_of_another_role_is_left_and_another_sentinel_is_asked(void **state)
{
    static const struct scripted_row replica = {
        .await = "ROLE\r\n", .send = ROLE_REPLICA, .end = SCRIPTED_KEEP};
    (void)state;
    scripted_server_start(&masters[0], &replica, 1);
    scripted_server_start(&masters[1], good_master, GOOD_ROWS);
    struct scripted_row of_yesterday = naming(0, &masters[0]), of_today = naming(1, &masters[1]);
    start_sentinel(0, &of_yesterday, 1);
    start_sentinel(1, &of_today, 1);
    struct redis *redis = redis_new(&address);
    struct error reason = {0};
    char at[64];
    (void)snprintf(at, sizeof(at), "redis sentinel mymaster at 127.0.0.1:%d: ", masters[0].port);
    assert_false(redis_connect(redis, soon(), &reason));
    assert_int_equal(reason.code, ERROR_UNAVAILABLE);
    assert_non_null(strstr(reason.message, "is a slave and not the master"));
    assert_true(text_starts_with(reason.message, at));
    assert_false(redis_is_connected(redis));
    assert_good(redis_connect(redis, soon(), &err));
    assert_pong(redis);
    redis_free(redis);
    for (size_t i = 0; i < 2; i++) {
        scripted_server_stop(&sentinels[i]);
        scripted_server_stop(&masters[i]);
    }
}

static void answer_without_a_role_is_a_protocol_error(void **state)
{
    static const char *const answers[] = {"*0\r\n", "+master\r\n", "*1\r\n:1\r\n", "*1\r\n*0\r\n",
                                          "*-1\r\n"};
    for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
        struct scripted_row server = {.await = "ROLE\r\n", .send = answers[i]};
        forget_address(state);
        scripted_server_start(&masters[0], &server, 1);
        struct scripted_row row = naming(0, &masters[0]);
        start_sentinel(0, &row, 1);
        struct redis *redis = redis_new(&address);
        assert_fails(redis_connect(redis, soon(), &err), ERROR_PROTOCOL, "names no role");
        redis_free(redis);
        scripted_server_stop(&sentinels[0]);
        scripted_server_stop(&masters[0]);
    }
}

static void user_without_the_right_to_ask_for_the_role_is_told(void **state)
{
    static const struct scripted_row server = {
        .await = "ROLE\r\n", .send = "-NOPERM no permissions\r\n", .end = SCRIPTED_KEEP};
    (void)state;
    scripted_server_start(&masters[0], &server, 1);
    struct scripted_row row = naming(0, &masters[0]);
    start_sentinel(0, &row, 1);
    struct redis *redis = redis_new(&address);
    struct error reason = {0};
    assert_false(redis_connect(redis, soon(), &reason));
    assert_int_equal(reason.code, ERROR_DENIED);
    assert_non_null(strstr(reason.hint, "+role"));
    assert_false(redis_is_connected(redis));
    redis_free(redis);
    scripted_server_stop(&sentinels[0]);
    scripted_server_stop(&masters[0]);
}

static void sentinels_and_servers_have_users_of_their_own(void **state)
{
    static const struct scripted_row server[] = {
        {.await = "app\r\n$7\r\nof-data\r\n", .send = "+OK\r\n", .end = SCRIPTED_KEEP},
        {.await = "SELECT\r\n$1\r\n3\r\n", .send = "+OK\r\n", .end = SCRIPTED_KEEP},
        {.await = "ROLE\r\n", .send = ROLE_MASTER, .end = SCRIPTED_KEEP},
    };
    (void)state;
    scripted_server_start(&masters[0], server, 3);
    struct scripted_row rows[] = {
        {.await = "asker\r\n$8\r\nof-asker\r\n", .send = "+OK\r\n", .end = SCRIPTED_KEEP},
        naming(0, &masters[0])};
    start_sentinel(0, rows, 2);
    address.database = 3;
    TEXT_COPY(address.user, "app");
    TEXT_COPY(address.password_file, scratch_path("data"));
    TEXT_COPY(address.sentinels.user, "asker");
    TEXT_COPY(address.sentinels.password_file, scratch_path("asker"));
    assert_good(file_replace(address.password_file, "of-data\n", 8, 0600, &err));
    assert_good(file_replace(address.sentinels.password_file, "of-asker\n", 9, 0600, &err));
    struct redis *redis = redis_new(&address);
    assert_good(redis_connect(redis, soon(), &err));
    redis_free(redis);
    scripted_server_stop(&sentinels[0]);
    scripted_server_stop(&masters[0]);
    assert_null(strstr(sentinels[0].received, "of-data"));
    assert_null(strstr(sentinels[0].received, "SELECT"));
    assert_null(strstr(masters[0].received, "of-asker"));
}

static void sentinels_are_asked_over_tls_where_redis_has_it(void **state)
{
    static const struct scripted_row plain = {
        .await = "\x16\x03\x01", .send = "-ERR unknown\r\n", .end = SCRIPTED_HOLD};
    (void)state;
    start_sentinel(0, &plain, 1);
    address.is_tls = true;
    struct redis *redis = redis_new(&address);
    assert_fails(redis_connect(redis, soon(), &err), ERROR_PROTOCOL, "TLS handshake");
    redis_free(redis);
    scripted_server_stop(&sentinels[0]);
}

/* ---- a master that is one no more ---- */

static struct redis_script writing = {.text = "return redis.call('INCR', KEYS[1])"};

static bool call_as_replica(struct redis *redis, struct error *err)
{
    redisReply *reply = NULL;
    return redis_command(redis, soon(), &reply, err, "PING", (char *)NULL);
}

static bool eval_as_replica(struct redis *redis, struct error *err)
{
    static const char *const arguments[] = {"PING\r\n"};
    redisReply *reply = NULL;
    return redis_eval(redis, soon(), &writing, 1, arguments, 1, &reply, err);
}

static bool receive_as_replica(struct redis *redis, struct error *err)
{
    static const char *const ping[] = {"PING"};
    redisReply *reply = NULL;
    bool is_ready;
    assert_true(redis_send(redis, soon(), 1, ping, err));
    while (redis_receive_nowait(redis, &reply, err)) {
        assert_null(reply);
        redis_wait(&redis, 1, soon(), &is_ready);
    }
    return false;
}

static void replica_is_left_at_its_first_word(void **state)
{
    static const struct {
        bool (*call)(struct redis *redis, struct error *err);
        const char *answer, *message;
    } rows[] = {
        {call_as_replica, READONLY, "READONLY"},
        {eval_as_replica, READONLY, "READONLY"},
        {receive_as_replica, UNBLOCKED, "UNBLOCKED"},
        {call_as_replica, "-MASTERDOWN Link with MASTER is down.\r\n", "MASTERDOWN"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct scripted_row server[] = {
            {.await = "ROLE\r\n", .send = ROLE_MASTER, .end = SCRIPTED_KEEP},
            {.await = "PING\r\n", .send = rows[i].answer, .end = SCRIPTED_KEEP}};
        forget_address(state);
        scripted_server_start(&masters[0], server, 2);
        struct scripted_row row = naming(0, &masters[0]);
        start_sentinel(0, &row, 1);
        struct redis *redis = redis_new(&address);
        assert_good(redis_connect(redis, soon(), &err));
        assert_fails(rows[i].call(redis, &err), ERROR_UNAVAILABLE, rows[i].message);
        assert_false(redis_is_connected(redis));
        redis_free(redis);
        scripted_server_stop(&sentinels[0]);
        scripted_server_stop(&masters[0]);
    }
}

/* Nobody could name another one: the caller waits in its own way. */
static void replica_of_a_url_stays_connected(void **state)
{
    static const struct scripted_row server = {
        .await = "PING\r\n", .send = READONLY, .end = SCRIPTED_KEEP};
    struct redis_address plain = {.host = "127.0.0.1"};
    (void)state;
    scripted_server_start(&masters[0], &server, 1);
    plain.port = masters[0].port;
    struct redis *redis = redis_new(&plain);
    assert_good(redis_connect(redis, soon(), &err));
    assert_fails(call_as_replica(redis, &err), ERROR_UNAVAILABLE, "READONLY");
    assert_true(redis_is_connected(redis));
    redis_free(redis);
    scripted_server_stop(&masters[0]);
}

static void master_that_sentinels_name_no_more_is_left(void **state)
{
    struct deadline deadline = soon();
    (void)state;
    scripted_server_start(&masters[0], good_master, GOOD_ROWS);
    scripted_server_start(&masters[1], good_master, GOOD_ROWS);
    struct scripted_row rows[] = {naming(0, &masters[0]), naming(1, &masters[1]),
                                  naming(2, &masters[1])};
    start_sentinel(0, rows, 3);
    struct redis *redis = redis_new(&address);
    assert_good(redis_connect(redis, deadline, &err));
    assert_pong(redis);
    while (redis_connections(redis) == 1) {
        assert_false(deadline_is_over(deadline));
        assert_good(redis_connect(redis, deadline, &err));
    }
    assert_pong(redis);
    redis_free(redis);
    scripted_server_stop(&sentinels[0]);
    for (size_t i = 0; i < 2; i++) {
        scripted_server_stop(&masters[i]);
        assert_int_equal(masters[i].connections, 1);
    }
}

static void sentinels_that_die_leave_the_connection_alone(void **state)
{
    (void)state;
    scripted_server_start(&masters[0], good_master, GOOD_ROWS);
    struct scripted_row row = naming(0, &masters[0]);
    start_sentinel(0, &row, 1);
    struct redis *redis = redis_new(&address);
    assert_good(redis_connect(redis, soon(), &err));
    scripted_server_stop(&sentinels[0]);
    for (struct deadline looks = deadline_after_ms(1000); !deadline_is_over(looks);)
        assert_good(redis_connect(redis, soon(), &err));
    assert_pong(redis);
    redis_free(redis);
    scripted_server_stop(&masters[0]);
    assert_int_equal(masters[0].connections, 1);
}

/* What one reads and the other acknowledges elsewhere would be delivered again and again. */
static void two_connections_go_to_one_server_or_nowhere(void **state)
{
    (void)state;
    scripted_server_start(&masters[0], good_master, GOOD_ROWS);
    scripted_server_start(&masters[1], good_master, GOOD_ROWS);
    struct scripted_row rows[] = {naming(0, &masters[0]), naming(1, &masters[1])};
    rows[0].end = SCRIPTED_CLOSE;
    start_sentinel(0, rows, 2);
    struct redis *one = redis_new(&address), *other = redis_new(&address);
    assert_fails(redis_connect_both(one, other, soon(), &err), ERROR_UNAVAILABLE,
                 "a failover is under way");
    assert_false(redis_is_connected(one));
    assert_false(redis_is_connected(other));
    redis_free(one);
    redis_free(other);
    scripted_server_stop(&sentinels[0]);
    scripted_server_stop(&masters[0]);
    scripted_server_stop(&masters[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sentinels_are_parsed),
        cmocka_unit_test(wrong_sentinels_are_invalid),
        test_fresh(address_names_the_master),
        cmocka_unit_test(bad_answers_of_a_sentinel_are_errors),
        test_fresh(sentinel_that_knows_no_such_master_is_told_rather_than_one_that_is_down),
        test_fresh(dead_sentinels_leave_time_for_the_others),
        test_fresh(sentinel_that_answered_is_asked_first_the_next_time),
        test_fresh(server_of_another_role_is_left_and_another_sentinel_is_asked),
        cmocka_unit_test(answer_without_a_role_is_a_protocol_error),
        test_fresh(user_without_the_right_to_ask_for_the_role_is_told),
        test_fresh(sentinels_are_asked_over_tls_where_redis_has_it),
        cmocka_unit_test(replica_is_left_at_its_first_word),
        cmocka_unit_test(replica_of_a_url_stays_connected),
        test_fresh(master_that_sentinels_name_no_more_is_left),
        test_fresh(sentinels_that_die_leave_the_connection_alone),
        test_fresh(two_connections_go_to_one_server_or_nowhere),
    };
    const struct CMUnitTest tests_in_scratch[] = {
        test_fresh(sentinels_and_servers_have_users_of_their_own),
    };
    int failed = cmocka_run_group_tests_name("redis sentinel", tests, NULL, NULL);
    return failed + cmocka_run_group_tests_name("redis sentinel, with files", tests_in_scratch,
                                                scratch_make, scratch_remove);
}
