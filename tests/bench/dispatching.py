# SPDX-License-Identifier: Apache-2.0
"""
dispatch: from a command to the agent's ACCEPTED, by the controller's own code, with one agent and
with 10,000, beside what redis-benchmark gets from the same server with the same load of agents.
"""

import dataclasses
import json
import os
import subprocess

from measure import Figure, cpu_s
from simulated import BUILD, NODES, Simulated

PAYLOAD = "x" * 400  # bytes of a signed command
RUN_S = 900


@dataclasses.dataclass
class Size:
    clusters: int
    count: int    # of commands, one at a time
    seconds: int  # of those that are paced
    redis: int    # requests of redis-benchmark


NORMAL, SMALLEST = Size(2500, 2000, 10, 50000), Size(5, 50, 1, 1000)
RATE, WINDOW = 1000, 64


def redis_benchmark(path, clients, requests, *words):
    """Requests a second of one kind, not pipelined."""
    done = subprocess.run(
        ["/usr/bin/redis-benchmark", "-s", path, "-c", str(clients), "-n", str(requests), "--csv",
         *words], check=True, capture_output=True, text=True, timeout=RUN_S)
    head, row = done.stdout.strip().splitlines()[-2:]
    fields = dict(zip(head.replace('"', "").split(","), row.replace('"', "").split(",")))
    return float(fields["rps"])


def run_one(folder, agents, clusters, size):
    """What bench-dispatch tells, with redis-benchmark's figures before and after."""
    os.mkdir(folder)
    fleet = Simulated(folder, clusters)
    fleet.write_configuration()
    fleet.start()
    try:
        beside = [beside_it(fleet.redis.path, size)]
        before = cpu_s(fleet.redis.pid)
        done = subprocess.run(
            [os.path.join(BUILD, "tests", "bench", "bench-dispatch"), "--config", fleet.config,
             "--agents", str(agents), "--count", str(size.count), "--rate", str(RATE), "--seconds", str(size.seconds),
             "--window", str(WINDOW)], check=True, stdout=subprocess.PIPE, text=True,
            timeout=RUN_S)
        redis_s = cpu_s(fleet.redis.pid) - before
        beside.append(beside_it(fleet.redis.path, size))
    finally:
        fleet.stop()
    result = json.loads(done.stdout)
    print(f"  {agents} agents: {result}, Redis {redis_s:.1f} s of CPU, {beside}",
          flush=True)
    return result, {name: (beside[0][name] + beside[1][name]) / 2 for name in beside[0]}


def beside_it(path, size):
    xadd = ("XADD", "bench", "MAXLEN", "~", "1000", "*", "body", PAYLOAD)
    return {"ping_rate": redis_benchmark(path, 1, size.redis, "PING"),
            "xadd_alone_rate": redis_benchmark(path, 1, size.redis, *xadd),
            "xadd_rate": redis_benchmark(path, 50, size.redis, *xadd)}


def figures(agents, result, beside):
    alone, paced, full = result["alone"], result["paced"], result["full"]
    of = f"{agents:,} agent{'s' if agents > 1 else ''}"
    return [
        Figure(f"{of}, one command at a time, p50", alone["p50_us"], "µs", "PING",
               result["ping_us"], result["ping_us"] / alone["p50_us"],
               "≤ 4 round trips: ratio ≥ 0.25"),
        Figure(f"{of}, one command at a time, p50", alone["p50_us"], "µs", "XADD",
               result["xadd_us"], result["xadd_us"] / alone["p50_us"]),
        Figure(f"{of}, one command at a time, p99", alone["p99_us"], "µs"),
        Figure(f"{of}, {RATE:,} a second, p50", paced["p50_us"] / 1000, "ms"),
        Figure(f"{of}, {RATE:,} a second, p99", paced["p99_us"] / 1000, "ms", goal="< 20 ms"),
        Figure(f"{of}, {WINDOW} under way", full["per_second"], "a second", "XADD, 50 clients",
               beside["xadd_rate"], full["per_second"] / beside["xadd_rate"], "ratio ≥ 0.5"),
        Figure(f"{of}, {WINDOW} under way", full["per_second"], "a second", "XADD, 1 client",
               beside["xadd_alone_rate"], full["per_second"] / beside["xadd_alone_rate"]),
    ]


def measure_all(folder, is_smallest):
    size = SMALLEST if is_smallest else NORMAL
    found = []
    for agents, clusters in ((1, 1), (NODES * size.clusters, size.clusters)):
        result, beside = run_one(os.path.join(folder, str(agents)), agents, clusters, size)
        found += figures(agents, result, beside)
    return found
