/* SPDX-License-Identifier: Apache-2.0 */
#include "haproxy_server.h"

#include "contract.h"

#include "check.h"
#include "file.h"
#include "loopback.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define HAPROXY  "/usr/sbin/haproxy"
#define START_MS 10000

struct process {
    pid_t pid;
    int http_fd;
    int ssh_fd;
    int stats_fd; /* -1: a unix socket */
};

static struct process processes[HAPROXY_PROCESSES];
static size_t process_count;
static char directory[] = "/tmp/shunt-contract-XXXXXX";

static void write_config(size_t index, const char *path)
{
    const struct process *process = &processes[index];
    FILE *file = fopen(path, "we");

    CHECK(file != NULL);
    fprintf(file, "global\n  nbthread 2\n  server-state-file %s\n", haproxy_server_state_file());
    if (process->stats_fd >= 0)
        fprintf(file, "  stats socket fd@%d level admin\n", process->stats_fd);
    else if (index != HAPROXY_MASTER)
        fprintf(file, "  stats socket %s/admin.sock mode 600 level admin\n", directory);
    fprintf(file, "  stats socket %s/user%zu.sock mode 600 level user\n", directory, index);
    fprintf(file, "defaults\n  timeout connect 2s\n  timeout client 30s\n  timeout server 30s\n"
                  "  default-server check inter 50ms rise 2 fall 2\n");
    if (index == HAPROXY_MASTER)
        fprintf(file, "  load-server-state-from-file global\n");
    fprintf(file, "frontend bb_http\n  mode http\n  bind fd@%d\n  default_backend bb_http\n",
            process->http_fd);
    fprintf(file, "backend bb_http\n  mode http\n  balance roundrobin\n"
                  "  cookie NODE insert indirect nocache\n  option httpchk GET /status\n"
                  "  default-server weight 100\n");
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
    fprintf(file,
            "backend bb_static\n  mode tcp\n  balance source\n"
            "  server n1 127.0.0.1:%d weight 100\n",
            node_ssh_port(0));
    fprintf(file,
            "backend bb_agent\n  mode tcp\n"
            "  server n1 127.0.0.1:%d agent-check agent-inter 20ms agent-port 1 agent-send "
            "state\\n\n",
            node_ssh_port(0));
    CHECK(fclose(file) == 0);
}

/* In the child of a program with threads: only calls that are safe after fork(). */
static void exec_haproxy(const struct process *process, const char *config,
                         const char *master_socket)
{
    const int fds[] = {process->http_fd, process->ssh_fd, process->stats_fd};

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++) {
        if (fds[i] >= 0)
            fcntl(fds[i], F_SETFD, 0);
    }
    if (process == &processes[HAPROXY_MASTER])
        execl(HAPROXY, "haproxy", "-q", "-W", "-S", master_socket, "-f", config, (char *)NULL);
    else
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

void haproxy_server_start_process(size_t index)
{
    struct process *process = &processes[index];
    char config[LIMIT_PATH], master_socket[LIMIT_PATH];

    if (process->pid != 0)
        return;
    snprintf(master_socket, sizeof(master_socket), "%s/master.sock", directory);
    snprintf(config, sizeof(config), "%s/haproxy%zu.cfg", directory, index);
    write_config(index, config);
    process->pid = fork();
    CHECK(process->pid >= 0);
    if (process->pid == 0)
        exec_haproxy(process, config, master_socket);
    CHECK(contract_eventually(answers, &index));
}

/* A master takes its workers along. */
void haproxy_server_stop_process(size_t index)
{
    CHECK(kill(processes[index].pid, index == HAPROXY_MASTER ? SIGTERM : SIGKILL) == 0);
    CHECK(waitpid(processes[index].pid, NULL, 0) == processes[index].pid);
    processes[index].pid = 0;
}

void haproxy_server_reload(void)
{
    CHECK(kill(processes[HAPROXY_MASTER].pid, SIGUSR2) == 0);
}

const char *haproxy_server_state_file(void)
{
    static char path[LIMIT_PATH];
    snprintf(path, sizeof(path), "%s/states", directory);
    return path;
}

void haproxy_server_address(int port, char address[LIMIT_PATH])
{
    snprintf(address, LIMIT_PATH, "tcp:127.0.0.1:%d", port);
}

void haproxy_server_user_address(char address[LIMIT_PATH])
{
    snprintf(address, LIMIT_PATH, "unix:%s/user0.sock", directory);
}

void haproxy_server_start(struct lb_options *options, size_t count)
{
    CHECK(access(HAPROXY, X_OK) == 0 && count <= HAPROXY_PROCESSES);
    CHECK(mkdtemp(directory) != NULL);
    options->address_count = process_count = count;
    for (size_t i = 0; i < count; i++) {
        processes[i].http_fd = loopback_listen();
        processes[i].ssh_fd = loopback_listen();
        processes[i].stats_fd = i == 1 ? loopback_listen() : -1;
    }
    snprintf(options->addresses[0], LIMIT_PATH, "unix:%s/admin.sock", directory);
    haproxy_server_address(loopback_port(processes[1].stats_fd), options->addresses[1]);
    snprintf(options->addresses[HAPROXY_MASTER], LIMIT_PATH, "master:%s/master.sock", directory);
    for (size_t i = 0; i < count; i++)
        haproxy_server_start_process(i);
}

void haproxy_server_stop(void)
{
    struct error err;

    for (size_t i = 0; i < process_count; i++) {
        haproxy_server_stop_process(i);
        close(processes[i].http_fd);
        close(processes[i].ssh_fd);
        if (processes[i].stats_fd >= 0)
            close(processes[i].stats_fd);
    }
    CHECK(file_remove_tree(directory, &err));
}

int haproxy_server_http_port(size_t index)
{
    return loopback_port(processes[index].http_fd);
}

int haproxy_server_ssh_port(size_t index)
{
    return loopback_port(processes[index].ssh_fd);
}
