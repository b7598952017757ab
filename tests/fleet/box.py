# SPDX-License-Identifier: Apache-2.0
"""
The fleet in its box: three nodes, a load balancer, a controller, each a host, and this program in
the place of users and operators. Begins as a cluster that has never heard of Shunt.
"""

import concurrent.futures
import contextlib
import glob
import json
import os
import re
import shutil
import time

import haproxy
import manifest
import standin
from documents import as_written, redis_users
from hosts import Host
from nodes import ARTIFACTS, HostNode, USER_ID
from processes import Daemon, Failed, run, wait_until

CLUSTER, FIRST_VERSION = "git", "7.9.0"
NAMES = ("bb1", "bb2", "bb3")
HTTP_PORT, SSH_PORT = 80, 7999
REDIS_PORT = 6379
PATIENCE_S = 60
TRAFFIC = os.path.join(standin.TOP, "deploy", "demo", "traffic")

REDIS_CONFIG = """\
bind {address}
port {port}
dir /var/lib/redis
appendonly yes
maxmemory-policy noeviction
aclfile /etc/redis/users.acl
"""

CONTROLLER_CONFIG = """\
controller: {{name: c1, key_file: /etc/shunt/c1.key}}
redis:
  url: redis://{controller.address}:{redis_port}
  user: shunt-controller
  password_file: /etc/shunt/redis.password
operator: {{name: admin, key_file: /etc/shunt/admin.key}}
operators:
  - {{name: admin, role: approver, key: "{keys[admin]}"}}
clusters:
  - name: git
    base_url: http://{lb.address}
    credentials: {{user: admin, password_file: /etc/shunt/git.password}}
    nodes:
{nodes}
    agents:
      - {{name: lb1, key: "{keys[lb1]}"}}
    load_balancers:
      - name: edge
        driver: agent
        addresses: [lb1]
        members:
{members}
    policy:
      min_available: 2
      drain: {{deadline: {drain_s}s}}
      active: {{deadline: 60s}}
      soak: {soak_s}s
"""

AGENT_CONFIG = """\
cluster: git
node: {name}
key_file: /etc/shunt/agent.key
redis:
  url: redis://{controller.address}:{redis_port}
  user: agent.git.{name}
  password_file: /etc/shunt/redis.password
controllers:
  - {{name: c1, key: "{keys[c1]}"}}
"""

