/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A good status as JSON text, and its reading with one piece replaced by another, so that a test
 * shows nothing but what it is about.
 */
#ifndef SHUNT_STATUS_TEXT_H
#define SHUNT_STATUS_TEXT_H

#include "common/unit_test.h"

#include "json.h"
#include "status_read.h"

/* 2026-09-21T14:13:20Z; bb1 was out from +1 s to +4.5 s, bb2 has been since +10 s. */
#define BEGUN_MS INT64_C(1790000000000)

#define GOOD_NODE_1                                                                                \
    "{\"node\":\"bb1\",\"place\":\"new\",\"pass\":\"up\",\"step\":\"\",\"step_begun_ms\":0,"       \
    "\"version\":\"7.9.4\",\"state\":\"ACTIVE\",\"load\":2,\"sessions\":0,\"connections\":0,"      \
    "\"bytes_done\":300000000,\"bytes_total\":300000000,\"error\":null,\"passes\":[{"              \
    "\"pass\":\"up\",\"begun_ms\":1790000001000,\"ended_ms\":1790000005000,\"steps\":{"            \
    "\"drain\":{\"begun_ms\":1790000001000,\"took_ms\":100},"                                      \
    "\"return\":{\"begun_ms\":1790000004000,\"took_ms\":500}}}]}"
#define GOOD_NODE_2                                                                                \
    "{\"node\":\"bb2\",\"place\":\"working\",\"pass\":\"up\",\"step\":\"empty\","                  \
    "\"step_begun_ms\":1790000011000,\"version\":\"7.9.0\",\"state\":\"DRAINING\",\"load\":-1,"    \
    "\"sessions\":3,\"connections\":2,\"bytes_done\":120000000,\"bytes_total\":300000000,"         \
    "\"error\":null,\"passes\":[{\"pass\":\"up\",\"begun_ms\":1790000010000,\"ended_ms\":0,"       \
    "\"steps\":{\"drain\":{\"begun_ms\":1790000010000,\"took_ms\":1000},"                          \
    "\"empty\":{\"begun_ms\":1790000011000,\"took_ms\":-1}}}]}"
#define GOOD_UPGRADE                                                                               \
    "{\"id\":\"20260921-141320-0001\",\"cluster\":\"git\",\"from\":\"7.9.0\",\"to\":\"7.9.4\","    \
    "\"operator\":\"ana\",\"phase\":\"nodes\",\"outcome\":\"running\","                            \
    "\"begun_ms\":1790000000000,\"ended_ms\":0,\"is_paused\":false,\"is_waiting\":false,"          \
    "\"is_aborting\":false,\"reason\":null,\"cluster_state\":\"MIXED\",\"upgrade_mode\":true,"     \
    "\"nodes\":[" GOOD_NODE_1 "," GOOD_NODE_2 "]}"
#define GOOD_STATUS                                                                                \
    "{\"cluster\":\"git\",\"controller\":\"c1\",\"epoch\":7,\"at_ms\":1790000012000,"              \
    "\"refused\":0,\"error\":null,\"upgrade\":" GOOD_UPGRADE "}"

/* The good text with the first `old` in it replaced; `old` must be there. */
static inline void change_text(char *text, size_t size, const char *old, const char *new)
{
    static const char good[] = GOOD_STATUS;
    const char *at = strstr(good, old);
    assert_non_null(at);
    int length = snprintf(text, size, "%.*s%s%s", (int)(at - good), good, new, at + strlen(old));
    assert_in_range(length, 1, size - 1);
}

static inline bool read_changed(const char *old, const char *new, struct cluster_status *ret_status,
                                struct error *err)
{
    char text[2 * sizeof(GOOD_STATUS) + 1024];
    JSON_CLEANUP json_t *json = NULL;
    change_text(text, sizeof(text), old, new);
    return json_read_object(text, strlen(text), &json, err) &&
           cluster_status_read(json, ret_status, err);
}

/* The status with a change that leaves it good. */
static inline struct cluster_status *status_with(const char *old, const char *new)
{
    static struct cluster_status status;
    assert_good(read_changed(old, new, &status, &err));
    return &status;
}

static inline struct cluster_status *good_status(void)
{
    return status_with("\"epoch\":7", "\"epoch\":7");
}

#endif
