/* SPDX-License-Identifier: Apache-2.0 */
#include "agree.h"

#include "text.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define REPLY_SIZE 16

bool agree_is_possible(const struct cli *cli)
{
    return isatty(STDIN_FILENO) == 1 && isatty(STDOUT_FILENO) == 1 && !cli->output.is_json;
}

bool agree_ask(struct cli *cli, const char *question)
{
    char reply[REPLY_SIZE];
    output_text(&cli->output, question);
    output_text(&cli->output, " [y/N] ");
    if (fgets(reply, sizeof(reply), stdin) == NULL)
        return false;
    reply[strcspn(reply, "\n")] = '\0';
    return text_equal(reply, "y") || text_equal(reply, "yes");
}
