/* SPDX-License-Identifier: Apache-2.0 */
#include "output.h"

#include "check.h"
#include "clean.h"
#include "json.h"
#include "memory.h"
#include "text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define FAILURE_BYTES  (16 * 1024)          /* message and hint, every byte of them escaped */
#define DOCUMENT_BYTES (256u * 1024 * 1024) /* a full Redis reply, every byte of it as "\u00XX" */

static bool is_set(const char *name)
{
    const char *value = getenv(name);
    return value != NULL && value[0] != '\0';
}

void output_init(struct output *output)
{
    const char *kind = getenv("TERM");
    bool is_dumb = kind == NULL || kind[0] == '\0' || text_equal(kind, "dumb");
    *output = (struct output){.is_terminal = isatty(STDOUT_FILENO) == 1 && !is_dumb};
    /* no-color.org: any value but the empty one. */
    output->is_coloured = output->is_terminal && !is_set("NO_COLOR");
}

void output_size(size_t *ret_columns, size_t *ret_rows)
{
    struct winsize size;
    bool is_known = ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0;
    *ret_columns = is_known && size.ws_col > 0 ? size.ws_col : 80;
    *ret_rows = is_known && size.ws_row > 0 ? size.ws_row : 24;
}

/* 0, or why the rest is lost. */
static int write_all(int fd, const char *bytes, size_t size)
{
    while (size > 0) {
        ssize_t written = write(fd, bytes, size);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return written < 0 ? errno : EIO;
        bytes += written;
        size -= (size_t)written;
    }
    return 0;
}

/* An output that nobody reads any more has nobody to be told. */
static void write_output(struct output *output, const char *bytes, size_t size)
{
    int failure = write_all(STDOUT_FILENO, bytes, size);
    if (failure != 0 && failure != EPIPE)
        output->failure = failure;
}

void output_text(struct output *output, const char *text)
{
    if (!output->is_json)
        write_output(output, text, strlen(text));
}

bool output_is_whole(const struct output *output, struct error *err)
{
    if (output->failure == 0)
        return true;
    error_set_errno(err, output->failure, "standard output");
    error_hint(err, "what was asked was done or refused as without it; only its words are lost");
    return false;
}

/* The one control character that jansson does not escape; it can only stand in a JSON string. */
static void add_without_delete(struct buffer *out, const char *text)
{
    for (;;) {
        size_t length = strcspn(text, "\x7F");
        (void)buffer_add(out, text, length);
        if (text[length] == '\0')
            return;
        (void)buffer_add_text(out, "\\u007F");
        text += length + 1;
    }
}

void output_document(struct output *output, const json_t *json)
{
    if (!output->is_json)
        return;
    BUFFER_CLEANUP struct buffer line;
    FREE_CLEANUP char *text = json_dumps(json, JSON_COMPACT | JSON_ENSURE_ASCII);
    CHECK(text != NULL);
    buffer_init(&line, DOCUMENT_BYTES);
    add_without_delete(&line, text);
    (void)buffer_add_text(&line, "\n");
    write_output(output, buffer_text(&line), line.length);
    output->has_document = true;
}

static void add_line(struct buffer *out, const char *label, const char *text)
{
    buffer_add_text(out, label);
    clean_add(out, text);
    buffer_add_text(out, "\n");
}

void output_failure(struct output *output, const struct error *err)
{
    BUFFER_CLEANUP struct buffer out;
    buffer_init(&out, FAILURE_BYTES);
    add_line(&out, "shunt: ", err->message);
    if (err->hint[0] != '\0')
        add_line(&out, "hint: ", err->hint);
    (void)write_all(STDERR_FILENO, buffer_text(&out), out.length);
    if (!output->is_json || (output->has_document && !output->is_stream))
        return;
    JSON_CLEANUP json_t *json =
        json_pack("{s:b,s:{s:s,s:o,s:o}}", "ok", 0, "error", "code", error_code_name(err->code),
                  "message", json_text(err->message), "hint", json_text(err->hint));
    CHECK(json != NULL);
    output_document(output, json);
}
