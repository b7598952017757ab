/* SPDX-License-Identifier: Apache-2.0 */
#include "agent.h"

#include "enroll.h"
#include "failpoint.h"
#include "home_guard.h"
#include "keys.h"
#include "log.h"
#include "look.h"
#include "node_check.h"
#include "standard_output.h"
#include "text.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define CONFIG_DEFAULT "/etc/shunt/agent.yaml"

enum exit_status {
    EXIT_LEFT = 0,
    EXIT_FAILED = 1,
    EXIT_USAGE = 2,
    EXIT_CONFIGURATION = 3,
};

static const char help[] =
    "Usage: shunt-agent --config FILE [--log-level LEVEL]\n"
    "       shunt-agent check [--config FILE]\n"
    "       shunt-agent enroll [--config FILE]\n"
    "The part of Shunt that runs on a Bitbucket node, or on the host of a load balancer, and does\n"
    "there what the controller asks.\n"
    "\n"
    "  check              look at configuration and host, print what was found there and all that\n"
    "                     is wrong, and end; --check does the same\n"
    "  enroll             make the key pair, if there is none, print what an approver types to\n"
    "                     accept it, and end\n"
    "  --config FILE      the configuration (YAML); for commands by default " CONFIG_DEFAULT "\n"
    "  --log-level LEVEL  error, warning, notice, info (default) or debug\n"
    "  --version          print the version, and end\n"
    "  --help             print this, and end\n"
    "\n"
    "Exit status: 0 ended by SIGTERM or SIGINT, or nothing wrong; 1 could not begin (state_dir in\n"
    "use, record damaged, key file), or could not print; 2 wrong usage; 3 the configuration is\n"
    "not good, or what it leaves open cannot be found; or, with check, anything else is wrong\n"
    "with the host.\n";

struct options {
    const char *config_path;
    enum log_level log_level;
    bool is_check;
    bool is_enrolment;
    bool is_help;
    bool is_version;
};

static const char *const log_levels[] = {
    [LOG_LEVEL_ERROR] = "error", [LOG_LEVEL_WARNING] = "warning", [LOG_LEVEL_NOTICE] = "notice",
    [LOG_LEVEL_INFO] = "info",   [LOG_LEVEL_DEBUG] = "debug",
};

static bool parse_log_level(const char *name, enum log_level *ret_level)
{
    for (unsigned level = 0; level <= LOG_LEVEL_DEBUG; level++) {
        if (text_equal(log_levels[level], name)) {
            *ret_level = (enum log_level)level;
            return true;
        }
    }
    fprintf(stderr, "shunt-agent: --log-level: '%s' is not a level\n", name);
    return false;
}

static bool parse_option(int option, struct options *options)
{
    switch (option) {
    case 'c':
        options->config_path = optarg;
        return true;
    case 'k':
        options->is_check = true;
        return true;
    case 'l':
        return parse_log_level(optarg, &options->log_level);
    case 'v':
        options->is_version = true;
        return true;
    case 'h':
        options->is_help = true;
        return true;
    default: /* getopt_long(3) has said what is wrong */
        return false;
    }
}

static bool parse_command(const char *word, struct options *options)
{
    options->is_enrolment = text_equal(word, "enroll");
    options->is_check = options->is_check || text_equal(word, "check");
    return options->is_enrolment || text_equal(word, "check");
}

