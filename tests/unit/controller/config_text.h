/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A small good configuration as text, and its reading with one piece of it replaced by another, so
 * that a test shows nothing but what it is about.
 */
#ifndef SHUNT_CONFIG_TEXT_H
#define SHUNT_CONFIG_TEXT_H

#include "common/unit_test.h"

#include "config.h"

#define KEY_1 "ed25519:bl16T7rJRHujUAgH54mQpkh0YxjR906a49x98bu5pjc="
#define KEY_2 "ed25519:5I8u2NuGG27gItjS21OYuJhIpvFv+/TzaHA59ICylIM="

#define GOOD_REDIS       "redis: embedded"
#define GOOD_CREDENTIALS "{user: admin, password_file: /etc/shunt/git.password}"
#define GOOD_NODE_3      "- {name: bb3, url: 'http://10.0.0.13:7990/bitbucket', agent_key: '" KEY_1 "'}"
#define GOOD_LBS                                                                                   \
    "      - name: edge\n"                                                                         \
    "        driver: haproxy\n"                                                                    \
    "        addresses: ['unix:/run/haproxy/admin.sock']\n"                                        \
    "        members:\n"                                                                           \
    "          bb1: [bb_http/n1, bb_ssh/n1]\n"                                                     \
    "          bb2: [bb_http/n2, bb_ssh/n2]\n"                                                     \
    "          bb3: [bb_http/n3]\n"
#define GOOD_POLICY "policy: {}"
#define GOOD_CLUSTER                                                                               \
    "  - name: git\n"                                                                              \
    "    base_url: https://git.example.com/bitbucket\n"                                            \
    "    credentials: " GOOD_CREDENTIALS "\n"                                                      \
    "    nodes:\n"                                                                                 \
    "      - {name: bb1, url: 'http://10.0.0.11:7990/bitbucket', agent_key: '" KEY_1 "'}\n"        \
    "      - {name: bb2, url: 'http://10.0.0.12:7990/bitbucket', agent_key: '" KEY_1 "'}\n"        \
    "      " GOOD_NODE_3 "\n"                                                                      \
    "    load_balancers:\n" GOOD_LBS "    " GOOD_POLICY "\n"
#define GOOD_OPERATOR "- {name: ana, role: approver, key: '" KEY_1 "'}"
#define GOOD_TEXT                                                                                  \
    "controller: {name: c1}\n" GOOD_REDIS "\n"                                                     \
    "operators:\n"                                                                                 \
    "  " GOOD_OPERATOR "\n"                                                                        \
    "clusters:\n" GOOD_CLUSTER

struct reading {
    struct yaml_document document;
    struct config config;
};

#define READING_CLEANUP __attribute__((cleanup(reading_done)))

static inline void reading_done(struct reading *reading)
{
    config_done(&reading->config);
    yaml_done(&reading->document);
}

static inline void read_text(struct reading *reading, const char *text)
{
    yaml_parse("test.yaml", text, strlen(text), &reading->document);
    config_read(&reading->document, &reading->config);
}

/* The good text with the first `old` in it replaced; `old` must be there. */
static inline void read_changed(struct reading *reading, const char *old, const char *new)
{
    static const char good[] = GOOD_TEXT;
    char text[2 * sizeof(good) + 1024];
    const char *at = strstr(good, old);
    assert_non_null(at);
    int length =
        snprintf(text, sizeof(text), "%.*s%s%s", (int)(at - good), good, new, at + strlen(old));
    assert_in_range(length, 1, sizeof(text) - 1);
    read_text(reading, text);
}

static inline void assert_no_complaint(const struct reading *reading)
{
    if (reading->document.complaint_count != 0)
        fail_msg("%s", buffer_text(&reading->document.complaints));
}

/* One complaint and no more, so that a single mistake is told once. */
static inline void assert_one_complaint(const struct reading *reading, const char *expected)
{
    const char *complaints = buffer_text(&reading->document.complaints);
    if (reading->document.complaint_count != 1 || strstr(complaints, expected) == NULL)
        fail_msg("expected only '%s' in:\n%s", expected, complaints);
}

static inline void assert_accepts(const char *old, const char *new)
{
    READING_CLEANUP struct reading reading;
    read_changed(&reading, old, new);
    assert_no_complaint(&reading);
}

static inline void assert_refuses(const char *old, const char *new, const char *expected)
{
    READING_CLEANUP struct reading reading;
    read_changed(&reading, old, new);
    assert_one_complaint(&reading, expected);
}

#endif
