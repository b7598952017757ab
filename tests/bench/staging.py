# SPDX-License-Identifier: Apache-2.0
"""stage: what the program `stage` measures, as rows of the table."""

import os
import re
import subprocess

from measure import Figure

STAGE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "stage")
RUN_S = 3600
# Reads the closing lines of each measurement.
SPEED = re.compile(r"^speed: ([\d.]+) of tar's; peak of a job ([\d.]+) MB$", re.MULTILINE)
ONE_SPEED = re.compile(r"^  stage ([\d.]+) s .* tar and sync ([\d.]+) s", re.MULTILINE)
PACE = re.compile(r"^pace: during (\w+) ([\d.]+) of its pace alone$", re.MULTILINE)
SWITCH = re.compile(r"^([\w-]+): median ([\d.]+) ms, longest (\d+) ms", re.MULTILINE)


def run(is_smallest):
    words = ["--pairs", "1", "--files", "200", "--bytes", "400000"] if is_smallest else []
    done = subprocess.run([STAGE, *words], check=True, text=True,
                          stdout=subprocess.PIPE, timeout=RUN_S)
    print(done.stdout, end="", flush=True)
    return done.stdout


def middle(values):
    return sorted(values)[len(values) // 2]


def measure_all(_folder, is_smallest):
    """On a disk of its own choice: what the others use may be memory."""
    said = run(is_smallest)
    quotient, peak_mb = SPEED.search(said).groups()
    each = [(float(ours), float(theirs)) for ours, theirs in ONE_SPEED.findall(said)]
    paces = dict(PACE.findall(said))
    found = [
        Figure("stage 100,000 files, 400 MB" if not is_smallest else "stage",
               middle([ours for ours, _ in each]), "s", "tar xzf, sync",
               middle([theirs for _, theirs in each]), float(quotient)),
        Figure("peak memory of the job", float(peak_mb), "MB"),
        Figure("pace of a process that reads and syncs, meanwhile", float(paces["stage"]),
               "of its own", "tar xzf", float(paces["tar"]),
               float(paces["stage"]) / float(paces["tar"])),
    ]
    for verb, median, longest in SWITCH.findall(said):
        found += [Figure(f"{verb}, median of 25", float(median), "ms"),
                  Figure(f"{verb}, longest", float(longest), "ms")]
    return found
