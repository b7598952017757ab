# SPDX-License-Identifier: Apache-2.0
"""Each fault a node can be told to show."""

import http.client
import json
import os
import signal
import socket
import time

import pytest

from standin_node import is_alive, wait_until

CLUSTER = "/rest/zdu/cluster"


def start_with(node, version="7.9.0", **faults):
    node.write_faults(**faults)
    node.start(version)


@pytest.fixture
def stopped(cluster):
    (node,) = cluster(1)
    return node


def test_setup_merges_removes_and_refuses_what_it_does_not_know(node):
    node.setup(active_users=4, tasks_total=2)
    node.setup(tasks_total=None)
    assert node.get("/setup").json == {"active_users": 4}
    with open(node.path("standin-faults.json"), encoding="utf-8") as file:
        assert json.load(file) == {"active_users": 4}
    for body in ('{"actve_users": 1}', '{"active_users": "x"}', "[]", "{"):
        assert node.post("/setup", body=body).status == 400


def test_file_is_read_again_when_it_changes(node):
    node.write_faults(active_users=9)
    wait_until(lambda: node.seen(node)["activeUserCount"] == 9, "the file to be read")
    node.write_faults(nonsense=1)
    wait_until(lambda: "unknown fault 'nonsense'" in node.log_text(), "the complaint")
    assert node.seen(node)["activeUserCount"] == 9


def test_only_version(stopped):
    start_with(stopped, error_at_start={"value": True, "only_version": "7.9.4"}, active_users=1)
    stopped.wait_state("RUNNING")
    stopped.stop()
    stopped.start("7.9.4")
    stopped.wait_state("ERROR")
    stopped.write_faults(error_at_start=True, only_version="7.9.9")
    stopped.stop()
    stopped.start("7.9.4")
    stopped.wait_state("RUNNING")


def test_delays_of_start_and_stop(stopped):
    start_with(stopped, start_delay_ms=200, stop_delay_ms=200)
    stopped.wait_state("RUNNING")
    stopped.stop()
    at = {line["event"]: line["at_ns"] for line in stopped.lifecycle()}
    assert at["active"] - at["start-script"] >= 260e6
    assert at["stopped"] - at["stopping"] >= 220e6


def test_error_at_start_and_its_status_code(stopped):
    start_with(stopped, error_at_start=True)
    stopped.wait_state("ERROR")
    assert stopped.get("/status").status == 503
    stopped.setup(status_error_code=200)
    assert (stopped.get("/status").status, stopped.state()) == (200, "ERROR")
    assert stopped.events()[-1] == "error"
    assert stopped.get(CLUSTER).status == 503


def test_error_after_active(stopped):
    start_with(stopped, error_after_active_ms=100)
    stopped.wait_state("ERROR")
    assert stopped.events()[-2:] == ["active", "error"]


def test_crash_at_start(stopped):
    start_with(stopped, crash_at_start=True)
    pid = stopped.pid()
    wait_until(lambda: not is_alive(pid), "the crash")
    assert "running" not in stopped.events() and stopped.pid() == pid


def test_crash_after_some_time(stopped):
    start_with(stopped, crash_after_ms=100)
    wait_until(lambda: "active" in stopped.events(), "the start")
    wait_until(lambda: not is_alive(stopped.pid()), "the crash")
    assert os.path.exists(stopped.path(".lock"))


def test_hang_on_stop_ignores_the_signal_and_serves_on(node):
    node.setup(hang_on_stop=True)
    refused = node.script("stop-bitbucket.sh", BITBUCKET_STOP_WAIT_S="1")
    assert refused.returncode == 1 and "did not end" in refused.stdout
    assert node.state() == "RUNNING" and os.path.exists(node.path("log", "bitbucket.pid"))
    node.setup(hang_on_stop=None)
    node.stop()


