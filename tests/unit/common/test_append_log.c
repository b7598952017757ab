/* SPDX-License-Identifier: Apache-2.0 */
#include "append_log.h"

#include "common/unit_test.h"
#include "memory.h"
#include "text.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

/* What a reader has been given, joined by '|'. */
struct heard {
    char texts[1024];
    uint64_t count;
    uint64_t refuse_from; /* 0 = never */
};

static bool hear(void *context, uint64_t number, const char *text, struct error *err)
{
    struct heard *heard = context;
    assert_int_equal(number, heard->count);
    heard->count++;
    if (heard->refuse_from != 0 && heard->count >= heard->refuse_from) {
        error_set(err, ERROR_PROTOCOL, "not understood");
        return false;
    }
    strncat(heard->texts, text, 64);
    strcat(heard->texts, "|");
    return true;
}

static bool open_log(struct heard *heard, struct append_log **ret_log, size_t *ret_torn,
                     struct error *err)
{
    *heard = (struct heard){.refuse_from = heard->refuse_from};
    return append_log_open(scratch_path("log"), hear, heard, ret_log, ret_torn, err);
}

/* Opens a log that must be good, expects these records, and leaves it open. */
static struct append_log *open_expecting(const char *texts, size_t torn)
{
    struct append_log *log = NULL;
    struct heard heard = {0};
    size_t found_torn = 99;
    assert_good(open_log(&heard, &log, &found_torn, &err));
    assert_string_equal(heard.texts, texts);
    assert_int_equal(found_torn, torn);
    return log;
}

static void expect(const char *texts, size_t torn)
{
    append_log_close(open_expecting(texts, torn));
}

static void put_file(const char *bytes, size_t size)
{
    assert_good(file_replace(scratch_path("log"), bytes, size, 0600, &err));
}

static off_t file_size(void)
{
    struct stat status;
    assert_int_equal(stat(scratch_path("log"), &status), 0);
    return status.st_size;
}

static const char *const three[] = {"alpha", "", "gamma {\"a\":1}"};

static void make_log_of_three(void)
{
    struct append_log *log = open_expecting("", 0);
    assert_good(append_log_add(log, three, 3, &err));
    append_log_close(log);
}

static void added_records_are_read_in_order(void **state)
{
    (void)state;
    make_log_of_three();
    struct append_log *log = open_expecting("alpha||gamma {\"a\":1}|", 0);
    assert_int_equal(append_log_size_bytes(log), file_size());
    assert_good(append_log_add(log, (const char *const[]){"delta"}, 1, &err));
    assert_good(append_log_add(log, NULL, 0, &err));
    assert_int_equal(append_log_size_bytes(log), file_size());
    append_log_close(log);
    expect("alpha||gamma {\"a\":1}|delta|", 0);
}

static void record_has_the_published_crc32c(void **state)
{
    (void)state;
    /* The check value of CRC-32C in RFC 3720's family of sums. */
    put_file("e3069283 123456789\n", 19);
    expect("123456789|", 0);
}

static void new_log_is_private(void **state)
{
    (void)state;
    struct stat status;
    expect("", 0);
    assert_int_equal(stat(scratch_path("log"), &status), 0);
    assert_int_equal(status.st_mode & 07777, 0600);
}

static void torn_tail_is_dropped_and_told(void **state)
{
    (void)state;
    BUFFER_CLEANUP struct buffer bytes;
    buffer_init(&bytes, 4096);
    make_log_of_three();
    assert_good(file_read(scratch_path("log"), &bytes, &err));
    for (size_t cut = 0; cut <= bytes.length; cut++) {
        const char *expected = "";
        size_t good = 0;
        if (cut >= 15)
            expected = "alpha|", good = 15;
        if (cut >= 25)
            expected = "alpha||", good = 25;
        if (cut == bytes.length)
            expected = "alpha||gamma {\"a\":1}|", good = cut;
        put_file(bytes.data, cut);
        expect(expected, cut - good);
        assert_int_equal(file_size(), good);
        expect(expected, 0);
    }
}

