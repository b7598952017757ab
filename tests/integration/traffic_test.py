# SPDX-License-Identifier: Apache-2.0
"""The traffic generator tells a change without loss from one with: else its zeros say nothing."""

import json
import os
import signal

import pytest

import standin
from processes import Daemon, wait_until

TRAFFIC = os.path.join(standin.TOP, "deploy", "demo", "traffic")


class Generator:
    def __init__(self, stage, *options, commit=None):
        self._result = os.path.join(stage.folder, "traffic.json")
        ready = os.path.join(stage.folder, "traffic.ready")
        self._daemon = Daemon("traffic", [
            TRAFFIC, "--http", stage.http, "--ssh", stage.ssh, "--result", self._result,
            "--ready", ready, "--scratch", stage.folder, "--slow-ms", "800",
            "--commit", commit or stage.nodes[0].repository_head(), *options],
            os.path.join(stage.folder, "traffic.log"))
        if commit is None:
            wait_until(lambda: os.path.exists(ready), "an answer to each kind", 20, self._daemon)

    def stop(self):
        return self._daemon.stop(60)

    def end(self):
        assert self.stop() == 0, self._daemon.last_words()
        with open(self._result, encoding="utf-8") as file:
            return json.load(file)


@pytest.fixture
def generate(stage):
    """`generate(option, …)` starts traffic to the stage."""
    made = []

    def start(*options, **more):
        made.append(Generator(stage, *options, **more))
        return made[-1]

    yield start
    for generator in made:
        generator.stop()


def members(number):
    return [f"bb_http/n{number}", f"bb_ssh/n{number}"]


def set_state(lb, number, state):
    for member in members(number):
        assert lb.command(f"set server {member} state {state}").strip() == ""


def sessions(lb, number):
    servers = lb.servers()
    return sum(int(servers[member][column]) for member in members(number)
               for column in ("scur", "qcur"))


def node_with_a_clone(lb):
    servers = lb.servers()
    return next((number for number in (1, 2, 3) if servers[f"bb_ssh/n{number}"]["scur"] != "0"),
                None)


def kill(node):
    with open(os.path.join(node.home, "log", "bitbucket.pid"), encoding="utf-8") as file:
        os.kill(int(file.read()), signal.SIGKILL)


def accesses_since(node, count):
    return len(node.accesses()) - count


def test_undisturbed_cluster_loses_nothing(stage, generate):
    result = generate().end()
    assert result["requests_failed"] == 0 and result["clones_failed"] == 0
    assert result["failures"] == []
    assert all(row["total"] > 0 for row in result["kinds"].values())


def test_requests_reach_every_node(stage, generate):
    generator = generate()
    for node in stage.nodes:
        seen = len(node.accesses())
        wait_until(lambda node=node, seen=seen: accesses_since(node, seen) > 20, "requests", 20)
    assert set(generator.end()["answered_by"]) == {"bb1", "bb2", "bb3"}


def test_node_that_is_drained_first_costs_nothing(stage, generate):
    node = stage.nodes[0]
    generator = generate()
    set_state(stage.lb, 1, "drain")
    wait_until(lambda: sessions(stage.lb, 1) == 0, "no session left", 20)
    set_state(stage.lb, 1, "maint")
    node.stop()
    node.start()
    node.wait_running()
    set_state(stage.lb, 1, "ready")
    wait_until(lambda: stage.lb.in_rotation() == 3, "all in rotation", 20)
    result = generator.end()
    assert result["requests_failed"] == 0 and result["clones_failed"] == 0, result["failures"]


def test_killed_node_is_seen_by_clients_of_every_kind(stage, generate):
    for node in stage.nodes:
        node.set_faults(git_bytes_per_s=200000)
    generator = generate("--slow", "20", "--rate", "500")
    # First none, then one: the session of a clone that has just ended may still be counted.
    wait_until(lambda: node_with_a_clone(stage.lb) is None, "a pause between clones", 20)
    victim = wait_until(lambda: node_with_a_clone(stage.lb), "a clone over the SSH port", 20)
    kill(stage.nodes[victim - 1])
    wait_until(lambda: stage.lb.in_rotation() == 2, "two nodes left", 20)
    result = generator.end()
    assert result["clones_failed"] > 0
    for kind in ("keep-alive", "new-connection", "slow"):
        assert result["kinds"][kind]["failed"] > 0, kind
    first = result["failures"][0]
    assert first["failure"] and first["at_ms"] > result["begun_ms"]


def test_clone_of_another_commit_is_a_failure(stage, generate):
    generator = generate(commit="0" * 40)
    wait_until(lambda: any(access["method"] == "GIT" for access in stage.nodes[0].accesses()),
               "a clone over the SSH port", 20)
    result = generator.end()
    assert result["clones_failed"] == result["clones_total"] > 0
    assert result["requests_failed"] == 0
