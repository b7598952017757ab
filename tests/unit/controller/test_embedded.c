/* SPDX-License-Identifier: Apache-2.0 */
/* The embedded set-up: its files, and a real redis-server with the users that it makes. */
#include "embedded.h"

#include "channel.h"
#include "clock.h"
#include "config_text.h"
#include "keys.h"
#include "memory.h"
#include "text.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define WAIT_MS 30000 /* more than a busy machine with sanitizers needs */

static struct reading reading;
static struct config *const config = &reading.config;
static struct embedded *embedded;

/* ---- configuration ---- */

/* One cluster with two nodes: the key of bb1 is to be made, that of bb2 is given. */
static void read_config(void)
{
    char text[2048];
    int length = snprintf(text, sizeof(text),
                          "controller: {name: c1, state_dir: '%s'}\n"
                          "redis: embedded\n"
                          "clusters:\n"
                          "  - name: git\n"
                          "    base_url: https://git.example.com/bitbucket\n"
                          "    credentials: " GOOD_CREDENTIALS "\n"
                          "    nodes:\n"
                          "      - {name: bb1, url: 'http://10.0.0.11:7990/bitbucket'}\n"
                          "      - {name: bb2, url: 'http://10.0.0.12:7990/bitbucket',"
                          " agent_key: '" KEY_1 "'}\n"
                          "    agents: [{name: lb1}]\n"
                          "    load_balancers:\n"
                          "      - name: edge\n"
                          "        driver: haproxy\n"
                          "        addresses: ['unix:/run/haproxy/admin.sock']\n"
                          "        members: {bb1: [bb/n1], bb2: [bb/n2]}\n",
                          scratch);
    assert_in_range(length, 1, sizeof(text) - 1);
    read_text(&reading, text);
    assert_no_complaint(&reading);
}

static int make_state(void **state)
{
    struct error err;
    if (scratch_make(state) != 0 || !keys_init(&err))
        return -1;
    read_config();
    return 0;
}

static int remove_state(void **state)
{
    embedded_stop(embedded);
    embedded = NULL;
    reading_done(&reading);
    return scratch_remove(state);
}

static void prepare(void)
{
    assert_good(embedded_prepare(config, &err));
}

/* As the next start of the controller does. */
static void prepare_again(void)
{
    reading_done(&reading);
    read_config();
    prepare();
}

static void read_whole(const char *name, struct buffer *ret_bytes)
{
    buffer_init(ret_bytes, 64 * 1024);
    assert_good(file_read(scratch_path(name), ret_bytes, &err));
}

static void assert_mode(const char *name, mode_t mode)
{
    struct stat status;
    if (stat(scratch_path(name), &status) != 0)
        fail_msg("%s is not there", name);
    if ((status.st_mode & 07777) != mode)
        fail_msg("%s has mode %o, not %o", name, status.st_mode & 07777, mode);
}

static bool is_same_key(const struct key_public *key, const char *private_name)
{
    struct key_pair *pair = NULL;
    struct key_public public;
    assert_good(key_pair_load(scratch_path(private_name), &pair, &err));
    key_pair_public(pair, &public);
    key_pair_free(pair);
    return memcmp(key->bytes, public.bytes, sizeof(public.bytes)) == 0;
}

/* ---- files ---- */

static const char *const secrets[] = {
    "keys/controller.key",       "keys/operator.key",
    "redis/controller.password", "redis/operator.password",
    "agents/git.bb1/node.key",   "agents/git.bb1/redis.password",
    "agents/git.bb2/node.key",   "agents/git.bb2/redis.password",
};
#define SECRETS (sizeof(secrets) / sizeof(secrets[0]))

static void keys_and_passwords_are_made_for_the_owner_alone(void **state)
{
    mode_t before = umask(0);
    (void)state;
    prepare();
    umask(before);
    for (size_t i = 0; i < SECRETS; i++)
        assert_mode(secrets[i], 0600);
    assert_mode("redis/users.acl", 0600); /* holds the passwords */
    assert_mode("redis/redis.conf", 0600);
    assert_mode("keys", 0700);
    assert_mode("agents/git.bb1", 0700);
}

