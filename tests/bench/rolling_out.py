# SPDX-License-Identifier: Apache-2.0
"""
rollout: the same cluster behind the same HAProxy is upgraded by Shunt and by an Ansible playbook, in
turn, each time to the next version and under the same traffic. What is compared comes from outside
of both: HAProxy's log, the nodes' own logs, the traffic's answers, the kernel's figures.
"""

import dataclasses
import json
import os
import re
import statistics
import subprocess
import time

import report
from fleet import CLUSTER, Fleet
from haproxy import HAProxy
from measure import Figure, Peak, cpu_s, median_ratio
from networks import claimed_network
from processes import Daemon, Failed, wait_until, write_file

HERE = os.path.dirname(os.path.abspath(__file__))
TRAFFIC = os.path.join(HERE, "..", "..", "deploy", "demo", "traffic")
RUN_S = 600
USERS_NICE = 10  # as in the demo

# What HAProxy says when a server gets nothing new any more, and when it serves again.
TAKEN_OUT = re.compile(r"enters drain state|is going DOWN for maintenance|is stopping|DRAIN|MAINT")


@dataclasses.dataclass
class Size:
    nodes: int
    pairs: int
    start_ms: int
    stop_ms: int
    slow_ms: int


NORMAL = Size(nodes=4, pairs=3, start_ms=1500, stop_ms=400, slow_ms=3000)
SMALLEST = Size(nodes=2, pairs=1, start_ms=200, stop_ms=100, slow_ms=500)


@dataclasses.dataclass
class Run:
    """One upgrade of the cluster."""

    wall_s: float
    out_s: list        # of each node
    overhead_ms: list  # of each node
    failed: int        # requests and clones
    sent: int
    cpu_s: float
    peak_mb: float


class Cluster(Fleet):
    """With two nodes one must be enough."""

    def __init__(self, folder, network, size):
        addresses = [f"{network}.{number}" for number in range(1, size.nodes + 1)]
        super().__init__(folder, os.environ["SHUNT_BUILD_DIR"], addresses, f"{network}.100", 18080,
                         17999, HAProxy, soak_ms=0, start_ms=size.start_ms, stop_ms=size.stop_ms)
        self.size = size

    def _controller_config(self):
        return super()._controller_config().replace("min_available: 2", "min_available: 1")

    def daemon_pids(self):
        """All that is Shunt; its Redis is a child of the controller."""
        controller = self.controller.pid
        with open(f"/proc/{controller}/task/{controller}/children", encoding="utf-8") as children:
            redis = [int(child) for child in children.read().split()]
        return [controller, *redis, *(agent.pid for agent in self.agents.values())]


# ---- the two ways ----


class Shunt:
    name = "Shunt"

    def __init__(self, cluster):
        self.cluster = cluster

    def prepare(self, version):
        self.cluster.wait_plan(version, self.cluster.release(version))

    def command(self, version):
        return [self.cluster.program("shunt"), "--config", self.cluster.config, "upgrade", CLUSTER,
                "--to", version, "--artifact", self.cluster.release(version), "--yes", "--watch"]

    environment = None

    def pids(self):
        return self.cluster.daemon_pids()


class Ansible:
    name = "Ansible"

    def __init__(self, cluster):
        self.cluster = cluster
        self.folder = os.path.join(cluster.folder, "ansible")
        os.mkdir(self.folder)
        self.inventory = os.path.join(self.folder, "inventory.json")
        write_file(self.inventory, json.dumps(self._inventory()))
        write_file(os.path.join(self.folder, "ansible.cfg"), "[defaults]\n")

    def _inventory(self):
        hosts = {node.name: {"url": node.url, "home": node.home, "releases": node.releases,
                             "link": node.link, "haproxy_server": f"n{number}",
                             "environment_of_node": node.environment}
                 for number, node in enumerate(self.cluster.nodes, 1)}
        return {"bitbucket": {"hosts": hosts, "vars": {
            "ansible_connection": "local", "ansible_python_interpreter": "/usr/bin/python3",
            "base_url": f"http://{self.cluster.front}:{self.cluster.http_port}",
            "admin_user": "admin", "admin_password": "admin",
            "haproxy_socket": self.cluster.lb.socket_path,
            "haproxy_backends": ["bb_ssh", "bb_http"]}}}

    def prepare(self, _version):
        pass

    def command(self, version):
        return ["/usr/bin/ansible-playbook", "--inventory", self.inventory, "--extra-vars",
                json.dumps({"version": version, "artifact": self.cluster.release(version)}),
                os.path.join(HERE, "ansible", "upgrade.yml")]

    @property
    def environment(self):
        return {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": self.folder, "LC_ALL": "C.UTF-8",
                "ANSIBLE_CONFIG": os.path.join(self.folder, "ansible.cfg"), "ANSIBLE_LOCAL_TEMP": self.folder,
                "ANSIBLE_REMOTE_TEMP": self.folder, "ANSIBLE_NOCOLOR": "1"}

    def pids(self):
        return []


# ---- one run ----


