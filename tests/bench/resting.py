# SPDX-License-Identifier: Apache-2.0
"""rest: what controller, its Redis and an agent use in a minute with nothing to do."""

import time

from measure import Figure, cpu_s, resident_mb, wakeups
from networks import claimed_network
from trial import Trial

NORMAL_S, SMALLEST_S = 60, 2
SETTLE_S = 6  # what an upgrade's plan has begun is over
DEFAULT_LEASE_MS = 6000


def ticks(pids):
    return {name: (cpu_s(pid, with_children=True), wakeups(pid)) for name, pid in pids.items()}


def measure_all(folder, is_smallest):
    seconds = SMALLEST_S if is_smallest else NORMAL_S
    with claimed_network() as network:
        trial = Trial(f"{folder}/cluster", network, drops_customisations=True,
                      lease_ms=DEFAULT_LEASE_MS)
        try:
            trial.start(with_traffic=False)
            time.sleep(0 if is_smallest else SETTLE_S)
            pids = {"controller": trial.controller.pid, "its redis-server": trial.redis_pid(),
                    "an agent": trial.agents["bb1"].pid}
            before = ticks(pids)
            time.sleep(seconds)
            after = ticks(pids)
            memory = {name: resident_mb(pid) for name, pid in pids.items()}
        finally:
            trial.stop()
    found = []
    for name, (cpu, woken) in after.items():
        found += [Figure(f"{name}, RSS", memory[name], "MB"),
                  Figure(f"{name}, CPU", 1000 * (cpu - before[name][0]) / seconds, "ms a second"),
                  Figure(f"{name}, wake-ups", (woken - before[name][1]) / seconds, "a second")]
    return found