static void keys_and_passwords_that_exist_are_kept(void **state)
{
    struct buffer before[SECRETS];
    (void)state;
    prepare();
    for (size_t i = 0; i < SECRETS; i++)
        read_whole(secrets[i], &before[i]);
    prepare_again();
    for (size_t i = 0; i < SECRETS; i++) {
        BUFFER_CLEANUP struct buffer after;
        read_whole(secrets[i], &after);
        assert_string_equal(buffer_text(&after), buffer_text(&before[i]));
        buffer_done(&before[i]);
    }
}

static void every_password_is_another(void **state)
{
    static const char *const names[] = {"redis/controller.password", "redis/operator.password",
                                        "agents/git.bb1/redis.password",
                                        "agents/git.bb2/redis.password"};
    struct buffer passwords[4];
    (void)state;
    prepare();
    for (size_t i = 0; i < 4; i++) {
        read_whole(names[i], &passwords[i]);
        assert_int_equal(passwords[i].length, 32);
        for (size_t other = 0; other < i; other++)
            assert_string_not_equal(buffer_text(&passwords[i]), buffer_text(&passwords[other]));
    }
    for (size_t i = 0; i < 4; i++)
        buffer_done(&passwords[i]);
}

static void agent_without_a_key_gets_one(void **state)
{
    struct node_config *node = &config->clusters[0].nodes[0];
    (void)state;
    assert_false(node->has_agent_key);
    prepare();
    assert_true(node->has_agent_key);
    assert_true(is_same_key(&node->agent_key, "agents/git.bb1/node.key"));
}

static void agent_of_a_load_balancer_gets_what_an_agent_of_a_node_gets(void **state)
{
    BUFFER_CLEANUP struct buffer acl;
    const struct lb_agent *agent = &config->clusters[0].lb_agents[0];
    (void)state;
    assert_false(agent->has_key);
    prepare();
    assert_true(agent->has_key);
    assert_true(is_same_key(&agent->key, "agents/git.lb1/node.key"));
    assert_mode("agents/git.lb1/redis.password", 0600);
    read_whole("redis/users.acl", &acl);
    assert_non_null(strstr(buffer_text(&acl), "user agent.git.lb1 "));
    assert_non_null(strstr(buffer_text(&acl), "~shunt:{git}:command:lb1)"));
    assert_non_null(strstr(buffer_text(&acl), "~shunt:{git}:beat:lb1)"));
}

static void agent_key_of_the_configuration_is_kept(void **state)
{
    char text[KEY_PUBLIC_TEXT_SIZE];
    (void)state;
    prepare();
    key_public_write(&config->clusters[0].nodes[1].agent_key, text);
    assert_string_equal(text, KEY_1);
}

static void agent_is_told_where_redis_is_and_whom_to_obey(void **state)
{
    BUFFER_CLEANUP struct buffer url, controllers;
    struct key_pair *pair = NULL;
    struct key_public key;
    char expected[256], public_text[KEY_PUBLIC_TEXT_SIZE];
    (void)state;
    prepare();
    read_whole("agents/git.bb1/redis.url", &url);
    (void)snprintf(expected, sizeof(expected), "unix://%s\n", scratch_path("redis/redis.sock"));
    assert_string_equal(buffer_text(&url), expected);
    read_whole("agents/git.bb1/controllers", &controllers);
    assert_good(key_pair_load(scratch_path("keys/controller.key"), &pair, &err));
    key_pair_public(pair, &key);
    key_pair_free(pair);
    key_public_write(&key, public_text);
    (void)snprintf(expected, sizeof(expected), "c1 %s\n", public_text);
    assert_string_equal(buffer_text(&controllers), expected);
}

static void operator_who_may_approve_is_added(void **state)
{
    (void)state;
    assert_null(config_find_operator(config, "admin"));
    prepare();
    const struct operator_config *admin = config_find_operator(config, "admin");
    assert_non_null(admin);
    assert_int_equal(admin->role, ROLE_APPROVER);
    assert_true(is_same_key(&admin->key, "keys/operator.key"));
}

