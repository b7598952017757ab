/* SPDX-License-Identifier: Apache-2.0 */
/* redis.h over TLS, against a redis-server that demands client certificates. */
#include "redis.h"

#include "certificates.h"
#include "redis_server.h"
#include "scripted_server.h"
#include "text.h"
#include "unit_test.h"

#define WAIT_MS 20000

static struct redis_server server;
static struct redis_address address; /* with everything right */

static struct deadline soon(void)
{
    return deadline_after_ms(WAIT_MS);
}

static void start_server(void)
{
    char port[16];
    (void)snprintf(port, sizeof(port), "%d", address.port);
    redis_server_start(&server, scratch,
                       (const char *const[]){"--bind", "127.0.0.1", "--tls-port", port,
                                             "--tls-cert-file", "localhost.pem", "--tls-key-file",
                                             "localhost.key", "--tls-ca-cert-file", "authority.pem",
                                             NULL});
}

static int start(void **state)
{
    if (scratch_make(state) != 0)
        return -1;
    certificate_make(scratch, "authority", NULL, "keyUsage=critical,keyCertSign");
    certificate_make(scratch, "stranger", NULL, "keyUsage=critical,keyCertSign");
    certificate_make(scratch, "localhost", "authority", "subjectAltName=DNS:localhost");
    certificate_make(scratch, "agent", "authority", "extendedKeyUsage=clientAuth");
    address = (struct redis_address){
        .host = "localhost", .port = certificates_free_port(), .is_tls = true};
    TEXT_COPY(address.ca_file, scratch_path("authority.pem"));
    TEXT_COPY(address.cert_file, scratch_path("agent.pem"));
    TEXT_COPY(address.key_file, scratch_path("agent.key"));
    start_server();
    return 0;
}

static int stop(void **state)
{
    redis_server_stop(&server);
    return scratch_remove(state);
}

static void verified_connection_carries_commands(void **state)
{
    enum { SIZE = 4 << 20 };
    char *value = malloc(SIZE);
    const char *argv[] = {"SET", "k", value};
    const size_t lengths[] = {3, 1, SIZE};
    REPLY_CLEANUP redisReply *set = NULL, *get = NULL;
    struct redis *redis = redis_new(&address);
    (void)state;
    memset(value, 'v', SIZE);
    assert_good(redis_connect(redis, soon(), &err));
    assert_good(redis_call(redis, soon(), 3, argv, lengths, &set, &err));
    assert_good(redis_command(redis, soon(), &get, &err, "GET", "k", (char *)NULL));
    assert_int_equal(get->len, SIZE);
    assert_memory_equal(get->str, value, SIZE);
    redis_free(redis);
    free(value);
}

/* Many replies come in one TLS record, of which poll(2) tells only once. */
static void receive_takes_what_tls_has_buffered(void **state)
{
    enum { COUNT = 500 };
    const char *const ping[] = {"PING"};
    struct redis *redis = redis_new(&address);
    size_t received = 0;
    (void)state;
    assert_good(redis_connect(redis, soon(), &err));
    for (int i = 0; i < COUNT; i++)
        assert_good(redis_send(redis, soon(), 1, ping, &err));
    while (received < COUNT) {
        struct pollfd fd = {.fd = redis_fd(redis), .events = POLLIN};
        assert_int_equal(poll(&fd, 1, WAIT_MS), 1);
        for (redisReply *reply = NULL;; redis_reply_cleanup(&reply), received++) {
            assert_good(redis_receive_nowait(redis, &reply, &err));
            if (!reply)
                break;
        }
    }
    assert_int_equal(received, COUNT);
    redis_free(redis);
}

static void connect_fails(const struct redis_address *wrong, enum error_code code, const char *text,
                          int64_t most_ms)
{
    struct redis *redis = redis_new(wrong);
    assert_fails(redis_connect(redis, deadline_after_ms(most_ms), &err), code, text);
    assert_false(redis_is_connected(redis));
    redis_free(redis);
}

