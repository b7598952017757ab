/* SPDX-License-Identifier: Apache-2.0 */
/* shunt-controller: options, configuration, signals; then the shell runs (shell.c). */
#include "clock.h"
#include "config.h"
#include "embedded.h"
#include "failpoint.h"
#include "file.h"
#include "http.h"
#include "log.h"
#include "memory.h"
#include "shell.h"
#include "standard_output.h"

#include <getopt.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#define EXIT_USAGE  2
#define EXIT_CONFIG 3

#define ALIVE_EVERY_MS 5000 /* the unit waits a minute */

#define LARGE_BYTES                                                                                \
    (128 * 1024) /* a plan has room for 32 nodes: what it does not use is no memory */

static const char help[] =
    "Usage: shunt-controller --config FILE [--check] [--log-level LEVEL]\n"
    "Leads rolling upgrades of the clusters named in FILE.\n"
    "\n"
    "  --config FILE      configuration (see deploy/examples/shunt.yaml)\n"
    "  --check            print all that is wrong with FILE and this host, and exit\n"
    "  --log-level LEVEL  error, warning, notice, info (default) or debug\n"
    "  --version, --help\n"
    "\n"
    "Exit status: 0 stopped in good order, 1 failed, 2 usage, 3 configuration.\n";

struct options {
    const char *config_path;
    bool is_check;
    enum log_level level;
};

static const char *const level_names[] = {"error", "warning", "notice", "info", "debug", NULL};

static bool read_level(const char *name, enum log_level *ret_level)
{
    for (unsigned i = 0; level_names[i] != NULL; i++)
        if (strcmp(level_names[i], name) == 0) {
            *ret_level = (enum log_level)i;
            return true;
        }
    fprintf(stderr,
            "shunt-controller: --log-level: '%s' is not one of error, warning, notice, "
            "info, debug\n",
            name);
    return false;
}

/* Returns an exit status, or -1 to go on. */
static int read_options(int argc, char **argv, struct options *options)
{
    static const struct option names[] = {{"config", required_argument, NULL, 'c'},
                                          {"check", no_argument, NULL, 'k'},
                                          {"log-level", required_argument, NULL, 'l'},
                                          {"version", no_argument, NULL, 'v'},
                                          {"help", no_argument, NULL, 'h'},
                                          {NULL, 0, NULL, 0}};
    int name;
    while ((name = getopt_long(argc, argv, "", names, NULL)) != -1) {
        switch (name) {
        case 'c':
            options->config_path = optarg;
            break;
        case 'k':
            options->is_check = true;
            break;
        case 'l':
            if (!read_level(optarg, &options->level))
                return EXIT_USAGE;
            break;
        case 'v':
            puts("shunt-controller " SHUNT_VERSION);
            return EXIT_SUCCESS;
        case 'h':
            fputs(help, stdout);
            return EXIT_SUCCESS;
        default:
            return EXIT_USAGE;
        }
    }
    if (options->config_path != NULL && optind == argc)
        return -1;
    fputs(options->config_path == NULL ? "shunt-controller: --config FILE is missing\n"
                                       : "shunt-controller: takes options only\n",
          stderr);
    return EXIT_USAGE;
}

/* Prints every complaint. True if there is none. */
static bool is_good(const struct options *options, struct yaml_document *document,
                    struct config *config)
{
    BUFFER_CLEANUP struct buffer host;
    struct error err;
    buffer_init(&host, 64 * 1024);
    if (!yaml_open(options->config_path, document, &err)) {
        fprintf(stderr, "shunt-controller: %s\n", err.message);
        return false;
    }
    config_read(document, config);
    fputs(buffer_text(&document->complaints), stderr);
    if (document->complaint_count != 0)
        return false;
    if (config_check_host(config, &host) == 0)
        return true;
    fputs(buffer_text(&host), stderr);
    return false;
}

/* Secrets pass through this process: no core dump, no ptrace by others of the same user. */
static void harden(void)
{
    struct rlimit none = {0, 0};
    prctl(PR_SET_DUMPABLE, 0);
    setrlimit(RLIMIT_CORE, &none);
    umask(022);
}

static struct shell *stopping_shell;

static void *read_streams(void *shell)
{
    reader_run(shell);
    return NULL;
}

static void *wait_for_signal(void *context)
{
    int number = 0;
    sigwait(context, &number);
    log_notice("signal %d: stopping", number);
    shell_stop(stopping_shell);
    return NULL;
}

