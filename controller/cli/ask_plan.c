/* SPDX-License-Identifier: Apache-2.0 */
#include "ask_plan.h"

#include "memory.h"
#include "plan_draw.h"
#include "text.h"
#include "url.h"
#include "version.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#define SCREEN_BYTES (4 * 1024 * 1024) /* the plan of the largest cluster, all of it escaped */

static bool take_url(const char *text, struct request *request, struct error *err)
{
    struct url url;
    if (!url_parse(text, &url, err)) {
        error_wrap(err, "--artifact");
        return false;
    }
    bool is_http = text_equal(url.scheme, "http") || text_equal(url.scheme, "https");
    if (is_http && TEXT_COPY(request->artifact, text))
        return true;
    error_set(err, ERROR_INVALID,
              is_http ? "--artifact: the URL is longer than %d bytes"
                      : "--artifact: only http and https URLs of up to %d bytes",
              LIMIT_URL - 1);
    return false;
}

static bool is_utf8(const char *text)
{
    while (*text != '\0') {
        size_t size = text_utf8_size(text);
        if (size == 0)
            return false;
        text += size;
    }
    return true;
}

/* Agents know nothing of our working directory. That the file is here says nothing of the nodes, so
 * it is not looked at. */
static bool take_file(const char *path, struct request *request, struct error *err)
{
    FREE_CLEANUP char *directory = path[0] == '/' ? memory_text("") : getcwd(NULL, 0);
    if (directory == NULL) {
        error_set_errno(err, errno, "--artifact: the working directory");
        return false;
    }
    while (text_starts_with(path, "./"))
        path += 2;
    FREE_CLEANUP char *absolute =
        path[0] == '/' ? memory_text(path) : memory_format("%s/%s", directory, path);
    if (path[0] == '\0' || strstr(absolute, "/../") != NULL || strlen(absolute) >= LIMIT_PATH) {
        error_set(err, ERROR_INVALID, "--artifact: a path has no '..' and at most %d bytes",
                  LIMIT_PATH - 1);
        return false;
    }
    if (!is_utf8(absolute)) {
        error_set(err, ERROR_INVALID, "--artifact: the path is not UTF-8");
        return false;
    }
    return TEXT_COPY(request->artifact, absolute);
}

static bool take_artifact(const char *text, struct request *request, struct error *err)
{
    if (strstr(text, "://") != NULL)
        return take_url(text, request, err);
    return take_file(text, request, err);
}

static bool take_hash(const char *text, struct request *request, struct error *err)
{
    bool is_hash = strlen(text) == LIMIT_SHA256_HEX - 1 &&
                   strspn(text, "0123456789abcdefABCDEF") == LIMIT_SHA256_HEX - 1;
    if (!is_hash) {
        error_set(err, ERROR_INVALID, "--sha256 must be 64 hexadecimal digits");
        return false;
    }
    for (size_t i = 0; i < LIMIT_SHA256_HEX; i++)
        request->sha256[i] = (char)tolower((unsigned char)text[i]);
    return true;
}

bool ask_plan_arguments(const struct arguments *arguments, struct request *ret_request,
                        struct error *err)
{
    const char *to = arguments->values[OPTION_TO];
    struct request request = {.verb = ret_request->verb};
    struct version version;
    if (!version_parse(to, &version, err)) {
        error_wrap(err, "--to");
        return false;
    }
    (void)TEXT_COPY(request.to, to);
    if (arguments_has(arguments, OPTION_ARTIFACT) &&
        !take_artifact(arguments->values[OPTION_ARTIFACT], &request, err))
        return false;
    if (arguments_has(arguments, OPTION_SHA256) &&
        !take_hash(arguments->values[OPTION_SHA256], &request, err))
        return false;
    *ret_request = request;
    return true;
}

enum exit_code ask_plan_show(struct cli *cli, const struct answer *answer, bool only_failed,
                             struct error *err)
{
    BUFFER_CLEANUP struct buffer out;
    struct plan_result result;
    buffer_init(&out, SCREEN_BYTES);
    if (!plan_draw(json_object_get(answer->json, "plan"), only_failed, cli->output.is_coloured,
                   &out, &result, err))
        return exit_code_of_error(err);
    output_text(&cli->output, buffer_text(&out));
    if (result.failed == 0)
        return EXIT_CODE_OK;
    error_set(err, ERROR_CONFLICT, "%lld of %lld checks have failed; nothing was touched",
              (long long)result.failed, (long long)result.checks);
    error_hint(err, "each FAILED line says what stands in the way");
    return EXIT_CODE_REFUSED;
}
