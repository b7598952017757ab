/* SPDX-License-Identifier: Apache-2.0 */
#include "azure_standin.h"

#include "azure_options.h"
#include "check.h"
#include "file.h"
#include "http.h"
#include "loopback.h"
#include "memory.h"
#include "text.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define PYTHON    "/usr/bin/python3"
#define PROGRAM   TEST_SOURCE_DIR "/tests/emulators/azure/standin.py"
#define SETUP_MS  20000 /* it also has to start */
#define MOST_JSON (4 * 1024 * 1024)

/* As tests/emulators/azure/identity.py has them. */
#define TENANT "11111111-2222-3333-4444-555555555555"
#define CLIENT "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee"
#define SECRET "s3cret~with&odd=characters+%"

static pid_t program;
static int listener, leash;
static char folder[] = "/tmp/shunt-azure-XXXXXX";
static struct http_client *client;

/* In the child: only calls that are safe after fork(). */
static void execute(int input, const char *fd)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    dup2(input, STDIN_FILENO);
    dup2(open("/dev/null", O_WRONLY), STDOUT_FILENO);
    fcntl(listener, F_SETFD, 0);
    execl(PYTHON, "python3", "-B", PROGRAM, "--fd", fd, (char *)NULL);
    _exit(127);
}

static void write_secret(void)
{
    struct error err;
    FREE_CLEANUP char *path = memory_format("%s/secret", folder);
    CHECK(file_replace(path, SECRET "\n", strlen(SECRET "\n"), 0600, &err));
}

void azure_standin_start(void)
{
    int ends[2];
    char fd[16];

    CHECK(mkdtemp(folder) != NULL);
    write_secret();
    listener = loopback_listen();
    snprintf(fd, sizeof(fd), "%d", listener);
    CHECK(pipe2(ends, O_CLOEXEC) == 0);
    program = fork();
    CHECK(program >= 0);
    if (program == 0)
        execute(ends[0], fd);
    close(ends[0]);
    leash = ends[1];
    client = http_client_new(&(struct http_options){.keep_alive = true});
}

void azure_standin_stop(void)
{
    struct error err;

    http_client_free(client);
    close(leash);
    CHECK(kill(program, SIGKILL) == 0 && waitpid(program, NULL, 0) == program);
    close(listener);
    CHECK(file_remove_tree(folder, &err));
}

static void ask(const char *method, const char *body, struct http_answer *ret_answer)
{
    struct error err;
    FREE_CLEANUP char *url = memory_format("http://127.0.0.1:%d/setup", loopback_port(listener));
    const struct http_request request = {
        .method = method,
        .url = url,
        .body = body,
        .body_size = body != NULL ? strlen(body) : 0,
        .most_bytes = MOST_JSON,
        .deadline = deadline_after_ms(SETUP_MS),
    };
    bool is_answered = http_do(client, &request, ret_answer, &err);
    if (!is_answered || ret_answer->status != 200)
        fprintf(stderr, "the stand-in refuses %s: %s\n", body,
                is_answered ? buffer_text(&ret_answer->body) : err.message);
    CHECK(is_answered && ret_answer->status == 200);
}

void azure_standin_setup(const char *format, ...)
{
    char *body;
    struct http_answer answer;
    va_list arguments;

    va_start(arguments, format);
    CHECK(vasprintf(&body, format, arguments) >= 0);
    va_end(arguments);
    ask("POST", body, &answer);
    http_answer_done(&answer);
    free(body);
}

json_t *azure_standin_report(void)
{
    struct http_answer answer;
    ask("GET", NULL, &answer);
    json_t *report = json_loads(buffer_text(&answer.body), 0, NULL);
    http_answer_done(&answer);
    CHECK(report != NULL);
    return report;
}

void azure_standin_configure_port(struct lb *ret_lb, const char *gateway_id, int port)
{
    struct lb_options *options = &ret_lb->options;

    *ret_lb = (struct lb){.driver = lb_driver_find("azure"), .name = "contract"};
    CHECK(ret_lb->driver != NULL);
    CHECK(TEXT_COPY(options->addresses[0], gateway_id));
    options->address_count = 1;
    options->values[AZURE_TENANT] = memory_text(TENANT);
    options->values[AZURE_IDENTITY] = memory_text("secret");
    for (size_t url = AZURE_MANAGEMENT_URL; url <= AZURE_IMDS_URL; url++)
        options->values[url] = memory_format("http://127.0.0.1:%d", port);
    CHECK(TEXT_COPY(options->credentials.user, CLIENT));
    snprintf(options->credentials.password_file, LIMIT_PATH, "%s/secret", folder);
}

void azure_standin_configure(struct lb *ret_lb, const char *gateway_id)
{
    azure_standin_configure_port(ret_lb, gateway_id, loopback_port(listener));
}

void azure_standin_release(struct lb *lb)
{
    for (size_t i = 0; i < LB_SETTINGS; i++) {
        free(lb->options.values[i]);
        lb->options.values[i] = NULL;
    }
}

const char *azure_standin_secret(void)
{
    return SECRET;
}

const char *azure_standin_folder(void)
{
    return folder;
}
