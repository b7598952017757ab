/* SPDX-License-Identifier: Apache-2.0 */
#include "httpd.h"

#include "check.h"
#include "clock.h"
#include "file.h"
#include "loopback.h"

#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define STARTS   5 /* another program may take the port between our looking and its start */
#define START_MS 20000
#define RETRY_MS 5

void httpd_write_module(FILE *file, const char *name)
{
    fprintf(file, "LoadModule %s_module /usr/lib/apache2/modules/mod_%s.so\n", name, name);
}

/* The children that do the work run as www-data where we are root, and open files by their names.
 */
void httpd_init(struct httpd *httpd)
{
    snprintf(httpd->directory, sizeof(httpd->directory), "/tmp/shunt-httpd-XXXXXX");
    CHECK(mkdtemp(httpd->directory) != NULL);
    CHECK(chmod(httpd->directory, 0755) == 0);
    CHECK(prctl(PR_SET_CHILD_SUBREAPER, 1) == 0); /* for httpd_kill() */
}

static void path_of(const struct httpd *httpd, const char *name, char path[LIMIT_PATH])
{
    snprintf(path, LIMIT_PATH, "%s/%s", httpd->directory, name);
}

static void write_config(const struct httpd *httpd)
{
    char path[LIMIT_PATH];
    path_of(httpd, "httpd.conf", path);
    FILE *file = fopen(path, "we");

    CHECK(file != NULL);
    fprintf(file, "ServerRoot %s\nDefaultRuntimeDir %s\nPidFile httpd.pid\nMutex file:%s default\n",
            httpd->directory, httpd->directory, httpd->directory);
    fprintf(file, "ErrorLog error.log\nServerName 127.0.0.1\nListen 127.0.0.1:%d\n", httpd->port);
    fprintf(file, "User www-data\nGroup www-data\n");
    httpd_write_module(file, "mpm_event");
    httpd_write_module(file, "authz_core");
    fprintf(file, "StartServers 1\nServerLimit 8\nThreadsPerChild 25\nMaxRequestWorkers 200\n"
                  "MinSpareThreads 1\nMaxSpareThreads 200\n");
    httpd->write_config(httpd, file);
    CHECK(fclose(file) == 0);
}

static int free_port(void)
{
    int fd = loopback_bind();
    int port = loopback_port(fd);
    close(fd);
    return port;
}

/* In the child of a program with threads: only calls that are safe after fork(). Its children are
 * its own group, that they can be killed with it. */
static void exec_httpd(const char *config)
{
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    execl(HTTPD, "apache2", "-DFOREGROUND", "-f", config, (char *)NULL);
    _exit(127);
}

/* How often it has begun to work, by its log: its port is open long before. */
static size_t count_starts(const struct httpd *httpd)
{
    struct buffer log BUFFER_CLEANUP = {0};
    char path[LIMIT_PATH];
    struct error err;
    size_t count = 0;

    buffer_init(&log, 1024UL * 1024);
    path_of(httpd, "error.log", path);
    if (!file_read(path, &log, &err)) {
        CHECK(err.code == ERROR_NOT_FOUND);
        return 0;
    }
    for (const char *at = buffer_text(&log); (at = strstr(at, "resuming normal")) != NULL; at++)
        count++;
    return count;
}

/* False where it has ended, since the port was taken. */
static bool try_start(struct httpd *httpd)
{
    struct deadline deadline = deadline_after_ms(START_MS);
    size_t before = count_starts(httpd);
    char config[LIMIT_PATH];

    write_config(httpd);
    path_of(httpd, "httpd.conf", config);
    httpd->pid = fork();
    CHECK(httpd->pid >= 0);
    if (httpd->pid == 0)
        exec_httpd(config);
    while (count_starts(httpd) == before) {
        if (waitpid(httpd->pid, NULL, WNOHANG) == httpd->pid) {
            httpd->pid = 0;
            return false;
        }
        CHECK(!deadline_is_over(deadline));
        poll(NULL, 0, RETRY_MS);
    }
    return true;
}

void httpd_start(struct httpd *httpd)
{
    bool keeps_port = httpd->port != 0;
    int starts = 0;

    if (httpd->pid != 0)
        return;
    do {
        CHECK(starts++ < STARTS);
        if (!keeps_port)
            httpd->port = free_port();
    } while (!try_start(httpd));
}

static void await_end(struct httpd *httpd)
{
    CHECK(waitpid(httpd->pid, NULL, 0) == httpd->pid);
    httpd->pid = 0;
}

/* The parent goes first, since it would replace its children, which are ours then. */
void httpd_kill(struct httpd *httpd)
{
    pid_t group = httpd->pid;

    CHECK(kill(httpd->pid, SIGKILL) == 0);
    await_end(httpd);
    (void)kill(-group, SIGKILL);
    while (waitpid(-group, NULL, 0) > 0)
        continue;
}

void httpd_end(struct httpd *httpd)
{
    CHECK(kill(httpd->pid, SIGTERM) == 0);
    await_end(httpd);
}

void httpd_restart_gracefully(struct httpd *httpd)
{
    struct deadline deadline = deadline_after_ms(START_MS);
    size_t before = count_starts(httpd);

    CHECK(kill(httpd->pid, SIGUSR1) == 0);
    while (count_starts(httpd) == before) {
        CHECK(!deadline_is_over(deadline));
        poll(NULL, 0, RETRY_MS);
    }
}

void httpd_done(struct httpd *httpd)
{
    struct error err;

    if (httpd->pid != 0)
        httpd_kill(httpd);
    CHECK(file_remove_tree(httpd->directory, &err));
}