static void operator_of_the_configuration_is_kept(void **state)
{
    (void)state;
    config->operators = memory_zeroed(1, sizeof(*config->operators));
    config->operator_count = 1;
    TEXT_COPY(config->operators[0].name, "admin");
    config->operators[0].role = ROLE_VIEWER;
    assert_good(key_public_parse(KEY_2, &config->operators[0].key, &err));
    prepare();
    assert_int_equal(config->operator_count, 1);
    assert_int_equal(config->operators[0].role, ROLE_VIEWER);
    assert_false(is_same_key(&config->operators[0].key, "keys/operator.key"));
}

static void secret_that_others_can_read_is_refused(void **state)
{
    static const char *const names[] = {"keys/controller.key", "redis/operator.password",
                                        "agents/git.bb1/node.key"};
    (void)state;
    prepare();
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        assert_int_equal(chmod(scratch_path(names[i]), 0644), 0);
        assert_fails(embedded_prepare(config, &err), ERROR_DENIED, names[i]);
        assert_int_equal(chmod(scratch_path(names[i]), 0600), 0);
    }
}

/* It stands in the ACL file: a space in it would begin a rule, none would let everybody in. */
static void password_that_is_no_word_is_refused(void **state)
{
    static const char *const passwords[] = {"", "\n", "x +@all", "x\nuser default on nopass"};
    (void)state;
    prepare();
    for (size_t i = 0; i < sizeof(passwords) / sizeof(passwords[0]); i++) {
        assert_good(file_replace(scratch_path("redis/operator.password"), passwords[i],
                                 strlen(passwords[i]), 0600, &err));
        assert_fails(embedded_prepare(config, &err), ERROR_INVALID, "operator.password");
    }
}

/* ---- the server ---- */

static struct deadline soon(void)
{
    return deadline_after_ms(WAIT_MS);
}

static struct redis_address address_of(const char *user, const char *password_name)
{
    struct redis_address address = config->redis;
    TEXT_COPY(address.user, user);
    TEXT_COPY(address.password_file, scratch_path(password_name));
    return address;
}

/* Connected, when the server has started; NULL after WAIT_MS. */
static struct redis *connect_as(const char *user, const char *password_name)
{
    struct redis_address address = address_of(user, password_name);
    struct redis *redis = redis_new(&address);
    struct deadline deadline = soon();
    struct error err;
    while (!redis_connect(redis, deadline, &err)) {
        if (deadline_is_over(deadline)) {
            redis_free(redis);
            return NULL;
        }
        poll(NULL, 0, 5);
    }
    return redis;
}

static struct redis *connect_controller(void)
{
    return connect_as("controller", "redis/controller.password");
}

/* Runs the words of a command; "_" stands for an empty one. */
static bool call_words(struct redis *redis, const char *words, redisReply **ret_reply,
                       struct error *err)
{
    char text[512];
    const char *argv[24];
    size_t count = 0;
    char *rest = NULL;
    assert_true(TEXT_COPY(text, words));
    for (char *word = strtok_r(text, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
        assert_true(count < sizeof(argv) / sizeof(argv[0]));
        argv[count++] = text_equal(word, "_") ? "" : word;
    }
    return redis_call(redis, soon(), count, argv, NULL, ret_reply, err);
}

static void assert_allowed(struct redis *redis, const char *words)
{
    REPLY_CLEANUP redisReply *reply = NULL;
    struct error err;
    if (!call_words(redis, words, &reply, &err))
        fail_msg("%s: %s", words, err.message);
}

static void assert_each_refused(struct redis *redis, const char *const *commands, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        REPLY_CLEANUP redisReply *reply = NULL;
        struct error err;
        if (call_words(redis, commands[i], &reply, &err))
            fail_msg("allowed: %s", commands[i]);
        if (err.code != ERROR_DENIED || strstr(err.message, "NOPERM") == NULL)
            fail_msg("%s: refused for another reason: %s", commands[i], err.message);
    }
}

#define refused(redis, commands)                                                                   \
    assert_each_refused(redis, commands, sizeof(commands) / sizeof((commands)[0]))

static struct redis *controller, *user;

static int start_redis(void **state)
{
    struct error err;
    if (make_state(state) != 0 || !embedded_prepare(config, &err) ||
        !embedded_start(config, &embedded, &err))
        return -1;
    controller = connect_controller();
    return controller == NULL ? -1 : 0;
}

static int stop_redis(void **state)
{
    redis_free(controller);
    redis_free(user);
    controller = user = NULL;
    return remove_state(state);
}

