/* SPDX-License-Identifier: Apache-2.0 */
#include "client.h"

#include "memory.h"
#include "store.h"
#include "text.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CONFIG_DEFAULT "/etc/shunt/shunt.yaml"

/* A failover after a clean stop; after a crash the lease runs longer, and the operator is told. */
#define LEADER_WAIT_MS 3000
#define LEADER_POLL_MS 50

static const char *config_path(const struct arguments *arguments)
{
    const char *path = getenv("SHUNT_CONFIG");
    if (arguments_has(arguments, OPTION_CONFIG))
        return arguments->values[OPTION_CONFIG];
    return path != NULL && path[0] != '\0' ? path : CONFIG_DEFAULT;
}

static bool read_config(struct client *client, const char *path, struct error *err)
{
    if (!yaml_open(path, &client->document, err)) {
        error_wrap(err, "configuration");
        error_hint(err, "--config FILE or the environment's SHUNT_CONFIG names another");
        return false;
    }
    config_read(&client->document, &client->config);
    if (client->document.complaint_count == 0)
        return true;
    const char *complaints = buffer_text(&client->document.complaints);
    error_set(err, ERROR_INVALID, "%.*s", (int)strcspn(complaints, "\n"), complaints);
    size_t count = client->document.complaint_count;
    error_hint(err, "%zu mistake%s; `shunt-controller --check --config FILE` shows all", count,
               count == 1 ? "" : "s");
    return false;
}

/* Up to a dozen names; more would push the message off the screen. */
static void hint_clusters(const struct config *config, struct error *err)
{
    char names[ERROR_HINT_SIZE / 2] = "";
    for (size_t i = 0; i < config->cluster_count; i++) {
        size_t used = strlen(names);
        if (used + LIMIT_NAME + 2 >= sizeof(names)) {
            (void)snprintf(names + used, sizeof(names) - used, ", …");
            break;
        }
        (void)snprintf(names + used, sizeof(names) - used, "%s%s", used > 0 ? ", " : "",
                       config->clusters[i].name);
    }
    error_hint(err, "configured: %s", names);
}

/* The first word names it, unless it is left out and there is no choice. */
static bool choose_cluster(struct client *client, const struct cli *cli, struct error *err)
{
    const struct arguments *arguments = &cli->arguments;
    size_t given = arguments->word_count - cli->row->word_count;
    client->word = cli->row->word_count > 0 ? arguments->words[given] : NULL;
    if (given == 0) {
        client->cluster = client->config.cluster_count == 1 ? client->config.clusters : NULL;
        return true;
    }
    client->cluster = config_find_cluster(&client->config, arguments->words[0]);
    if (client->cluster != NULL)
        return true;
    error_set(err, ERROR_INVALID, "there is no cluster '%s' in the configuration",
              arguments->words[0]);
    hint_clusters(&client->config, err);
    return false;
}

/* The controller's embedded Redis has a user for operators, and keeps the password beside it. */
static bool complete_address(struct client *client, struct error *err)
{
    struct redis_address *address = &client->config.redis;
    if (!client->config.is_embedded)
        return true;
    (void)TEXT_COPY(address->user, "operator");
    FREE_CLEANUP char *path = memory_format("%s/redis/operator.password", client->config.state_dir);
    if (TEXT_COPY(address->password_file, path))
        return true;
    error_set(err, ERROR_INVALID, "controller.state_dir is too long");
    return false;
}

enum exit_code client_open(struct client *client, const struct cli *cli, struct error *err)
{
    if (!read_config(client, config_path(&cli->arguments), err))
        return EXIT_CODE_CONFIGURATION;
    if (!choose_cluster(client, cli, err))
        return EXIT_CODE_USAGE;
    if (!complete_address(client, err))
        return EXIT_CODE_CONFIGURATION;
    client->redis = redis_new(&client->config.redis);
    if (client_connect(client, CLIENT_CALL_MS, err))
        return EXIT_CODE_OK;
    return exit_code_of_error(err);
}

enum exit_code client_open_cluster(struct client *client, const struct cli *cli, struct error *err)
{
    enum exit_code code = client_open(client, cli, err);
    if (code != EXIT_CODE_OK || client->cluster != NULL)
        return code;
    error_set(err, ERROR_INVALID, "%s: which cluster?", cli->row->name);
    hint_clusters(&client->config, err);
    return EXIT_CODE_USAGE;
}

void client_done(struct client *client)
{
    redis_free(client->redis);
    config_done(&client->config);
    yaml_done(&client->document);
    memset(client, 0, sizeof(*client));
}

bool client_connect(struct client *client, int64_t within_ms, struct error *err)
{
    if (redis_connect(client->redis, deadline_after_ms(within_ms), err))
        return true;
    if (error_code_is_transient(err->code) && client->config.is_embedded)
        error_hint(err, "it is started by the controller: systemctl status shunt-controller");
    else if (error_code_is_transient(err->code))
        error_hint(err, "is Redis up, and `redis` in the configuration right?");
    else
        error_hint(err, "`redis` in the configuration says as whom this asks");
    return false;
}

bool client_await_leader(struct client *client, struct error *err)
{
    struct deadline deadline = deadline_after_ms(LEADER_WAIT_MS);
    bool is_led = false;
    while (store_is_led(client, &is_led, err)) {
        if (is_led)
            return true;
        if (deadline_is_over(deadline)) {
            error_set(err, ERROR_UNAVAILABLE, "no controller leads cluster %s",
                      client->cluster->name);
            error_hint(err, "start one, or see why none does: systemctl status shunt-controller");
            return false;
        }
        (void)poll(NULL, 0, LEADER_POLL_MS);
    }
    return false;
}
