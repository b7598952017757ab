# SPDX-License-Identifier: Apache-2.0
"""
A whole fleet for one scenario: three stand-ins behind HAProxy, a controller with its Redis, an
agent a node, light traffic. What operators ask and see, what is done to the daemons, and what a
scenario looks at when it is over, all from the outside.
"""

import contextlib
import json
import os
import re
import signal
import subprocess
import time
import urllib.error
import urllib.request

import haproxy
import manifest
import standin
from fleet import CLUSTER, FIRST_VERSION, Fleet
from operator_wire import Operator, Store, load_key
from processes import Daemon, Failed, run, wait_until, write_file

TOP = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
TRAFFIC = os.path.join(TOP, "deploy", "demo", "traffic")
START_MS, STOP_MS, SOAK_MS = 150, 100, 300
LEASE_MS = 3000
DEADLINE_S = 30  # a good scenario never waits for this

POLICY = {
    "max_unavailable": 1, "min_available": 2, "soak": f"{SOAK_MS}ms",
    "drain": {"deadline": "20s"}, "active": {"deadline": "20s"},
    "on_failure": "rollback-cluster",
}


def build_dir():
    """Where the programs under test are."""
    return os.path.abspath(os.environ.get("SHUNT_BUILD_DIR") or os.environ.get("SHUNT_BUILD")
                           or os.path.join(TOP, "build"))


def text_of(error):
    """Message and hint as the operator reads them."""
    return f"{error['message']}; hint: {error['hint']}" if error else ""


def failures_of(plan):
    return [(row["check"], row["subject"], text_of(row["error"]))
            for row in plan["checks"] if not row["ok"]]


def children(pid):
    found = []
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/children", encoding="utf-8") as listed:
            found += [int(child) for child in listed.read().split()]
    return found


def command_line(pid):
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as words:
            return words.read().decode(errors="replace")
    except OSError:
        return ""