static void connect_agent(void)
{
    user = connect_as("agent.git.bb1", "agents/git.bb1/redis.password");
    assert_non_null(user);
}

static void connect_operator(void)
{
    user = connect_as("operator", "redis/operator.password");
    assert_non_null(user);
}

static void nobody_gets_in_without_a_password(void **state)
{
    struct redis_address address = config->redis;
    REPLY_CLEANUP redisReply *reply = NULL;
    (void)state;
    address.user[0] = address.password_file[0] = '\0';
    user = redis_new(&address);
    assert_good(redis_connect(user, soon(), &err));
    assert_fails(redis_command(user, soon(), &reply, &err, "PING", NULL), ERROR_DENIED, "NOAUTH");
}

static void controller_may_do_its_work(void **state)
{
    (void)state;
    assert_allowed(controller, "SET shunt:{git}:lease c1 NX PX 6000");
    assert_allowed(controller, "EVAL return(redis.call('INCR',KEYS[1])) 1 shunt:{git}:epoch");
    assert_allowed(controller, "XADD shunt:{git}:journal MAXLEN ~ 20000 * record x");
    assert_allowed(controller, "XRANGE shunt:{git}:journal - +");
    assert_allowed(controller, "RENAME shunt:{git}:journal shunt:{git}:journal:bad:x");
    assert_allowed(controller, "PEXPIRE shunt:{git}:journal:bad:x 1000");
    assert_allowed(controller, "SET shunt:controller:c1 x NX PX 6000");
    assert_allowed(controller, "XGROUP CREATE shunt:{git}:report controller 0 MKSTREAM");
    assert_allowed(controller, "RPUSH shunt:{git}:answer:r1 {}");
    assert_allowed(controller, "EXPIRE shunt:{git}:answer:r1 60");
}

static void controller_is_kept_from_what_it_never_does(void **state)
{
    static const char *const commands[] = {"FLUSHALL", "CONFIG GET dir", "KEYS *",
                                           "ACL LIST", "SHUTDOWN",       "SET other x"};
    (void)state;
    refused(controller, commands);
}

static void agent_may_do_exactly_its_job(void **state)
{
    const char *const stream = "shunt:{git}:command:bb1";
    (void)state;
    connect_agent();
    assert_good(channel_make_group(user, soon(), stream, "agent", &err));
    assert_allowed(controller, "XADD shunt:{git}:command:bb1 7-1 body {} key c1 sig x");
    assert_allowed(user, "XREADGROUP GROUP agent bb1 COUNT 16 BLOCK 100 STREAMS "
                         "shunt:{git}:command:bb1 >");
    assert_good(channel_acknowledge(user, soon(), stream, "agent", "7-1", &err));
    assert_allowed(user, "XADD shunt:{git}:report MAXLEN ~ 10000 * body {} key bb1 sig x");
    assert_allowed(user, "SET shunt:{git}:beat:bb1 {} PX 5000");
    assert_allowed(user, "PING");
}

static void agent_may_not_touch_the_keys_of_others(void **state)
{
    static const char *const commands[] = {
        "XREADGROUP GROUP agent bb1 STREAMS shunt:{git}:command:bb2 >",
        "XGROUP CREATE shunt:{git}:command:bb2 agent 0 MKSTREAM",
        "XADD shunt:{git}:command:bb2 * body {}",
        "XDEL shunt:{git}:command:bb2 1-1",
        "SET shunt:{git}:beat:bb2 {}",
        "XADD shunt:{wiki}:report * body {}",
        "SET shunt:{git}:lease bb1",
        "GET shunt:{git}:lease",
        "SET shunt:{git}:epoch 99",
        "XADD shunt:{git}:journal * record {}",
        "XADD shunt:{git}:request * body {}",
        "SET shunt:{git}:status {}",
    };
    (void)state;
    connect_agent();
    refused(user, commands);
}