static bool start_thread(void *(*run)(void *), void *context, const char *what,
                         pthread_t *ret_thread, struct error *err)
{
    int status = pthread_create(ret_thread, NULL, run, context);
    if (status != 0)
        error_set_errno(err, status, "start the thread that %s", what);
    return status == 0;
}

/* To systemd, where the unit has a watchdog. */
static void tell_alive(void)
{
    static int64_t told_ms;
    int64_t now_ms = clock_monotonic_ms();
    if (now_ms < told_ms + ALIVE_EVERY_MS)
        return;
    told_ms = now_ms;
    (void)sd_notify(0, "WATCHDOG=1");
}

static bool run_shell(struct shell *shell, sigset_t *signals, struct error *err)
{
    pthread_t reader, waiter;
    stopping_shell = shell;
    shell->tell_alive = tell_alive;
    if (!name_claim(shell, err))
        return false;
    if (!start_thread(read_streams, shell, "reads Redis", &reader, err))
        return false;
    bool is_waiting = start_thread(wait_for_signal, signals, "waits for signals", &waiter, err);
    if (is_waiting) {
        sd_notify(0, "READY=1");
        shell_run(shell);
        sd_notify(0, "STOPPING=1");
        pthread_join(waiter, NULL);
    }
    atomic_store(&shell->is_stopping, true);
    pthread_join(reader, NULL);
    return is_waiting;
}

static bool lock_state(const struct config *config, int *ret_fd, struct error *err)
{
    FREE_CLEANUP char *path = memory_format("%s/lock", config->state_dir);
    return file_make_directory(config->state_dir, 0755, err) && file_lock(path, ret_fd, err);
}

static void identify(struct shell *shell, int lock)
{
    struct name_holder holder;
    name_holder_here(shell->instance, lock, &holder);
    name_holder_write(&holder, shell->identity);
}

static bool run(struct config *config, sigset_t *signals, struct error *err)
{
    CLOSE_CLEANUP int lock = -1;
    struct embedded *embedded = NULL;
    struct shell *shell = NULL;
    if (!http_init(err) || !lock_state(config, &lock, err))
        return false;
    mallopt(M_MMAP_THRESHOLD, LARGE_BYTES); /* it would grow with the first that is freed */
    mallopt(M_ARENA_MAX, 4); /* each keeps what its threads once needed; one would be waited for */
    malloc_trim(0);          /* what reading the configuration took is a third of all memory */
    if (config->is_embedded &&
        (!embedded_prepare(config, err) || !embedded_start(config, &embedded, err)))
        return false;
    shell = memory_zeroed(1, sizeof(*shell));
    bool is_good = shell_open(shell, config, err);
    if (is_good) {
        identify(shell, lock);
        is_good = run_shell(shell, signals, err);
        shell_close(shell);
    }
    free(shell);
    embedded_stop(embedded);
    return is_good;
}

/* What is not told is not done, for whoever waits for it. */
static int told(int status)
{
    struct error err;
    if (standard_output_flush(&err))
        return status;
    fprintf(stderr, "shunt-controller: not all is told: %s\n", err.message);
    return status == EXIT_SUCCESS ? EXIT_FAILURE : status;
}

int main(int argc, char **argv)
{
    struct options options = {.level = LOG_LEVEL_INFO};
    struct yaml_document document;
    struct config config;
    sigset_t signals;
    struct error err;
    int status = read_options(argc, argv, &options);
    if (status >= 0)
        return told(status);
    harden();
    memset(&document, 0, sizeof(document));
    memset(&config, 0, sizeof(config));
    log_open("shunt-controller", options.level);
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    pthread_sigmask(SIG_BLOCK, &signals, NULL); /* in every thread; one waits for them */
    signal(SIGPIPE, SIG_IGN);
    status = EXIT_SUCCESS;
    if (!keys_init(&err) || !failpoint_open(&err)) {
        log_failure(LOG_LEVEL_ERROR, &err, "shunt-controller");
        return EXIT_FAILURE;
    }
    if (!is_good(&options, &document, &config)) {
        status = EXIT_CONFIG;
    } else if (options.is_check) {
        puts("configuration is good");
    } else if (!run(&config, &signals, &err)) {
        log_failure(LOG_LEVEL_ERROR, &err, "shunt-controller");
        status = EXIT_FAILURE;
    }
    config_done(&config);
    yaml_done(&document);
    return told(status);
}
