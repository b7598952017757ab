/* SPDX-License-Identifier: Apache-2.0 */
#include "log_syncer.h"

#include "unit_test.h"

#define LOGS   40
#define ROUNDS 20

static struct append_log *logs[LOGS];
static struct log_syncer *syncer;

static bool ignore(void *context, uint64_t number, const char *text, struct error *err)
{
    (void)number;
    (void)text;
    (void)err;
    ++*(unsigned *)context;
    return true;
}

static unsigned open_log(size_t index, struct append_log **ret_log)
{
    char name[16];
    unsigned records = 0;
    size_t torn;
    (void)snprintf(name, sizeof(name), "log%zu", index);
    assert_good(append_log_open(scratch_path(name), ignore, &records, ret_log, &torn, &err));
    assert_int_equal(torn, 0);
    return records;
}

static int begin(void **state)
{
    if (scratch_make(state) != 0)
        return -1;
    syncer = log_syncer_new();
    for (size_t i = 0; i < LOGS; i++)
        (void)open_log(i, &logs[i]);
    return 0;
}

static int end(void **state)
{
    log_syncer_free(syncer);
    for (size_t i = 0; i < LOGS; i++)
        append_log_close(logs[i]);
    return scratch_remove(state);
}

static unsigned records_of(size_t index)
{
    struct append_log *log;
    unsigned records = open_log(index, &log);
    append_log_close(log);
    return records;
}

static void sync_all(struct log_sync list[LOGS])
{
    for (size_t i = 0; i < LOGS; i++) {
        list[i] = (struct log_sync){.log = logs[i]};
        assert_good(append_log_add_unsynced(logs[i], "record", &err));
    }
    log_syncer_run(syncer, list, LOGS);
}

static void all_logs_are_synced_round_after_round(void **state)
{
    struct log_sync list[LOGS];
    (void)state;
    for (size_t round = 0; round < ROUNDS; round++) {
        sync_all(list);
        for (size_t i = 0; i < LOGS; i++)
            assert_true(list[i].is_synced);
    }
    for (size_t i = 0; i < LOGS; i++)
        assert_int_equal(records_of(i), ROUNDS);
}

static void a_whole_record_replaces_what_was_there(void **state)
{
    struct log_sync list[LOGS];
    (void)state;
    sync_all(list);
    sync_all(list);
    for (size_t i = 0; i < LOGS; i += 2)
        list[i].whole = "all";
    log_syncer_run(syncer, list, LOGS);
    for (size_t i = 0; i < LOGS; i++) {
        assert_true(list[i].is_synced);
        assert_int_equal(records_of(i), i % 2 == 0 ? 1 : 2);
    }
}

static void none_and_one_are_lists_too(void **state)
{
    struct log_sync sync = {.log = logs[0]};
    (void)state;
    log_syncer_run(syncer, NULL, 0);
    assert_good(append_log_add_unsynced(logs[0], "record", &err));
    log_syncer_run(syncer, &sync, 1);
    assert_true(sync.is_synced);
    assert_int_equal(records_of(0), 1);
}

/* What replaces is too long; the others' records are durable all the same. */
static void one_that_fails_says_why_and_stops_no_other(void **state)
{
    struct log_sync list[LOGS];
    static char long_text[APPEND_LOG_RECORD_BYTES + 2];
    (void)state;
    memset(long_text, 'x', sizeof(long_text) - 1);
    for (size_t i = 0; i < LOGS; i++) {
        list[i] = (struct log_sync){.log = logs[i], .whole = i == 7 ? long_text : NULL};
        if (i != 7)
            assert_good(append_log_add_unsynced(logs[i], "record", &err));
    }
    log_syncer_run(syncer, list, LOGS);
    for (size_t i = 0; i < LOGS; i++)
        assert_int_equal(list[i].is_synced, i != 7);
    assert_int_equal(list[7].err.code, ERROR_INVALID);
    assert_int_equal(records_of(7), 0);
    assert_int_equal(records_of(8), 1);
}

#define test_of_logs(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        test_of_logs(all_logs_are_synced_round_after_round),
        test_of_logs(a_whole_record_replaces_what_was_there),
        test_of_logs(none_and_one_are_lists_too),
        test_of_logs(one_that_fails_says_why_and_stops_no_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
