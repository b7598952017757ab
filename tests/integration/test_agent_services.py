# SPDX-License-Identifier: Apache-2.0
"""A real agent on a node whose service is an init script, as the product's installer makes it: the
script names the release's directory, and there is no link."""

import contextlib
import os
import socket
import subprocess
import sys
import threading
import time

import pytest

# No compiled files beside the sources.
sys.dont_write_bytecode = True

from agent_node import (DEADLINE_MS, NEW, OLD, Node, artifacts, jvm_arguments,  # noqa: F401
                        pid_runs, server, two_releases)

SCRIPT = """#!/bin/bash
# Installed in {install}
### BEGIN INIT INFO
# Provides: atlbitbucket
### END INIT INFO
INSTALL={install}
become() {{
    runuser -u root -- env JVM_SUPPORT_RECOMMENDED_ARGS="{arguments}" /bin/bash -c "$1"
}}
case $1 in
    start) {start} ;;
    stop) {stop} ;;
    *) exit 2 ;;
esac
"""
START = 'become "source $INSTALL/bin/start-bitbucket.sh --no-search"'
STOP = 'become "source $INSTALL/bin/stop-bitbucket.sh"'


class InitScriptNode(Node):
    def __init__(self, folder, server, artifacts, address):
        self.script = os.path.join(folder, "atlbitbucket")
        super().__init__(folder, server, artifacts, address,
                         f"{{kind: sysv, script: {self.script}, user: root}}")

    def write_script(self, version=OLD, start=START, stop=STOP):
        with open(self.script, "w", encoding="utf-8") as out:
            os.fchmod(out.fileno(), 0o755)
            out.write(SCRIPT.format(install=self.path(f"releases/{version}"), start=start,
                                    stop=stop, arguments=jvm_arguments(self.address)))

    def script_text(self):
        with open(self.script, encoding="utf-8") as file:
            return file.read()


@pytest.fixture
def node(folder, server, artifacts, network):
    if os.geteuid() != 0:
        pytest.skip("an init script is run by root")
    with two_releases(InitScriptNode(folder, server, artifacts, f"{network}.1")) as made:
        made.write_script()
        made.begin(OLD)
        made.probe(OLD)
        yield made


# ---- the whole way ----


def test_a_node_goes_there_and_back_and_the_script_with_it(node):
    before = node.script_text()
    facts = node.done("facts")["facts"]
    assert facts["running_version"] == facts["linked_version"] == OLD
    assert node.last_event("start-script")["search"] is False
    node.end_bitbucket()
    assert not pid_runs(facts["pid"])
    node.run_version(NEW)
    facts = node.done("facts")["facts"]
    assert facts["running_version"] == facts["linked_version"] == NEW
    assert node.script_text() == before.replace(f"releases/{OLD}", f"releases/{NEW}")
    assert not os.path.lexists(node.path("releases/current"))
    node.end_bitbucket()
    node.done("switch-back", version=OLD)
    node.begin(OLD)
    node.probe(OLD)
    assert node.script_text() == before


def test_a_release_that_the_script_starts_is_not_removed(node):
    node.failed("unstage", "conflict", "definition names it", version=OLD)


def test_bitbucket_outlives_agent_and_script(node):
    pid = node.pid()
    assert node.stop() == 0
    assert pid_runs(pid)


# ---- stops that are not what they say ----


def test_a_stop_that_goes_by_a_stale_pid_file_ends_the_process_all_the_same(node):
    pid = node.pid()
    with subprocess.Popen(["/bin/true"]) as ended:
        ended.wait()
    with open(node.path("home/log/bitbucket.pid"), "w", encoding="utf-8") as out:
        out.write(f"{ended.pid}\n")
    node.end_bitbucket()
    assert not pid_runs(pid)
    node.wait_for_log(f"went by a stale pid file: SIGTERM to process {pid}")


def test_a_stop_where_only_the_pid_file_is_left_is_done(node):
    node.tell_faults(stale_pid=True)
    node.end_bitbucket()
    node.end_bitbucket()
    node.wait_for_log("its pid file is stale: it names process")


def test_a_fork_that_is_left_behind_is_told_and_ended(node):
    with subprocess.Popen(["/bin/sh", "-c", "read line", f"-Dbitbucket.home={node.path('home')}"],
                          stdin=subprocess.PIPE) as fork:
        node.end_bitbucket()
        assert fork.wait(5) != 0
        node.wait_for_log(f"a fork of it was left behind: SIGTERM to process {fork.pid}")


def test_a_stop_that_hangs_gets_sigterm_before_the_deadline(node):
    pid = node.pid()
    node.write_script(stop="exec sleep 600")
    node.done("stop", deadline_ms=2000)
    assert not pid_runs(pid)
    node.wait_for_log(f"SIGTERM to process {pid}")


