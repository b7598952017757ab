# SPDX-License-Identifier: Apache-2.0
"""
fleet: one controller upgrades many simulated clusters at once. Controller and Redis are real, all
else is one process beside them; on two cores the three share what there is.
"""

import dataclasses
import json
import os
import time

from measure import Figure, cpu_s, resident_mb
from operator_wire import DOMAIN_REQUEST, LIFE_MS
from processes import Failed, wait_until
from shunt_wire import Redis, now_ms, sign
from simulated import NODES, REST_PORT, Simulated

TO = "7.9.4"
UPGRADE_S = 1800
LOOK_S = 0.1


@dataclasses.dataclass
class Size:
    clusters: tuple
    own_ms: int  # a stop, and a start


NORMAL, SMALLEST = Size((10, 100, 1000, 2500), 2000), Size((2, 4), 100)


def request(fleet, name):
    """A signed request for the upgrade of one cluster."""
    now = now_ms()
    body = json.dumps({"id": f"bench-{name}", "cluster": name, "operator": "admin",
                       "verb": "upgrade", "issued_ms": now, "expires_ms": now + LIFE_MS, "to": TO,
                       "artifact": "/srv/atlassian-bitbucket.tar.gz", "sha256": "", "node": "",
                       "with_rollback": False}).encode()
    return body, sign(fleet.keys["admin"], DOMAIN_REQUEST, body)


def ask_all(fleet):
    requests = [(name, *request(fleet, name)) for name in fleet.clusters]
    with Redis(fleet.redis.path, 60) as redis:
        for name, body, signature in requests:
            redis.call("XADD", f"shunt:{{{name}}}:request", "*", "body", body, "key", "admin",
                       "sig", signature)


def outcomes(fleet):
    """The summary of each cluster's upgrade; None while it has not ended."""
    rows = fleet.call_each("XRANGE", "shunt:{{{c}}}:history", "-", "+")
    return [json.loads(row[0][1][1]) if row else None for row in rows]


class Watcher:
    """How far the fleet is, and the controller's highest memory; asks little, not to disturb."""

    def __init__(self, fleet, controller):
        self.fleet, self.controller = fleet, controller
        self.peak_mb, self.open = 0.0, list(fleet.clusters)

    def have_all_ended(self):
        self.peak_mb = max(self.peak_mb, resident_mb(self.controller.pid))
        with Redis(self.fleet.redis.path, 60) as redis:
            while self.open and redis.call("XLEN", f"shunt:{{{self.open[-1]}}}:history"):
                self.open.pop()
        time.sleep(LOOK_S)
        return not self.open


def redis_mb(fleet):
    with Redis(fleet.redis.path) as redis:
        for line in redis.call("INFO", "memory").decode().splitlines():
            if line.startswith("used_memory:"):
                return int(line.partition(":")[2]) / 1e6
    raise Failed("redis tells nothing of its memory")


def judge(fleet):
    """(first begin, last end) in ms."""
    rows = outcomes(fleet)
    wrong = [(row["cluster"], row["outcome"]) for row in rows if row["outcome"] != "done"]
    if wrong:
        raise Failed(f"not done: {wrong[:5]} and {max(0, len(wrong) - 5)} more")
    return min(row["begun_ms"] for row in rows), max(row["ended_ms"] for row in rows)


def run_one(folder, clusters, own_ms):
    os.mkdir(folder)
    fleet = Simulated(folder, clusters)
    fleet.write_configuration({"soak": "0s"})
    try:
        fleet.start("--rest", str(REST_PORT), "--sockets", folder, "--stop-ms", str(own_ms),
                    "--start-ms", str(own_ms))
        controller = fleet.start_controller()
        fleet.wait_led(controller)
        used = {"controller": controller.pid, "redis": fleet.redis.pid, "world": fleet.world.pid}
        before = {name: cpu_s(pid) for name, pid in used.items()}
        watcher = Watcher(fleet, controller)
        asked = time.time() * 1000
        ask_all(fleet)
        wait_until(watcher.have_all_ended, "all upgrades have ended", UPGRADE_S, controller)
        used = {name: cpu_s(pid) - before[name] for name, pid in used.items()}
        _, ended = judge(fleet)
        result = {"clusters": clusters, "wall_s": (ended - asked) / 1000,
                  "critical_s": NODES * 2 * own_ms / 1000, "cpu_s": used,
                  "peak_mb": watcher.peak_mb, "redis_mb": redis_mb(fleet)}
    finally:
        fleet.stop()
    print(f"  {result}", flush=True)
    return result


def figures(result):
    of = f"{result['clusters']:,} clusters"
    wall, critical = result["wall_s"], result["critical_s"]
    cores = result["cpu_s"]["controller"] / wall
    return [
        Figure(f"{of}, all upgraded", wall, "s", "critical path", critical, critical / wall,
               "≤ 5 % over: ratio ≥ 0.95"),
        Figure(f"{of}, CPU of the controller", result["cpu_s"]["controller"], "s",
               f"{cores:.2f} cores; Redis {result['cpu_s']['redis']:.1f} s, simulation "
               f"{result['cpu_s']['world']:.1f} s", goal="≤ 1 core"),
        Figure(f"{of}, CPU of the controller, each",
               1000 * result["cpu_s"]["controller"] / result["clusters"], "ms",
               goal="does not grow"),
        Figure(f"{of}, peak RSS of the controller", result["peak_mb"], "MB", goal="≤ 200 MB"),
        Figure(f"{of}, memory of Redis", result["redis_mb"], "MB"),
    ]


def measure_all(folder, is_smallest):
    size = SMALLEST if is_smallest else NORMAL
    return [figure for clusters in size.clusters
            for figure in figures(run_one(os.path.join(folder, str(clusters)), clusters,
                                          size.own_ms))]
