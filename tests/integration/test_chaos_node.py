# SPDX-License-Identifier: Apache-2.0
"""The host of a node loses power in the middle of an upgrade: agent, jobs and Bitbucket end at
once. It boots again, with the agent alone or with Bitbucket as well."""

import signal

import pytest

from chaos import ALL, ChaosTrial, is_stopped
from processes import wait_until
from trial import DEADLINE_S

CUT_S = 1  # in which HAProxy notices that a node that served is gone


def begun(begin, **options):
    return begin(kind=ChaosTrial, with_traffic=True, **options)


def lose_power(trial, name, step, with_bitbucket):
    trial.at_held(name, step)
    with trial.excuse(CUT_S):
        trial.cut_power(name)
    trial.let_go(name, step)
    trial.boot(name, with_bitbucket)


def lose_power_once(begin, name, step, with_bitbucket):
    trial = begun(begin, policy={"soak": "1s"})
    trial.hold((name, step))
    trial.upgrade("7.9.4")
    lose_power(trial, name, step, with_bitbucket)
    return trial


@pytest.mark.parametrize("places", [
    (("bb1", "detach", False), ("bb2", "switch", False), ("bb3", "start", True)),
    (("bb1", "stop", False), ("bb2", "active", True), ("bb3", "soak", True)),
    (("bb1", "detach", True), ("bb2", "start", False), ("bb3", "active", True)),
    (("bb1", "stop", True),),
], ids=lambda places: "-".join(step for _, step, _ in places))
def test_power_cut_of_a_node_that_is_out_or_comes_back_ends_in_an_upgrade(begin, places):
    trial = begun(begin, policy={"soak": "1s"})
    trial.hold(*((name, step) for name, step, _ in places))
    trial.upgrade("7.9.4")
    for place in places:
        lose_power(trial, *place)
    trial.ended("done")
    for name in ALL:
        assert trial.lifecycle_events(name)[-1] == "active"
    trial.assert_settled("7.9.4")


def test_node_that_boots_into_the_old_version_serves_it_and_somebody_decides(begin):
    """The agent has seen it stopped; then it runs again. Nothing is switched under its feet."""
    trial = lose_power_once(begin, "bb2", "switch", True)
    trial.waiting("node bb2: switch: Bitbucket still runs as process")
    trial.assert_all_serve("7.9.4", "7.9.0", "7.9.0")
    trial.decide("resume")
    trial.ended("done")
    trial.assert_settled("7.9.4")


@pytest.mark.parametrize("step", ["active", "soak"])
def test_node_that_is_gone_after_its_start_is_a_fault_of_the_release(begin, step):
    """Nobody can tell it from a crash."""
    trial = lose_power_once(begin, "bb2", step, False)
    upgrade = trial.ended("rolled-back")
    assert f"node bb2: {step}: no process of" in upgrade["reason"]["message"]
    trial.assert_settled("7.9.0")


def lose_power_before_return(begin, with_bitbucket):
    """The controller is held in the third change of its first node: drain, down, up."""
    trial = begun(begin, policy={"return": {"deadline": "3s"}})
    trial.arm_controller("lb-before-change:3=stop")
    trial.upgrade("7.9.4")
    wait_until(lambda: is_stopped(trial.controller.pid), "that it is held", DEADLINE_S)
    trial.cut_power("bb1")
    with trial.excuse(CUT_S):
        trial.controller.signal(signal.SIGCONT)
        trial.boot("bb1", with_bitbucket)
    return trial


def test_node_that_is_gone_before_it_has_its_traffic_is_put_back_and_somebody_decides(begin):
    trial = lose_power_before_return(begin, False)
    trial.waiting("node bb1: ")
    trial.assert_all_serve("7.9.0", "7.9.0", "7.9.0")
    trial.decide("resume")
    trial.ended("done")
    trial.assert_settled("7.9.4")


def test_node_that_boots_before_it_has_its_traffic_gets_it(begin):
    trial = lose_power_before_return(begin, True)
    trial.ended("done")
    assert trial.runs("bb1").count("start 7.9.4") == 2
    trial.assert_settled("7.9.4")