/* A SET replaces a stream, whatever it holds, and a report that was read is the controller's. */
static void agent_may_do_to_each_of_its_keys_only_what_is_needed(void **state)
{
    static const char *const commands[] = {
        "SET shunt:{git}:report x",
        "SET shunt:{git}:command:bb1 x",
        "XADD shunt:{git}:command:bb1 * body {}",
        "XADD shunt:{git}:beat:bb1 * body {}",
        "XDEL shunt:{git}:report 1-1",
        "XACK shunt:{git}:report controller 1-1",
        "XGROUP CREATE shunt:{git}:report thief 0 MKSTREAM",
        "XREADGROUP GROUP controller bb1 STREAMS shunt:{git}:report >",
        "XGROUP DESTROY shunt:{git}:command:bb1 agent",
    };
    (void)state;
    connect_agent();
    refused(user, commands);
}

static void agent_may_not_give_orders_to_the_server(void **state)
{
    static const char *const commands[] = {
        "KEYS *",
        "SCAN 0",
        "CONFIG GET requirepass",
        "FLUSHALL",
        "FLUSHDB",
        "EVAL x 0",
        "SHUTDOWN",
        "INFO",
        "ACL WHOAMI",
        "CLIENT LIST",
        "SUBSCRIBE x",
        "PUBLISH x y",
        "MONITOR",

        "REPLICAOF a 1",
        "DEL shunt:{git}:beat:bb1",
        "MULTI",
        "SAVE",
    };
    (void)state;
    connect_agent();
    refused(user, commands);
}

static void operator_may_ask_and_read_answers_and_state(void **state)
{
    (void)state;
    connect_operator();
    assert_allowed(controller, "RPUSH shunt:{git}:answer:r1 {}");
    assert_allowed(user, "XADD shunt:{git}:request MAXLEN ~ 1000 * body {} key admin sig x");
    assert_allowed(user, "XADD shunt:{wiki}:request * body {} key admin sig x");
    assert_allowed(user, "XADD shunt:{git}:lease-break * body {} key admin sig x");
    assert_allowed(user, "GET shunt:{git}:epoch");
    assert_allowed(user, "BLPOP shunt:{git}:answer:r1 1");
    assert_allowed(user, "GET shunt:{git}:status");
    assert_allowed(user, "GET shunt:{git}:lease");
    assert_allowed(user, "PTTL shunt:{git}:lease");
    assert_allowed(user, "EXISTS shunt:{git}:beat:bb1");
    assert_allowed(user, "XREAD COUNT 1 STREAMS shunt:{git}:news 0");
    assert_allowed(user, "XREVRANGE shunt:{git}:history + - COUNT 20");
    assert_allowed(user, "XRANGE shunt:{git}:journal - +");
}

static void operator_may_write_nothing_but_requests(void **state)
{
    static const char *const commands[] = {
        "XADD shunt:{git}:journal * record {}",
        "XADD shunt:{git}:command:bb1 * body {}",
        "XADD shunt:{git}:report * body {}",
        "XADD shunt:{git}:news * x y",
        "XADD shunt:{git}:history * x y",
        "XADD shunt:{git}:lease * x y",
        "XADD shunt:{git}:epoch * x y",
        "XADD shunt:{git}:status * x y",
        "XADD shunt:{git}:beat:bb1 * x y",
        "XADD other * x y",
        "SET shunt:{git}:lease me",
        "SET shunt:{git}:epoch 99",
        "SET shunt:{git}:status {}",
        "SET shunt:{git}:request x",
        "SET shunt:controller:c1 x",
        "XDEL shunt:{git}:lease-break 1-1",
        "INCR shunt:{git}:epoch",
        "DEL shunt:{git}:journal",
        "XTRIM shunt:{git}:journal MAXLEN 0",
        "XDEL shunt:{git}:request 1-1",
        "XGROUP DESTROY shunt:{git}:command:bb1 agent",
        "EXPIRE shunt:{git}:lease 0",
        "BLPOP shunt:{git}:queue 1",
        "RPUSH shunt:{git}:answer:r1 {}",
    };
    (void)state;
    connect_operator();
    refused(user, commands);
}

static void operator_may_not_give_orders_to_the_server(void **state)
{
    static const char *const commands[] = {
        "KEYS *", "CONFIG GET *", "FLUSHALL",    "EVAL x 0",    "SHUTDOWN", "INFO",
        "SCAN 0", "ACL LIST",     "CLIENT LIST", "SUBSCRIBE x", "MONITOR",  "GET other",
    };
    (void)state;
    connect_operator();
    refused(user, commands);
}

