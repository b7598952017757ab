/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An approver takes the key of an agent. Redis may say what it likes: a person compares the key
 * with what the agent's host says, or brings it from there.
 */
#include "agent_read.h"
#include "agree.h"
#include "ask_simple.h"
#include "clean.h"
#include "figures.h"
#include "text.h"

#define TEXT_BYTES 4096

/* The key is shown to somebody, or was brought from the host itself. */
static bool may_ask(const struct cli *cli, struct error *err)
{
    bool has_key = arguments_has(&cli->arguments, OPTION_KEY);
    bool is_sure = arguments_has(&cli->arguments, OPTION_YES);
    if (is_sure && !has_key) {
        error_set(err, ERROR_INVALID, "--yes needs --key: nobody would have compared the key");
        error_hint(err, "`shunt-agent enroll` prints the key on the agent's host");
        return false;
    }
    if (is_sure || agree_is_possible(cli))
        return true;
    error_set(err, ERROR_INVALID, "there is nobody to show the key to and ask");
    error_hint(err, "give what `shunt-agent enroll` has printed: --key KEY --yes");
    return false;
}

/* The cluster that was named, or else the only one that has an agent of that name. */
static bool find_cluster(struct client *client, const char *agent, struct error *err)
{
    const struct cluster_config *named = client->cluster, *found = NULL;
    size_t count = 0;
    for (size_t i = 0; i < client->config.cluster_count; i++) {
        const struct cluster_config *cluster = &client->config.clusters[i];
        if ((named == NULL || named == cluster) && config_agent_index(cluster, agent) >= 0) {
            found = cluster;
            count++;
        }
    }
    if (count == 1) {
        client->cluster = found;
        return true;
    }
    if (count > 1)
        error_set(err, ERROR_INVALID, "%zu clusters have an agent '%s': which cluster?", count,
                  agent);
    else if (named != NULL)
        error_set(err, ERROR_INVALID, "cluster %s has no agent '%s'", named->name, agent);
    else
        error_set(err, ERROR_INVALID, "no cluster has an agent '%s'", agent);
    error_hint(err, "`shunt agents` lists them");
    return false;
}

/* What is shown to the person: the agent, the key, and since when Redis has it. */
static bool find_key(struct client *client, const char *given, struct request *request,
                     struct buffer *question, struct error *err)
{
    struct enrolment enrolment = {.made_ms = 0};
    char at[FIGURE_SIZE];
    if (given != NULL ? !key_public_parse(given, &enrolment.key, err)
                      : !agent_read_enrolment(client, request->node, &enrolment, err))
        return false;
    key_public_write(&enrolment.key, request->key);
    figure_time(at, enrolment.made_ms);
    (void)buffer_format(question, "agent       %s of cluster %s\npublic key  %s\n", request->node,
                        client->cluster->name, request->key);
    if (given == NULL)
        (void)buffer_format(question, "enrolled    %s\n", at);
    return buffer_add_text(question,
                           "Is that the key which `shunt-agent enroll` has printed on its host?");
}

static enum exit_code prepare(struct cli *cli, struct client *client, struct request *request,
                              struct error *err)
{
    BUFFER_CLEANUP struct buffer question;
    const char *given = cli->arguments.values[OPTION_KEY];
    buffer_init(&question, TEXT_BYTES);
    if (!text_is_name(client->word)) {
        error_set(err, ERROR_INVALID, "'%s' is not the name of an agent", client->word);
        return EXIT_CODE_USAGE;
    }
    if (!find_cluster(client, client->word, err))
        return EXIT_CODE_USAGE;
    (void)TEXT_COPY(request->node, client->word);
    if (!find_key(client, given, request, &question, err)) {
        if (given == NULL)
            return error_code_is_transient(err->code) ? EXIT_CODE_NO_ANSWER : EXIT_CODE_REFUSED;
        error_wrap(err, "--key");
        return EXIT_CODE_USAGE;
    }
    if (arguments_has(&cli->arguments, OPTION_YES) || agree_ask(cli, buffer_text(&question)))
        return EXIT_CODE_OK;
    error_set(err, ERROR_CANCELLED, "not agreed: nothing was done");
    return EXIT_CODE_REFUSED;
}

enum exit_code cmd_agents_accept(struct cli *cli, struct error *err)
{
    CLIENT_CLEANUP struct client client = {.redis = NULL};
    struct request request = {.verb = REQUEST_ACCEPT_AGENT};
    if (!may_ask(cli, err))
        return EXIT_CODE_USAGE;
    enum exit_code code = client_open(&client, cli, err);
    if (code == EXIT_CODE_OK)
        code = prepare(cli, &client, &request, err);
    if (code == EXIT_CODE_OK)
        code = ask_and_tell(cli, &client, &request, err);
    return code;
}