def test_a_stop_that_hangs_is_killed_only_where_the_policy_says_so(node):
    pid = node.pid()
    node.tell_faults(hang_on_stop=True)
    error = node.failed("stop", "timeout", f"process {pid} still lives at the deadline",
                        "after SIGTERM", deadline_ms=1500)
    assert "at_deadline: kill" in error["hint"]
    assert pid_runs(pid)
    node.done("stop", deadline_ms=1500, kill=True)
    assert not pid_runs(pid)


# ---- starts that are not what they say ----


def test_a_start_that_comes_back_at_once_is_told(node):
    node.end_bitbucket()
    node.write_script(start="true")
    node.failed("start", "release", "the service says started, but no process is left",
                version=OLD, deadline_ms=DEADLINE_MS)


def test_a_start_that_leaves_a_stale_pid_file_is_told(node):
    node.end_bitbucket()
    node.write_script(start=f"true & echo $! >{node.path('home/log/bitbucket.pid')}; wait")
    node.failed("start", "release", "the pid file names process", "which has ended",
                version=OLD, deadline_ms=DEADLINE_MS)


def test_a_start_that_fails_is_told_with_its_words(node):
    node.end_bitbucket()
    node.write_script(start="echo no such user >&2; exit 4")
    node.failed("start", "release", "atlbitbucket start ended with status 4: no such user",
                version=OLD, deadline_ms=DEADLINE_MS)


def test_a_start_that_fails_on_a_stale_lock_of_the_database_is_named(node):
    node.end_bitbucket()
    log = node.path("home/log/atlassian-bitbucket.log")
    node.write_script(start=f"echo 'l.lockservice Waiting for changelog lock....' >>{log}; exit 1")
    error = node.failed("start", "release", "databasechangeloglock", version=OLD,
                        deadline_ms=DEADLINE_MS)
    assert "BSERV-20412" in error["hint"]


# ---- what --check and facts say ----


def test_check_says_how_a_switch_will_go(node):
    checked = node.run("--check")
    assert f"init script {node.script} names release {OLD} in '{node.script}'" in checked.stdout
    assert checked.returncode == 0, checked.stderr


def test_what_is_wrong_with_the_node_is_in_facts_too(node):
    os.symlink(node.path(f"releases/{NEW}"), node.path("releases/current"))
    complaint = node.done("facts")["facts"]["complaints"][0]
    assert f"names release {NEW}, but init script {node.script} starts" in complaint["message"]
    assert "have the link name" in complaint["hint"]
    checked = node.run("--check")
    assert complaint["message"] in checked.stderr and complaint["hint"] in checked.stderr


@contextlib.contextmanager
def redis_whose_clock_is_off(path, seconds):
    """It says OK to all but the question for its time."""
    def serve(listener):
        connection, _ = listener.accept()
        with connection:
            while request := connection.recv(4096):
                now = str(int(time.time()) + seconds)
                connection.sendall(f"*2\r\n${len(now)}\r\n{now}\r\n$1\r\n0\r\n".encode()
                                   if b"TIME" in request else b"+OK\r\n")

    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()
        server = threading.Thread(target=serve, args=(listener,), daemon=True)
        server.start()
        yield
        server.join(10)


@pytest.mark.parametrize("seconds, is_told", [(-300, True), (300, True), (20, False)])
def test_check_tells_a_clock_that_is_off_by_more_than_the_limit(node, seconds, is_told):
    with open(node.path("agent.yaml"), encoding="utf-8") as file:
        text = file.read()
    node.write_private("agent.yaml", text.replace(node.server.path, node.path("late.sock")))
    with redis_whose_clock_is_off(node.path("late.sock"), seconds):
        checked = node.run("--check")
    assert ("clock: it is " in checked.stderr) == is_told, checked.stderr
    assert ("mend NTP" in checked.stderr) == is_told


# ---- definitions that are not to be edited ----


def test_a_script_that_names_two_releases_is_a_conflict(node):
    node.end_bitbucket()
    node.write_script(stop=f"{node.path('releases')}/{NEW}/bin/stop-bitbucket.sh")
    error = node.failed("switch", "conflict", f"names two releases, {OLD} and {NEW}", version=NEW)
    assert "install link" in error["hint"]


def test_a_start_refuses_a_script_that_somebody_pointed_elsewhere(node):
    node.end_bitbucket()
    node.done("switch", version=NEW)
    node.write_script(version=OLD)
    error = node.failed("start", "conflict", f"starts release {OLD}, not {NEW}", version=NEW,
                        deadline_ms=DEADLINE_MS)
    assert "switch" in error["hint"]
