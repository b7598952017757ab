/* SPDX-License-Identifier: Apache-2.0 */
#include "nginx_memory.h"

#include "common/unit_test.h"
#include "text.h"

static char path[sizeof(scratch) + 16];
static struct nginx_running running;

static int begin(void **state)
{
    if (scratch_make(state) != 0)
        return -1;
    (void)snprintf(path, sizeof(path), "%s/edge.0", scratch);
    memset(&running, 0, sizeof(running));
    return 0;
}

static void write_text(const char *text)
{
    assert_good(file_replace(path, text, strlen(text), 0600, &err));
}

static void write_told(int64_t give_up_ms)
{
    struct nginx_running told = {.give_up_ms = give_up_ms, .tried = "aa"};
    told.before.items[0] = (struct nginx_worker){17, 4711};
    told.before.items[1] = (struct nginx_worker){18, 4712};
    told.before.items[2] = (struct nginx_worker){16, 11}; /* ends what it has begun */
    told.before.live_count = 2;
    told.before.count = 3;
    nginx_memory_write(path, &told);
}

static void what_was_told_is_known_to_the_next(void **unused)
{
    int64_t give_up_ms = clock_monotonic_ms() + NGINX_RELOAD_MS / 2;
    (void)unused;
    write_told(give_up_ms);
    nginx_memory_read(path, &running);
    assert_string_equal(running.tried, "aa");
    assert_int_equal(running.give_up_ms, give_up_ms);
    assert_true(running.is_reloading);
    assert_int_equal(running.before.live_count, 2);
    assert_int_equal(running.before.items[1].pid, 18);
    assert_int_equal(running.before.items[1].start_ticks, 4712);
}

static void reload_whose_time_is_over_is_not_awaited(void **unused)
{
    (void)unused;
    write_told(clock_monotonic_ms() - 1);
    nginx_memory_read(path, &running);
    assert_string_equal(running.tried, "aa");
    assert_false(running.is_reloading);
}

static void what_is_of_before_a_boot_is_forgotten(void **unused)
{
    (void)unused;
    write_told(clock_monotonic_ms() + 10 * NGINX_RELOAD_MS);
    nginx_memory_read(path, &running);
    assert_string_equal(running.tried, "");
    assert_false(running.is_reloading);
}

static void what_cannot_be_read_is_as_nothing(void **unused)
{
    static const char *const texts[] = {
        "",
        "{",
        "[]",
        "{\"sha256\":\"aa\",\"give_up_ms\":1}",
        "{\"sha256\":\"aa\",\"give_up_ms\":1,\"workers\":{}}",
        "{\"sha256\":\"aa\",\"give_up_ms\":1,\"workers\":[7]}",
        "{\"sha256\":\"aa\",\"give_up_ms\":1,\"workers\":[{\"pid\":0,\"start_ticks\":1}]}",
        "{\"sha256\":\"aa\",\"give_up_ms\":-1,\"workers\":[]}",
        "{\"sha256\":7,\"give_up_ms\":1,\"workers\":[]}",
    };
    (void)unused;
    nginx_memory_read(path, &running); /* there is none */
    assert_string_equal(running.tried, "");
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        write_text(texts[i]);
        nginx_memory_read(path, &running);
        assert_string_equal(running.tried, "");
        assert_false(running.is_reloading);
    }
}

static void more_workers_than_nginx_has_are_refused(void **unused)
{
    static char text[64 * (NGINX_WORKERS + 2)];
    size_t used =
        (size_t)snprintf(text, sizeof(text), "{\"sha256\":\"aa\",\"give_up_ms\":1,\"workers\":[");
    (void)unused;
    for (int i = 0; i <= NGINX_WORKERS; i++)
        used += (size_t)snprintf(text + used, sizeof(text) - used,
                                 "%s{\"pid\":1,\"start_ticks\":1}", i > 0 ? "," : "");
    (void)snprintf(text + used, sizeof(text) - used, "]}");
    write_text(text);
    nginx_memory_read(path, &running);
    assert_string_equal(running.tried, "");
}

static void digest_of(const char *first, const char *second, char sha256[LIMIT_SHA256_HEX])
{
    const char *const texts[] = {first, second};
    char paths[2][4] = {"/a", "/b"};
    struct nginx_file files[2] = {{.path = paths[0]}, {.path = paths[1]}};
    struct nginx_tree tree = {.files = files, .file_count = 2};
    for (size_t i = 0; i < 2; i++) {
        buffer_init(&files[i].bytes, 64);
        assert_true(buffer_add(&files[i].bytes, texts[i], strlen(texts[i])));
    }
    nginx_memory_digest(&tree, sha256);
    for (size_t i = 0; i < 2; i++)
        buffer_done(&files[i].bytes);
}

static void digest_tells_other_bytes_and_other_files_apart(void **unused)
{
    char one[LIMIT_SHA256_HEX], again[LIMIT_SHA256_HEX], other[LIMIT_SHA256_HEX];
    (void)unused;
    digest_of("xy", "z", one);
    digest_of("xy", "z", again);
    assert_string_equal(one, again);
    digest_of("xy", "", other);
    assert_string_not_equal(one, other);
    digest_of("x", "yz", other);
    assert_string_not_equal(one, other);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, begin, scratch_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(what_was_told_is_known_to_the_next),
        CASE(reload_whose_time_is_over_is_not_awaited),
        CASE(what_is_of_before_a_boot_is_forgotten),
        CASE(what_cannot_be_read_is_as_nothing),
        CASE(more_workers_than_nginx_has_are_refused),
        CASE(digest_tells_other_bytes_and_other_files_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
