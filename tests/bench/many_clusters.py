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
ANSWERS_S = 0.02
ASKED_MOST = 250  # requests under way


@dataclasses.dataclass
class Size:
    clusters: tuple
    own_ms: int  # a stop, and a start


NORMAL, SMALLEST = Size((10, 100, 1000, 2500), 2000), Size((2, 4), 100)


def request(fleet, name, request_id):
    """A signed request for the upgrade of one cluster."""
    now = now_ms()
    body = json.dumps({"id": request_id, "cluster": name, "operator": "admin",
                       "verb": "upgrade", "issued_ms": now, "expires_ms": now + LIFE_MS, "to": TO,
                       "artifact": "/srv/atlassian-bitbucket.tar.gz", "sha256": "", "node": "",
                       "with_rollback": False}).encode()
    return body, sign(fleet.keys["admin"], DOMAIN_REQUEST, body)


class Asker:
    """Asks for the upgrade of every cluster, for so many at a time as the plans of which are made
    within their time; one that is refused, because an agent's answer came late, is asked for
    again."""

    def __init__(self, fleet):
        self.fleet = fleet
        self.open = list(reversed(fleet.clusters))
        self.asked = {}  # cluster -> id of the request
        self.count = self.refused = 0

    def ask_all(self):
        end = time.monotonic() + UPGRADE_S
        with Redis(self.fleet.redis.path, 60) as redis:
            while self.open or self.asked:
                if time.monotonic() > end:
                    raise Failed(f"no answers for {list(self.asked)[:5]}")
                while self.open and len(self.asked) < ASKED_MOST:
                    self._ask(redis, self.open.pop())
                self._hear(redis)
                time.sleep(ANSWERS_S)

    def _ask(self, redis, name):
        self.count += 1
        self.asked[name] = f"bench-{name}-{self.count}"
        body, signature = request(self.fleet, name, self.asked[name])
        redis.call("XADD", f"shunt:{{{name}}}:request", "*", "body", body, "key", "admin", "sig",
                   signature)

    def _hear(self, redis):
        for name, request_id in list(self.asked.items()):
            answer = redis.call("LPOP", f"shunt:{{{name}}}:answer:{request_id}")
            if answer is None:
                continue
            del self.asked[name]
            if not json.loads(answer)["ok"]:
                self.refused += 1
                self.open.append(name)


def outcomes(fleet):
    """The summary of each cluster's upgrade; None while it has not ended."""
    rows = fleet.call_each("XRANGE", "shunt:{{{c}}}:history", "-", "+")
    return [json.loads(row[0][1][1]) if row else None for row in rows]


class Watcher:
    """How far the fleet is; asks little, not to disturb."""

    def __init__(self, fleet):
        self.fleet, self.open = fleet, list(fleet.clusters)

    def have_all_ended(self):
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
        watcher = Watcher(fleet)
        asked = time.time() * 1000
        asker = Asker(fleet)
        asker.ask_all()
        asked_s = time.time() - asked / 1000
        wait_until(watcher.have_all_ended, "all upgrades have ended", UPGRADE_S, controller)
        used = {name: cpu_s(pid) - before[name] for name, pid in used.items()}
        _, ended = judge(fleet)
        result = {"clusters": clusters, "wall_s": (ended - asked) / 1000,
                  "critical_s": NODES * 2 * own_ms / 1000, "cpu_s": used,
                  "asked_s": asked_s, "refused": asker.refused,
                  "peak_mb": resident_mb(controller.pid, "VmHWM"), "redis_mb": redis_mb(fleet)}
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
        Figure(f"{of}, until the last has begun", result["asked_s"], "s"),
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
