/* SPDX-License-Identifier: Apache-2.0 */
#include "nginx_title.h"

#include "text.h"

#include <string.h>

#define QUOTED_SIZE 300 /* of what `nginx -t` says */

static const struct {
    const char *text;
    enum nginx_title title;
} titles[] = {
    {"nginx: master process", NGINX_TITLE_MASTER},
    {"nginx: worker process is ", NGINX_TITLE_LEAVING},
    {"nginx: worker process", NGINX_TITLE_WORKER},
};

enum nginx_title nginx_title_read(const char *title)
{
    for (size_t i = 0; i < sizeof(titles) / sizeof(titles[0]); i++) {
        if (text_starts_with(title, titles[i].text))
            return titles[i].title;
    }
    return NGINX_TITLE_NONE;
}

/* The end of a long title is missing where the program was started with little environment, since
 * it takes the room of both. */
bool nginx_title_may_run(const char *title, const char *config_path)
{
    const char *option = strstr(title, " -c");

    if (option == NULL)
        return true;
    option += strlen(" -c");
    option += strspn(option, " ");
    size_t length = strcspn(option, " ");
    bool is_whole = option[length] == ' ';
    return option[0] != '/' || (strncmp(option, config_path, length) == 0 &&
                                (!is_whole || config_path[length] == '\0'));
}

/* Complaints that tell more than that the configuration is wrong. */
static const struct {
    const char *text;
    enum error_code code;
    const char *hint;
} reasons[] = {
    {"host not found in upstream", ERROR_UNAVAILABLE,
     "NGINX would not start either: see that the name resolves"},
    {"Permission denied", ERROR_DENIED, "run this as the user who may read keys and certificates"},
};

void nginx_test_failed(const char *output, struct error *err)
{
    const char *line = strstr(output, "[emerg]");

    if (line == NULL)
        line = output;
    int length = (int)strcspn(line, "\n");
    error_set(err, ERROR_INVALID, "nginx -t: %.*s", length < QUOTED_SIZE ? length : QUOTED_SIZE,
              line);
    for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
        const char *reason = strstr(line, reasons[i].text);
        if (reason == NULL || reason > line + length)
            continue;
        err->code = reasons[i].code;
        error_hint(err, "%s", reasons[i].hint);
        return;
    }
}