OF_NODE = "bitbucket:\n  service: {service}\n"
OF_LB = """\
load_balancers:
  - {name: edge, driver: haproxy, addresses: ["unix:/run/haproxy/admin.sock"]}
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


class Box:
    """`services` are of the three nodes; `mount` is called before anything is installed, `prepare`
    before anything boots; `properties` are settings of the stand-ins."""

    def __init__(self, ground, debs, judge, services=("link",) * 3, soak_s=1, drain_s=30,
                 mount=None, prepare=None, **properties):
        self.folder, self.debs, self.judge = ground.folder, debs, judge
        self.soak_s, self.drain_s = soak_s, drain_s
        self.artifacts = self._folder("artifacts")
        self.shared_home = self._folder("shared-home")
        standin.make_shared_home(self.shared_home, **{"start_ms": 300, "stop_ms": 100, **properties})
        run("chown", "-R", f"{USER_ID}:{USER_ID}", self.shared_home)
        hosts = [HostNode.make_host(ground, name, number, self.shared_home, self.artifacts)
                 for number, name in enumerate(NAMES, 11)]
        self.nodes = [HostNode(*pair) for pair in zip(hosts, services)]
        self.controller = Host(ground, "ctl", 3)
        self.lb_host = Host(ground, "lb1", 2)
        self.lb = HostLB(self.lb_host, self.nodes)
        self.agents = [*hosts, self.lb_host]
        self.hosts = [*self.agents, self.controller]
        self.excused = []  # (begin, end) in ms: what was lost then, a fault has cut
        self.traffic = None
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
        self.users = redis_users([host.name for host in self.agents])
        redis = self.controller
        redis.write("/etc/redis/redis.conf",
                    REDIS_CONFIG.format(address=redis.address, port=REDIS_PORT))
        redis.write("/etc/redis/users.acl",
                    "user default off\n" + "\n".join(self.users.values()) + "\n")
        run("chroot", redis.root, "chown", "-R", "redis:redis", "/etc/redis")
        for host, unit in ((redis, "redis-server"), (self.lb_host, "haproxy")):
            run("systemctl", f"--root={host.root}", "--quiet", "enable", unit)

    def release(self, version, **fillers):
        """On the file server; returns the path that the nodes know it by."""
        files = [f"--{name.replace('_', '-')}={value}" for name, value in fillers.items()]
        return run(os.path.join(standin.STANDIN, "make-release"), version, self.artifacts,
                   *(files or ["--files=24"])).strip()

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
        if self.traffic is not None:
            self.traffic.stop()
        for host in self.hosts:
            host.end()

    # From the package to an agent that is seen.

    def install_packages(self):
        each(self._bring_packages, self.hosts)
        self.controller.run(as_written("sudo apt-get install /tmp/shunt/shunt_*.deb "
                                       "/tmp/shunt/shunt-controller_*.deb"))
        each(lambda host: host.run(as_written("sudo apt-get install /tmp/shunt/shunt-agent_*.deb")),
             self.agents)

    def _bring_packages(self, host):
        host.run("mkdir -p /tmp/shunt")
        for path in glob.glob(os.path.join(self.debs, "*.deb")):
            shutil.copy(path, host.live_path("/tmp/shunt"))

    def set_up(self):
        keys = self._make_keys()
        self._configure_controller(keys)
        self.controller.run(as_written("shunt-controller --config /etc/shunt/shunt.yaml --check"))
        self.controller.run(as_written("systemctl enable --now shunt-controller"))
        each(lambda host: self._set_up_agent(host, keys), self.agents)

    def _make_keys(self):
        """Name: public key, of the controller, the operator and each agent."""
        line = as_written("shunt keys new NAME")
        keys = {}
        for name in ("c1", "admin", *(host.name for host in self.agents)):
            self.controller.run("cd /etc/shunt && " + line.replace("NAME", name))
            keys[name] = self.controller.read(f"/etc/shunt/{name}.pub").strip()
        return keys

    def _configure_controller(self, keys):
        nodes = "\n".join(f"      - {{name: {node.name}, url: \"{node.url}\", "
                          f"agent_key: \"{keys[node.name]}\"}}" for node in self.nodes)
        members = "\n".join(f"          {node.name}: [bb_http/n{number}, bb_ssh/n{number}]"
                            for number, node in enumerate(self.nodes, 1))
        host = self.controller
        host.write("/etc/shunt/shunt.yaml", CONTROLLER_CONFIG.format(
            controller=host, lb=self.lb_host, redis_port=REDIS_PORT, keys=keys, nodes=nodes,
            members=members, drain_s=self.drain_s, soak_s=self.soak_s), 0o640)
        host.write("/etc/shunt/redis.password", "shunt-controller-password\n", 0o600)
        host.write("/etc/shunt/git.password", "admin\n", 0o600)
        host.run("cd /etc/shunt && chgrp shunt shunt.yaml && "
                 "chown shunt c1.key redis.password git.password")

    def _set_up_agent(self, host, keys):
        node = next((node for node in self.nodes if node.host is host), None)
        more = OF_LB if node is None else OF_NODE.format(service=node.service.yaml)
        host.write("/etc/shunt/agent.key", self.controller.read(f"/etc/shunt/{host.name}.key"),
                   0o600)
        host.write("/etc/shunt/redis.password", f"agent.git.{host.name}-password\n", 0o600)
        host.write("/etc/shunt/agent.yaml", AGENT_CONFIG.format(
            name=host.name, controller=self.controller, redis_port=REDIS_PORT, keys=keys) + more)
        if node is not None:  # the tarball of what is installed
            host.run("mkdir -p /var/lib/shunt-agent/artifacts && "
                     f"cp {ARTIFACTS}/atlassian-bitbucket-{FIRST_VERSION}.tar.gz "
                     "/var/lib/shunt-agent/artifacts")
        host.run(as_written("shunt-agent --config /etc/shunt/agent.yaml --check"))
        host.run(as_written("systemctl enable --now shunt-agent"))

    def make_ready(self, with_traffic=True):
        """All of the above, for scenarios that are about something else."""
        self.begin()
        self.install_packages()
        self.set_up()
        self.wait_plannable()
        if with_traffic:
            self.start_traffic()

    # The operator's.

    def ask(self, *words):
        """What the CLI says as JSON, or None."""
        _, output = self.controller.attempt(f"shunt {' '.join(words)} --json", deadline_s=30,
                                            is_told=False)
        try:
            return json.loads(output)
        except ValueError:
            return None

    def artifact(self, version):
        """Where every node has it."""
        return f"{ARTIFACTS}/atlassian-bitbucket-{version}.tar.gz"

    def plan_line(self, version):
        return as_written("shunt plan git --to 7.9.4 --artifact "
                          "/srv/atlassian-bitbucket-7.9.4.tar.gz").replace("7.9.4", version)

    def upgrade_line(self, version, *options):
        line = as_written("shunt upgrade git --to 7.9.4 --artifact "
                          "/srv/atlassian-bitbucket-7.9.4.tar.gz --watch")
        line = line.removesuffix(" --watch").replace("7.9.4", version)
        return " ".join([line, *options])

    def wait_agents(self):
        """Until the controller has heard of all."""
        def are_seen():
            status, said = self.controller.attempt("shunt nodes git", deadline_s=30)
            return status == 0 and said.count(FIRST_VERSION) >= len(self.nodes)
        wait_until(are_seen, "that all agents are seen", PATIENCE_S)

    def wait_plannable(self, version="7.9.4"):
        """Until everyone has found everyone."""
        self.offer(version)
        said = [""]

        def is_good():
            status, said[0] = self.controller.attempt(self.plan_line(version), deadline_s=60)
            return status == 0
        try:
            wait_until(is_good, "a plan without a failed check", PATIENCE_S)
        except Failed as failure:
            raise Failed(f"{failure}\n{said[0]}") from failure

    def begin_upgrade(self, version):
        self.offer(version)
        self.controller.run(self.upgrade_line(version, "--yes"))

    def progress(self):
        status = self.ask("status", CLUSTER)
        return status and status.get("upgrade")

    def wait(self, what, holds, deadline_s=PATIENCE_S):
        seen = [None]

        def look():
            seen[0] = self.progress()
            return seen[0] if seen[0] and holds(seen[0]) else None
        try:
            return wait_until(look, what, deadline_s)
        except Failed as failure:
            raise Failed(f"{failure}; it is: {json.dumps(seen[0])[:2000]}") from failure

    def at_step(self, name, *steps):
        def holds(seen):
            if seen["phase"] == "ended":
                raise Failed(f"{name} was not seen in {steps}: the upgrade ended {seen['outcome']}")
            row = next(row for row in seen["nodes"] if row["node"] == name)
            return row["place"] == "working" and row["step"] in steps
        return self.wait(f"{name} in step {'/'.join(steps)}", holds)

    def wait_end_or_question(self, deadline_s=120):
        return self.wait("the end, or a question",
                         lambda seen: seen["phase"] == "ended" or seen["is_waiting"], deadline_s)

    def wait_end(self, deadline_s=120):
        return self.wait("the end of the upgrade", lambda seen: seen["phase"] == "ended", deadline_s)

    def end_with_resume(self, questions_most=6):
        """Who is asked says `shunt resume git`, as README.md has it. How it ended, and what was
        asked."""
        asked = []
        for _ in range(questions_most + 1):
            seen = self.wait_end_or_question()
            if seen["phase"] == "ended":
                break
            asked.append(words_of(seen["reason"]))
            self.controller.run(as_written("shunt resume git"))
            self.wait("that it goes on", lambda now: not now["is_waiting"])
        return {"outcome": seen["outcome"], "asked": asked}

    # Users.

    def start_traffic(self, **given):
        ready = os.path.join(self.folder, "traffic.ready")
        options = {"clients": 2, "slow": 1, "slow_ms": 300, "rate": 40, "clone_pause_ms": 250,
                   "failures_kept": 10_000, **given}
        repository = os.path.join(self.shared_home, "data", "repositories", "demo.git")
        commit = run("git", "-c", "safe.directory=*", "--git-dir", repository, "rev-parse",
                     "HEAD").strip()
        front = self.lb_host.address
        words = [TRAFFIC, "--http", f"{front}:{HTTP_PORT}", "--ssh", f"{front}:{SSH_PORT}",
                 "--ready", ready, "--commit", commit, "--scratch", self.folder,
                 "--result", os.path.join(self.folder, "traffic.json")]
        for name, value in options.items():
            words += [f"--{name.replace('_', '-')}", str(value)]
        self.traffic = Daemon("traffic", words, os.path.join(self.folder, "traffic.log"))
        wait_until(lambda: os.path.exists(ready), "traffic of every kind", PATIENCE_S, self.traffic)

    @contextlib.contextmanager
    def excuse(self, seconds):
        """What is lost from here until so long after the end."""
        begin = time.time() * 1000
        yield
        self.excused.append((begin, (time.time() + seconds) * 1000))

    def judge_traffic(self):
        """Nothing was lost but what a fault has cut."""
        traffic, self.traffic = self.traffic, None
        if traffic.stop(60) != 0:
            raise Failed(f"traffic ended badly\n{traffic.last_words()}")
        with open(os.path.join(self.folder, "traffic.json"), encoding="utf-8") as file:
            result = json.load(file)
        lost = [failure for failure in result["failures"]
                if not any(begin <= failure["at_ms"] <= end for begin, end in self.excused)]
        cut = len(result["failures"]) - len(lost)
        self.judge.holds(f"of {result['requests_total']} requests and {result['clones_total']} "
                         f"clones none failed" + (f" but {cut} that the fault cut" if cut else ""),
                         not lost and result["requests_total"] > 0 and result["clones_total"] > 0,
                         json.dumps(lost[:5], indent=1))

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

    def last_words(self):
        """For people, where something has gone wrong."""
        for host in self.hosts:
            yield f"--- {host.name}\n" + host.journal("shunt-agent", "shunt-controller",
                                                      "bitbucket", lines=30)
        with open(self.controller.transcript, encoding="utf-8") as transcript:
            yield "--- typed on the controller's host\n" + transcript.read()[-6000:]


def words_of(error):
    """Message and hint as the operator reads them."""
    return re.sub(r"\s+", " ", f"{error['message']}; hint: {error['hint']}") if error else ""
