/* SPDX-License-Identifier: Apache-2.0 */
#include "log.h"

#include "buffer.h"
#include "common/unit_test.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static int kept_stderr = -1;

/* Standard error goes to a file until read_captured(). */
static void capture(const char *journal_stream)
{
    kept_stderr = dup(STDERR_FILENO);
    int fd = open(scratch_path("log"), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(fd >= 0 && dup2(fd, STDERR_FILENO) == STDERR_FILENO);
    close(fd);
    if (journal_stream != NULL)
        setenv("JOURNAL_STREAM", journal_stream, 1);
    else
        unsetenv("JOURNAL_STREAM");
}

static const char *read_captured(void)
{
    static char text[16 * 1024];
    BUFFER_CLEANUP struct buffer bytes;
    buffer_init(&bytes, sizeof(text) - 1);
    dup2(kept_stderr, STDERR_FILENO);
    close(kept_stderr);
    assert_good(file_read(scratch_path("log"), &bytes, &err));
    memcpy(text, buffer_text(&bytes), bytes.length + 1);
    return text;
}

static void line_has_time_program_and_level(void **state)
{
    (void)state;
    int year, milliseconds;
    char rest[64] = "";
    capture(NULL);
    log_open("shunt-agent", LOG_LEVEL_INFO);
    log_warning("node %s", "bb1");
    const char *text = read_captured();
    assert_int_equal(
        sscanf(text, "%4d-%*2d-%*2dT%*2d:%*2d:%*2d.%3dZ %63[^\n]", &year, &milliseconds, rest), 3);
    assert_true(year >= 2023);
    assert_string_equal(rest, "shunt-agent: warning: node bb1");
}

static void lines_above_the_level_are_dropped(void **state)
{
    (void)state;
    struct error err;
    capture(NULL);
    log_open("x", LOG_LEVEL_NOTICE);
    error_set(&err, ERROR_TIMEOUT, "hidden");
    log_info("hidden");
    log_failure(LOG_LEVEL_DEBUG, &err, "hidden");
    log_notice("shown");
    const char *text = read_captured();
    assert_null(strstr(text, "hidden"));
    assert_non_null(strstr(text, "notice: shown\n"));
}

static void journal_gets_priorities(void **state)
{
    (void)state;
    char stream[64];
    struct stat status;
    capture("0:0");
    assert_int_equal(fstat(STDERR_FILENO, &status), 0);
    (void)snprintf(stream, sizeof(stream), "%ju:%ju", (uintmax_t)status.st_dev,
                   (uintmax_t)status.st_ino);
    setenv("JOURNAL_STREAM", stream, 1);
    log_open("x", LOG_LEVEL_DEBUG);
    log_error("a");
    log_debug("b");
    assert_string_equal(read_captured(), "<3>a\n<7>b\n");
}

static void inherited_journal_stream_does_not_count(void **state)
{
    (void)state;
    capture("0:0");
    log_open("x", LOG_LEVEL_DEBUG);
    log_error("a");
    assert_non_null(strstr(read_captured(), "x: error: a\n"));
}

static void outside_text_cannot_forge_lines_or_steer_a_terminal(void **state)
{
    (void)state;
    capture(NULL);
    log_open("x", LOG_LEVEL_INFO);
    log_info("%s", "a\nb\r\x1B[2J\x7F\xC2\x9B"
                   "c\xFF\xC3\xA4");
    const char *text = read_captured();
    assert_non_null(strstr(text, "a\\x0Ab\\x0D\\x1B[2J\\x7F\\xC2\\x9Bc\\xFF\xC3\xA4\n"));
    assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1);
}

static void long_line_is_cut_and_ends(void **state)
{
    (void)state;
    char text[10000];
    memset(text, '\n', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    capture(NULL);
    log_open("x", LOG_LEVEL_INFO);
    log_info("%s", text);
    const char *line = read_captured();
    assert_in_range(strlen(line), 2000, 4096);
    assert_ptr_equal(strchr(line, '\n'), line + strlen(line) - 1);
}

static void failure_has_context_code_and_hint(void **state)
{
    (void)state;
    struct error err;
    capture(NULL);
    log_open("x", LOG_LEVEL_INFO);
    error_set(&err, ERROR_DENIED, "no");
    error_hint(&err, "chmod it");
    log_failure(LOG_LEVEL_ERROR, &err, "node %s", "bb1");
    const char *text = read_captured();
    assert_non_null(strstr(text, "error: node bb1: no (denied)\n"));
    assert_non_null(strstr(text, "error: hint: chmod it\n"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test_in_scratch(line_has_time_program_and_level),
        test_in_scratch(lines_above_the_level_are_dropped),
        test_in_scratch(journal_gets_priorities),
        test_in_scratch(inherited_journal_stream_does_not_count),
        test_in_scratch(outside_text_cannot_forge_lines_or_steer_a_terminal),
        test_in_scratch(long_line_is_cut_and_ends),
        test_in_scratch(failure_has_context_code_and_hint),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
