# SPDX-License-Identifier: Apache-2.0
"""A whole upgrade, and what follows when the new version fails on a node."""

import os
import re

import pytest

from processes import write_file

UP = ["stop 7.9.0", "start 7.9.4"]
UP_AND_BACK = UP + ["stop 7.9.4", "start 7.9.0"]


def test_every_node_is_upgraded_once_and_nothing_is_lost(begin):
    trial = begin()
    trial.upgrade("7.9.4")
    upgrade = trial.ended("done")
    for node in trial.nodes:
        assert trial.runs(node.name) == UP
    order = sorted(upgrade["nodes"], key=lambda row: row["passes"][0]["begun_ms"])
    assert [row["node"] for row in order] == ["bb1", "bb2", "bb3"]
    assert trial.left_in_releases("7.9.0", "7.9.4") == set()
    assert trial.store.history()[-1]["outcome"] == "done"
    trial.assert_settled("7.9.4")


def test_least_busy_node_goes_first(begin):
    trial = begin()
    for name, users in (("bb1", 9), ("bb2", 4), ("bb3", 1)):
        trial.node(name).set_faults(active_users=users, tasks_total=0)
    trial.upgrade("7.9.4")
    rows = sorted(trial.ended("done")["nodes"], key=lambda row: row["passes"][0]["begun_ms"])
    assert [row["node"] for row in rows] == ["bb3", "bb2", "bb1"]


def give_weight(trial):
    """Of the default, 1, no part can be given."""
    path = os.path.join(trial.folder, "haproxy.cfg")
    with open(path, encoding="utf-8") as config:
        text = config.read()
    write_file(path, text.replace("defaults\n", "defaults\n    default-server weight 100\n"))


def test_weight_comes_back_slowly_where_a_ramp_is_set(begin):
    def ramp(cluster):
        cluster["load_balancers"][0]["return"] = {"ramp": "3s"}
    trial = begin(prepare=give_weight, change=ramp)
    seen = {server: [100] for server in trial.lb.servers()}

    def has_ended(upgrade):
        for server, row in trial.lb.servers().items():
            weight = int(row["weight"])
            if row["status"] == "UP" and weight != seen[server][-1]:
                seen[server].append(weight)
        return upgrade["phase"] == "ended"
    trial.upgrade("7.9.4")
    trial.wait("the end of the upgrade", has_ended)
    for server, weights in seen.items():
        assert weights[:2] == [100, 10] and weights[-1] == 100 and len(weights) >= 4, seen
        assert weights[1:] == sorted(weights[1:]), server
    trial.assert_settled("7.9.4")


@pytest.mark.parametrize("name", ["bb1", "bb3"])
def test_error_at_start_rolls_back_the_cluster(begin, name):
    """Also of those nodes that were upgraded before; the ones after it are not touched."""
    trial = begin()
    trial.fail_from(name, "7.9.4", error_at_start=True)
    trial.upgrade("7.9.4")
    upgrade = trial.ended("rolled-back")
    assert f"node {name}: active:" in upgrade["reason"]["message"]
    assert "ERROR" in upgrade["reason"]["message"]
    names = [node.name for node in trial.nodes]
    for each in names:
        is_touched = names.index(each) <= names.index(name)
        assert trial.runs(each) == (UP_AND_BACK if is_touched else []), each
        assert trial.places(upgrade)[each] == ("restored" if is_touched else "old")
    trial.assert_settled("7.9.0")


def test_rollback_node_puts_one_node_back_and_waits(begin):
    trial = begin(policy={"on_failure": "rollback-node"})
    trial.fail_from("bb2", "7.9.4", error_at_start=True)
    trial.upgrade("7.9.4")
    upgrade = trial.waiting("node bb2: active:.*ERROR")
    assert trial.places(upgrade) == {"bb1": "new", "bb2": "restored", "bb3": "old"}
    assert (trial.runs("bb1"), trial.runs("bb2"), trial.runs("bb3")) == (UP, UP_AND_BACK, [])
    trial.node("bb2").set_faults(error_at_start=None)
    trial.decide("resume")
    trial.ended("done")
    assert trial.runs("bb2") == UP_AND_BACK + UP
    trial.assert_settled("7.9.4")


