/* SPDX-License-Identifier: Apache-2.0 */
#include "version.h"

#include "text.h"

#include <string.h>

#define LARGEST_PART 99999

/* Takes one number off *text. Leading zeros are refused: "7.09.4" and "7.9.4" would be one version
 * and two directories. */
static bool take_number(const char **text, uint32_t *ret_number)
{
    char digits[8];
    uint64_t number;
    size_t length = strspn(*text, "0123456789");
    if (length == 0 || length >= sizeof(digits) || (length > 1 && **text == '0'))
        return false;
    memcpy(digits, *text, length);
    digits[length] = '\0';
    if (!text_parse_u64(digits, LARGEST_PART, &number))
        return false;
    *text += length;
    *ret_number = (uint32_t)number;
    return true;
}

static bool take_dot(const char **text)
{
    if (**text != '.')
        return false;
    (*text)++;
    return true;
}

bool version_parse(const char *text, struct version *ret_version, struct error *err)
{
    const char *rest = text;
    struct version version;
    if (!take_number(&rest, &version.major) || !take_dot(&rest) ||
        !take_number(&rest, &version.minor) || !take_dot(&rest) ||
        !take_number(&rest, &version.bugfix) || *rest != '\0') {
        error_set(err, ERROR_INVALID, "'%.40s' is not a version of the form 7.9.4", text);
        return false;
    }
    *ret_version = version;
    return true;
}

static int compare_number(uint32_t a, uint32_t b)
{
    return (a > b) - (a < b);
}

int version_compare(struct version a, struct version b)
{
    int order = compare_number(a.major, b.major);
    if (order == 0)
        order = compare_number(a.minor, b.minor);
    if (order == 0)
        order = compare_number(a.bugfix, b.bugfix);
    return order;
}

bool version_check_jump(const char *from, const char *to, struct error *err)
{
    struct version old, new;
    if (!version_parse(from, &old, err) || !version_parse(to, &new, err))
        return false;
    if (old.major != new.major || old.minor != new.minor) {
        error_set(err, ERROR_INVALID,
                  "%s to %s: bug-fix rule: only a version of the same major.minor may join a "
                  "cluster that serves",
                  from, to);
        error_hint(err, "upgrade to another major.minor with the whole cluster stopped");
        return false;
    }
    if (new.bugfix <= old.bugfix) {
        error_set(err, ERROR_INVALID,
                  "%s to %s: bug-fix rule: only a higher version may join a cluster that serves",
                  from, to);
        return false;
    }
    return true;
}
