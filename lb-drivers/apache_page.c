/* SPDX-License-Identifier: Apache-2.0 */
#include "apache_page.h"

#include "text.h"

#include <stdio.h>
#include <string.h>

#define MOST_COLUMNS 32   /* 2.4 has 17 */
#define CELL_SIZE    64   /* of a cell that is read */
#define MOST_FAILS   1000 /* checks in a row */
#define MOST_MS      (24LL * 3600 * 1000)
#define MOST_COUNT   UINT32_MAX

/* A part of the page that has not been read yet. */
struct span {
    const char *at;
    const char *end;
};

/* The place of `text` in the span; NULL if it is not there. */
static const char *find(struct span span, const char *text)
{
    return memmem(span.at, (size_t)(span.end - span.at), text, strlen(text));
}

static bool begins(struct span span, const char *text)
{
    size_t length = strlen(text);
    return (size_t)(span.end - span.at) >= length && memcmp(span.at, text, length) == 0;
}

static bool skip(struct span *span, const char *text)
{
    bool is_there = begins(*span, text);
    if (is_there)
        span->at += strlen(text);
    return is_there;
}

/* Goes behind the next `text`; false if there is none. */
static bool skip_to(struct span *span, const char *text)
{
    const char *place = find(*span, text);
    if (place != NULL)
        span->at = place + strlen(text);
    return place != NULL;
}

/* Copies what comes before the next `text`, and goes behind that. False if it does not fit or has
 * characters that no text of ours has. */
static bool take_until(struct span *span, const char *text, char *array, size_t array_size)
{
    struct span near = *span;

    if ((size_t)(near.end - near.at) > array_size - 1 + strlen(text))
        near.end = near.at + array_size - 1 + strlen(text);
    const char *place = find(near, text);
    if (place == NULL)
        return false;
    size_t length = (size_t)(place - span->at);
    for (size_t i = 0; i < length; i++)
        if (span->at[i] < ' ' || span->at[i] > '~')
            return false;
    memcpy(array, span->at, length);
    array[length] = '\0';
    span->at = place + strlen(text);
    return true;
}

bool apache_is_page(const char *bytes, size_t size)
{
    struct span page = {bytes, bytes + size};
    return find(page, "<title>Balancer Manager</title>") != NULL;
}

/* The columns of a worker's row that are of interest; a server without mod_proxy_hcheck has none
 * of them. */
enum { COLUMN_METHOD, COLUMN_INTERVAL, COLUMN_FAILS, COLUMNS };
static const char *const column_names[] = {
    [COLUMN_METHOD] = "HC Method",
    [COLUMN_INTERVAL] = "HC Interval",
    [COLUMN_FAILS] = "Fails",
};
_Static_assert(sizeof(column_names) / sizeof(column_names[0]) == COLUMNS, "all named");

struct row {
    int column_of[COLUMNS]; /* -1 = the table has no such column */
    char cells[COLUMNS][CELL_SIZE];
};

/* The head of a table of workers, from its first cell on. */
static void read_head(struct span span, struct row *row)
{
    for (int i = 0; i < COLUMNS; i++)
        row->column_of[i] = -1;
    for (int column = 0; column < MOST_COLUMNS && skip(&span, "<th>"); column++) {
        for (int i = 0; i < COLUMNS; i++) {
            size_t length = strlen(column_names[i]);
            if (begins(span, column_names[i]) &&
                begins((struct span){span.at + length, span.end}, "</th>"))
                row->column_of[i] = column;
        }
        if (!skip_to(&span, "</th>"))
            return;
    }
}

/* The cells behind the first, which is the worker's name. */
static void read_cells(struct span span, struct row *row)
{
    memset(row->cells, 0, sizeof(row->cells));
    for (int column = 1; column < MOST_COLUMNS && skip(&span, "<td>"); column++) {
        struct span cell = span;
        for (int i = 0; i < COLUMNS; i++)
            if (row->column_of[i] == column &&
                !take_until(&cell, "</td>", row->cells[i], CELL_SIZE))
                row->cells[i][0] = '\0';
        if (!skip_to(&span, "</td>"))
            return;
    }
}

/* The number that a cell begins with: "1000ms", or "2 (0)", of which the second is the present
 * count. */
static bool cell_number(const char *cell, const char *rest, uint64_t most, uint64_t *ret_number)
{
    char digits[CELL_SIZE];
    size_t length = strspn(cell, "0123456789");

    snprintf(digits, sizeof(digits), "%.*s", (int)length, cell);
    return text_starts_with(cell + length, rest) && text_parse_u64(digits, most, ret_number);
}