def test_pause_leaves_the_failed_node_as_it_is_until_somebody_decides(begin):
    trial = begin(policy={"on_failure": "pause"})
    trial.fail_from("bb2", "7.9.4", error_at_start=True)
    trial.upgrade("7.9.4")
    upgrade = trial.waiting("node bb2: active:.*ERROR")
    assert trial.places(upgrade) == {"bb1": "new", "bb2": "held", "bb3": "old"}
    assert trial.runs("bb2") == UP and trial.state("bb2") == "ERROR"
    assert trial.lb.in_rotation() == 2
    trial.decide("rollback")
    trial.ended("rolled-back")
    assert (trial.runs("bb1"), trial.runs("bb2"), trial.runs("bb3")) == (UP_AND_BACK,) * 2 + ([],)
    trial.assert_settled("7.9.0")


def test_resume_after_pause_starts_the_failed_node_again(begin):
    trial = begin(policy={"on_failure": "pause"})
    trial.fail_from("bb2", "7.9.4", error_at_start=True)
    trial.upgrade("7.9.4")
    trial.waiting("node bb2: active:.*ERROR")
    trial.node("bb2").set_faults(error_at_start=None)
    trial.decide("resume")
    trial.ended("done")
    assert trial.runs("bb2") == UP + ["stop 7.9.4", "start 7.9.4"]
    trial.assert_settled("7.9.4")


def test_quarantine_goes_on_where_the_budget_allows_it(begin):
    trial = begin(policy={"on_failure": "quarantine", "max_unavailable": 2, "min_available": 1})
    trial.fail_from("bb1", "7.9.4", error_at_start=True)
    trial.upgrade("7.9.4")
    upgrade = trial.waiting("node bb1: active:.*ERROR")
    assert trial.places(upgrade) == {"bb1": "quarantined", "bb2": "new", "bb3": "new"}
    trial.assert_serves("7.9.4", "bb2", "bb3")
    assert trial.runs("bb1") == UP
    trial.node("bb1").set_faults(error_at_start=None)
    trial.decide("resume")
    trial.ended("done")
    trial.assert_settled("7.9.4")


def test_quarantine_without_budget_waits(begin):
    trial = begin(policy={"on_failure": "quarantine"})
    trial.fail_from("bb1", "7.9.4", error_at_start=True)
    trial.upgrade("7.9.4")
    upgrade = trial.waiting("node bb1: active:.*ERROR")
    assert trial.places(upgrade) == {"bb1": "quarantined", "bb2": "old", "bb3": "old"}
    trial.decide("rollback")
    trial.ended("rolled-back")
    assert trial.runs("bb1") == UP_AND_BACK
    trial.assert_settled("7.9.0")


def test_error_during_soak_rolls_back(begin):
    trial = begin(policy={"soak": "5s"})
    trial.fail_from("bb1", "7.9.4", error_after_active_ms=1200)
    trial.upgrade("7.9.4")
    upgrade = trial.ended("rolled-back")
    assert "node bb1: soak:" in upgrade["reason"]["message"]
    assert "ERROR" in upgrade["reason"]["message"]
    assert trial.runs("bb1") == UP_AND_BACK and trial.runs("bb2") == []
    trial.assert_serves("7.9.0")


def test_node_that_is_quarantined_under_traffic_was_given_it_by_nobody_else(begin):
    trial = begin(policy={"on_failure": "quarantine", "max_unavailable": 2, "min_available": 1,
                          "soak": "5s"})
    trial.fail_from("bb1", "7.9.4", error_after_active_ms=1200)
    trial.upgrade("7.9.4")
    trial.waiting("node bb1: soak:.*ERROR")
    assert "node bb1 is quarantined: taken out at edge" in trial.log()
    assert "by somebody else" not in trial.log()
    trial.node("bb1").set_faults(error_after_active_ms=None)
    trial.decide("rollback")
    trial.ended("rolled-back")
    trial.assert_serves("7.9.0")


