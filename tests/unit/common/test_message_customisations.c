/* SPDX-License-Identifier: Apache-2.0 */
/* What an agent tells of customisations, on the wire. */
#include "message_codec.h"

#include "common/unit_test.h"
#include "memory.h"
#include "text.h"

static struct report report, back;

static int make_report(void **state)
{
    (void)state;
    report = (struct report){.kind = REPORT_DONE,
                             .verb = VERB_CUSTOMISATIONS,
                             .connections = -1,
                             .bytes_total = -1,
                             .customisations_total = 40,
                             .conflicts_total = 2,
                             .customisation_count = 1};
    TEXT_COPY(report.command_id, "1.customisations.bb1");
    TEXT_COPY(report.cluster, "git");
    TEXT_COPY(report.node, "bb1");
    TEXT_COPY(report.customisations[0].path, "bin/_start-webapp.sh");
    TEXT_COPY(report.customisations[0].kind, "changed");
    TEXT_COPY(report.customisations[0].outcome, "conflict");
    TEXT_COPY(report.customisations[0].why, "in the same lines");
    TEXT_COPY(report.hunks, "a\tb\n\"c\"\n");
    return 0;
}

static void they_come_as_they_went(void **state)
{
    (void)state;
    FREE_CLEANUP char *text = report_write(&report);
    assert_good(report_read(text, strlen(text), &back, &err));
    assert_int_equal(back.customisations_total, 40);
    assert_int_equal(back.conflicts_total, 2);
    assert_int_equal(back.customisation_count, 1);
    assert_memory_equal(&back.customisations[0], &report.customisations[0],
                        sizeof(report.customisations[0]));
    assert_string_equal(back.hunks, report.hunks);
}

static void fill(char *array, size_t size, char with)
{
    memset(array, with, size - 1);
    array[size - 1] = '\0';
}

static void the_most_that_can_be_told_fits_into_a_message(void **state)
{
    (void)state;
    report.customisation_count = LIMIT_CUSTOMISATIONS;
    for (size_t i = 0; i < LIMIT_CUSTOMISATIONS; i++) {
        struct message_customisation *one = &report.customisations[i];
        fill(one->path, sizeof(one->path), '"');
        fill(one->kind, sizeof(one->kind), '"');
        fill(one->outcome, sizeof(one->outcome), '"');
        fill(one->why, sizeof(one->why), '"');
    }
    fill(report.hunks, sizeof(report.hunks), '\t');
    FREE_CLEANUP char *text = report_write(&report);
    assert_true(strlen(text) <= LIMIT_MESSAGE_BYTES);
    assert_good(report_read(text, strlen(text), &back, &err));
}

static void list_that_is_too_long_is_refused(void **state)
{
    (void)state;
    FREE_CLEANUP char *text = report_write(&report);
    char *list = strstr(text, "[{");
    char *end = strstr(list, "}]");
    struct buffer BUFFER_CLEANUP longer;
    buffer_init(&longer, LIMIT_MESSAGE_BYTES);
    assert_true(buffer_add(&longer, text, (size_t)(list + 1 - text)));
    for (size_t i = 0; i < LIMIT_CUSTOMISATIONS; i++) {
        assert_true(buffer_add(&longer, list + 1, (size_t)(end - list)));
        assert_true(buffer_add_text(&longer, ","));
    }
    assert_true(buffer_add_text(&longer, list + 1));
    assert_fails(report_read(longer.data, longer.length, &back, &err), ERROR_PROTOCOL,
                 "'customisations' is not a list of at most 24");
}

static void path_that_would_mislead_a_reader_is_refused(void **state)
{
    (void)state;
    TEXT_COPY(report.customisations[0].path, "bin/\033[2J");
    FREE_CLEANUP char *text = report_write(&report);
    assert_fails(report_read(text, strlen(text), &back, &err), ERROR_PROTOCOL,
                 "'customisations[0]': path");
}

static void other_verbs_have_none(void **state)
{
    (void)state;
    FREE_CLEANUP char *text = report_write(&report);
    char *verb = strstr(text, "\"verb\":\"customisations\"");
    assert_non_null(verb);
    memcpy(verb, "\"verb\":\"stop\",         ", 23);
    char *comma = strchr(verb, ',');
    *comma = ' ';
    assert_fails(report_read(text, strlen(text), &back, &err), ERROR_PROTOCOL, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(they_come_as_they_went, make_report),
        cmocka_unit_test_setup(the_most_that_can_be_told_fits_into_a_message, make_report),
        cmocka_unit_test_setup(list_that_is_too_long_is_refused, make_report),
        cmocka_unit_test_setup(path_that_would_mislead_a_reader_is_refused, make_report),
        cmocka_unit_test_setup(other_verbs_have_none, make_report),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