static bool parse_options(int argc, char **argv, struct options *options)
{
    static const struct option names[] = {
        {"config", required_argument, NULL, 'c'},
        {"check", no_argument, NULL, 'k'},
        {"log-level", required_argument, NULL, 'l'},
        {"version", no_argument, NULL, 'v'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    int option;
    while ((option = getopt_long(argc, argv, "", names, NULL)) != -1) {
        if (!parse_option(option, options))
            return false;
    }
    if (optind < argc && parse_command(argv[optind], options))
        optind++;
    if ((options->is_check || options->is_enrolment) && options->config_path == NULL)
        options->config_path = CONFIG_DEFAULT;
    if (optind < argc) {
        fprintf(stderr, "shunt-agent: '%s' is not a command\n", argv[optind]);
        return false;
    }
    if (options->is_enrolment && options->is_check) {
        fputs("shunt-agent: enroll takes no --check\n", stderr);
        return false;
    }
    if (options->config_path == NULL && !options->is_help && !options->is_version) {
        fputs("shunt-agent: --config is missing\n", stderr);
        return false;
    }
    return true;
}

/* The signing key must not get into a core file, nor be read by a debugger. The soft limit only:
 * what a job starts may raise it again. */
static bool protect_memory(struct error *err)
{
    struct rlimit limit;
    if (prctl(PR_SET_DUMPABLE, 0) == 0 && getrlimit(RLIMIT_CORE, &limit) == 0) {
        limit.rlim_cur = 0;
        if (setrlimit(RLIMIT_CORE, &limit) == 0)
            return true;
    }
    error_set_errno(err, errno, "forbid core dumps");
    return false;
}

static enum exit_status fail(enum exit_status status, const struct error *err, const char *what)
{
    log_failure(LOG_LEVEL_ERROR, err, "%s", what);
    return status;
}

typedef void (*config_read_fn)(struct yaml_document *document, struct agent_config *ret_config);

/* False where there is anything to complain of, which has then been printed. */
static bool read_config(const char *path, config_read_fn read, struct agent_config *ret_config,
                        struct error *err)
{
    struct yaml_document document;
    memset(ret_config, 0, sizeof(*ret_config));
    if (!yaml_open(path, &document, err))
        return false;
    read(&document, ret_config);
    size_t count = document.complaint_count;
    fputs(buffer_text(&document.complaints), stderr);
    yaml_done(&document);
    if (count == 0)
        return true;
    error_set(err, ERROR_INVALID, "%zu complaint%s about '%s'", count, count == 1 ? "" : "s", path);
    return false;
}

/* Lines about what it finds go to ret_found, which may be NULL. */
static bool look_at_host(struct agent_config *config, struct buffer *ret_found, struct error *err)
{
    BUFFER_CLEANUP struct buffer complaints;
    buffer_init(&complaints, LIMIT_MESSAGE_BYTES);
    size_t count = look_fill(config, "", ret_found, &complaints);
    fputs(buffer_text(&complaints), stderr);
    if (count == 0)
        return true;
    error_set(err, ERROR_INVALID, "%zu complaint%s about what is installed here", count,
              count == 1 ? "" : "s");
    return false;
}

static bool check_host(const struct agent_config *config, struct error *err)
{
    BUFFER_CLEANUP struct buffer complaints;
    buffer_init(&complaints, LIMIT_MESSAGE_BYTES);
    size_t count = agent_config_check_host(config, &complaints);
    fputs(buffer_text(&complaints), stderr);
    if (count == 0)
        return true;
    error_set(err, ERROR_INVALID, "%zu complaint%s about this host", count, count == 1 ? "" : "s");
    return false;
}

static void describe_service(const struct agent_config *config)
{
    char text[2 * LIMIT_PATH + 256] = "";
    if (config->has_bitbucket)
        node_check_describe(config, text, sizeof(text));
    if (text[0] != '\0')
        printf("service: %s\n", text);
}

/* All are looked at even if the first is not good: all is said at once. */
static enum exit_status check(const struct options *options)
{
    BUFFER_CLEANUP struct buffer found;
    struct agent_config config;
    struct error config_error, look_error, host_error;
    buffer_init(&found, LIMIT_MESSAGE_BYTES);
    bool is_config_good =
        read_config(options->config_path, agent_config_read, &config, &config_error);
    bool is_all_found = look_at_host(&config, &found, &look_error);
    bool is_host_good = check_host(&config, &host_error);
    describe_service(&config);
    fputs(buffer_text(&found), stdout);
    agent_config_done(&config);
    if (is_config_good && is_all_found && is_host_good) {
        puts("configuration is good");
        return EXIT_LEFT;
    }
    if (!is_config_good)
        (void)fail(EXIT_CONFIGURATION, &config_error, "configuration");
    if (!is_all_found)
        (void)fail(EXIT_CONFIGURATION, &look_error, "configuration");
    if (!is_host_good)
        (void)fail(EXIT_CONFIGURATION, &host_error, "host");
    return EXIT_CONFIGURATION;
}

/* Without it all works as well; who looks at the log is told. */
static void guard_home(const struct agent_config *config)
{
    struct error err;
    if (config->has_bitbucket && geteuid() == 0 && home_guard_is_possible(&config->bitbucket) &&
        !home_guard_begin(&config->bitbucket, &err))
        log_failure(LOG_LEVEL_WARNING, &err, "BITBUCKET_HOME is not guarded by the kernel");
}

static enum exit_status run(const struct options *options)
{
    struct agent_config config;
    struct error err;
    enum exit_status status = EXIT_LEFT;
    if (!read_config(options->config_path, agent_config_read, &config, &err) ||
        !look_at_host(&config, NULL, &err))
        status = fail(EXIT_CONFIGURATION, &err, "configuration");
    else
        guard_home(&config);
    if (status == EXIT_LEFT && (!look_remember(&config, &err) || !agent_run(&config, &err)))
        status = fail(EXIT_FAILED, &err, "cannot begin");
    agent_config_done(&config);
    return status;
}

static enum exit_status run_enrolment(const struct options *options)
{
    struct agent_config config;
    struct error err;
    if (!read_config(options->config_path, agent_config_read_identity, &config, &err))
        return fail(EXIT_CONFIGURATION, &err, "configuration");
    return enroll(&config, &err) ? EXIT_LEFT : fail(EXIT_FAILED, &err, "enroll");
}

/* What is not told is not done, for whoever waits for it. */
static enum exit_status told(enum exit_status status)
{
    struct error err;
    if (standard_output_flush(&err))
        return status;
    (void)fail(EXIT_FAILED, &err, "not all is told");
    return status == EXIT_LEFT ? EXIT_FAILED : status;
}

int main(int argc, char **argv)
{
    struct options options = {.log_level = LOG_LEVEL_INFO};
    struct error err;
    if (!parse_options(argc, argv, &options)) {
        fputs(help, stderr);
        return EXIT_USAGE;
    }
    log_open("shunt-agent", options.log_level);
    if (options.is_help || options.is_version) {
        fputs(options.is_help ? help : "shunt-agent " SHUNT_VERSION "\n", stdout);
        return told(EXIT_LEFT);
    }
    umask(077);
    if (!protect_memory(&err) || !keys_init(&err) || !failpoint_open(&err))
        return fail(EXIT_FAILED, &err, "cannot begin");
    if (options.is_enrolment)
        return told(run_enrolment(&options));
    return options.is_check ? told(check(&options)) : run(&options);
}
