# SPDX-License-Identifier: Apache-2.0
"""A real agent and the Bitbucket stand-in: what each verb does to a node, and what it proves."""

import fnmatch
import hashlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time

import pytest

# No compiled files beside the sources.
sys.dont_write_bytecode = True

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


class Node(Agent):
    """An agent on a node that has been given the releases OLD and NEW by staging, and runs OLD."""

    def __init__(self, folder, server, artifacts, address):
        super().__init__(folder, server)
        os.unlink(self.path("releases/current"))
        os.rmdir(self.path("releases/7.9.4"))
        os.mkdir(self.path("home/shared"))
        self.artifacts, self.address = artifacts, address
        self.controller = Controller(server, self.key)
        arguments = {"cluster.node.name": "bb1", "server.address": address,
                     "standin.start-ms": 60, "standin.stop-ms": 20, "standin.grace-ms": 2000}
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
  service:
    kind: script
    user: root
    environment:
      JVM_SUPPORT_RECOMMENDED_ARGS: "{" ".join(f"-D{key}={arguments[key]}" for key in arguments)}"
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


@pytest.fixture
def server(folder):
    redis = RedisServer(folder)
    redis.start()
    yield redis
    redis.stop()


@pytest.fixture
def node(folder, server, artifacts, network):
    made = Node(folder, server, artifacts, f"{network}.1")
    try:
        made.start()
        made.controller.hello()
        made.stage(OLD)
        made.stage(NEW)
        made.run_version(OLD)
        yield made
    finally:
        made.end_all()
        made.controller.redis.close()


# ---- the whole way ----


def test_a_node_goes_from_one_release_to_the_next(node):
    facts = node.done("facts")["facts"]
    assert facts["running_version"] == facts["linked_version"] == OLD
    assert facts["releases"] == f"{OLD} {NEW}"
    assert node.done("connections", deadline_ms=DEADLINE_MS)["connections"] == 0
    assert node.end_bitbucket()["connections"] == 0
    assert not pid_runs(facts["pid"])
    node.run_version(NEW)
    node.done("watch", version=NEW, duration_ms=100)
    facts = node.done("facts")["facts"]
    assert facts["running_version"] == facts["linked_version"] == NEW


def test_a_node_goes_back(node):
    node.end_bitbucket()
    node.run_version(NEW)
    node.end_bitbucket()
    node.done("switch-back", version=OLD)
    node.begin(OLD)
    node.probe(OLD)
    node.done("unstage", version=NEW)
    assert node.done("facts")["facts"]["releases"] == OLD


def test_our_part_of_the_outage_is_small(node, record_property):
    """The product's own times are in its lifecycle log; the rest is ours."""
    began = time.time_ns()
    stop = node.end_bitbucket()
    stopped = node.last_event("stopped")["at_ns"]
    stop_asked = node.last_event("stop-script")["at_ns"]
    switch = node.done("switch", version=NEW)
    start = node.begin(NEW)
    start_asked = node.last_event("start-script")["at_ns"]
    probe = node.probe(NEW)
    figures = {
        "stop_before_script_ms": (stop_asked - began) / 1e6,
        "stop_after_exit_ms": stop["at_ms"] - stopped / 1e6,
        "switch_ms": switch["elapsed_ms"],
        "start_ms": start["elapsed_ms"],
        "running_seen_after_ms": probe["at_ms"] - node.last_event("running")["at_ns"] / 1e6,
        "stopped_to_start_script_ms": (start_asked - stopped) / 1e6,
    }
    for name, value in figures.items():
        record_property(name, value)
        print(f"{name}: {value:.1f}")
        assert value < 1000, figures


def test_nothing_in_the_home_is_written_by_us(node):
    with open(os.path.join(STANDIN, "own-writes"), encoding="utf-8") as file:
        patterns = [line.strip() for line in file if line.strip() and line[0] != "#"]
    node.end_bitbucket()
    node.run_version(NEW)
    node.end_bitbucket()
    node.done("prune", version=NEW, previous_version=OLD)
    home = node.path("home")
    for directory, _, files in os.walk(home):
        for name in files:
            path = os.path.relpath(os.path.join(directory, name), home)
            assert any(fnmatch.fnmatch(path, pattern) for pattern in patterns), path


# ---- stop ----


def test_stop_twice_is_done_twice(node):
    node.end_bitbucket()
    node.end_bitbucket()


def test_stop_refuses_while_a_connection_is_left_and_force_does_not(node):
    pid = node.pid()
    with socket.create_connection((node.address, 7990)):
        error = node.failed("stop", "conflict", "1 connections", deadline_ms=DEADLINE_MS)
        assert "force" in error["hint"]
        assert pid_runs(pid)
        assert node.end_bitbucket(force=True)["connections"] == 1
    assert not pid_runs(pid)


def test_stop_without_a_pid_file_ends_the_process_all_the_same(node):
    pid = node.pid()
    os.unlink(node.path("home/log/bitbucket.pid"))
    node.end_bitbucket()
    assert not pid_runs(pid)


