/* SPDX-License-Identifier: Apache-2.0 */
#include "tomcat.h"

#include "check.h"
#include "clock.h"
#include "file.h"
#include "limit.h"
#include "loopback.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#define JAVA           "/usr/bin/java"
#define TOMCAT         "/usr/share/tomcat10"
#define START_MS       60000
#define RETRY_MS       10
#define ANSWER_SECONDS 5

static char directory[LIMIT_PATH - 64];
static int port;
static pid_t pid; /* 0 = not running */

static const char server_xml[] =
    "<Server port='-1'><Service name='s'>\n"
    "<Connector protocol='AJP/1.3' address='127.0.0.1' port='%d' secretRequired='false' "
    "bindOnInit='false'/>\n"
    "<Engine name='e' defaultHost='h'><Host name='h' appBase='webapps'/></Engine>\n"
    "</Service></Server>\n";
static const char web_xml[] =
    "<web-app><servlet><servlet-name>files</servlet-name><servlet-class>"
    "org.apache.catalina.servlets.DefaultServlet</servlet-class></servlet><servlet-mapping>"
    "<servlet-name>files</servlet-name><url-pattern>/</url-pattern></servlet-mapping>"
    "<welcome-file-list><welcome-file>index.html</welcome-file></welcome-file-list></web-app>\n";

bool tomcat_is_installed(void)
{
    return access(JAVA, X_OK) == 0 && access(TOMCAT "/bin/bootstrap.jar", R_OK) == 0;
}

static FILE *open_file(const char *folder, const char *name)
{
    char path[LIMIT_PATH];
    struct error err;

    snprintf(path, sizeof(path), "%s/%s", directory, folder);
    CHECK(file_make_directory(path, 0755, &err));
    snprintf(path, sizeof(path), "%s/%s/%s", directory, folder, name);
    FILE *file = fopen(path, "we");
    CHECK(file != NULL);
    return file;
}

static void write_files(void)
{
    FILE *file = open_file("conf", "server.xml");
    fprintf(file, server_xml, port);
    CHECK(fclose(file) == 0);
    file = open_file("conf", "web.xml");
    CHECK(fputs(web_xml, file) >= 0 && fclose(file) == 0);
    file = open_file("webapps/ROOT", "index.html");
    CHECK(fputs("tomcat", file) >= 0 && fclose(file) == 0);
    file = open_file("temp", "none");
    CHECK(fclose(file) == 0);
}

static void choose_port(void)
{
    int fd = loopback_bind();
    port = loopback_port(fd);
    close(fd);
}

/* In the child of a program with threads: only calls that are safe after fork(). */
static void exec_tomcat(const char *base, const char *temporary)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (freopen("/dev/null", "w", stderr) == NULL)
        _exit(127);
    execl(JAVA, "java", "-Xmx64m", "-XX:TieredStopAtLevel=1", "-Dcatalina.home=" TOMCAT, base,
          temporary, "-cp", TOMCAT "/bin/bootstrap.jar:" TOMCAT "/bin/tomcat-juli.jar",
          "org.apache.catalina.startup.Bootstrap", "start", (char *)NULL);
    _exit(127);
}

/* CPing, answered by CPong: an open port alone is no Tomcat that works. */
static bool answers(void)
{
    static const char ping[] = {0x12, 0x34, 0, 1, 10}, pong[] = {'A', 'B', 0, 1, 9};
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct timeval timeout = {.tv_sec = ANSWER_SECONDS};
    char answer[sizeof(pong)];
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    CHECK(fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout)) == 0);
    bool is_answered = connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0 &&
                       send(fd, ping, sizeof(ping), MSG_NOSIGNAL) == sizeof(ping) &&
                       recv(fd, answer, sizeof(answer), MSG_WAITALL) == sizeof(answer) &&
                       memcmp(answer, pong, sizeof(pong)) == 0;
    close(fd);
    return is_answered;
}

void tomcat_start(void)
{
    struct deadline deadline = deadline_after_ms(START_MS);
    char base[LIMIT_PATH + 32], temporary[LIMIT_PATH + 32];

    if (directory[0] == '\0') {
        snprintf(directory, sizeof(directory), "/tmp/shunt-tomcat-XXXXXX");
        CHECK(mkdtemp(directory) != NULL);
        choose_port();
        write_files();
    }
    snprintf(base, sizeof(base), "-Dcatalina.base=%s", directory);
    snprintf(temporary, sizeof(temporary), "-Djava.io.tmpdir=%s/temp", directory);
    pid = fork();
    CHECK(pid >= 0);
    if (pid == 0)
        exec_tomcat(base, temporary);
    while (!answers()) {
        CHECK(!deadline_is_over(deadline) && waitpid(pid, NULL, WNOHANG) == 0);
        poll(NULL, 0, RETRY_MS);
    }
}

void tomcat_end(void)
{
    CHECK(kill(pid, SIGTERM) == 0);
    CHECK(waitpid(pid, NULL, 0) == pid);
    pid = 0;
}

int tomcat_port(void)
{
    return port;
}

void tomcat_done(void)
{
    struct error err;

    if (pid != 0)
        tomcat_end();
    if (directory[0] != '\0')
        CHECK(file_remove_tree(directory, &err));
    directory[0] = '\0';
}
