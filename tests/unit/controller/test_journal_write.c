/* SPDX-License-Identifier: Apache-2.0 */
/* The journals of several clusters at one time, with files of the test and a real redis-server. */
#include "channel.h"
#include "common/unit_test.h"
#include "log_syncer.h"
#include "memory.h"
#include "redis_server.h"
#include "shell.h"
#include "text.h"

#include <unistd.h>

#define CLUSTERS 3
#define WAIT_MS  20000

static struct redis_server server;
static struct config config;
static struct cluster_config cluster_configs[CLUSTERS];
static struct cluster clusters[CLUSTERS];
static struct shell shell;
static struct journal_entry entries[CLUSTERS];

static int start_server(void **state)
{
    if (scratch_make(state) != 0)
        return -1;
    redis_server_start(&server, scratch, NULL);
    TEXT_COPY(config.name, "c1");
    TEXT_COPY(config.state_dir, scratch_path("state"));
    config.lease_ms = 6000;
    for (size_t i = 0; i < CLUSTERS; i++)
        (void)snprintf(cluster_configs[i].name, sizeof(cluster_configs[i].name), "k%zu", i);
    return 0;
}

static int stop_server(void **state)
{
    redis_server_stop(&server);
    return scratch_remove(state);
}

static long long number(const char *first, const char *format, size_t cluster, const char *third)
{
    char key[CHANNEL_KEY_SIZE];
    REPLY_CLEANUP redisReply *reply = NULL;
    channel_key(key, cluster_configs[cluster].name, format, NULL);
    assert_good(redis_command(shell.redis, deadline_after_ms(WAIT_MS), &reply, &err, first, key,
                              third, (char *)NULL));
    return reply->type == REDIS_REPLY_INTEGER ? reply->integer : -1;
}

static bool ignore(void *context, uint64_t record, const char *text, struct error *err)
{
    (void)record;
    (void)text;
    (void)err;
    ++*(unsigned *)context;
    return true;
}

static unsigned open_copy(size_t index, struct append_log **ret_log)
{
    char path[JOURNAL_PATH_SIZE];
    unsigned records = 0;
    size_t torn;
    assert_good(journal_copy_path(&shell, &clusters[index], path, &err));
    assert_good(append_log_open(path, ignore, &records, ret_log, &torn, &err));
    return records;
}

static unsigned copied(size_t index)
{
    struct append_log *log;
    unsigned records = open_copy(index, &log);
    append_log_close(log);
    return records;
}

/* An upgrade of a cluster without nodes: its own row is all there is. */
static void lead(size_t index)
{
    char value[LEASE_HOLDER_SIZE];
    struct cluster *cluster = &clusters[index];
    *cluster = (struct cluster){.config = &cluster_configs[index],
                                .index = (uint32_t)index,
                                .is_led = true,
                                .epoch = 7,
                                .renewed_ms = 1,
                                .lease_until_ms = INT64_MAX};
    cluster->upgrade = memory_zeroed(1, sizeof(*cluster->upgrade));
    TEXT_COPY(cluster->upgrade->cluster, cluster->config->name);
    TEXT_COPY(cluster->upgrade->id, "u1");
    (void)open_copy(index, &cluster->journal);
    lease_value(&shell, value);
    (void)number("SET", "lease", index, value);
    (void)number("SET", "epoch", index, "7");
    entries[index] = (struct journal_entry){.cluster = cluster};
}

static int begin(void **state)
{
    REPLY_CLEANUP redisReply *reply = NULL;
    struct error err;
    (void)state;
    shell = (struct shell){.config = &config,
                           .clusters = clusters,
                           .cluster_count = CLUSTERS,
                           .lease_due_ms = INT64_MAX,
                           .instance = "0123456789abcdef0123456789abcdef"};
    shell.is_read = memory_zeroed(CLUSTERS, sizeof(bool));
    pthread_mutex_init(&shell.led_lock, NULL);
    shell.pool = pool_new(1);
    shell.remote = lb_remote_new();
    shell.syncer = log_syncer_new();
    shell.redis = redis_new(&server.address);
    if (!redis_connect(shell.redis, deadline_after_ms(WAIT_MS), &err) ||
        !redis_command(shell.redis, deadline_after_ms(WAIT_MS), &reply, &err, "FLUSHALL",
                       (char *)NULL))
        return -1;
    for (size_t i = 0; i < CLUSTERS; i++)
        lead(i);
    return 0;
}

static int end(void **state)
{
    struct error err;
    (void)state;
    for (size_t i = 0; i < CLUSTERS; i++) {
        append_log_close(clusters[i].journal);
        free(clusters[i].upgrade);
    }
    log_syncer_free(shell.syncer);
    lb_remote_free(shell.remote);
    pool_free(shell.pool);
    pthread_mutex_destroy(&shell.led_lock);
    free(shell.is_read);
    redis_free(shell.redis);
    return file_remove_tree(scratch_path("state"), &err) ? 0 : -1;
}

/* One row of several is dirty: a record beside others, which replaces none. */
static void dirty_all(void)
{
    for (size_t i = 0; i < CLUSTERS; i++)
        clusters[i].upgrade->is_dirty = true;
}

