# SPDX-License-Identifier: Apache-2.0
"""
takeover: kill -9 of the leading controller in the middle of an upgrade, until the next one has sent
its first command. The upgrade is in a soak that lasts longer than the benchmark; what is asked again
is the watch.
"""

from concurrent.futures import ThreadPoolExecutor
import random
import statistics
import time

from fleet import CLUSTER
from measure import Figure, quantile
from networks import claimed_network
from processes import Failed
from rivals import RivalTrial
from shunt_wire import Redis

FAST_LEASE_MS, DEFAULT_LEASE_MS = 500, 6000
TO = "7.9.4"
SILENCE_S = 60


class Pair(RivalTrial):
    """Two controllers and an upgrade that watches its first node for hours."""

    def __init__(self, folder, network, lease_ms):
        super().__init__(folder, network, lease_ms=lease_ms, drops_customisations=True,
                         policy={"soak": "10h"})

    def begin(self):
        self.start()
        self.wait_leader("c1")
        self.upgrade(TO)
        self.wait("the soak of the first node",
                  lambda upgrade: any(row["step"] == "soak" for row in upgrade["nodes"]))
        self.rivals["c1"] = self.controller
        self.start_rival("c2")


def read_along(redis, password_of):
    with open(password_of, encoding="utf-8") as secret:
        redis.call("AUTH", "controller", secret.read().strip())


def take_over(pair, killed):
    """Seconds from the kill of the leader to the other's first command."""
    stream = pair.store.key("command:bb1")
    with Redis(f"{pair.redis_dir}/redis.sock", SILENCE_S + 5) as redis:
        read_along(redis, f"{pair.redis_dir}/controller.password")
        last = redis.call("XINFO", "STREAM", stream)
        last = dict(zip(last[::2], last[1::2]))[b"last-generated-id"]
        daemon = pair.rivals.pop(killed)
        pair.daemons.remove(daemon)
        begun = time.monotonic()
        daemon.signal(9)
        reply = redis.call("XREAD", "COUNT", 1, "BLOCK", SILENCE_S * 1000, "STREAMS", stream, last)
        took = time.monotonic() - begun
    if reply is None:
        raise Failed(f"nobody took over from {killed} within {SILENCE_S} s")
    daemon.stop()
    return took


def measure_pair(folder, network, lease_ms, count, seed):
    pair = Pair(folder, network, lease_ms)
    chance = random.Random(seed)
    times = []
    try:
        pair.begin()
        for _ in range(count):
            leader, other = (("c1", "c2") if pair.leader(CLUSTER)[0] == "c1" else ("c2", "c1"))
            time.sleep(chance.random() * lease_ms / 3000)  # at any moment between two renewals
            times.append(take_over(pair, leader))
            pair.wait_leader(other)
            pair.start_rival(leader)
    finally:
        pair.stop()
    return times


def measure(folder, lease_ms, count, pairs):
    """Pairs side by side where a kill is mostly waited for."""
    def measure_one(number):
        with claimed_network() as network:
            return measure_pair(f"{folder}/{lease_ms}-{number}", network, lease_ms,
                                count // pairs, seed=number)

    with ThreadPoolExecutor(pairs) as threads:
        times = sum(threads.map(measure_one, range(1, pairs + 1)), [])
    print(f"  lease {lease_ms} ms: {[round(took, 3) for took in times]}", flush=True)
    return times


def measure_all(folder, is_smallest):
    sizes = (((FAST_LEASE_MS, 2, 1),) if is_smallest
             else ((FAST_LEASE_MS, 50, 1), (DEFAULT_LEASE_MS, 50, 5)))
    found = []
    for lease_ms, count, pairs in sizes:
        times = measure(folder, lease_ms, count, pairs)
        of = f"lease of {lease_ms / 1000:g} s, {count} kills"
        found += [Figure(f"{of}, median", statistics.median(times), "s"),
                  Figure(f"{of}, 90th of 100", quantile(times, 0.9), "s"),
                  Figure(f"{of}, worst", max(times), "s")]
    return found
