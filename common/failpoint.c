/* SPDX-License-Identifier: Apache-2.0 */
#include "failpoint.h"

#ifdef SHUNT_FAILPOINTS

#include "check.h"
#include "text.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define VARIABLE   "SHUNT_FAILPOINT"
#define ARMED_MOST 8
#define NAME_SIZE  40
#define COUNT_MOST 1000000

#define ROW_NAME(name, who, what) name,
static const char *const names[] = {FAILPOINT_TABLE(ROW_NAME)};

static struct armed {
    char name[NAME_SIZE];
    uint64_t count;
    int signal;
} armed[ARMED_MOST];

static size_t armed_count;
static atomic_uint *passings; /* one for each of armed, shared with children */

static bool is_known(const char *name)
{
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (text_equal(names[i], name))
            return true;
    return false;
}

/* Cuts the text at the last such sign; gives what was behind it, NULL if there is none. */
static char *cut_off(char *text, char sign)
{
    char *found = strrchr(text, sign);
    if (found == NULL)
        return NULL;
    *found = '\0';
    return found + 1;
}

static bool read_one(const char *text, size_t size, struct armed *ret_armed)
{
    char words[2 * NAME_SIZE];
    struct armed one = {.count = 1};
    if (size >= sizeof(words))
        return false;
    memcpy(words, text, size);
    words[size] = '\0';
    const char *deed = cut_off(words, '=');
    const char *count = cut_off(words, ':');
    if (deed == NULL || !is_known(words) || !TEXT_COPY(one.name, words) ||
        (count != NULL && !text_parse_u64(count, COUNT_MOST, &one.count)))
        return false;
    if (!text_equal(deed, "kill") && !text_equal(deed, "stop"))
        return false;
    one.signal = text_equal(deed, "kill") ? SIGKILL : SIGSTOP;
    *ret_armed = one;
    return true;
}

static bool read_all(const char *text, struct error *err)
{
    for (const char *next = text; *next != '\0';) {
        size_t size = strcspn(next, ",");
        if (armed_count == ARMED_MOST || !read_one(next, size, &armed[armed_count])) {
            error_set(err, ERROR_INVALID, "%s: '%.*s' is not NAME[:COUNT]=kill|stop", VARIABLE,
                      (int)size, next);
            return false;
        }
        armed_count++;
        next += size + (next[size] == ',');
    }
    return true;
}

bool failpoint_open(struct error *err)
{
    const char *text = getenv(VARIABLE);
    armed_count = 0;
    if (text == NULL)
        return true;
    if (!read_all(text, err))
        return false;
    void *page = mmap(NULL, ARMED_MOST * sizeof(*passings), PROT_READ | PROT_WRITE,
                      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED) {
        error_set_errno(err, errno, "%s: mmap", VARIABLE);
        armed_count = 0;
        return false;
    }
    passings = page;
    return true;
}

void failpoint_pass(const char *name)
{
    CHECK(armed_count == 0 || is_known(name));
    for (size_t i = 0; i < armed_count; i++)
        if (text_equal(armed[i].name, name) &&
            atomic_fetch_add(&passings[i], 1) + 1 == armed[i].count)
            (void)raise(armed[i].signal);
}

#endif