def test_hang_on_stop_can_come_after_the_port_is_closed(node):
    node.setup(hang_on_stop="closed")
    os.kill(node.pid(), signal.SIGTERM)
    wait_until(lambda: node.state() is None, "the port to be closed")
    assert is_alive(node.pid())


def test_stale_pid_leaves_the_pid_file(node):
    node.setup(stale_pid=True)
    pid = node.pid()
    node.stop()
    assert node.pid() == pid and not is_alive(pid)
    node.start("7.9.0")
    node.wait_state("RUNNING")


def test_missing_fields(three):
    first, second, _ = three
    second.setup(missing_fields=["version", "state", "originalVersion"])
    shown = first.seen(second)
    assert "version" not in shown and "state" not in shown and "id" in shown
    assert "version" in first.seen(first)
    assert "originalVersion" in first.zdu() and "originalVersion" not in second.zdu()


@pytest.mark.parametrize("status", [401, 403, 500])
def test_zdu_status(node, status):
    node.setup(zdu_status=status)
    assert node.get(CLUSTER).status == status
    node.setup(zdu_only=["approve"])
    assert node.get(CLUSTER).status == 200


def test_zdu_html_503(node):
    node.setup(zdu_html_503=True)
    answer = node.get(CLUSTER)
    assert answer.status == 503 and answer.body.startswith(b"<!DOCTYPE html>")


def test_zdu_half_answer_comes_after_the_deed(node):
    node.setup(zdu_half_answer=True, zdu_only=["start"])
    with pytest.raises(http.client.IncompleteRead):
        node.post("/rest/zdu/start")
    assert node.zdu()["upgradeModeEnabled"]


def test_zdu_hang(node):
    node.setup(zdu_hang_ms=150)
    begin = time.monotonic()
    assert node.get(CLUSTER).status == 200
    assert time.monotonic() - begin >= 0.15


def test_unknown_words(three):
    first, second, _ = three
    second.setup(unknown_state="REJOINING", unknown_cluster_state="DREAMING")
    assert first.seen(second)["state"] == "REJOINING"
    assert first.zdu()["state"] == "STABLE" and second.zdu()["state"] == "DREAMING"


def test_status_state(node):
    node.setup(status_state="MAINTENANCE")
    answer = node.get("/status")
    assert (answer.status, answer.json) == (200, {"state": "MAINTENANCE"})


def test_databasechangeloglock(stopped):
    start_with(stopped, databasechangeloglock=True)
    stopped.wait_state("ERROR")
    assert "Could not acquire change log lock" in stopped.log_text()


def test_split_brain(three):
    first, second, _ = three
    second.setup(split_brain=True)
    members = second.get("/rest/api/latest/admin/cluster").json
    assert [member["name"] for member in members["nodes"]] == ["node2"]
    assert len(second.zdu()["nodes"]) == 1 and len(first.zdu()["nodes"]) == 3


def test_tasks_and_users(three):
    first, second, _ = three
    second.setup(tasks_total=7, active_users=11)
    shown = first.seen(second)
    assert (shown["tasksTotal"], shown["activeUserCount"]) == (7, 11)


def test_upgrade_tasks_can_fail_and_be_approved_again(node):
    node.post("/rest/zdu/start")
    node.stop()
    node.start("7.9.4")
    node.wait_state("RUNNING")
    node.setup(tasks_fail=True)
    assert node.post("/rest/zdu/approve").json["state"] == "RUNNING_UPGRADE_TASKS"
    wait_until(lambda: node.zdu()["state"] == "UPGRADE_TASKS_FAILED", "the failure")
    node.setup(tasks_fail=None)
    node.post("/rest/zdu/approve")
    wait_until(lambda: node.zdu()["state"] == "STABLE", "the tasks")


def test_port_in_use_ends_the_process(stopped):
    with socket.create_server((stopped.address, stopped.http_port)):
        stopped.start("7.9.0")
        wait_until(lambda: stopped.events()[-1] == "error", "the node to give up")
        wait_until(lambda: not is_alive(stopped.pid()), "the end of the process")
