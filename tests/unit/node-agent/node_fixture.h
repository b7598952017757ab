/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A node in the scratch directory: releases, home and state directory of its own, a configuration
 * that names them, and a job to run verbs with.
 */
#ifndef SHUNT_NODE_FIXTURE_H
#define SHUNT_NODE_FIXTURE_H

#include "common/unit_test.h"

#include "file.h"
#include "job.h"
#include "text.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static struct agent_config config;
static struct command command;
static struct job job;
static size_t progress_count;

static inline void count_progress(struct job *told)
{
    (void)told;
    progress_count++;
}

static inline int node_make(void **state)
{
    struct error err;
    if (scratch_make(state) != 0)
        return -1;
    memset(&config, 0, sizeof(config));
    memset(&command, 0, sizeof(command));
    TEXT_COPY(config.state_dir, scratch_path("state"));
    TEXT_COPY(config.bitbucket.releases, scratch_path("releases"));
    TEXT_COPY(config.bitbucket.install_link, scratch_path("current"));
    TEXT_COPY(config.bitbucket.home, scratch_path("home"));
    config.has_bitbucket = true;
    config.bitbucket.http_port = 7990;
    config.bitbucket.service = SERVICE_SCRIPT;
    TEXT_COPY(command.version, "7.9.4");
    progress_count = 0;
    job = (struct job){.config = &config,
                       .command = &command,
                       .deadline = deadline_never(),
                       .send_progress = count_progress};
    return file_make_directory(config.bitbucket.releases, 0755, &err) &&
                   file_make_directory(scratch_path("home/log"), 0755, &err)
               ? 0
               : -1;
}

#define test_on_node(test) cmocka_unit_test_setup_teardown(test, node_make, scratch_remove)

static inline bool exists(const char *name)
{
    struct stat status;
    return lstat(scratch_path(name), &status) == 0;
}

static inline void write_text(const char *name, const char *text, mode_t mode)
{
    assert_good(file_replace(scratch_path(name), text, strlen(text), mode, &err));
}

/* A release as an administrator has unpacked it: no record, only what a start needs. */
static inline void make_release(const char *version)
{
    char name[96];
    snprintf(name, sizeof(name), "releases/%s/bin", version);
    assert_good(file_make_directory(scratch_path(name), 0755, &err));
    snprintf(name, sizeof(name), "releases/%s/bin/start-bitbucket.sh", version);
    write_text(name, "#!/bin/sh\n", 0755);
}

static inline void link_release(const char *version)
{
    char name[96];
    snprintf(name, sizeof(name), "releases/%s", version);
    assert_good(file_replace_link(config.bitbucket.install_link, scratch_path(name), &err));
}

/* What the install link names, as text. */
static inline const char *link_text(void)
{
    static char text[256];
    ssize_t size = readlink(config.bitbucket.install_link, text, sizeof(text) - 1);
    text[size > 0 ? size : 0] = '\0';
    return text;
}

#endif