static void log_goes_on_after_a_torn_tail(void **state)
{
    (void)state;
    make_log_of_three();
    assert_int_equal(truncate(scratch_path("log"), file_size() - 3), 0);
    struct append_log *log = open_expecting("alpha||", 20);
    assert_good(append_log_add(log, (const char *const[]){"delta"}, 1, &err));
    append_log_close(log);
    expect("alpha||delta|", 0);
}

static void zeroes_at_the_end_are_a_torn_tail(void **state)
{
    (void)state;
    make_log_of_three();
    assert_int_equal(truncate(scratch_path("log"), file_size() + 4096), 0);
    expect("alpha||gamma {\"a\":1}|", 4096);
}

/* Records before the flipped byte are given; what is after it is torn or refused, never given as if
 * it were good. */
static void flipped_byte_is_never_taken_for_a_record(void **state)
{
    (void)state;
    BUFFER_CLEANUP struct buffer bytes;
    buffer_init(&bytes, 4096);
    make_log_of_three();
    assert_good(file_read(scratch_path("log"), &bytes, &err));
    for (size_t at = 0; at < bytes.length; at++) {
        for (unsigned bit = 0; bit < 8; bit++) {
            struct append_log *log = NULL;
            struct heard heard = {0};
            struct error err = {0};
            size_t torn = 0;
            bytes.data[at] ^= (char)(1U << bit);
            put_file(bytes.data, bytes.length);
            bytes.data[at] ^= (char)(1U << bit);
            bool is_good = open_log(&heard, &log, &torn, &err);
            assert_true(text_starts_with("alpha||gamma {\"a\":1}|", heard.texts));
            assert_true(heard.count < 3);
            assert_int_equal(is_good, at >= 24);
            assert_int_equal(err.code, is_good ? ERROR_NONE : ERROR_INTEGRITY);
            assert_true(!is_good || torn > 0);
            append_log_close(log);
        }
    }
}

static void changed_record_is_named_and_the_file_left_alone(void **state)
{
    (void)state;
    make_log_of_three();
    int fd = open(scratch_path("log"), O_WRONLY | O_CLOEXEC);
    assert_int_equal(pwrite(fd, "X", 1, 10), 1);
    close(fd);
    off_t size = file_size();
    struct append_log *log = NULL;
    struct heard heard = {0};
    size_t torn;
    assert_fails(open_log(&heard, &log, &torn, &err), ERROR_INTEGRITY, "record 0");
    assert_null(log);
    assert_int_equal(file_size(), size);
}

static void reader_that_refuses_ends_the_opening(void **state)
{
    (void)state;
    struct append_log *log = NULL;
    struct heard heard = {.refuse_from = 2};
    size_t torn;
    make_log_of_three();
    assert_fails(open_log(&heard, &log, &torn, &err), ERROR_PROTOCOL, "record 1: not understood");
    assert_null(log);
}

static void too_long_record_is_refused(void **state)
{
    (void)state;
    FREE_CLEANUP char *text = memory_format("%0*d", APPEND_LOG_RECORD_BYTES + 1, 0);
    const char *texts[] = {"before", text};
    struct append_log *log = open_expecting("", 0);
    assert_fails(append_log_add(log, texts, 2, &err), ERROR_INVALID, "65536");
    text[APPEND_LOG_RECORD_BYTES] = '\0';
    assert_good(append_log_add(log, texts + 1, 1, &err));
    assert_int_equal(append_log_size_bytes(log), APPEND_LOG_RECORD_BYTES + 10);
    append_log_close(log);
}

/* A limit on the file's size gives the partial write and the refusal of a full disk. */
static void partial_write_is_taken_back_and_the_log_stays_good(void **state)
{
    (void)state;
    struct rlimit before, low;
    const char *big[] = {"one that fits", "another that is too long for what is left of the disk"};
    make_log_of_three();
    struct append_log *log = open_expecting("alpha||gamma {\"a\":1}|", 0);
    off_t size = file_size();
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    low = before;
    low.rlim_cur = (rlim_t)size + 40;
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &low), 0);
    assert_fails(append_log_add(log, big, 2, &err), ERROR_SYSTEM, "append to");
    assert_int_equal(file_size(), size);
    assert_int_equal(append_log_size_bytes(log), size);
    assert_good(append_log_add(log, big, 1, &err));
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    append_log_close(log);
    expect("alpha||gamma {\"a\":1}|one that fits|", 0);
}

