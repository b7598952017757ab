/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two stand-ins of NGINX Plus, which cannot be had, from tests/emulators/nginx-plus. They check the
 * nodes' health and move no traffic. Their listening sockets are ours and handed down.
 */
#include "cases_nginx_plus.h"

#include "check.h"
#include "http.h"
#include "loopback.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define PROCESSES   2
#define PYTHON      "/usr/bin/python3"
#define STANDIN     TEST_SOURCE_DIR "/tests/emulators/nginx-plus/standin_nginx_plus.py"
#define GROUPS_SIZE 2048
#define BACKLOG     64

static struct process {
    pid_t pid;
    int fd;
    int read_only_fd;
} processes[PROCESSES];

static char http_members[NODE_COUNT][LB_MEMBER];
static char ssh_members[NODE_COUNT][LB_MEMBER];
static char groups[GROUPS_SIZE];

static void write_group(FILE *file, const char *name, int (*port)(size_t node))
{
    fprintf(file, "\"%s\":[", name);
    for (size_t i = 0; i < NODE_COUNT; i++)
        fprintf(file, "{\"server\":\"127.0.0.1:%d\"},", port(i));
    fprintf(file, "{\"server\":\"127.0.0.9:1\",\"backup\":true,\"checked\":false}]");
}

/* bb_both is a group of http and one of stream. */
static void write_groups(void)
{
    static const char both[] = "\"bb_both\":[{\"server\":\"127.0.0.9:1\",\"checked\":false}]";
    FILE *file = fmemopen(groups, sizeof(groups), "w");

    CHECK(file != NULL);
    fprintf(file, "{\"http\":{");
    write_group(file, "bb_http", node_http_port);
    fprintf(file,
            ",%s,\"bb_held\":[{\"server\":\"127.0.0.9:1\",\"checked\":false,\"down\":true,"
            "\"stuck\":true}]},\"stream\":{",
            both);
    write_group(file, "bb_ssh", node_ssh_port);
    fprintf(file, ",%s}}", both);
    CHECK(fclose(file) == 0 && strlen(groups) + 1 < sizeof(groups));
}

/* In the child of a program with threads: only calls that are safe after fork(). */
static void exec_standin(const struct process *process, const char *fd, const char *read_only_fd)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    fcntl(process->fd, F_SETFD, 0);
    fcntl(process->read_only_fd, F_SETFD, 0);
    execl(PYTHON, "python3", "-B", STANDIN, "--fd", fd, "--read-only-fd", read_only_fd, "--groups",
          groups, (char *)NULL);
    _exit(127);
}

static bool answers(const void *index)
{
    struct lb lb = contract_one_process(*(const size_t *)index);
    struct lb_member_state state;
    struct error err;

    return lb.driver->read_members(&lb, &contract_fixture.http_members[0], 1,
                                   deadline_after_ms(CALL_MS), &state, &err);
}

static void start_process(size_t index)
{
    struct process *process = &processes[index];
    char fd[16], read_only_fd[16];

    if (process->pid != 0)
        return;
    CHECK(listen(process->fd, BACKLOG) == 0);
    snprintf(fd, sizeof(fd), "%d", process->fd);
    snprintf(read_only_fd, sizeof(read_only_fd), "%d", process->read_only_fd);
    process->pid = fork();
    CHECK(process->pid >= 0);
    if (process->pid == 0)
        exec_standin(process, fd, read_only_fd);
    CHECK(contract_eventually(answers, &index));
}

/* So that the port can be bound again while connections to it are still being forgotten. */
static void allow_again(int fd)
{
    const int on = 1;
    CHECK(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0);
}

