# SPDX-License-Identifier: Apache-2.0
"""balancers: what the program `balancers` measures, as rows of the table."""

import os
import subprocess

from measure import Figure

BALANCERS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "balancers")
RUN_S = 3600


def cells(line):
    return [cell.strip() for cell in line.strip().strip("|").split("|")]


def measure_all(_folder, is_smallest):
    words = ["--slow-ms", "500", "haproxy"] if is_smallest else []
    done = subprocess.run([BALANCERS, *words], check=True, text=True, stdout=subprocess.PIPE,
                          timeout=RUN_S)
    head, _, *rows = [cells(line) for line in done.stdout.splitlines() if line.startswith("|")]
    found = []
    for row in rows:
        sent = int(row[1]) + int(row[3])
        found.append(Figure(f"{row[0]}: lost requests and clones", int(row[2]) + int(row[4]),
                            f"of {sent:,}", goal="0"))
        found += [Figure(f"{row[0]}: {name.removesuffix(' ms')}", float(value), "ms")
                  for name, value in zip(head[5:], row[5:])]
    return found