/* ---- supervision ---- */

static pid_t pid_of_redis(struct redis *redis)
{
    REPLY_CLEANUP redisReply *reply = NULL;
    assert_good(redis_command(redis, soon(), &reply, &err, "INFO", "server", NULL));
    const char *at = strstr(reply->str, "process_id:");
    assert_non_null(at);
    return (pid_t)strtol(at + strlen("process_id:"), NULL, 10);
}

/* A process that ends and is nobody's to wait for may stay a zombie: its pidfd tells. */
static int open_pid(pid_t pid)
{
    int fd = (int)syscall(SYS_pidfd_open, pid, 0);
    assert_true(fd >= 0);
    return fd;
}

static bool ends_within(int pid_fd, int ms)
{
    struct pollfd end = {.fd = pid_fd, .events = POLLIN};
    return poll(&end, 1, ms) == 1;
}

/* A redis that has just started answers LOADING until it has read its file. */
static void wait_until_loaded(struct redis *redis)
{
    struct deadline deadline = deadline_after_ms(WAIT_MS);
    bool is_loaded = false;
    while (!is_loaded) {
        REPLY_CLEANUP redisReply *reply = NULL;
        struct error err;
        is_loaded = redis_command(redis, soon(), &reply, &err, "PING", NULL);
        assert_true(is_loaded || err.code == ERROR_UNAVAILABLE);
        assert_false(deadline_is_over(deadline));
    }
}

static void killed_redis_is_started_again_with_its_data(void **state)
{
    REPLY_CLEANUP redisReply *reply = NULL;
    pid_t pid = pid_of_redis(controller);
    CLOSE_CLEANUP int pid_fd = open_pid(pid);
    (void)state;
    assert_allowed(controller, "SET shunt:{git}:epoch 17");
    assert_int_equal(kill(pid, SIGKILL), 0);
    assert_true(ends_within(pid_fd, WAIT_MS));
    redis_free(controller);
    controller = connect_controller();
    assert_non_null(controller);
    wait_until_loaded(controller);
    assert_int_not_equal(pid_of_redis(controller), pid);
    assert_good(redis_command(controller, soon(), &reply, &err, "GET", "shunt:{git}:epoch", NULL));
    assert_string_equal(reply->str, "17");
}

static void redis_is_gone_after_stop(void **state)
{
    CLOSE_CLEANUP int pid_fd = open_pid(pid_of_redis(controller));
    struct error err;
    (void)state;
    embedded_stop(embedded);
    embedded = NULL;
    assert_true(ends_within(pid_fd, 0));
    redis_disconnect(controller);
    assert_false(redis_connect(controller, deadline_after_ms(0), &err));
}

static void redis_that_hangs_is_gone_after_stop(void **state)
{
    pid_t pid = pid_of_redis(controller);
    CLOSE_CLEANUP int pid_fd = open_pid(pid);
    (void)state;
    assert_int_equal(kill(pid, SIGSTOP), 0);
    embedded_stop(embedded);
    embedded = NULL;
    assert_true(ends_within(pid_fd, 0));
}

static void redis_that_is_stopped_while_down_does_not_come_back(void **state)
{
    struct error err;
    pid_t pid = pid_of_redis(controller);
    CLOSE_CLEANUP int pid_fd = open_pid(pid);
    (void)state;
    assert_int_equal(kill(pid, SIGKILL), 0);
    assert_true(ends_within(pid_fd, WAIT_MS));
    embedded_stop(embedded);
    embedded = NULL;
    redis_disconnect(controller);
    assert_false(redis_connect(controller, deadline_after_ms(0), &err));
}

/* Another controller: a process that starts redis, tells its pid and lives until it is killed. */
static pid_t start_other_controller(pid_t *ret_redis)
{
    int tells[2];
    assert_int_equal(pipe2(tells, O_CLOEXEC), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        struct error err;
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (!embedded_start(config, &embedded, &err))
            _exit(1);
        pid_t redis = pid_of_redis(connect_controller());
        if (write(tells[1], &redis, sizeof(redis)) != sizeof(redis))
            _exit(1);
        for (;;)
            pause();
    }
    close(tells[1]);
    assert_int_equal(read(tells[0], ret_redis, sizeof(*ret_redis)), sizeof(*ret_redis));
    close(tells[0]);
    return pid;
}

