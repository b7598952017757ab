/* SPDX-License-Identifier: Apache-2.0 */
#include "trace.h"

#include "schedule.h"

#include <stdarg.h>
#include <stdio.h>

static bool is_on;

void trace_enable(bool is_enabled)
{
    is_on = is_enabled;
}

bool trace_is_enabled(void)
{
    return is_on;
}

void trace_line(const char *format, ...)
{
    const struct process *process = process_current();
    va_list arguments;
    if (!is_on)
        return;
    printf("%10.3f s  %-10s ", (double)schedule_now_us() / 1e6,
           process != NULL ? process->name : "");
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    putchar('\n');
}