static bool read_checks(const struct row *row, struct apache_page *page, struct error *err)
{
    uint64_t interval_ms, fails;

    page->is_checked =
        row->column_of[COLUMN_METHOD] >= 0 && !text_equal(row->cells[COLUMN_METHOD], "NONE");
    page->verdict_ms = 0;
    if (!page->is_checked)
        return true;
    if (!cell_number(row->cells[COLUMN_INTERVAL], "ms", MOST_MS, &interval_ms) ||
        !cell_number(row->cells[COLUMN_FAILS], " ", MOST_FAILS, &fails)) {
        error_set(err, ERROR_PROTOCOL, "the page's figures of health checks are not understood");
        return false;
    }
    page->verdict_ms = (int64_t)(interval_ms * fails);
    return true;
}

/* Goes to a worker's row: `<a href="PATH?b=BALANCER&amp;w=…&amp;nonce=NONCE">WORKER</a>`. The
 * worker in the link is encoded, the one in the text is what people see. `head` is the last table
 * head before it. */
static bool find_row(struct span *page, const char *balancer, const char *worker,
                     struct span *ret_head, char nonce[APACHE_NONCE])
{
    static const char link[] = "<td><a href=\"", head[] = "<th>Worker URL</th>";
    char name[LB_MEMBER], found[LB_MEMBER];
    struct span before = *page;

    for (*ret_head = (struct span){NULL, NULL}; skip_to(page, link);) {
        if (!skip_to(page, "?b=") || !take_until(page, "&amp;w=", name, sizeof(name)) ||
            !skip_to(page, "&amp;nonce=") || !take_until(page, "\">", nonce, APACHE_NONCE) ||
            !take_until(page, "</a></td>", found, sizeof(found)))
            continue;
        for (struct span rest = {before.at, page->at}; skip_to(&rest, head);)
            *ret_head = (struct span){rest.at - strlen(head), page->end};
        before = *page;
        bool is_link = strpbrk(nonce, "\"<>") == NULL; /* or it is torn apart */
        if (is_link && text_equal(name, balancer) && text_equal(found, worker))
            return true;
    }
    return false;
}

bool apache_read_page(const char *bytes, size_t size, const char *balancer, const char *worker,
                      struct apache_page *ret_page, struct error *err)
{
    struct span all = {bytes, bytes + size}, page = all, head;
    struct apache_page read = {.is_persistent = find(all, "Balancer changes will be persisted")};
    struct row row;

    if (!apache_is_page(bytes, size)) {
        error_set(err, ERROR_PROTOCOL, "it is no page of a balancer-manager");
        return false;
    }
    if (!find_row(&page, balancer, worker, &head, read.nonce)) {
        error_set(err, ERROR_NOT_FOUND, "the page has no such worker");
        error_hint(err, "write both as the balancer-manager of this address shows them");
        return false;
    }
    if (head.at == NULL) {
        error_set(err, ERROR_PROTOCOL, "the page's table of workers has no head");
        return false;
    }
    read_head(head, &row);
    read_cells(page, &row);
    if (!read_checks(&row, &read, err))
        return false;
    *ret_page = read;
    return true;
}

/* The number in the line `KEY: NUMBER`; false where there is no such line. */
static bool line_number(struct span text, const char *key, uint64_t *ret_number)
{
    char digits[CELL_SIZE];

    while (!begins(text, key))
        if (!skip_to(&text, "\n"))
            return false;
    return skip(&text, key) && skip(&text, ": ") &&
           take_until(&text, "\n", digits, sizeof(digits)) &&
           text_parse_u64(digits, MOST_COUNT, ret_number);
}

bool apache_read_status(const char *bytes, size_t size, struct apache_status *ret_status,
                        struct error *err)
{
    struct span text = {bytes, bytes + size};
    struct apache_status status;
    uint64_t stopping = 0, finishing = 0;

    /* Only the event MPM tells of processes; the others mark the workers. */
    bool is_told = line_number(text, "Stopping", &stopping);
    is_told = line_number(text, "GracefulWorkers", &finishing) || is_told;
    if (!is_told || !line_number(text, "ParentServerMPMGeneration", &status.generation)) {
        error_set(err, ERROR_PROTOCOL, "it is no page of mod_status");
        error_hint(err, "let status_path be the path of 'SetHandler server-status', kept from the "
                        "application by 'ProxyPass … !'");
        return false;
    }
    status.old_processes = stopping + finishing;
    *ret_status = status;
    return true;
}
