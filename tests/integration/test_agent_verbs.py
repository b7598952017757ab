# SPDX-License-Identifier: Apache-2.0
"""A real agent and the Bitbucket stand-in: what each verb does to a node, and what it proves."""

import fnmatch
import os
import socket
import sys
import time

import pytest

# No compiled files beside the sources.
sys.dont_write_bytecode = True

from agent_node import (DEADLINE_MS, NEW, OLD, STANDIN, Node, artifacts, pid_runs,  # noqa: F401
                        server, two_releases)
from shunt_wire import until


@pytest.fixture
def node(folder, server, artifacts, network):
    with two_releases(Node(folder, server, artifacts, f"{network}.1")) as made:
        made.run_version(OLD)
        yield made


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
