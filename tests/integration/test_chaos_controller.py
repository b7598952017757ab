# SPDX-License-Identifier: Apache-2.0
"""The controller ends or stops between two effects, alone or with another beside it."""

import os
import signal
import subprocess
import time

import pytest

from chaos import ALL, UP, ChaosTrial, armed, failpoints, is_stopped
from processes import wait_until
from trial import DEADLINE_S, build_dir

DEFAULT_LEASE_TAKEOVER_S = 10
UP_AND_BACK = UP + ["stop 7.9.4", "start 7.9.0"]

# Passed often: the controller is killed at that passing, and at that passing after each new start.
AGAIN = {
    "journal-before-copy": 7, "journal-after-copy": 6, "journal-after-script": 9,
    "lb-before-change": 3, "lb-after-change": 2,
}
# Passed once in an upgrade, or in a rollback.
ONCE = ["mode-on-before", "mode-on-after", "approve-before", "approve-after", "lease-taken",
        "history-before"]
ONCE_BACK = ["mode-off-before", "mode-off-after"]


def begun(begin, **options):
    return begin(kind=ChaosTrial, with_traffic=True, **options)


def test_each_failpoint_of_the_controller_has_its_scenario():
    assert sorted([*AGAIN, *ONCE, *ONCE_BACK]) == sorted(failpoints("controller"))


@pytest.mark.parametrize("program", ["controller/shunt-controller", "node-agent/shunt-agent"])
@pytest.mark.parametrize("point", ["nowhere=kill", "lb-before-change=sleep"])
def test_failpoint_that_is_not_understood_is_an_error_at_the_start(program, point):
    with armed(point):
        done = subprocess.run([os.path.join(build_dir(), program), "--config", "/none"], text=True,
                              timeout=DEADLINE_S, capture_output=True, check=False)
    assert done.returncode == 1 and f"SHUNT_FAILPOINT: '{point}'" in done.stderr


# ---- one controller ----


@pytest.mark.parametrize("name", AGAIN)
def test_controller_killed_there_again_and_again_ends_the_upgrade(begin, name):
    trial = begun(begin)
    point = f"{name}:{AGAIN[name]}=kill"
    trial.arm_controller(point)
    trial.upgrade("7.9.4")
    controller = trial.mortal_controller(point)
    trial.end_in_spite(controller)
    assert controller.deaths >= 2
    trial.assert_upgraded_once()


def die_at(trial, points):
    """At one after the other, in one upgrade. The first is armed already."""
    for next_point in [*points[1:], None]:
        trial.await_death(trial.controller)
        with armed(*([f"{next_point}=kill"] if next_point else [])):
            trial.start_controller()


def test_controller_killed_around_mode_on_and_approve_sends_each_once(begin):
    trial = begun(begin)
    points = ["mode-on-before", "mode-on-after", "approve-before", "approve-after"]
    trial.arm_controller(f"{points[0]}=kill")
    trial.upgrade("7.9.4")
    die_at(trial, points)
    trial.ended("done")
    trial.assert_upgraded_once()


def test_controller_killed_around_mode_off_ends_the_rollback(begin):
    trial = begun(begin)
    trial.fail_from("bb1", "7.9.4", error_at_start=True)
    trial.arm_controller("mode-off-before=kill")
    trial.upgrade("7.9.4")
    die_at(trial, ONCE_BACK)
    trial.ended("rolled-back")
    assert [trial.runs(name) for name in ALL] == [UP_AND_BACK, [], []]
    trial.assert_settled("7.9.0")


def test_controller_killed_before_it_has_read_the_journal_reads_it_at_its_next_start(begin):
    trial = begun(begin)
    trial.node("bb1").set_faults(stop_delay_ms=500)
    trial.upgrade("7.9.4")
    trial.at_step("bb1", "stop")
    trial.kill_controller()
    for _ in range(2):
        with armed("lease-taken=kill"):
            trial.start_controller()
        trial.await_death(trial.controller)
    trial.start_controller()
    trial.ended("done")
    trial.assert_upgraded_once()


def test_controller_killed_at_the_end_of_an_upgrade_has_it_in_the_history(begin):
    trial = begun(begin)
    trial.arm_controller("history-before=kill")
    identity = trial.upgrade("7.9.4")
    trial.await_death(trial.controller)
    trial.start_controller()
    trial.wait_led()
    trial.ended("done")
    assert [row["id"] for row in trial.store.history()] == [identity]
    trial.assert_upgraded_once()


def test_upgrade_whose_first_record_was_written_nowhere_has_not_begun_and_is_asked_again(begin):
    trial = begun(begin)
    trial.arm_controller("journal-before-copy=kill")
    artifact = trial.release("7.9.4")
    trial.admin.send(trial.admin.request("upgrade", to="7.9.4", artifact=artifact))
    trial.await_death(trial.controller)
    trial.start_controller()
    trial.wait_led()
    assert (trial.progress() or {"phase": "ended"})["phase"] == "ended"
    trial.upgrade("7.9.4")
    trial.ended("done")
    trial.assert_upgraded_once()