static void rewritten_log_has_the_new_records_and_goes_on(void **state)
{
    (void)state;
    make_log_of_three();
    struct append_log *log = open_expecting("alpha||gamma {\"a\":1}|", 0);
    assert_good(append_log_rewrite(log, (const char *const[]){"kept"}, 1, &err));
    assert_int_equal(append_log_size_bytes(log), file_size());
    assert_good(append_log_add(log, (const char *const[]){"delta"}, 1, &err));
    append_log_close(log);
    expect("kept|delta|", 0);
}

static void log_can_be_emptied(void **state)
{
    (void)state;
    make_log_of_three();
    struct append_log *log = open_expecting("alpha||gamma {\"a\":1}|", 0);
    assert_good(append_log_rewrite(log, NULL, 0, &err));
    append_log_close(log);
    expect("", 0);
}

static void failed_rewrite_keeps_the_old_log(void **state)
{
    (void)state;
    struct rlimit before, low;
    make_log_of_three();
    struct append_log *log = open_expecting("alpha||gamma {\"a\":1}|", 0);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    low = before;
    low.rlim_cur = 5;
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &low), 0);
    assert_fails(append_log_rewrite(log, (const char *const[]){"new"}, 1, &err), ERROR_SYSTEM,
                 "write");
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_good(append_log_add(log, (const char *const[]){"delta"}, 1, &err));
    append_log_close(log);
    expect("alpha||gamma {\"a\":1}|delta|", 0);
}

static void directory_in_the_place_of_the_log_is_an_error(void **state)
{
    (void)state;
    struct append_log *log = NULL;
    struct heard heard = {0};
    size_t torn;
    assert_int_equal(mkdir(scratch_path("log"), 0700), 0);
    assert_fails(open_log(&heard, &log, &torn, &err), ERROR_SYSTEM, "/log'");
    assert_null(log);
}

static void unsynced_records_are_synced_together(void **state)
{
    (void)state;
    struct append_log *log = open_expecting("", 0);
    assert_good(append_log_add_unsynced(log, "alpha", &err));
    assert_good(append_log_add_unsynced(log, "beta", &err));
    assert_good(append_log_sync(log, &err));
    assert_good(append_log_sync(log, &err));
    append_log_close(log);
    expect("alpha|beta|", 0);
}

/* A pipe cannot be synced, as a disk that fails: what was added is taken back. */
static void records_that_cannot_be_synced_are_refused(void **state)
{
    int ends[2];
    (void)state;
    struct append_log *log = open_expecting("", 0);
    int fd = open(scratch_path("log"), O_RDONLY);
    assert_good(append_log_add_unsynced(log, "alpha", &err));
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(dup2(ends[1], fd - 1), fd - 1); /* the log's own */
    assert_fails(append_log_sync(log, &err), ERROR_SYSTEM, "sync");
    assert_int_equal(append_log_size_bytes(log), 0);
    close(ends[0]);
    close(ends[1]);
    close(fd);
    append_log_close(log);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test_in_scratch(unsynced_records_are_synced_together),
        test_in_scratch(records_that_cannot_be_synced_are_refused),
        test_in_scratch(added_records_are_read_in_order),
        test_in_scratch(record_has_the_published_crc32c),
        test_in_scratch(new_log_is_private),
        test_in_scratch(torn_tail_is_dropped_and_told),
        test_in_scratch(log_goes_on_after_a_torn_tail),
        test_in_scratch(zeroes_at_the_end_are_a_torn_tail),
        test_in_scratch(flipped_byte_is_never_taken_for_a_record),
        test_in_scratch(changed_record_is_named_and_the_file_left_alone),
        test_in_scratch(reader_that_refuses_ends_the_opening),
        test_in_scratch(too_long_record_is_refused),
        test_in_scratch(partial_write_is_taken_back_and_the_log_stays_good),
        test_in_scratch(rewritten_log_has_the_new_records_and_goes_on),
        test_in_scratch(log_can_be_emptied),
        test_in_scratch(failed_rewrite_keeps_the_old_log),
        test_in_scratch(directory_in_the_place_of_the_log_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