static void kill_other_controller(pid_t pid)
{
    assert_int_equal(kill(pid, SIGKILL), 0);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void redis_ends_with_the_controller_that_was_killed(void **state)
{
    pid_t redis;
    (void)state;
    prepare();
    pid_t other = start_other_controller(&redis);
    CLOSE_CLEANUP int pid_fd = open_pid(redis);
    kill_other_controller(other);
    assert_true(ends_within(pid_fd, WAIT_MS));
}

/* Keeps redis from looking at a signal for a second of its own time; its log tells that it has
 * begun, since nobody else can. */
static void keep_busy(void)
{
    static const char script[] = "redis.log(redis.LOG_WARNING, 'kept busy')\n"
                                 "local begun = os.clock()\n"
                                 "while os.clock() - begun < 1 do end";
    const char *const argv[] = {"EVAL", script, "0"};
    struct deadline deadline = soon();
    bool is_busy = false;
    assert_good(redis_send(user, deadline, 3, argv, &err));
    while (!is_busy) {
        BUFFER_CLEANUP struct buffer log;
        assert_false(deadline_is_over(deadline));
        read_whole("redis/redis.log", &log);
        is_busy = strstr(buffer_text(&log), "kept busy") != NULL;
    }
}

/* A redis that shuts down removes the socket's name, also when it is the name of its successor's
 * socket by then; and two must not write one append-only file. */
static void redis_left_by_a_killed_controller_is_waited_for(void **state)
{
    pid_t left;
    (void)state;
    prepare();
    pid_t other = start_other_controller(&left);
    CLOSE_CLEANUP int left_fd = open_pid(left);
    user = connect_controller();
    assert_non_null(user);
    keep_busy();
    kill_other_controller(other);
    assert_good(embedded_start(config, &embedded, &err));
    assert_true(ends_within(left_fd, WAIT_MS));
    controller = connect_controller();
    assert_non_null(controller);
    assert_int_not_equal(pid_of_redis(controller), left);
}

#define on_files(test)   cmocka_unit_test_setup_teardown(test, make_state, remove_state)
#define on_server(test)  cmocka_unit_test_setup_teardown(test, start_redis, stop_redis)
#define on_process(test) cmocka_unit_test_setup_teardown(test, make_state, stop_redis)

int main(void)
{
    const struct CMUnitTest tests[] = {
        on_files(keys_and_passwords_are_made_for_the_owner_alone),
        on_files(keys_and_passwords_that_exist_are_kept),
        on_files(every_password_is_another),
        on_files(agent_without_a_key_gets_one),
        on_files(agent_of_a_load_balancer_gets_what_an_agent_of_a_node_gets),
        on_files(agent_key_of_the_configuration_is_kept),
        on_files(agent_is_told_where_redis_is_and_whom_to_obey),
        on_files(operator_who_may_approve_is_added),
        on_files(operator_of_the_configuration_is_kept),
        on_files(secret_that_others_can_read_is_refused),
        on_files(password_that_is_no_word_is_refused),
        on_server(nobody_gets_in_without_a_password),
        on_server(controller_may_do_its_work),
        on_server(controller_is_kept_from_what_it_never_does),
        on_server(agent_may_do_exactly_its_job),
        on_server(agent_may_not_touch_the_keys_of_others),
        on_server(agent_may_do_to_each_of_its_keys_only_what_is_needed),
        on_server(agent_may_not_give_orders_to_the_server),
        on_server(operator_may_ask_and_read_answers_and_state),
        on_server(operator_may_write_nothing_but_requests),
        on_server(operator_may_not_give_orders_to_the_server),
        on_server(killed_redis_is_started_again_with_its_data),
        on_server(redis_is_gone_after_stop),
        on_server(redis_that_hangs_is_gone_after_stop),
        on_server(redis_that_is_stopped_while_down_does_not_come_back),
        on_process(redis_ends_with_the_controller_that_was_killed),
        on_process(redis_left_by_a_killed_controller_is_waited_for),
    };
    return cmocka_run_group_tests_name("controller/embedded", tests, NULL, NULL);
}
