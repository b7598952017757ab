# SPDX-License-Identifier: Apache-2.0
"""
A cluster that has never heard of Shunt: three nodes, a load balancer, and a host for what is to
come, with a Redis.
"""

import concurrent.futures
import contextlib
import os

import haproxy
import manifest
import standin
from documents import redis_users
from hosts import Host
from nodes import ARTIFACTS, HostNode, USER_ID
from processes import Failed, run, wait_until

FIRST_VERSION = "7.9.0"
NAMES = ("bb1", "bb2", "bb3")
HTTP_PORT, SSH_PORT, REDIS_PORT = 80, 7999, 6379
PATIENCE_S = 120  # of a machine that others use as well

REDIS_CONFIG = """\
bind {address}
port {port}
dir /var/lib/redis
appendonly yes
maxmemory-policy noeviction
aclfile /etc/redis/users.acl
"""


class HostLB(haproxy.HAProxy):
    """Debian's own HAProxy and unit."""

    def __init__(self, host, nodes):
        self.host = host
        super().__init__(host.folder, host.address, HTTP_PORT, SSH_PORT, nodes)

    def write_configuration(self):
        self.host.write("/etc/haproxy/haproxy.cfg",
                        haproxy.config_text("/run/haproxy/admin.sock", self.address, HTTP_PORT,
                                            SSH_PORT, self.nodes))

    @property
    def socket_path(self):
        return self.host.live_path("/run/haproxy/admin.sock")


def each(do, things):
    """At once, of all; the first failure is the caller's."""
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        return list(pool.map(do, things))


class Cluster:
    """`services` are of the three nodes; `mount` is called before anything is installed, `prepare`
    before anything boots; `properties` are settings of the stand-ins."""

    def __init__(self, ground, judge, services=("link",) * 3, mount=None, prepare=None,
                 **properties):
        self.folder, self.judge = ground.folder, judge
        self.artifacts = self._folder("artifacts")
        self.shared_home = self._folder("shared-home")
        standin.make_shared_home(self.shared_home,
                                 **{"start_ms": 300, "stop_ms": 100, **properties})
        run("chown", "-R", f"{USER_ID}:{USER_ID}", self.shared_home)
        hosts = [HostNode.make_host(ground, name, number, self.shared_home, self.artifacts)
                 for number, name in enumerate(NAMES, 11)]
        self.nodes = [HostNode(*pair) for pair in zip(hosts, services)]
        self.controller = Host(ground, "ctl", 3)
        self.lb_host = Host(ground, "lb1", 2)
        self.lb = HostLB(self.lb_host, self.nodes)
        self.agents = [*hosts, self.lb_host]
        self.hosts = [*self.agents, self.controller]
        self.homes = None
        if mount is not None:
            mount(self)
        self._set_up_servers()
        if prepare is not None:
            prepare(self)

    def _folder(self, name):
        path = os.path.join(self.folder, name)
        os.makedirs(path)
        return path

    # What there is before Shunt.

    def _set_up_servers(self):
        tarball = self.release(FIRST_VERSION)
        each(lambda node: node.install(tarball, FIRST_VERSION), self.nodes)
        redis = self.controller
        users = redis_users([host.name for host in self.agents])
        redis.write("/etc/redis/redis.conf",
                    REDIS_CONFIG.format(address=redis.address, port=REDIS_PORT))
        redis.write("/etc/redis/users.acl",
                    "user default off\n" + "\n".join(users) + "\n")
        run("chroot", redis.root, "chown", "-R", "redis:redis", "/etc/redis")
        for host, unit in ((redis, "redis-server"), (self.lb_host, "haproxy")):
            run("systemctl", f"--root={host.root}", "--quiet", "enable", unit)

    def release(self, version, **fillers):
        """On the file server; returns the path that the nodes know it by."""
        files = [f"--{name.replace('_', '-')}={value}" for name, value in fillers.items()]
        return run(os.path.join(standin.STANDIN, "make-release"), version, self.artifacts,
                   *(files or ["--files=24"])).strip()

    def artifact(self, version):
        """Where every node has it."""
        return f"{ARTIFACTS}/atlassian-bitbucket-{version}.tar.gz"

    def offer(self, version):
        """A small release, where there is none."""
        if not os.path.exists(os.path.join(self.artifacts,
                                           os.path.basename(self.artifact(version)))):
            self.release(version)

    def begin(self):
        """Boots all, and waits until users are served."""
        for host in self.hosts:
            host.begin_boot()
        each(Host.wait_booted, self.hosts)
        for node in self.nodes:
            if node.service.path is None:
                node.start()
            node.wait_running(PATIENCE_S)
        wait_until(lambda: self.lb.in_rotation() == len(self.nodes), "all nodes in rotation",
                   PATIENCE_S)
        for number, node in enumerate(self.nodes):
            node.set_faults(active_users=number)  # the order is known: bb1, bb2, bb3
        self.homes = self._look_at_homes()

    def end(self):
        for host in self.hosts:
            host.end()

    # From outside.

    def node(self, name):
        return next(node for node in self.nodes if node.name == name)

    def _look_at_homes(self):
        patterns = manifest.read_patterns(os.path.join(standin.STANDIN, "own-writes"))
        return manifest.of_cluster(self.nodes, self.shared_home, patterns)

    def cluster_states(self):
        states = set()
        for node in self.nodes:
            cluster = node.cluster()
            states.add(cluster["state"] +
                       (" in upgrade mode" if cluster["upgradeModeEnabled"] else ""))
        return ", ".join(sorted(states))

    def judge_settled(self, version):
        """Every node serves that version in a STABLE cluster, and nothing in a home was touched."""
        judge = self.judge
        judge.equal(f"all nodes run {version}", [version] * 3,
                    [node.version() for node in self.nodes])
        judge.equal("the cluster is", "STABLE", self.cluster_states())
        with contextlib.suppress(Failed):
            wait_until(lambda: self.lb.in_rotation() == len(self.nodes), "rotation", 10)
        judge.equal("nodes in rotation", len(self.nodes), self.lb.in_rotation())
        changed = manifest.differences(self.homes, self._look_at_homes())
        judge.holds("nothing was changed in the homes", not changed, changed)