class Traffic:
    def __init__(self, cluster):
        self.result = os.path.join(cluster.folder, "traffic.json")
        ready = os.path.join(cluster.folder, "traffic.ready")
        if os.path.exists(ready):
            os.unlink(ready)
        self.daemon = Daemon("traffic", [
            TRAFFIC, "--http", f"{cluster.front}:{cluster.http_port}",
            "--ssh", f"{cluster.front}:{cluster.ssh_port}", "--ready", ready,
            "--commit", cluster.nodes[0].repository_head(), "--scratch", cluster.folder,
            "--slow-ms", str(cluster.size.slow_ms), "--result", self.result],
            os.path.join(cluster.folder, "traffic.log"), nice=USERS_NICE)
        wait_until(lambda: os.path.exists(ready), "an answer to each kind of traffic", 30,
                   self.daemon)

    def end(self):
        """(what failed, what was sent)"""
        if self.daemon.stop(60) != 0:
            raise Failed(f"traffic\n{self.daemon.last_words()}")
        with open(self.result, encoding="utf-8") as result:
            sums = json.load(result)
        return (sums["requests_failed"] + sums["clones_failed"],
                sums["requests_total"] + sums["clones_total"])


def run_timed(way, version):
    """(seconds, CPU seconds of all that works for it, peak memory of that)."""
    daemons = way.pids()
    before = sum(cpu_s(pid, with_children=True) for pid in daemons)
    log_path = os.path.join(way.cluster.folder, f"{way.name}.log")
    with open(log_path, "wb") as log:
        begun = time.monotonic()
        process = subprocess.Popen(way.command(version), env=way.environment, stdout=log,
                                   stderr=log, stdin=subprocess.DEVNULL)
        with Peak([process.pid, *daemons]) as peak:
            _, status, usage = os.wait4(process.pid, 0)
            wall_s = time.monotonic() - begun
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        with open(log_path, encoding="utf-8", errors="replace") as log:
            raise Failed(f"{way.name}: status {process.returncode}\n{log.read()[-3000:]}")
    after = sum(cpu_s(pid, with_children=True) for pid in daemons)
    return wall_s, usage.ru_utime + usage.ru_stime + after - before, peak.most_mb


def out_of_service(events, server, begun, ended):
    """(begin, end): from HAProxy's first word that the server gets nothing new to its last that it
    serves again."""
    mine = [(at, text) for at, text in events if begun <= at <= ended and f" {server} " in text]
    taken = [at for at, text in mine if TAKEN_OUT.search(text)]
    served = [at for at, text in mine if text.startswith("Health check")
              and text.rstrip(".").endswith(" UP")]
    if not taken or not served or served[-1] < taken[0]:
        raise Failed(f"{server} was not out of service, or not back:\n{mine}")
    return taken[0], served[-1]


def look_at_node(cluster, number, node, begun, ended):
    """(seconds out of service, overhead in ms)."""
    begin, end = out_of_service(list(cluster.lb.events()), f"bb_http/n{number}", begun, ended)
    lifecycle = node.lifecycle()
    gaps = report.gaps(begin, end, [
        *report.own_work(lifecycle, begin, end),
        *report.in_flight(node.accesses(), lifecycle, begin, end),
        *cluster.lb.health_check(number, begin, end)])
    return (end - begin) / 1000, report.overhead_ms(gaps)


def run(way, version):
    way.prepare(version)
    traffic = Traffic(way.cluster)
    begun = time.time() * 1000
    try:
        wall_s, used_s, peak_mb = run_timed(way, version)
    finally:
        failed, sent = traffic.end()
    ended = time.time() * 1000
    for node in way.cluster.nodes:
        if node.version() != version:
            raise Failed(f"{way.name}: {node.name} runs {node.version()} and not {version}")
    looks = [look_at_node(way.cluster, number, node, begun, ended)
             for number, node in enumerate(way.cluster.nodes, 1)]
    result = Run(wall_s, [out for out, _ in looks], [overhead for _, overhead in looks], failed,
                 sent, used_s, peak_mb)
    print(f"  {way.name} to {version}: {result}", flush=True)
    return result


# ---- all ----


def figures(pairs, size):
    """`pairs` of (Ansible's run, Shunt's)."""
    def compared(name, value, unit, goal=""):
        values = [(value(theirs), value(ours)) for theirs, ours in pairs]
        return Figure(name, statistics.median(ours for _, ours in values), unit, "Ansible",
                      statistics.median(theirs for theirs, _ in values), median_ratio(values), goal)

    median = statistics.median
    own_ms = size.start_ms + size.stop_ms
    return [
        compared("whole upgrade", lambda one: one.wall_s, "s"),
        compared(f"a node out of service, its own {own_ms} ms included",
                 lambda one: median(one.out_s), "s"),
        compared("overhead a node", lambda one: median(one.overhead_ms), "ms",
                 "≤ 50 ms, ratio ≥ 40"),
        compared("CPU for it", lambda one: one.cpu_s, "s"),
        compared("peak memory for it", lambda one: one.peak_mb, "MB"),
        Figure("lost requests and clones", sum(ours.failed for _, ours in pairs),
               f"of {sum(ours.sent for _, ours in pairs):,}", "Ansible",
               sum(theirs.failed for theirs, _ in pairs), None, "0"),
    ]


def measure_all(folder, is_smallest):
    size = SMALLEST if is_smallest else NORMAL
    with claimed_network() as network:
        cluster = Cluster(folder, network, size)
        try:
            cluster.start()
            ways = (Ansible(cluster), Shunt(cluster))
            versions = (f"7.9.{patch}" for patch in range(1, 2 * size.pairs + 1))
            pairs = [tuple(run(way, next(versions)) for way in ways) for _ in range(size.pairs)]
        finally:
            cluster.stop()
    return figures(pairs, size)
