/* SPDX-License-Identifier: Apache-2.0 */
#include "queue.h"

#include "clock.h"
#include "common/unit_test.h"
#include "memory.h"

#include <pthread.h>

#define WAIT_MS   20000 /* more than any busy machine needs */
#define ROUNDS    100
#define PRODUCERS 8
#define EACH      2000

static struct queue *queue;

static int make_queue(void **state)
{
    (void)state;
    queue = queue_new();
    return 0;
}

static int free_queue(void **state)
{
    (void)state;
    queue_free(queue);
    queue = NULL;
    return 0;
}

static void put(uint32_t cluster, uint32_t sequence)
{
    struct item *item = item_new(ITEM_EVENT, cluster);
    item->event.sequence = sequence;
    queue_put(queue, item);
}

static void assert_takes(uint32_t sequence)
{
    struct item *item = queue_take(queue, 0);
    assert_non_null(item);
    assert_int_equal(item->event.sequence, sequence);
    item_free(item);
}

static void new_item_says_nothing(void **state)
{
    struct item *item = item_new(ITEM_REPORT, 7);
    (void)state;
    assert_int_equal(item->kind, ITEM_REPORT);
    assert_int_equal(item->cluster, 7);
    assert_int_equal(item->event.node, NODE_NONE);
    assert_int_equal(item->event.view_source, NODE_NONE);
    assert_int_equal(item->event.sessions, -1);
    assert_int_equal(item->event.connections, -1);
    item_free(item);
}

static void items_are_taken_in_the_order_they_were_put(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 100; i++)
        put(0, i);
    for (uint32_t i = 0; i < 100; i++)
        assert_takes(i);
    assert_null(queue_take(queue, 0));
}

static void queue_that_was_emptied_works_again(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 3; i++) {
        put(0, i);
        assert_takes(i);
    }
    put(0, 8);
    put(0, 9);
    assert_takes(8);
    assert_takes(9);
    assert_null(queue_take(queue, 0));
}

static void take_without_time_returns_at_once(void **state)
{
    int64_t begun_ms = clock_monotonic_ms();
    (void)state;
    assert_null(queue_take(queue, 0));
    assert_true(clock_monotonic_ms() - begun_ms < WAIT_MS);
}

static void take_waits_its_whole_time_for_an_item(void **state)
{
    static const int64_t times_ms[] = {1, 30, 1005}; /* over the end of a second as well */
    (void)state;
    for (size_t i = 0; i < sizeof(times_ms) / sizeof(times_ms[0]); i++) {
        int64_t begun_ms = clock_monotonic_ms();
        assert_null(queue_take(queue, times_ms[i]));
        /* One less: the clock is read in whole milliseconds. */
        assert_true(clock_monotonic_ms() - begun_ms >= times_ms[i] - 1);
    }
}

static void *produce(void *context)
{
    uint32_t number = *(uint32_t *)context;
    for (uint32_t i = 0; i < EACH; i++)
        put(number, i);
    return NULL;
}

struct echo {
    struct queue *in, *out;
};

static void *give_back(void *context)
{
    const struct echo *echo = context;
    for (int i = 0; i < ROUNDS; i++) {
        struct item *item = queue_take(echo->in, WAIT_MS);
        if (item != NULL)
            queue_put(echo->out, item);
    }
    return NULL;
}

/* Each of the two waits for the other in every round. */
static void item_ends_the_wait_for_it(void **state)
{
    pthread_t thread;
    struct echo echo = {queue, queue_new()};
    int64_t begun_ms = clock_monotonic_ms();
    (void)state;
    assert_int_equal(pthread_create(&thread, NULL, give_back, &echo), 0);
    for (uint32_t i = 0; i < ROUNDS; i++) {
        put(0, i);
        struct item *item = queue_take(echo.out, WAIT_MS);
        assert_non_null(item);
        assert_int_equal(item->event.sequence, i);
        item_free(item);
    }
    pthread_join(thread, NULL);
    queue_free(echo.out);
    assert_true(clock_monotonic_ms() - begun_ms < WAIT_MS);
}

static void items_of_many_producers_are_all_taken_each_in_its_order(void **state)
{
    pthread_t threads[PRODUCERS];
    uint32_t numbers[PRODUCERS], next[PRODUCERS] = {0};
    (void)state;
    for (uint32_t i = 0; i < PRODUCERS; i++) {
        numbers[i] = i;
        assert_int_equal(pthread_create(&threads[i], NULL, produce, &numbers[i]), 0);
    }
    for (uint32_t i = 0; i < PRODUCERS * EACH; i++) {
        struct item *item = queue_take(queue, WAIT_MS);
        assert_non_null(item);
        assert_in_range(item->cluster, 0, PRODUCERS - 1);
        assert_int_equal(item->event.sequence, next[item->cluster]);
        next[item->cluster]++;
        item_free(item);
    }
    for (uint32_t i = 0; i < PRODUCERS; i++)
        pthread_join(threads[i], NULL);
    assert_null(queue_take(queue, 0));
}

/* The leak checker of the sanitizer builds looks at what is left. */
static void items_left_are_freed_with_what_they_own(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 3; i++) {
        struct item *item = item_new(ITEM_EVENT, i);
        item->view = memory_zeroed(1, sizeof(*item->view));
        item->body = memory_text("{}");
        queue_put(queue, item);
    }
    struct item *first = queue_take(queue, 0);
    assert_non_null(first);
    assert_int_equal(first->cluster, 0);
    assert_string_equal(first->body, "{}");
    item_free(first);
}

#define with_queue(test) cmocka_unit_test_setup_teardown(test, make_queue, free_queue)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(new_item_says_nothing),
        with_queue(items_are_taken_in_the_order_they_were_put),
        with_queue(queue_that_was_emptied_works_again),
        with_queue(take_without_time_returns_at_once),
        with_queue(take_waits_its_whole_time_for_an_item),
        with_queue(item_ends_the_wait_for_it),
        with_queue(items_of_many_producers_are_all_taken_each_in_its_order),
        with_queue(items_left_are_freed_with_what_they_own),
    };
    return cmocka_run_group_tests_name("controller/queue", tests, NULL, NULL);
}
