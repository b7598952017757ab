/* SPDX-License-Identifier: Apache-2.0 */
/* http.h over TLS, against `openssl s_server`. */
#include "http.h"

#include "certificates.h"
#include "unit_test.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#define WAIT_MS 20000

static int port;
static pid_t server = -1;

static bool get_status(const char *host, const char *ca_file, int *ret_status, struct error *err)
{
    char url[128];
    struct http_client *client = http_client_new(&(struct http_options){.ca_file = ca_file});
    struct http_answer answer;
    (void)snprintf(url, sizeof(url), "https://%s:%d/", host, port);
    bool is_good = http_do(client,
                           &(struct http_request){.method = "GET",
                                                  .url = url,
                                                  .most_bytes = 65536,
                                                  .deadline = deadline_after_ms(WAIT_MS)},
                           &answer, err);
    http_client_free(client);
    if (!is_good)
        return false;
    *ret_status = answer.status;
    http_answer_done(&answer);
    return true;
}

static void execute_server(void)
{
    char address[32];
    int nowhere = open("/dev/null", O_RDWR);
    (void)snprintf(address, sizeof(address), "127.0.0.1:%d", port);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    dup2(nowhere, STDIN_FILENO);
    dup2(nowhere, STDOUT_FILENO);
    dup2(nowhere, STDERR_FILENO);
    if (chdir(scratch) == 0)
        execl("/usr/bin/openssl", "openssl", "s_server", "-accept", address, "-cert",
              "localhost.pem", "-key", "localhost.key", "-www", (char *)NULL);
    _exit(127);
}

static int start(void **state)
{
    struct deadline deadline = deadline_after_ms(WAIT_MS);
    struct error err;
    int status;
    if (scratch_make(state) != 0 || !http_init(&err))
        return -1;
    certificate_make(scratch, "authority", NULL, "keyUsage=critical,keyCertSign");
    certificate_make(scratch, "localhost", "authority", "subjectAltName=DNS:localhost");
    port = certificates_free_port();
    server = fork();
    if (server == 0)
        execute_server();
    while (!get_status("localhost", scratch_path("authority.pem"), &status, &err)) {
        if (deadline_is_over(deadline))
            return -1;
        poll(NULL, 0, 5);
    }
    return 0;
}

static int stop(void **state)
{
    kill(server, SIGKILL);
    waitpid(server, NULL, 0);
    return scratch_remove(state);
}

static void server_of_the_given_authority_is_trusted(void **state)
{
    int status = 0;
    (void)state;
    assert_good(get_status("localhost", scratch_path("authority.pem"), &status, &err));
    assert_int_equal(status, 200);
}

static void server_of_an_unknown_authority_is_denied(void **state)
{
    int status;
    (void)state;
    assert_fails(get_status("localhost", NULL, &status, &err), ERROR_DENIED, "GET https://");
}

static void certificate_of_another_host_is_denied(void **state)
{
    int status;
    (void)state;
    assert_fails(get_status("127.0.0.1", scratch_path("authority.pem"), &status, &err),
                 ERROR_DENIED, "127.0.0.1");
}

static void missing_authority_file_is_denied(void **state)
{
    int status;
    (void)state;
    assert_fails(get_status("localhost", scratch_path("absent.pem"), &status, &err), ERROR_DENIED,
                 "absent.pem");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(server_of_the_given_authority_is_trusted),
        cmocka_unit_test(server_of_an_unknown_authority_is_denied),
        cmocka_unit_test(certificate_of_another_host_is_denied),
        cmocka_unit_test(missing_authority_file_is_denied),
    };
    return cmocka_run_group_tests_name("http over TLS", tests, start, stop);
}
