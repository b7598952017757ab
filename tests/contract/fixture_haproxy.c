/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two real HAProxy processes that are set alike, the first with a unix stats socket and the second
 * with one on TCP. The frontends have the names of the backends, which HAProxy allows and many a
 * configuration does.
 *
 * All listening sockets are ours and handed down, so that no port can be lost to another program
 * and a process that is started again has the ports it had.
 */
#include "contract.h"

#include "check.h"
#include "file.h"
#include "loopback.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define PROCESSES 2
#define HAPROXY   "/usr/sbin/haproxy"
#define START_MS  10000

struct process {
    pid_t pid;
    int http_fd;
    int ssh_fd;
    int stats_fd; /* -1: the unix socket */
};

static struct process processes[PROCESSES];
static char directory[] = "/tmp/shunt-contract-XXXXXX";

static void write_config(size_t index, const char *path)
{
    const struct process *process = &processes[index];
    FILE *file = fopen(path, "we");

    CHECK(file != NULL);
    fprintf(file, "global\n  nbthread 2\n");
    if (process->stats_fd >= 0)
        fprintf(file, "  stats socket fd@%d level admin\n", process->stats_fd);
    else
        fprintf(file, "  stats socket %s/admin.sock mode 600 level admin\n", directory);
    fprintf(file, "  stats socket %s/user%zu.sock mode 600 level user\n", directory, index);
    fprintf(file, "defaults\n  timeout connect 2s\n  timeout client 30s\n  timeout server 30s\n"
                  "  default-server check inter 50ms rise 2 fall 2\n");
    fprintf(file, "frontend bb_http\n  mode http\n  bind fd@%d\n  default_backend bb_http\n",
            process->http_fd);
    fprintf(file, "backend bb_http\n  mode http\n  balance roundrobin\n"
                  "  cookie NODE insert indirect nocache\n  option httpchk GET /status\n");
    for (size_t i = 0; i < NODE_COUNT; i++)
        fprintf(file, "  server n%zu 127.0.0.1:%d cookie n%zu\n", i + 1, node_http_port(i), i + 1);
    fprintf(file, "frontend bb_ssh\n  mode tcp\n  bind fd@%d\n  default_backend bb_ssh\n",
            process->ssh_fd);
    fprintf(file, "backend bb_ssh\n  mode tcp\n  balance roundrobin\n  option tcp-check\n"
                  "  tcp-check expect string SSH-2.0\n");
    for (size_t i = 0; i < NODE_COUNT; i++)
        fprintf(file, "  server n%zu 127.0.0.1:%d\n", i + 1, node_ssh_port(i));
    fprintf(file, "backend bb_held\n  mode tcp\n  server n1 127.0.0.1:%d weight 0\n",
            node_ssh_port(0));
    CHECK(fclose(file) == 0);
}

/* In the child of a program with threads: only calls that are safe after fork(). */
static void exec_haproxy(const struct process *process, const char *config)
{
    const int fds[] = {process->http_fd, process->ssh_fd, process->stats_fd};

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++) {
        if (fds[i] >= 0)
            fcntl(fds[i], F_SETFD, 0);
    }
    execl(HAPROXY, "haproxy", "-q", "-db", "-f", config, (char *)NULL);
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
    char config[LIMIT_PATH];

    if (process->pid != 0)
        return;
    snprintf(config, sizeof(config), "%s/haproxy%zu.cfg", directory, index);
    write_config(index, config);
    process->pid = fork();
    CHECK(process->pid >= 0);
    if (process->pid == 0)
        exec_haproxy(process, config);
    CHECK(contract_eventually(answers, &index));
}

static void stop_process(size_t index)
{
    CHECK(kill(processes[index].pid, SIGKILL) == 0);
    CHECK(waitpid(processes[index].pid, NULL, 0) == processes[index].pid);
    processes[index].pid = 0;
}

