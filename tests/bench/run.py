# SPDX-License-Identifier: Apache-2.0
"""Measures one thing after the other and prints one table."""

import argparse
import json
import os
import sys
import tempfile

TOP = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
sys.path[:0] = [os.path.join(TOP, "deploy", "demo"), os.path.join(TOP, "tests", "integration")]

import balancing  # noqa: E402
import dispatching  # noqa: E402
import many_clusters  # noqa: E402
import measure  # noqa: E402
import resting  # noqa: E402
import rolling_out  # noqa: E402
import staging  # noqa: E402
import starting  # noqa: E402
import taking_over  # noqa: E402

# Each takes a folder and whether the smallest size is wanted, and gives figures.
BENCHMARKS = {
    "rollout": rolling_out.measure_all,
    "dispatch": dispatching.measure_all,
    "fleet": many_clusters.measure_all,
    "takeover": taking_over.measure_all,
    "stage": staging.measure_all,
    "rest": resting.measure_all,
    "start": starting.measure_all,
    "balancers": balancing.measure_all,
}
HEAD = ("figure", "Shunt", "unit", "beside it", "ratio", "goal")


def print_row(cells):
    print(f"| {' | '.join(cells)} |", flush=True)


def measure_one(name, is_smallest):
    """Figures, and the machine as it was just before."""
    machine = measure.machine()
    print(f"\n== {name}; load before: {machine['load_before']}", flush=True)
    with tempfile.TemporaryDirectory(prefix=f"shunt-{name}-") as folder:
        return machine, BENCHMARKS[name](folder, is_smallest)


def print_table(results):
    print()
    print_row(HEAD)
    print_row(["---"] * len(HEAD))
    for name, (_, figures) in results.items():
        for figure in figures:
            print_row((f"{name}: {figure.name}", *figure.cells()[1:]))


def write_report(path, results):
    report = {name: {"machine": machine, "figures": [vars(figure) for figure in figures]}
              for name, (machine, figures) in results.items()}
    with open(path, "w", encoding="utf-8") as out:
        out.write(json.dumps(report, indent=2) + "\n")


def parse_arguments():
    parser = argparse.ArgumentParser(prog="run.sh", description=__doc__)
    parser.add_argument("--report", metavar="FILE", help="write the figures as JSON")
    parser.add_argument("--only", metavar="NAME", action="append", choices=BENCHMARKS,
                        help=f"one of {', '.join(BENCHMARKS)}; may be given several times")
    parser.add_argument("--smallest", action="store_true",
                        help="each at a size that shows that it works, and measures nothing")
    return parser.parse_args()


def main():
    options = parse_arguments()
    results = {name: measure_one(name, options.smallest) for name in options.only or BENCHMARKS}
    print_table(results)
    if options.report:
        write_report(options.report, results)


main()