class Trial(Fleet):
    """`policy` is laid over the one above; `change` edits the controller's whole configuration;
    `prepare` is called with the trial before anything runs; `balancer` is the load balancer's
    class; where agents drop customisations, a plan reads no artifact; `properties` are settings of
    the stand-ins."""

    def __init__(self, folder, network, policy=None, change=None, operators=(), prepare=None,
                 lease_ms=LEASE_MS, balancer=haproxy.HAProxy, drops_customisations=False,
                 **properties):
        properties = {"start_ms": START_MS, "stop_ms": STOP_MS, **properties}
        super().__init__(folder, build_dir(), [f"{network}.{number}" for number in (1, 2, 3)],
                         f"{network}.100", 18080, 17999, balancer, **properties)
        self.policy = {**POLICY, **(policy or {})}
        self.change, self.lease_ms = change, lease_ms
        self.drops_customisations = drops_customisations
        self.operators = list(operators)  # {"name", "role", "key": public text}
        self.state_dir = os.path.join(folder, "controller")
        self.store = Store(self.state_dir)
        self.admin = None
        self.traffic = None
        self.at_end = contextlib.ExitStack()  # when no process is left
        self._seen = {}
        if prepare is not None:
            prepare(self)

    # Start and end.

    def start(self, with_traffic=True):
        super().start()
        self.admin = Operator(self.store, "admin",
                              load_key(os.path.join(self.state_dir, "keys", "operator.key")))
        for number, node in enumerate(self.nodes):
            node.set_faults(active_users=number)  # the order is known: bb1, bb2, bb3
        if with_traffic:
            self.start_traffic()
        self.mark()
        self.wait_plannable()

    def start_traffic(self, **options):
        ready = os.path.join(self.folder, "traffic.ready")
        given = {"clients": 2, "slow": 1, "slow_ms": 300, "rate": 40, "clone_pause_ms": 250,
                 **options}
        command = [TRAFFIC, "--http", f"{self.front}:{self.http_port}",
                   *(["--ssh", f"{self.front}:{self.ssh_port}"] if self.lb.has_ssh else []),
                   "--ready", ready,
                   "--commit", self.nodes[0].repository_head(), "--scratch", self.folder,
                   "--result", self._traffic_result]
        for name, value in given.items():
            command += [f"--{name.replace('_', '-')}", str(value)]
        self.traffic = Daemon("traffic", command, os.path.join(self.folder, "traffic.log"))
        wait_until(lambda: os.path.exists(ready), "traffic of every kind", DEADLINE_S,
                   self.traffic)

    @property
    def _traffic_result(self):
        return os.path.join(self.folder, "traffic.json")

    def end_traffic(self):
        traffic, self.traffic = self.traffic, None
        assert traffic.stop(deadline_s=40) == 0, traffic.last_words()
        with open(self._traffic_result, encoding="utf-8") as result:
            return json.load(result)

    def stop(self):
        """Returns complaints: of daemons that did not end as they should, and of what is left."""
        complaints = []
        if self.traffic is not None:
            self.traffic.stop()
            self.traffic = None
        for daemon in reversed([each for each in self.daemons if each is not self.lb.daemon]):
            was_running = daemon.is_running()
            if daemon.stop() != 0 or not was_running:
                complaints.append(f"{daemon.name} did not end well")
        for node in self.nodes:
            self.kill_node(node)
        if self.lb.daemon is not None:
            self.lb.daemon.signal(signal.SIGCONT)
            self.lb.daemon.stop()
        complaints += [f"left running: {line}" for line in self._processes()]
        self.at_end.close()
        return complaints

    def _processes(self):
        for pid in filter(str.isdigit, os.listdir("/proc")):
            line = command_line(pid)
            if self.folder + "/" in line:
                yield f"{pid} {line}"

    def kill_node(self, node):
        """Its processes are nobody's children: found by their command line, ended by number."""
        for pid in filter(str.isdigit, os.listdir("/proc")):
            if f"-Dbitbucket.home={node.home}\0" in command_line(pid):
                os.kill(int(pid), signal.SIGKILL)
                wait_until(lambda pid=pid: not command_line(pid), f"end of {pid}", DEADLINE_S)

    # Configuration.

    def _controller_config(self):
        """JSON, which is YAML as well."""
        config = {
            "controller": {"name": "c1", "state_dir": self.state_dir,
                           "lease": f"{self.lease_ms}ms"},
            "redis": "embedded",
            "operators": self.operators,
            "clusters": [{
                "name": CLUSTER, "base_url": f"http://{self.front}:{self.http_port}",
                "credentials": {"user": "admin", "password_file": f"{self.folder}/admin.password"},
                "nodes": [{"name": node.name, "url": node.url, "ssh_port": node.ssh_port}
                          for node in self.nodes],
                "load_balancers": [self.lb.config()],
                "policy": self.policy}]}
        if self.change is not None:
            self.change(config["clusters"][0])
        return json.dumps(config, indent=1)

    def _agent_config(self, node):
        text = super()._agent_config(node)
        if not self.drops_customisations:
            return text
        return text.replace("bitbucket:\n", "bitbucket:\n  customisations: "
                            "[{files: '*', do: keep-new}]\n", 1)

    def reconfigure(self, change):
        """Ends the controller, edits its configuration, starts it again."""
        self.change = change
        self._forget(self.controller)
        assert self.controller.stop() == 0
        self.start_controller()
        self.wait_led()

    # The daemons.

    def _forget(self, daemon):
        self.daemons.remove(daemon)

    def wait_led(self):
        """Until a controller answers requests."""
        wait_until(self._answers, "a controller that answers", DEADLINE_S, self.controller)

    def _answers(self):
        try:
            request = self.admin.request("nodes")
            self.admin.send(request)
            return self.admin.answer(request, 6)
        except OSError:
            return False

    def shunt_as(self, name, *words):
        """(exit status, output, error output) of the command line of one operator."""
        with open(self.config, encoding="utf-8") as own:
            config = json.load(own)
        config["operator"] = {"name": name, "key_file": os.path.join(self.folder, f"{name}.key")}
        path = os.path.join(self.folder, f"{name}.yaml")
        write_file(path, json.dumps(config))
        done = subprocess.run([self.program("shunt"), "--config", path, *words], text=True,
                              timeout=60, stdin=subprocess.DEVNULL, capture_output=True,
                              check=False)
        return done.returncode, done.stdout, done.stderr

    def operator(self, name):
        return Operator(self.store, name, load_key(os.path.join(self.folder, f"{name}.key")))

    def agent_key(self, name):
        return load_key(os.path.join(self._keys(self.node(name)), "node.key"))

    def refused_count(self):
        return self.store.status()["refused"]

    def beat(self, name):
        """What the agent's heartbeat says."""
        text = self.store.call("GET", self.store.key(f"beat:{name}"))
        return json.loads(text) if text else None

    def kill_controller(self):
        self._forget(self.controller)
        self.controller.signal(signal.SIGKILL)
        self.controller.stop()

    def kill_agent(self, name):
        """With its job, as systemd would."""
        agent = self.agents[name]
        jobs = children(agent.pid)
        self._forget(agent)
        agent.signal(signal.SIGKILL)
        agent.stop()
        return jobs

    def start_agent(self, node, *under):
        """`under` are words before the program: what it is started by."""
        path = os.path.join(node.folder, "agent.yaml")
        write_file(path, self._agent_config(node))
        name = f"agent-{node.name}"
        self.agents[node.name] = Daemon(
            name, [*under, self.program("shunt-agent"), "--config", path],
            os.path.join(self.folder, f"{name}.log"))
        self.daemons.append(self.agents[node.name])

    def end_agent(self, name):
        self._forget(self.agents[name])
        assert self.agents[name].stop() == 0

    def redis_pid(self):
        return next((pid for pid in children(self.controller.pid)
                     if "redis-server" in command_line(pid)), None)

    def end_lb(self):
        self._forget(self.lb.daemon)
        self.lb.daemon.stop()

    def start_lb(self):
        """The configuration, nothing of what was set at run time."""
        self.lb.daemon = self.lb.launch()
        self.daemons.append(self.lb.daemon)

    def log(self, name="controller"):
        with open(os.path.join(self.folder, f"{name}.log"), encoding="utf-8") as lines:
            return lines.read()

    def large_release(self, version, mib):
        """One that takes a while to unpack."""
        return run(os.path.join(standin.STANDIN, "make-release"), version, self.folder, "--files",
                   "8", "--file-size", str(mib * 1024 * 1024 // 8)).strip()

    # What operators ask.

    def node(self, name):
        return next(node for node in self.nodes if node.name == name)

    @contextlib.contextmanager
    def faults(self, *names, **faults):
        """Of these nodes, for a time."""
        try:
            for name in names:
                self.node(name).set_faults(**faults)
            yield
        finally:
            for name in names:
                self.node(name).set_faults(**dict.fromkeys(faults))

    def fail_from(self, name, version, **faults):
        """The faults that the node shows once it runs that version."""
        self.node(name).set_faults(**{fault: {"value": value, "only_version": version}
                                      for fault, value in faults.items()})

    def failed_checks(self, version, **fields):
        """[(check, subject, text)] of a plan."""
        return failures_of(self.admin.ask("plan", to=version, **fields)["plan"])

    def refused(self, version, *expected, **fields):
        """A plan and an upgrade, asked for at once, are refused; both say the same. `expected` are
        (check, subject, pattern of message and hint); there may be others beside them."""
        artifact = self.release(version)
        requests = [self.admin.request(verb, to=version, **{"artifact": artifact, **fields})
                    for verb in ("plan", "upgrade")]
        for request in requests:
            self.admin.send(request)
        planned, upgraded = map(self.admin.answer, requests)
        assert planned["ok"] and planned["plan"]["failed"] > 0, planned
        assert not upgraded["ok"] and "nothing was touched" in upgraded["error"]["message"]
        for answer in (planned, upgraded):
            found = failures_of(answer["plan"])
            for check, subject, pattern in expected:
                texts = [text for *place, text in found if place == [check, subject]]
                assert texts and re.search(pattern, texts[0]), found
        return found

    def wait_plannable(self):
        """Until everyone has found everyone. Not asked too often: requests are counted."""
        end = time.monotonic() + DEADLINE_S
        while failed := self.failed_checks("7.9.99"):
            assert time.monotonic() < end, failed
            time.sleep(0.1)

    def upgrade(self, version, asker=None, artifact=None, **fields):
        answer = (asker or self.admin).ask("upgrade", to=version,
                                           artifact=artifact or self.release(version), **fields)
        assert answer["ok"], answer
        return answer["message"]

    def decide(self, verb, **fields):
        answer = self.admin.ask(verb, **fields)
        assert answer["ok"], answer

    # What operators see.

    def progress(self):
        status = self.store.status()
        return status and status["upgrade"]

    def wait(self, what, holds, deadline_s=DEADLINE_S):
        """Until `holds` of the upgrade; gives that back."""
        def look():
            upgrade = self.progress()
            return upgrade if upgrade and holds(upgrade) else None
        try:
            return wait_until(look, what, deadline_s)
        except Failed as failure:
            upgrade = self.progress() or {}
            rows = [(row["node"], row["place"], row["step"], row["pass"], text_of(row["error"]))
                    for row in upgrade.get("nodes", [])]
            raise Failed(f"{failure}; it is in {upgrade.get('phase')} {upgrade.get('outcome')} "
                         f"waiting {upgrade.get('is_waiting')} {rows}") from failure

    def ended(self, outcome, deadline_s=DEADLINE_S):
        upgrade = self.wait("the end of the upgrade",
                            lambda seen: seen["phase"] == "ended" or seen["is_waiting"],
                            deadline_s)
        assert (upgrade["phase"], upgrade["outcome"]) == ("ended", outcome), upgrade["reason"]
        return upgrade

    def waiting(self, *words, deadline_s=DEADLINE_S):
        """Until it waits for a decision and all are where they should be; the reason has these
        words."""
        def holds(seen):
            assert seen["phase"] != "ended", seen["outcome"]
            return seen["is_waiting"] and "working" not in self.places(seen).values()
        upgrade = self.wait("that it waits for a decision", holds, deadline_s)
        for word in words:
            assert re.search(word, text_of(upgrade["reason"])), upgrade["reason"]
        return upgrade

    def wait_down(self, name):
        """Until the load balancer has noticed; a server on its way down still gets traffic."""
        server = f"bb_http/n{self.nodes.index(self.node(name)) + 1}"
        wait_until(lambda: self.lb.servers()[server]["status"] == "DOWN", f"{server} DOWN",
                   DEADLINE_S)

    def at_step(self, name, step, way="up"):
        def holds(seen):
            assert seen["phase"] != "ended", seen["outcome"]
            row = next(row for row in seen["nodes"] if row["node"] == name)
            return (row["place"], row["step"], row["pass"]) == ("working", step, way)
        return self.wait(f"{name} in step {step}", holds)

    @staticmethod
    def places(upgrade):
        return {row["node"]: row["place"] for row in upgrade["nodes"]}

    # What the nodes and the load balancer did.

    def mark(self):
        """runs() counts from here."""
        self._seen = {node.name: len(node.lifecycle()) for node in self.nodes}

    def runs(self, name):
        """["stop 7.9.0", "start 7.9.4", …]: what its scripts were asked to do since the mark."""
        verbs = {"start-script": "start", "stop-script": "stop"}
        return [f"{verbs[line['event']]} {line['version']}"
                for line in self.node(name).lifecycle()[self._seen[name]:]
                if line["event"] in verbs]

    def state(self, name):
        """What the node says of itself, whatever the HTTP status; None if nothing."""
        try:
            with urllib.request.urlopen(self.node(name).url + "/status", timeout=10) as answer:
                return json.load(answer)["state"]
        except urllib.error.HTTPError as answer:
            return json.load(answer)["state"]
        except OSError:
            return None

    def lifecycle_events(self, name):
        return [line["event"] for line in self.node(name).lifecycle()[self._seen[name]:]]

    def linked(self):
        return [os.path.basename(os.path.realpath(node.link)) for node in self.nodes]

    def tree(self, name, version):
        """All that a change to a release on a node would show in."""
        folder = os.path.join(self.node(name).releases, version)
        return {os.path.relpath(path, folder): manifest.describe(path)
                for path in manifest.walk(folder)}

    def left_in_releases(self, *expected):
        """What else lies beside the releases."""
        return {f"{node.name}/{name}" for node in self.nodes
                for name in os.listdir(node.releases) if name not in expected}

    def assert_serves(self, version, *names):
        """These nodes (all) run that version, linked, in rotation."""
        numbers = [number for number, node in enumerate(self.nodes, 1)
                   if not names or node.name in names]
        for node in (self.nodes[number - 1] for number in numbers):
            assert node.version() == version, node.name
            assert os.path.basename(os.path.realpath(node.link)) == version, node.name
        wait_until(lambda: self.lb.in_rotation() == len(numbers),
                   f"{len(numbers)} nodes in rotation", DEADLINE_S)
        for number in numbers:
            assert self.lb.serves(number), number

    def assert_settled(self, version):
        """Every node serves that version, the cluster is STABLE, no request was lost."""
        self.assert_serves(version)
        assert self.cluster_states() == "STABLE"
        self.assert_nothing_lost()

    def assert_nothing_lost(self):
        if self.traffic is None:
            return
        result = self.end_traffic()
        assert result["requests_total"] > 0
        assert (result["requests_failed"], result["clones_failed"]) == (0, 0), result["failures"]

    def assert_untouched(self, version=FIRST_VERSION):
        for node in self.nodes:
            assert self.runs(node.name) == [], node.name
        assert self.linked() == [version] * len(self.nodes)
        self.assert_settled(version)


@contextlib.contextmanager
def running(folder, network, with_traffic=True, kind=Trial, **options):
    """A Trial that has started. What its daemons logged is shown where a scenario fails."""
    made = kind(folder, network, **options)
    try:
        made.start(with_traffic)
        yield made
    finally:
        complaints = made.stop()
        for name in sorted(name for name in os.listdir(folder) if name.endswith(".log")):
            print(f"--- {name}\n{made.log(name.removesuffix('.log'))}")
    assert complaints == []
