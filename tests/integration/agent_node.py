# SPDX-License-Identifier: Apache-2.0
"""A real agent on a node with the Bitbucket stand-in, and what is asked of it."""

import contextlib
import hashlib
import http.client
import json
import os
import signal
import subprocess

import pytest

from shunt_wire import Agent, Controller, RedisServer, public_text, until

HERE = os.path.dirname(os.path.abspath(__file__))
STANDIN = os.path.join(HERE, "..", "emulators", "bitbucket")
OLD, NEW = "7.9.0", "7.9.4"
DEADLINE_MS = 15_000


@pytest.fixture(scope="module")
def artifacts(tmp_path_factory):
    """version -> (path, sha256)"""
    made = {}
    folder = tmp_path_factory.mktemp("artifacts")
    for version in (OLD, NEW):
        path = subprocess.run([os.path.join(STANDIN, "make-release"), version, str(folder)],
                              check=True, capture_output=True, text=True).stdout.strip()
        with open(path, "rb") as file:
            made[version] = (path, hashlib.sha256(file.read()).hexdigest())
    return made


def pid_runs(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as stat:
            return stat.read().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def jvm_arguments(address):
    arguments = {"cluster.node.name": "bb1", "server.address": address,
                 "standin.start-ms": 60, "standin.stop-ms": 20, "standin.grace-ms": 2000}
    return " ".join(f"-D{key}={value}" for key, value in arguments.items())


class Node(Agent):
    """An agent on a node that has been given the releases OLD and NEW by staging, and runs OLD."""

    def __init__(self, folder, server, artifacts, address, service=None):
        """service: a map in YAML, or as given by default: the stand-in's own scripts."""
        super().__init__(folder, server)
        os.unlink(self.path("releases/current"))
        os.rmdir(self.path("releases/7.9.4"))
        os.mkdir(self.path("home/shared"))
        self.artifacts, self.address = artifacts, address
        self.controller = Controller(server, self.key)
        service = service or ("{kind: script, user: root, environment: "
                              f"{{JVM_SUPPORT_RECOMMENDED_ARGS: '{jvm_arguments(address)}'}}}}")
        self.write_private("agent.yaml", f"""
cluster: {self.controller.cluster}
node: {self.controller.node}
state_dir: {self.path("state")}
key_file: {self.path("agent.key")}
redis: {{url: "unix://{server.path}"}}
controllers: [{{name: {self.controller.name}, key: "{public_text(self.controller.key)}"}}]
bitbucket:
  releases: {self.path("releases")}
  home: {self.path("home")}
  address: {address}
  service: {service}
""")

    # Verbs.

    def end(self, verb, **fields):
        return self.controller.end_of(self.controller.do(verb, **fields))

    def done(self, verb, **fields):
        report = self.end(verb, **fields)
        assert report["kind"] == "done", report.get("error")
        return report

    def failed(self, verb, code, *texts, **fields):
        report = self.end(verb, **fields)
        assert report["kind"] == "failed", report
        assert report["error"]["code"] == code, report
        for text in texts:
            assert text in report["error"]["message"], report["error"]
        return report["error"]

    def stage(self, version):
        path, sha256 = self.artifacts[version]
        return self.done("stage", version=version, artifact=path, sha256=sha256)

    def begin(self, version):
        return self.done("start", version=version, deadline_ms=DEADLINE_MS)

    def probe(self, version):
        return self.done("probe", version=version, deadline_ms=DEADLINE_MS)

    def end_bitbucket(self, **fields):
        return self.done("stop", deadline_ms=DEADLINE_MS, **fields)

    def run_version(self, version):
        self.done("switch", version=version)
        self.begin(version)
        self.probe(version)

    # What the node shows.

    def set_faults(self, **faults):
        with open(self.path("home/standin-faults.json"), "w", encoding="utf-8") as out:
            json.dump(faults, out)

    def tell_faults(self, **faults):
        """To a node that runs; they hold at once."""
        connection = http.client.HTTPConnection(self.address, 7990, timeout=10)
        connection.request("POST", "/setup", json.dumps(faults), {"Connection": "close"})
        assert connection.getresponse().status == 200
        connection.close()

    def events(self):
        with open(self.path("home/log/lifecycle.log"), encoding="utf-8") as log:
            return [json.loads(line) for line in log]

    def last_event(self, name):
        return [event for event in self.events() if event["event"] == name][-1]

    def pid(self):
        return self.done("facts")["facts"]["pid"]

    def end_all(self):
        """Ends each process of this home that is left, by its number."""
        self.kill()
        for entry in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{entry}/cmdline", encoding="utf-8") as line:
                    is_ours = f"-Dbitbucket.home={self.path('home')}\0" in line.read()
            except OSError:
                continue
            if is_ours:
                os.kill(int(entry), signal.SIGKILL)
                until(lambda entry=entry: not pid_runs(entry), "the end of a killed process")


@contextlib.contextmanager
def two_releases(made):
    """The agent runs, and has staged OLD and NEW; what runs of the node at the end is ended."""
    try:
        made.start()
        made.controller.hello()
        made.stage(OLD)
        made.stage(NEW)
        yield made
    finally:
        made.end_all()
        made.controller.redis.close()


@pytest.fixture
def server(folder):
    redis = RedisServer(folder)
    redis.start()
    yield redis
    redis.stop()