static void server_of_an_unknown_authority_is_denied(void **state)
{
    struct redis_address wrong = address;
    (void)state;
    TEXT_COPY(wrong.ca_file, scratch_path("stranger.pem"));
    connect_fails(&wrong, ERROR_DENIED, "the peer's certificate: ", WAIT_MS);
}

static void certificate_of_another_host_is_denied(void **state)
{
    struct redis_address wrong = address;
    (void)state;
    TEXT_COPY(wrong.host, "127.0.0.1"); /* the certificate names localhost only */
    connect_fails(&wrong, ERROR_DENIED, "mismatch", WAIT_MS);
}

static void missing_files_are_invalid_and_named(void **state)
{
    struct redis_address wrong = address;
    (void)state;
    TEXT_COPY(wrong.ca_file, "/no/authority.pem");
    connect_fails(&wrong, ERROR_INVALID, "/no/authority.pem", WAIT_MS);
    wrong = address;
    TEXT_COPY(wrong.key_file, scratch_path("stranger.key"));
    connect_fails(&wrong, ERROR_INVALID, "agent.pem", WAIT_MS);
}

/* With TLS 1.3 the refusal comes after our handshake, as an alert or, where our command crossed it,
 * as a reset. */
static void server_refuses_us_without_a_certificate(void **state)
{
    struct redis_address wrong = address;
    struct error err = {0};
    redisReply *reply = NULL;
    (void)state;
    wrong.cert_file[0] = wrong.key_file[0] = '\0';
    struct redis *redis = redis_new(&wrong);
    assert_false(redis_connect(redis, soon(), &err) &&
                 redis_command(redis, soon(), &reply, &err, "PING", (char *)NULL));
    assert_true(err.code == ERROR_DENIED || err.code == ERROR_UNAVAILABLE);
    assert_false(redis_is_connected(redis));
    redis_free(redis);
}

/* The ClientHello begins with the record type and version. */
#define CLIENT_HELLO "\x16\x03\x01"

static void server_without_tls_is_a_protocol_error(void **state)
{
    static struct scripted_server plain;
    static const struct scripted_row row = {
        .await = CLIENT_HELLO, .send = "-ERR unknown\r\n", .end = SCRIPTED_HOLD};
    struct redis_address wrong = address;
    (void)state;
    scripted_server_start(&plain, &row, 1);
    wrong.port = plain.port;
    connect_fails(&wrong, ERROR_PROTOCOL, "TLS handshake", WAIT_MS);
    scripted_server_stop(&plain);
}

static void unanswered_handshake_times_out(void **state)
{
    static struct scripted_server silent;
    static const struct scripted_row row = {.await = CLIENT_HELLO, .end = SCRIPTED_HOLD};
    struct redis_address wrong = address;
    (void)state;
    scripted_server_start(&silent, &row, 1);
    wrong.port = silent.port;
    connect_fails(&wrong, ERROR_TIMEOUT, "TLS handshake", 50);
    scripted_server_stop(&silent);
}

static void server_that_dies_is_unavailable(void **state)
{
    struct redis *redis = redis_new(&address);
    redisReply *reply = NULL;
    (void)state;
    assert_good(redis_connect(redis, soon(), &err));
    redis_server_stop(&server);
    assert_fails(redis_command(redis, soon(), &reply, &err, "PING", (char *)NULL),
                 ERROR_UNAVAILABLE, "redis localhost:");
    redis_free(redis);
    start_server();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(verified_connection_carries_commands),
        cmocka_unit_test(receive_takes_what_tls_has_buffered),
        cmocka_unit_test(server_of_an_unknown_authority_is_denied),
        cmocka_unit_test(certificate_of_another_host_is_denied),
        cmocka_unit_test(missing_files_are_invalid_and_named),
        cmocka_unit_test(server_refuses_us_without_a_certificate),
        cmocka_unit_test(server_without_tls_is_a_protocol_error),
        cmocka_unit_test(unanswered_handshake_times_out),
        cmocka_unit_test(server_that_dies_is_unavailable),
    };
    return cmocka_run_group_tests_name("redis over TLS", tests, start, stop);
}