def test_error_of_an_upgraded_node_after_its_soak_rolls_back(begin):
    trial = begin(policy={"soak": "2s"})
    trial.fail_from("bb1", "7.9.4", error_after_active_ms=3500)
    trial.upgrade("7.9.4")
    upgrade = trial.ended("rolled-back")
    assert "node bb1:" in upgrade["reason"]["message"]
    assert trial.runs("bb1") == trial.runs("bb2") == UP_AND_BACK and trial.runs("bb3") == []
    trial.assert_serves("7.9.0")


def test_crash_at_start_rolls_back(begin):
    trial = begin()
    trial.fail_from("bb2", "7.9.4", crash_at_start=True)
    trial.upgrade("7.9.4")
    upgrade = trial.ended("rolled-back")
    assert "node bb2:" in upgrade["reason"]["message"]
    assert upgrade["reason"]["code"] == "release"
    assert trial.runs("bb1") == UP_AND_BACK
    trial.assert_settled("7.9.0")


def test_crash_during_soak_rolls_back(begin):
    trial = begin(policy={"soak": "5s"})
    trial.fail_from("bb1", "7.9.4", crash_after_ms=1000)
    trial.upgrade("7.9.4")
    upgrade = trial.ended("rolled-back")
    assert "node bb1: soak: process" in upgrade["reason"]["message"]
    assert trial.runs("bb2") == []
    trial.assert_serves("7.9.0")


def test_slow_start_within_the_deadline_is_waited_for(begin):
    trial = begin()
    trial.fail_from("bb1", "7.9.4", start_delay_ms=3000)
    trial.upgrade("7.9.4")
    trial.ended("done")
    assert trial.runs("bb1") == UP
    trial.assert_settled("7.9.4")


def test_start_beyond_the_active_deadline_rolls_back(begin):
    trial = begin(policy={"active": {"deadline": "1500ms"}})
    trial.fail_from("bb2", "7.9.4", start_delay_ms=60000)
    trial.upgrade("7.9.4")
    upgrade = trial.ended("rolled-back")
    assert re.search("node bb2: active: .*(STARTING|deadline)", upgrade["reason"]["message"])
    assert trial.runs("bb1") == trial.runs("bb2") == UP_AND_BACK and trial.runs("bb3") == []
    trial.assert_settled("7.9.0")


def test_a_node_that_fails_both_ways_is_held_and_the_others_go_back(begin):
    trial = begin(policy={"min_available": 1})
    trial.node("bb2").set_faults(error_at_start=True)
    trial.upgrade("7.9.4")
    upgrade = trial.waiting("node bb2:.*ERROR")
    assert trial.places(upgrade) == {"bb1": "restored", "bb2": "held", "bb3": "old"}
    trial.assert_serves("7.9.0", "bb1", "bb3")
    trial.node("bb2").set_faults(error_at_start=None)
    trial.decide("resume")
    trial.ended("rolled-back")
    trial.assert_settled("7.9.0")


def test_rollback_takes_no_node_out_below_min_available(begin):
    trial = begin()
    trial.node("bb2").set_faults(error_at_start=True)
    trial.upgrade("7.9.4")
    upgrade = trial.waiting("node bb2:.*ERROR")
    assert trial.places(upgrade) == {"bb1": "new", "bb2": "held", "bb3": "old"}
    assert trial.runs("bb1") == UP and trial.lb.in_rotation() == 2
    trial.node("bb2").set_faults(error_at_start=None)
    trial.decide("resume")
    trial.ended("rolled-back")
    trial.assert_settled("7.9.0")