static void all_clusters_are_written_together(void **state)
{
    (void)state;
    dirty_all();
    entries[1].status = "{\"news\":1}";
    journal_write_all(&shell, entries, CLUSTERS);
    for (size_t i = 0; i < CLUSTERS; i++) {
        assert_true(entries[i].is_written);
        assert_int_equal(number("XLEN", "journal", i, NULL), 1);
        assert_int_equal(copied(i), 1);
        assert_int_equal(number("STRLEN", "status", i, NULL), i == 1 ? 10 : 0);
        assert_int_equal(number("XLEN", "news", i, NULL), i == 1 ? 1 : 0);
    }
}

static void who_has_nothing_to_write_may_go_on(void **state)
{
    (void)state;
    journal_write_all(&shell, entries, CLUSTERS);
    for (size_t i = 0; i < CLUSTERS; i++) {
        assert_true(entries[i].is_written);
        assert_int_equal(number("EXISTS", "journal", i, NULL), 0);
    }
}

static void a_lost_lease_stops_that_cluster_alone_and_tells_nothing(void **state)
{
    (void)state;
    dirty_all();
    entries[1].status = "{}";
    (void)number("SET", "lease", 1, "c2:somebody");
    journal_write_all(&shell, entries, CLUSTERS);
    for (size_t i = 0; i < CLUSTERS; i++) {
        assert_int_equal(entries[i].is_written, i != 1);
        assert_int_equal(clusters[i].is_led, i != 1);
        assert_int_equal(number("EXISTS", "journal", i, NULL), i != 1);
    }
    assert_int_equal(number("EXISTS", "status", 1, NULL), 0);
    assert_int_equal(clusters[1].renewed_ms, 0);
    assert_int_equal(shell.lease_due_ms, 0);
}

/* Its file cannot be replaced; that is of no concern to the others. */
static void a_copy_that_cannot_be_written_gives_up_that_lease_alone(void **state)
{
    char path[JOURNAL_PATH_SIZE];
    (void)state;
    dirty_all();
    assert_good(journal_copy_path(&shell, &clusters[2], path, &err));
    assert_int_equal(unlink(path), 0);
    assert_int_equal(mkdir(path, 0700), 0);
    upgrade_mark_all(clusters[2].upgrade);
    journal_write_all(&shell, entries, CLUSTERS);
    assert_true(entries[0].is_written);
    assert_true(entries[1].is_written);
    assert_false(entries[2].is_written);
    assert_false(clusters[2].is_led);
    assert_int_equal(number("EXISTS", "journal", 2, NULL), 0);
    assert_int_equal(number("EXISTS", "lease", 2, NULL), 0);
    assert_int_equal(number("EXISTS", "lease-given-up", 2, NULL), 1);
    assert_int_equal(number("XLEN", "journal", 0, NULL), 1);
}

/* As after a restart of Redis, whose caches are empty. */
static void scripts_that_redis_has_forgotten_are_taught_again(void **state)
{
    REPLY_CLEANUP redisReply *reply = NULL;
    (void)state;
    dirty_all();
    assert_good(redis_command(shell.redis, deadline_after_ms(WAIT_MS), &reply, &err, "SCRIPT",
                              "FLUSH", (char *)NULL));
    journal_write_all(&shell, entries, CLUSTERS);
    for (size_t i = 0; i < CLUSTERS; i++)
        assert_int_equal(number("XLEN", "journal", i, NULL), 1);
}

static void cut_connection(void)
{
    REPLY_CLEANUP redisReply *reply = NULL;
    struct redis *other = redis_new(&server.address);
    assert_good(redis_connect(other, deadline_after_ms(WAIT_MS), &err));
    assert_good(redis_command(other, deadline_after_ms(WAIT_MS), &reply, &err, "CLIENT", "KILL",
                              "TYPE", "normal", "SKIPME", "yes", (char *)NULL));
    redis_free(other);
}

static void an_outage_is_waited_for_and_all_are_written_after_it(void **state)
{
    (void)state;
    dirty_all();
    cut_connection();
    journal_write_all(&shell, entries, CLUSTERS);
    for (size_t i = 0; i < CLUSTERS; i++) {
        assert_true(entries[i].is_written);
        assert_int_equal(number("XLEN", "journal", i, NULL), 1);
    }
}

/* Another server may be there by then, which knows nothing of the lease that another has. */
static void who_may_not_act_after_an_outage_writes_nothing(void **state)
{
    (void)state;
    dirty_all();
    atomic_store(&clusters[1].lease_until_ms, 0);
    cut_connection();
    journal_write_all(&shell, entries, CLUSTERS);
    for (size_t i = 0; i < CLUSTERS; i++) {
        assert_int_equal(entries[i].is_written, i != 1);
        assert_int_equal(clusters[i].is_led, i != 1);
        assert_int_equal(number("EXISTS", "journal", i, NULL), i != 1);
    }
}

#define test_of_journals(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        test_of_journals(all_clusters_are_written_together),
        test_of_journals(who_has_nothing_to_write_may_go_on),
        test_of_journals(a_lost_lease_stops_that_cluster_alone_and_tells_nothing),
        test_of_journals(a_copy_that_cannot_be_written_gives_up_that_lease_alone),
        test_of_journals(scripts_that_redis_has_forgotten_are_taught_again),
        test_of_journals(an_outage_is_waited_for_and_all_are_written_after_it),
        test_of_journals(who_may_not_act_after_an_outage_writes_nothing),
    };
    return cmocka_run_group_tests(tests, start_server, stop_server);
}
