# SPDX-License-Identifier: Apache-2.0
"""The rolling-upgrade API and the rules of joining a cluster."""

import os
import signal

import pytest

from standin_node import wait_until


def post(node, what, status=200, form="/rest/zdu/"):
    answer = node.post(form + what)
    assert answer.status == status, (what, answer.status, answer.body)
    if status == 409:
        assert answer.body == b""
    return answer.json if status == 200 else None


def replace(node, version):
    node.stop()
    node.start(version)
    node.wait_state("RUNNING")


def states(node):
    return {each["name"]: each["state"] for each in node.zdu()["nodes"]}


def test_whole_upgrade_by_hand(three):
    first, second, third = three
    assert first.zdu()["state"] == "STABLE"
    begun = post(first, "start")
    assert begun["upgradeModeEnabled"] and begun["state"] == "READY_TO_UPGRADE"
    post(first, "approve", 409)
    replace(first, "7.9.4")
    assert second.zdu()["state"] == "MIXED"
    assert second.seen(first)["version"] == "7.9.4"
    post(second, "cancel", 409)
    post(second, "approve", 409)
    replace(second, "7.9.4")
    assert first.zdu()["state"] == "MIXED"
    replace(third, "7.9.4")
    assert first.zdu()["state"] == "READY_TO_RUN_UPGRADE_TASKS"
    post(first, "cancel", 409)
    assert post(first, "approve")["state"] == "RUNNING_UPGRADE_TASKS"
    wait_until(lambda: second.zdu()["state"] == "STABLE", "the upgrade tasks")
    ended = third.zdu()
    assert ended["originalVersion"] == "7.9.4" and not ended["upgradeModeEnabled"]
    assert set(states(third).values()) == {"ACTIVE"}
    post(first, "approve", 409)


def test_rollback_makes_the_cluster_ready_and_cancel_ends_the_mode(three):
    first, second, _ = three
    post(first, "start")
    replace(first, "7.9.4")
    post(second, "cancel", 409)
    replace(first, "7.9.0")
    assert second.zdu()["state"] == "READY_TO_UPGRADE"
    ended = post(second, "cancel")
    assert ended["state"] == "STABLE" and ended["originalVersion"] == "7.9.0"


def test_offline_nodes_do_not_count_and_are_dropped_when_the_mode_ends(three):
    first, second, third = three
    post(first, "start")
    replace(first, "7.9.4")
    replace(second, "7.9.4")
    third.stop()
    assert states(first)["node3"] == "OFFLINE"
    assert first.zdu()["state"] == "READY_TO_RUN_UPGRADE_TASKS"
    post(first, "approve")
    wait_until(lambda: first.zdu()["state"] == "STABLE", "the upgrade tasks")
    assert set(states(first)) == {"node1", "node2"}
    third.start("7.9.0")
    third.wait_state("ERROR")


def test_killed_node_is_offline_at_once(three):
    first, second, _ = three
    second.kill()
    assert states(first)["node2"] == "OFFLINE"
    members = first.get("/rest/api/latest/admin/cluster").json["nodes"]
    assert [member["name"] for member in members] == ["node1", "node3"]


def test_node_is_shown_starting_terminating_and_with_a_new_id(three):
    first, second, _ = three
    former_id = first.seen(second)["id"]
    busy = second.connect()
    busy.request("GET", "/slow?ms=4000")
    wait_until(lambda: second.state() == "RUNNING", "the request to be in")
    os.kill(second.pid(), signal.SIGTERM)
    wait_until(lambda: states(first)["node2"] == "TERMINATING", "the node to be terminating")
    busy.close()
    wait_until(lambda: states(first)["node2"] == "OFFLINE", "the node to be gone")
    second.write_faults(start_delay_ms=1000)
    second.start("7.9.0")
    wait_until(lambda: states(first)["node2"] == "STARTING", "the node to be starting")
    wait_until(lambda: states(first)["node2"] == "ACTIVE", "the node to be active")
    assert first.seen(second)["id"] != former_id


def test_nodes_and_state_resources(three):
    first, second, _ = three
    shown = first.seen(second)
    assert first.get(f"/rest/zdu/nodes/{shown['id']}").json == shown
    assert first.get("/rest/zdu/nodes/none").status == 404
    state = second.get("/rest/zdu/state").json
    assert state["state"] == "STABLE" and state["buildInfo"]["name"] == "node2"
    assert state["buildInfo"]["local"] and not shown["local"]
    assert (shown["ipAddress"], shown["buildNumber"]) == (second.address, "7009000")


def test_who_may_ask(node):
    path = "/rest/zdu/cluster"
    assert node.get(path, auth=None).status == 401
    assert node.get(path, auth="Basic YWRtaW46d3Jvbmc=").status == 401
    assert node.get(path, auth="Basic dXNlcjp1c2Vy").status == 403
    assert node.get(path, auth="Bearer wrong").status == 401
    assert node.get(path, auth="Bearer standin-token").status == 200
    assert node.get("/rest/api/latest/admin/cluster", auth=None).status == 401
    refused = node.post("/rest/zdu/start", xsrf=False)
    assert (refused.status, refused.body) == (403, b"XSRF check failed")
    assert node.zdu()["state"] == "STABLE"


def test_start_and_cancel_can_be_repeated(node):
    assert post(node, "start") == post(node, "start")
    assert post(node, "cancel") == post(node, "cancel")


def test_repeats_can_be_conflicts_instead(cluster):
    (node,) = cluster(1, zdu_repeat="conflict")
    node.start("7.9.0")
    node.wait_state("RUNNING")
    post(node, "cancel", 409)
    post(node, "start")
    post(node, "start", 409)


def test_either_form_of_the_paths_can_be_missing(cluster):
    (node,) = cluster(1, zdu_form="old")
    node.start("7.9.0")
    node.wait_state("RUNNING")
    post(node, "start", 404)
    post(node, "start", form="/rest/zdu/cluster/")
    post(node, "cancel", form="/rest/zdu/cluster/")
    assert node.get("/rest/zdu/cluster").status == 200


def test_default_form_is_the_new_one(node):
    post(node, "start", 404, form="/rest/zdu/cluster/")
    post(node, "start")


@pytest.mark.parametrize("version, is_mode_on, joins", [
    ("7.9.4", False, False), ("7.9.4", True, True), ("7.9.0", True, True),
    ("7.10.0", True, False), ("8.9.4", True, False), ("7.8.9", True, False)])
def test_who_may_join(cluster, version, is_mode_on, joins):
    first, second = cluster(2)
    first.start("7.9.0")
    first.wait_state("RUNNING")
    if is_mode_on:
        post(first, "start")
    second.start(version)
    second.wait_state("RUNNING" if joins else "ERROR")
    assert ("cannot join" in second.log_text()) is not joins
    assert states(first)["node2"] == ("ACTIVE" if joins else "ERROR")


def test_node_in_error_blocks_start_and_makes_a_cluster_mixed(three):
    first, second, _ = three
    second.setup(error_after_active_ms=0)
    second.wait_state("ERROR")
    assert first.zdu()["state"] == "STABLE"
    post(first, "start", 409)
    second.stop()
    post(first, "start")
    second.write_faults(error_at_start=True)
    second.start("7.9.0")
    second.wait_state("ERROR")
    assert first.zdu()["state"] == "MIXED"
    post(first, "cancel", 409)
    second.stop()
    assert first.zdu()["state"] == "READY_TO_UPGRADE"


def test_nodes_all_stopped_can_come_back_at_another_version(node):
    replace(node, "7.10.0")
    assert node.zdu()["originalVersion"] == "7.10.0"
