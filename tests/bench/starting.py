# SPDX-License-Identifier: Apache-2.0
"""
start: `shunt status` and `shunt plan` as whole processes, and a controller with 2,500 clusters in
its configuration from its start until it says that it is ready, and until it leads them all.
"""

import os
import socket
import statistics
import subprocess
import time

from fleet import CLUSTER
from measure import Figure, resident_mb
from networks import claimed_network
from processes import wait_until
from simulated import BUILD, Simulated
from trial import Trial

READY_S = 300


def whole_process(*command):
    """Milliseconds, and it must succeed."""
    begun = time.monotonic()
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    took = (time.monotonic() - begun) * 1000
    assert done.returncode == 0, (command, done)
    return took


def measure_commands(folder, times):
    with claimed_network() as network:
        trial = Trial(f"{folder}/cluster", network, drops_customisations=True)
        try:
            trial.start(with_traffic=False)
            trial.upgrade("7.9.4")
            trial.ended("done", 60)
            artifact = trial.release("7.9.5")
            shunt = (trial.program("shunt"), "--config", trial.config)
            redis = ("/usr/bin/redis-cli", "-s", f"{trial.state_dir}/redis/redis.sock", "--version")
            took = {"status": [], "plan": [], "redis": []}
            for _ in range(times):  # in turn
                took["status"].append(whole_process(*shunt, "status", CLUSTER))
                took["redis"].append(whole_process(*redis))
                took["plan"].append(whole_process(*shunt, "plan", CLUSTER, "--to", "7.9.5",
                                                  "--artifact", artifact))
        finally:
            trial.stop()
    return {name: statistics.median(values) for name, values in took.items()}


class Notified:
    """The socket where a service says READY=1."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(path)
        self.socket.settimeout(READY_S)
        self.path = path

    def wait_ready(self):
        while b"READY=1" not in self.socket.recv(4096):
            pass


def measure_controller(folder, clusters):
    """(seconds until it is ready, until it leads all, MB then, seconds of --check)."""
    os.mkdir(folder)
    fleet = Simulated(folder, clusters)
    fleet.write_configuration()
    controller = os.path.join(BUILD, "controller", "shunt-controller")
    check_ms = whole_process(controller, "--config", fleet.config, "--check")
    notified = Notified(f"{folder}/notify")
    os.environ["NOTIFY_SOCKET"] = notified.path
    try:
        fleet.redis.start()
        begun = time.monotonic()
        daemon = fleet.start_controller()
        notified.wait_ready()
        ready_s = time.monotonic() - begun
        wait_until(lambda: fleet.call_each("EXISTS", "shunt:{{{c}}}:status")[-1] == 1,
                   "the last cluster is led", READY_S, daemon)
        led_s = time.monotonic() - begun
        return ready_s, led_s, resident_mb(daemon.pid), check_ms / 1000
    finally:
        del os.environ["NOTIFY_SOCKET"]
        notified.socket.close()
        fleet.stop()


def measure_all(folder, is_smallest):
    times, clusters = (2, 5) if is_smallest else (20, 2500)
    took = measure_commands(folder, times)
    ready_s, led_s, rss_mb, check_s = measure_controller(f"{folder}/fleet", clusters)
    of = f"{clusters:,} clusters"
    return [
        Figure("`shunt status`", took["status"], "ms", "redis-cli --version", took["redis"],
               took["redis"] / took["status"]),
        Figure("`shunt plan`, three nodes", took["plan"], "ms", "redis-cli --version",
               took["redis"], took["redis"] / took["plan"]),
        Figure(f"controller, {of}, --check", check_s, "s"),
        Figure(f"controller, {of}, until it is ready", ready_s, "s"),
        Figure(f"controller, {of}, until it leads all", led_s, "s"),
        Figure(f"controller, {of}, RSS then", rss_mb, "MB"),
    ]