# ---- two controllers ----


def begun_with_two(begin, *points, **options):
    """c1 leads, and both are armed."""
    trial = begun(begin, **options)
    trial.arm_controller(*points)
    trial.wait_leader("c1")
    with armed(*points):
        trial.start_rival("c2")
    return trial


def test_leaders_killed_one_after_the_other_end_the_upgrade(begin):
    point = "journal-after-script:9=kill"
    trial = begun_with_two(begin, point)
    trial.upgrade("7.9.4")
    both = trial.mortal_controller(point), trial.mortal_rival("c2", point)
    trial.end_in_spite(*both)
    assert both[0].deaths >= 1 and both[1].deaths >= 1
    trial.assert_upgraded_once()


def stops_of(name, first, step):
    return ",".join(f"{name}:{first + number * step}=stop" for number in range(4))


def test_leaders_that_hang_one_after_the_other_are_replaced_and_change_nothing(begin):
    """Each is woken when the other leads."""
    points = stops_of("journal-after-script", 8, 9)
    trial = begun_with_two(begin, points)
    trial.upgrade("7.9.4")
    both = trial.mortal_controller(points), trial.mortal_rival("c2", points)
    for name, mortal in zip(("c1", "c2"), both):
        mortal.may_wake = lambda name=name: trial.leader()[0] not in (name, "")
    trial.end_in_spite(*both)
    assert both[0].stops >= 1 and both[1].stops >= 1
    trial.assert_upgraded_once()


def test_leader_that_hangs_for_eight_seconds_changes_nothing_when_it_wakes_up(begin):
    trial = begun(begin, lease_ms=2000)
    trial.hold(("bb1", "stop"))
    trial.start_rival("c2")
    trial.upgrade("7.9.4")
    trial.at_held("bb1", "stop")
    hung = time.monotonic()
    trial.controller.signal(signal.SIGSTOP)
    trial.wait_leader("c2")
    wait_until(lambda: time.monotonic() > hung + 8, "eight seconds", 9)
    trial.controller.signal(signal.SIGCONT)
    trial.wait_log("controller", "the lease went to c2:")
    trial.ended("done")
    assert trial.leader()[0] == "c2"
    trial.assert_upgraded_once()


def begun_to_hang(begin, point, **options):
    """c1 hangs there, and c2 leads; a node gives up a connection on which nothing is asked."""
    trial = begun(begin, keep_alive_ms=4000, **options)
    trial.arm_controller(f"{point}=stop")
    trial.start_rival("c2")
    trial.upgrade("7.9.4")
    wait_until(lambda: is_stopped(trial.controller.pid), "that it hangs", DEADLINE_S)
    trial.wait_leader("c2")
    return trial


def wake(trial):
    trial.controller.signal(signal.SIGCONT)
    trial.wait_log("controller", "the lease went to c2:")


@pytest.mark.parametrize("point", ["mode-on-before", "approve-before", "lb-before-change:2"])
def test_leader_that_hung_before_a_change_and_wakes_up_midway_does_no_harm(begin, point):
    trial = begun_to_hang(begin, point, policy={"soak": "1s"})
    if point != "approve-before":
        trial.at_step("bb1", "soak")
    wake(trial)
    trial.ended("done")
    assert trial.lb.in_rotation() == 3
    trial.assert_upgraded_once()


@pytest.mark.parametrize("point", ["mode-on-before", "lb-before-change:1"])
def test_leader_that_hung_before_a_change_and_wakes_up_after_the_end_changes_nothing(begin, point):
    trial = begun_to_hang(begin, point)
    trial.ended("done")
    wake(trial)
    trial.pass_time(1)
    assert (trial.cluster_states(), trial.lb.in_rotation()) == ("STABLE", 3)
    trial.assert_upgraded_once()


@pytest.mark.parametrize("lease_ms, most_s", [(None, DEFAULT_LEASE_TAKEOVER_S), (2000, 6)],
                         ids=["default-lease", "lease-of-2-s"])
def test_other_controller_acts_soon_after_the_leader_was_killed(begin, lease_ms, most_s):
    """The effect that is waited for is seen at the load balancer."""
    trial = begun(begin, lease_ms=lease_ms)
    trial.start_rival("c2")
    trial.upgrade("7.9.4")
    trial.at_step("bb1", "soak")
    killed = time.monotonic()
    trial.kill_controller()
    wait_until(lambda: trial.admin_of("bb2") in ("DRAIN", "MAINT"), "the next effect", DEADLINE_S)
    took_s = time.monotonic() - killed
    print(f"\nmeasured: from the kill to the next effect {took_s:.2f} s")
    assert took_s <= most_s
    trial.ended("done")
    trial.assert_upgraded_once()
