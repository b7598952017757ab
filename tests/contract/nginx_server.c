/* SPDX-License-Identifier: Apache-2.0 */
#include "nginx_server.h"

#include "check.h"
#include "file.h"
#include "loopback.h"
#include "nginx_master.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

void nginx_server_let_time_pass(void)
{
    poll(NULL, 0, 2 * NGINX_TICK_MS);
}

static const char *const temporary_paths[] = {
    "client_body_temp_path", "proxy_temp_path", "fastcgi_temp_path",
    "uwsgi_temp_path",       "scgi_temp_path",
};

static void write_config(const struct nginx_server *server, const char *http, const char *stream)
{
    FILE *file = fopen(server->config, "we");

    CHECK(file != NULL);
    fprintf(file, "load_module /usr/lib/nginx/modules/ngx_stream_module.so;\n");
    fprintf(file, "daemon off;\nworker_processes 2;\npid %s/nginx.pid;\n", server->directory);
    fprintf(file, "error_log %s/error.log notice;\nevents { worker_connections 256; }\n",
            server->directory);
    fprintf(file, "http {\n    access_log off;\n");
    for (size_t i = 0; i < sizeof(temporary_paths) / sizeof(temporary_paths[0]); i++)
        fprintf(file, "    %s %s/tmp;\n", temporary_paths[i], server->directory);
    fprintf(file, "%s", http);
    fprintf(file, "    server {\n        listen 127.0.0.1:%d;\n", loopback_port(server->http_fd));
    fprintf(file, "        location / { proxy_pass http://bb_http; }\n    }\n}\n");
    fprintf(file, "stream {\n%s", stream);
    fprintf(file, "    server { listen 127.0.0.1:%d; proxy_pass bb_ssh; }\n}\n",
            loopback_port(server->ssh_fd));
    CHECK(fclose(file) == 0);
}

void nginx_server_make(struct nginx_server *server, const char *http, const char *stream)
{
    char path[LIMIT_PATH];

    *server = (struct nginx_server){.directory = "/tmp/shunt-nginx-XXXXXX"};
    CHECK(mkdtemp(server->directory) != NULL);
    snprintf(server->config, sizeof(server->config), "%.200s/nginx.conf", server->directory);
    snprintf(path, sizeof(path), "%.200s/servers", server->directory);
    CHECK(mkdir(path, 0755) == 0);
    server->http_fd = loopback_listen();
    server->ssh_fd = loopback_listen();
    write_config(server, http, stream);
}

void nginx_server_remove(struct nginx_server *server)
{
    struct error err;

    nginx_server_kill(server);
    close(server->http_fd);
    close(server->ssh_fd);
    CHECK(file_remove_tree(server->directory, &err));
}

/* In the child of a program with threads: only calls that are safe after fork(). TERM has the
 * master end its workers too, should the test end first. */
static void exec_nginx(const struct nginx_server *server, char *const *environment)
{
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    setpgid(0, 0);
    fcntl(server->http_fd, F_SETFD, 0);
    fcntl(server->ssh_fd, F_SETFD, 0);
    execle(NGINX_BINARY, "nginx", "-p", server->directory, "-c", server->config, "-e", "error.log",
           (char *)NULL, environment);
    _exit(127);
}

/* The ports are ours and handed down in the way in which a master hands them to a new binary, so
 * that none is lost to another program and a server that is started again has those it had. */
void nginx_server_start(struct nginx_server *server)
{
    char sockets[64];
    char *environment[] = {sockets, NULL};

    if (server->pid != 0)
        return;
    nginx_server_let_time_pass();
    snprintf(sockets, sizeof(sockets), "NGINX=%d;%d;", server->http_fd, server->ssh_fd);
    server->pid = fork();
    CHECK(server->pid >= 0);
    if (server->pid == 0)
        exec_nginx(server, environment);
    (void)setpgid(server->pid, server->pid); /* whoever comes first */
}

int nginx_server_http_port(const struct nginx_server *server)
{
    return loopback_port(server->http_fd);
}

int nginx_server_ssh_port(const struct nginx_server *server)
{
    return loopback_port(server->ssh_fd);
}

void nginx_server_kill(struct nginx_server *server)
{
    if (server->pid == 0)
        return;
    CHECK(kill(-server->pid, SIGKILL) == 0);
    CHECK(waitpid(server->pid, NULL, 0) == server->pid);
    server->pid = 0;
}