/* A port that refuses until somebody listens. */
static int bind_again(int port)
{
    const struct sockaddr_in address = {.sin_family = AF_INET,
                                        .sin_port = htons((uint16_t)port),
                                        .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    CHECK(fd >= 0);
    allow_again(fd);
    CHECK(bind(fd, (const struct sockaddr *)&address, sizeof(address)) == 0);
    return fd;
}

static void stop_process(size_t index)
{
    CHECK(kill(processes[index].pid, SIGKILL) == 0);
    CHECK(waitpid(processes[index].pid, NULL, 0) == processes[index].pid);
    processes[index].pid = 0;
    int port = loopback_port(processes[index].fd);
    close(processes[index].fd);
    processes[index].fd = bind_again(port);
}

static void write_address(int port, char address[LIMIT_PATH])
{
    snprintf(address, LIMIT_PATH, "http://127.0.0.1:%d/api", port);
}

static void write_powerless_address(char address[LIMIT_PATH])
{
    write_address(loopback_port(processes[0].read_only_fd), address);
}

static void setup_one(size_t index, const char *faults)
{
    const struct http_options options = {.keep_alive = false};
    struct http_client *client = http_client_new(&options);
    struct http_answer answer;
    struct error err;
    char url[128];

    snprintf(url, sizeof(url), "http://127.0.0.1:%d/setup", loopback_port(processes[index].fd));
    const struct http_request request = {.method = "POST",
                                         .url = url,
                                         .body = faults,
                                         .body_size = strlen(faults),
                                         .most_bytes = LIMIT_REST_BYTES,
                                         .deadline = deadline_after_ms(CALL_MS)};
    CHECK(http_do(client, &request, &answer, &err) && answer.status == 200);
    http_answer_done(&answer);
    http_client_free(client);
}

void nginx_plus_setup(const char *faults)
{
    for (size_t i = 0; i < PROCESSES; i++)
        setup_one(i, faults);
}

static void start(struct lb *ret_lb)
{
    *ret_lb = (struct lb){.driver = lb_driver_find("nginx-plus"), .name = "contract"};
    ret_lb->options.address_count = PROCESSES;
    for (size_t i = 0; i < NODE_COUNT; i++) {
        snprintf(http_members[i], LB_MEMBER, "bb_http/127.0.0.1:%d", node_http_port(i));
        snprintf(ssh_members[i], LB_MEMBER, "bb_ssh/127.0.0.1:%d", node_ssh_port(i));
    }
    write_groups();
    for (size_t i = 0; i < PROCESSES; i++) {
        processes[i].fd = loopback_listen();
        allow_again(processes[i].fd);
        processes[i].read_only_fd = loopback_listen();
        write_address(loopback_port(processes[i].fd), ret_lb->options.addresses[i]);
    }
    for (size_t i = 0; i < PROCESSES; i++)
        start_process(i);
}

static void stop(void)
{
    for (size_t i = 0; i < PROCESSES; i++) {
        stop_process(i);
        close(processes[i].fd);
        close(processes[i].read_only_fd);
    }
}

static const char *const malformed_members[] = {
    "",
    "bb_http",
    "bb_http/",
    "/127.0.0.1:7990",
    "http:/127.0.0.1:7990",
    "ftp:bb_http/127.0.0.1:7990",
    "../bb_http/127.0.0.1:7990",
    "bb http/127.0.0.1:7990",
    "bb_http?x/127.0.0.1:7990",
    "bb_http%2f/127.0.0.1:7990",
    "bb_http/127.0.0.1:7990\r\nX: y",
    "bb_http/n\xc3\xa9:7990",
    NULL,
};

static const char *const malformed_addresses[] = {
    "",
    "lb1:8080",
    "unix:/run/nginx.sock",
    "ftp://lb1/api",
    "http://",
    "http://lb1:8080/api/",
    "http://lb1:8080/api?x=y",
    "http://admin:secret@lb1:8080/api",
    NULL,
};

const struct contract_fixture contract_fixture = {
    .driver = "nginx-plus",
    .http_members = {http_members[0], http_members[1], http_members[2]},
    .ssh_members = {ssh_members[0], ssh_members[1], ssh_members[2]},
    .unknown_member = "bb_http/127.0.0.9:7990",
    .unknown_group = "bb_nowhere/127.0.0.1:7990",
    .held_member = "bb_held/127.0.0.9:1",
    .malformed_members = malformed_members,
    .malformed_addresses = malformed_addresses,
    .plausible_answer = "{\"peers\":[{\"id\":0,\"server\":\"127.0.0.1:1\",\"weight\":1,\"state\":"
                        "\"up\",\"active\":0,\"health_checks\":{\"checks\":0}},",
    .plausible_line = "{\"id\":0,\"server\":\"127.0.0.1:1\",\"weight\":1,\"state\":\"up\","
                      "\"active\":0},\n",
    .content_type = "application/json",
    .run_own = nginx_plus_run_cases,
    .start = start,
    .stop = stop,
    .stop_process = stop_process,
    .start_process = start_process,
    .write_address = write_address,
    .write_powerless_address = write_powerless_address,
    .has_drain = true,
    .ssh_lacks_drain = true,
    .checks_health = true,
    .knows_weight = true,
};
