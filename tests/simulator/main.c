/* SPDX-License-Identifier: Apache-2.0 */
/* The simulator's command line: seeds, traces, scenarios, enumeration. */
#include "batch.h"
#include "edge.h"
#include "enumerate.h"
#include "scenario.h"
#include "trace.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char help[] =
    "Usage: simulator --seeds FROM..TO [--jobs N] [--stop]\n"
    "       simulator --enumerate [--jobs N] [--stop]\n"
    "       simulator --scenario FILE...\n"
    "       simulator --trace SEED | --trace-case CASE | --trace-scenario FILE\n"
    "Runs the production code of controller and agents in virtual time, and checks the rules.\n"
    "\n"
    "  --seeds FROM..TO       a run a seed: a cluster, an upgrade, faults, all drawn from it\n"
    "  --enumerate            a crash at every boundary, and each pair of crashes at every step\n"
    "  --scenario FILE        named cases; see scenarios/\n"
    "  --trace …              one run again, as a story\n"
    "  --jobs N               processes side by side; default: the cores of this machine\n"
    "  --stop                 at the first failure\n"
    "\n"
    "The last line is \"N passed, N failed\". Exit status: 0 nothing failed, 1 something did, 2 "
    "usage.\n";

enum { EXIT_USAGE = 2 };

struct arguments {
    uint64_t first, last;
    bool has_seeds, is_enumerating, is_scenario;
    struct batch batch;
};

static void describe_seed(uint64_t number, struct run_options *ret_options)
{
    *ret_options = (struct run_options){.seed = number, .has_faults = true, .soak_ms = -1};
}

static void name_seed(uint64_t number, char *text, size_t size)
{
    snprintf(text, size, "seed %" PRIu64, number);
}

static void command_seed(uint64_t number, char *text, size_t size)
{
    snprintf(text, size, "--trace %" PRIu64, number);
}

static int close_with(const struct batch_total *total)
{
    double years = (double)total->virtual_us / 1e6 / 3600 / 24 / 365;
    if (total->cpu_s > 0)
        printf("%.3f virtual years in %.1f s of CPU: %.2f virtual years an hour of CPU\n", years,
               total->cpu_s, years / total->cpu_s * 3600);
    printf("%" PRIu64 " passed, %" PRIu64 " failed\n", total->passed, total->failed);
    return total->failed == 0 && total->passed > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

static int run_seeds(const struct arguments *arguments)
{
    struct batch batch = arguments->batch;
    struct batch_total total;
    batch.first = arguments->first;
    batch.last = arguments->last;
    batch.describe = describe_seed;
    batch.name = name_seed;
    batch.command = command_seed;
    batch_run(&batch, &total);
    return close_with(&total);
}

static int run_enumeration(const struct arguments *arguments)
{
    struct batch batch = arguments->batch;
    struct batch_total total;
    enumerate_fill(&batch);
    batch_run(&batch, &total);
    return close_with(&total);
}

static int run_scenarios(char **paths, int count)
{
    struct batch_total total = {0};
    for (int i = 0; i < count; i++) {
        struct run_result result;
        if (scenario_run(paths[i], &result)) {
            total.passed++;
            continue;
        }
        total.failed++;
        printf("FAILED %s: %s\n  see: simulator --trace-scenario %s\n", paths[i], result.complaint,
               paths[i]);
    }
    return close_with(&total);
}

static int show(const struct run_options *options)
{
    struct run_result result;
    trace_enable(true);
    run_once(options, &result);
    printf("%s after %.0f s: %s\n", outcome_name(result.outcome),
           (double)result.virtual_us / WORLD_S, result.is_good ? "good" : result.complaint);
    return result.is_good ? EXIT_SUCCESS : EXIT_FAILURE;
}

static int show_seed(const char *text)
{
    struct run_options options;
    describe_seed(strtoull(text, NULL, 10), &options);
    return show(&options);
}

static int show_case(const char *text)
{
    struct batch batch = {0};
    struct run_options options;
    enumerate_fill(&batch);
    batch.describe(strtoull(text, NULL, 10), &options);
    return show(&options);
}

static int show_scenario(const char *path)
{
    struct run_options options;
    struct error err;
    if (!scenario_read(path, &options, &err)) {
        fprintf(stderr, "simulator: %s\n", err.message);
        return EXIT_USAGE;
    }
    return show(&options);
}

static bool read_range(const char *text, struct arguments *arguments)
{
    char end;
    arguments->has_seeds = sscanf(text, "%" SCNu64 "..%" SCNu64 "%c", &arguments->first,
                                  &arguments->last, &end) == 2 &&
                           arguments->first <= arguments->last;
    return arguments->has_seeds;
}

static int usage(void)
{
    fputs(help, stderr);
    return EXIT_USAGE;
}

static int run_chosen(const struct arguments *arguments, int argc, char **argv)
{
    if (arguments->is_scenario && optind < argc)
        return run_scenarios(argv + optind, argc - optind);
    if (optind != argc)
        return usage();
    if (arguments->has_seeds)
        return run_seeds(arguments);
    return arguments->is_enumerating ? run_enumeration(arguments) : usage();
}

int main(int argc, char **argv)
{
    static const struct option names[] = {{"seeds", required_argument, NULL, 's'},
                                          {"enumerate", no_argument, NULL, 'e'},
                                          {"scenario", no_argument, NULL, 'f'},
                                          {"trace", required_argument, NULL, 't'},
                                          {"trace-case", required_argument, NULL, 'c'},
                                          {"trace-scenario", required_argument, NULL, 'n'},
                                          {"jobs", required_argument, NULL, 'j'},
                                          {"stop", no_argument, NULL, 'x'},
                                          {"help", no_argument, NULL, 'h'},
                                          {NULL, 0, NULL, 0}};
    struct arguments arguments = {.batch.jobs = (unsigned)sysconf(_SC_NPROCESSORS_ONLN)};
    int name;
    edge_libraries_init();
    while ((name = getopt_long(argc, argv, "", names, NULL)) != -1) {
        switch (name) {
        case 's':
            if (!read_range(optarg, &arguments))
                return usage();
            break;
        case 'e':
            arguments.is_enumerating = true;
            break;
        case 'f':
            arguments.is_scenario = true;
            break;
        case 't':
            return show_seed(optarg);
        case 'c':
            return show_case(optarg);
        case 'n':
            return show_scenario(optarg);
        case 'j':
            arguments.batch.jobs = (unsigned)atoi(optarg);
            if (arguments.batch.jobs == 0)
                return usage();
            break;
        case 'x':
            arguments.batch.stops_at_failure = true;
            break;
        case 'h':
            fputs(help, stdout);
            return EXIT_SUCCESS;
        default:
            return usage();
        }
    }
    return run_chosen(&arguments, argc, argv);
}
