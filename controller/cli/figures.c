/* SPDX-License-Identifier: Apache-2.0 */
#include "figures.h"

#include <stdio.h>
#include <time.h>

/* From the largest; a duration is written in the first unit that it fills and the one below. */
static const struct {
    int64_t ms;
    char name;
    int64_t below_ms;
    char below;
} units[] = {
    {86400000, 'd', 3600000, 'h'},
    {3600000, 'h', 60000, 'm'},
    {60000, 'm', 1000, 's'},
};

void figure_duration_whole(char text[FIGURE_SIZE], int64_t ms)
{
    ms = ms > 0 ? ms : 0;
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (ms < units[i].ms)
            continue;
        (void)snprintf(text, FIGURE_SIZE, "%lld%c %02lld%c", (long long)(ms / units[i].ms),
                       units[i].name, (long long)(ms % units[i].ms / units[i].below_ms),
                       units[i].below);
        return;
    }
    (void)snprintf(text, FIGURE_SIZE, "%llds", (long long)(ms / 1000));
}

void figure_duration(char text[FIGURE_SIZE], int64_t ms)
{
    ms = ms > 0 ? ms : 0;
    if (ms >= 60000)
        figure_duration_whole(text, ms);
    else
        (void)snprintf(text, FIGURE_SIZE, "%lld.%llds", (long long)(ms / 1000),
                       (long long)(ms % 1000 / 100));
}

void figure_time(char text[FIGURE_SIZE], int64_t wall_ms)
{
    struct tm utc;
    time_t seconds = (time_t)(wall_ms / 1000);
    text[0] = '\0';
    if (wall_ms > 0 && wall_ms <= FIGURE_TIME_MOST && gmtime_r(&seconds, &utc) != NULL)
        (void)strftime(text, FIGURE_SIZE, "%Y-%m-%dT%H:%M:%SZ", &utc);
}

void figure_bytes(char text[FIGURE_SIZE], int64_t bytes)
{
    static const char *const names[] = {"B", "kB", "MB", "GB", "TB", "PB", "EB"};
    double value = bytes > 0 ? (double)bytes : 0;
    unsigned unit = 0;
    while (value >= 1000 && unit + 1 < sizeof(names) / sizeof(names[0])) {
        value /= 1000;
        unit++;
    }
    (void)snprintf(text, FIGURE_SIZE, unit > 0 && value < 10 ? "%.1f %s" : "%.0f %s", value,
                   names[unit]);
}
