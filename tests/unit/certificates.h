/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Certificates for tests of TLS, made by the openssl command, and a free port for a real server
 * that cannot be asked which one it took.
 */
#ifndef SHUNT_CERTIFICATES_H
#define SHUNT_CERTIFICATES_H

#include "check.h"
#include "child.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define CERTIFICATES_WAIT_MS 20000

/* Makes NAME.key and NAME.pem for the subject CN=NAME in the directory: self-signed, or by an
 * authority made before. */
static inline void certificate_make(const char *directory, const char *name, const char *authority,
                                    const char *extension)
{
    char subject[64], key[64], certificate[64], authority_file[64], authority_key[64];
    const char *argv[32] = {"/usr/bin/openssl",
                            "req",
                            "-x509",
                            "-newkey",
                            "ec",
                            "-pkeyopt",
                            "ec_paramgen_curve:prime256v1",
                            "-nodes",
                            "-days",
                            "2",
                            "-subj",
                            subject,
                            "-keyout",
                            key,
                            "-out",
                            certificate,
                            "-addext",
                            extension};
    const char *signing[] = {"-CA", authority_file, "-CAkey", authority_key};
    struct child_request request = {
        .argv = argv,
        .environment = (const char *const[]){"PATH=/usr/bin:/bin", NULL},
        .directory = directory,
        .deadline = deadline_after_ms(CERTIFICATES_WAIT_MS),
    };
    struct child_result result;
    struct error err;
    (void)snprintf(subject, sizeof(subject), "/CN=%s", name);
    (void)snprintf(key, sizeof(key), "%s.key", name);
    (void)snprintf(certificate, sizeof(certificate), "%s.pem", name);
    if (authority) {
        (void)snprintf(authority_file, sizeof(authority_file), "%s.pem", authority);
        (void)snprintf(authority_key, sizeof(authority_key), "%s.key", authority);
        memcpy(argv + 18, signing, sizeof(signing));
    }
    CHECK(child_run(&request, &result, &err));
    CHECK(result.exit_status == 0);
    child_result_done(&result);
}

static inline int certificates_free_port(void)
{
    struct sockaddr_in any = {.sin_family = AF_INET,
                              .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
    socklen_t size = sizeof(any);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(bind(fd, (const struct sockaddr *)&any, size) == 0);
    CHECK(getsockname(fd, (struct sockaddr *)&any, &size) == 0);
    close(fd);
    return ntohs(any.sin_port);
}

#endif
