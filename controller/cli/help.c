/* SPDX-License-Identifier: Apache-2.0 */
#include "help.h"

#include <string.h>

static void draw_options(unsigned options, struct buffer *out)
{
    for (unsigned i = 0; i < OPTION_COUNT; i++) {
        enum option option = (enum option)i;
        const char *value = option_value_name(option);
        if ((options & OPTION_BIT(option)) == 0)
            continue;
        size_t used = strlen(option_name(option)) + (value != NULL ? 1 + strlen(value) : 0);
        (void)buffer_format(out, "  %s%s%s%*s%s\n", option_name(option), value != NULL ? " " : "",
                            value != NULL ? value : "", (int)(used < 20 ? 22 - used : 2), "",
                            option_help(option));
    }
}

void help_draw(struct buffer *out)
{
    (void)buffer_add_text(out, "usage: shunt [--config FILE] [--json] COMMAND …\n\ncommands:\n");
    for (size_t i = 0; i < command_count; i++)
        (void)buffer_format(out, "  %-11s %s\n", command_table[i].name, command_table[i].help);
    (void)buffer_add_text(out, "  help        this text, or `shunt help COMMAND`\n\n"
                               "CLUSTER may be left out where the configuration has one only.\n\n"
                               "options of every command:\n");
    draw_options(OPTIONS_GENERAL, out);
    (void)buffer_add_text(out, "\nexit status:\n");
    for (unsigned i = 0; i < EXIT_CODE_COUNT; i++)
        (void)buffer_format(out, "  %u  %s\n", i, exit_code_meaning((enum exit_code)i));
}

bool help_draw_command(const char *name, struct buffer *out)
{
    bool is_found = false;
    size_t length = strlen(name);
    for (size_t i = 0; i < command_count; i++) {
        const struct command_row *row = &command_table[i];
        bool is_row = strncmp(row->name, name, length) == 0 &&
                      (row->name[length] == '\0' || row->name[length] == ' ');
        if (!is_row)
            continue;
        (void)buffer_format(out, "usage: shunt %s %s\n%s\n", row->name, row->usage, row->help);
        draw_options(row->options, out);
        is_found = true;
    }
    return is_found;
}