def test_stop_that_hangs_is_no_success(node):
    pid = node.pid()
    node.tell_faults(hang_on_stop=True)
    node.failed("stop", "timeout", f"process {pid} still lives", deadline_ms=300)
    assert pid_runs(pid)
    node.done("stop", deadline_ms=300, kill=True)
    assert not pid_runs(pid)


def test_stop_goes_on_after_the_agents_death(node):
    pid = node.pid()
    node.tell_faults(stop_delay_ms=500)
    command = node.controller.command("stop", deadline_ms=DEADLINE_MS)
    node.controller.send(command)
    until(lambda: any(event["event"] == "stopping" for event in node.events()), "the stop")
    node.kill()
    node.start()
    node.controller.send(command)
    assert node.controller.end_of(command["id"])["kind"] == "done"
    assert not pid_runs(pid)


# ---- start ----


def test_start_of_what_runs_is_done_and_of_another_version_is_not(node):
    pid = node.pid()
    node.begin(OLD)
    assert node.pid() == pid
    node.failed("start", "conflict", f"runs from release {OLD}", version=NEW,
                deadline_ms=DEADLINE_MS)


def test_start_refuses_another_release_than_the_linked_one(node):
    node.end_bitbucket()
    node.failed("start", "conflict", f"release {OLD}, not release {NEW}", version=NEW,
                deadline_ms=DEADLINE_MS)


def test_start_after_a_stale_pid_file(node):
    node.tell_faults(stale_pid=True)
    node.end_bitbucket()
    assert os.path.exists(node.path("home/log/bitbucket.pid"))
    node.begin(OLD)
    node.probe(OLD)


def test_start_script_that_fails_is_told_with_its_words(node):
    node.end_bitbucket()
    with open(node.path(f"releases/{OLD}/bin/start-bitbucket.sh"), "w", encoding="utf-8") as out:
        out.write("#!/bin/sh\necho no java here >&2\nexit 3\n")
    node.failed("start", "release", "start-bitbucket.sh ended with status 3", "no java here",
                version=OLD, deadline_ms=DEADLINE_MS)


def test_start_script_that_goes_on_is_not_waited_for(node):
    node.end_bitbucket()
    script = node.path(f"releases/{OLD}/bin/start-bitbucket.sh")
    os.rename(script, script + ".real")
    with open(script, "w", encoding="utf-8") as out:
        out.write('#!/bin/bash\ncd "${0%/*}/.." || exit\n'
                  'bin/start-bitbucket.sh.real "$@"\nexec tail -f --pid="$(cat '
                  f'{node.path("home/log/bitbucket.pid")})" /dev/null\n')
    os.chmod(script, 0o755)
    assert node.begin(OLD)["elapsed_ms"] < DEADLINE_MS / 2
    node.probe(OLD)


def test_bitbucket_outlives_the_agent(node):
    pid = node.pid()
    assert node.stop() == 0
    assert pid_runs(pid)


# ---- probe and watch ----


def restart_with(node, **faults):
    node.end_bitbucket()
    node.set_faults(**faults)
    node.begin(OLD)


def test_probe_tells_an_error_at_once(node):
    restart_with(node, error_at_start=True)
    node.failed("probe", "release", "ERROR", version=OLD, deadline_ms=600_000)


def test_probe_tells_a_process_that_ended(node):
    restart_with(node, crash_at_start=True)
    node.failed("probe", "release", version=OLD, deadline_ms=600_000)


def test_probe_names_a_database_that_is_locked(node):
    restart_with(node, databasechangeloglock=True)
    error = node.failed("probe", "release", "databasechangeloglock", version=OLD,
                        deadline_ms=600_000)
    assert "BSERV-20412" in error["hint"]


def test_probe_waits_out_maintenance_and_names_it(node):
    node.tell_faults(status_state="MAINTENANCE")
    node.failed("probe", "timeout", "MAINTENANCE", version=OLD, deadline_ms=600)
    node.tell_faults(status_state="WARMING_UP")
    node.failed("probe", "timeout", "WARMING_UP", version=OLD, deadline_ms=600)
    node.tell_faults(status_state=None)
    node.probe(OLD)


def test_probe_tells_another_version(node):
    node.failed("probe", "release", f"version {OLD}, not {NEW}", version=NEW,
                deadline_ms=DEADLINE_MS)


def test_probe_of_a_node_that_does_not_run(node):
    node.end_bitbucket()
    node.failed("probe", "release", "no process", version=OLD, deadline_ms=DEADLINE_MS)


def test_watch_ends_with_the_process(node):
    node.tell_faults(crash_after_ms=100)
    node.failed("watch", "release", "has ended", version=OLD, duration_ms=600_000)


def test_watch_ends_with_an_error(node):
    node.tell_faults(error_after_active_ms=1)
    node.failed("watch", "release", "ERROR", version=OLD, duration_ms=600_000)


# ---- switch and stage ----


def test_switch_refuses_while_bitbucket_runs(node):
    node.failed("switch", "conflict", "still runs", version=NEW)


def test_stage_never_replaces_what_runs(node):
    path, _ = node.artifacts[OLD]
    node.failed("stage", "conflict", "install link", version=OLD, artifact=path, sha256="0" * 64)