static void write_address(int port, char address[LIMIT_PATH])
{
    snprintf(address, LIMIT_PATH, "tcp:127.0.0.1:%d", port);
}

static void write_powerless_address(char address[LIMIT_PATH])
{
    snprintf(address, LIMIT_PATH, "unix:%s/user0.sock", directory);
}

static void start(struct lb *ret_lb)
{
    CHECK(access(HAPROXY, X_OK) == 0);
    CHECK(mkdtemp(directory) != NULL);
    *ret_lb = (struct lb){.driver = lb_driver_find("haproxy"), .name = "contract"};
    ret_lb->options.address_count = PROCESSES;
    for (size_t i = 0; i < PROCESSES; i++) {
        processes[i].http_fd = loopback_listen();
        processes[i].ssh_fd = loopback_listen();
        processes[i].stats_fd = i == 0 ? -1 : loopback_listen();
    }
    snprintf(ret_lb->options.addresses[0], LIMIT_PATH, "unix:%s/admin.sock", directory);
    write_address(loopback_port(processes[1].stats_fd), ret_lb->options.addresses[1]);
    for (size_t i = 0; i < PROCESSES; i++)
        start_process(i);
}

static void stop(void)
{
    struct error err;

    for (size_t i = 0; i < PROCESSES; i++) {
        stop_process(i);
        close(processes[i].http_fd);
        close(processes[i].ssh_fd);
        if (processes[i].stats_fd >= 0)
            close(processes[i].stats_fd);
    }
    CHECK(file_remove_tree(directory, &err));
}

static int http_port(size_t index)
{
    return loopback_port(processes[index].http_fd);
}

static int ssh_port(size_t index)
{
    return loopback_port(processes[index].ssh_fd);
}

static const char *const malformed_members[] = {
    "",
    "bb_http",
    "bb_http/",
    "/n1",
    "bb_http/n1/n2",
    "bb_http/n1 state ready",
    "bb_http/n1;set server bb_http/n2 state maint",
    "bb_http/n1\nset server bb_http/n2 state maint",
    "bb_http/n\xc3\xa9",
    NULL,
};

static const char *const malformed_addresses[] = {
    "",
    "/run/haproxy/admin.sock",
    "unix:",
    "unix:run/haproxy/admin.sock",
    "unix:/0123456789012345678901234567890123456789012345678901234567890123456789"
    "01234567890123456789012345678901234567890",
    "tcp:",
    "tcp:lb1",
    "tcp::9999",
    "tcp:lb1:",
    "tcp:lb1:0",
    "tcp:lb1:65536",
    "tcp:lb1:http",
    "tcp:::1:9999",
    "tcp:[::1:9999",
    "tcp:[]:9999",
    "http://lb1:9999",
    NULL,
};

const struct contract_fixture contract_fixture = {
    .driver = "haproxy",
    .http_members = {"bb_http/n1", "bb_http/n2", "bb_http/n3"},
    .ssh_members = {"bb_ssh/n1", "bb_ssh/n2", "bb_ssh/n3"},
    .unknown_member = "bb_http/n9",
    .unknown_group = "bb_nowhere/n1",
    .held_member = "bb_held/n1",
    .malformed_members = malformed_members,
    .malformed_addresses = malformed_addresses,
    .plausible_answer = "1\n# be_id be_name srv_id srv_name srv_admin_state srv_uweight "
                        "srv_check_state srv_agent_state\n3 bb_http 1 n1 1 1 6 0\n",
    .plausible_line = "3 bb_http 1 n1 1 1 6 0\n",
    .start = start,
    .stop = stop,
    .stop_process = stop_process,
    .start_process = start_process,
    .http_port = http_port,
    .ssh_port = ssh_port,
    .write_address = write_address,
    .write_powerless_address = write_powerless_address,
    .has_drain = true,
    .checks_health = true,
    .knows_weight = true,
    .is_sticky = true,
    .drain_admits_sticky = true,
    .down_closes_idle = true,
};
