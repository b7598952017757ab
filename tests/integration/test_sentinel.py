# SPDX-License-Identifier: Apache-2.0
"""The master of Redis dies or hangs during an upgrade; sentinels make its replica the master."""

import signal
import subprocess
import time

import pytest

from processes import wait_until
from sentinels import SentinelTrial
from trial import DEADLINE_S

UP = ["stop 7.9.0", "start 7.9.4"]
ALL = ("bb1", "bb2", "bb3")
NOTICE_S = 10  # within which every program has left a master that hangs


def assert_upgraded_once(trial):
    for name in ALL:
        assert trial.runs(name) == UP, name
    trial.assert_settled("7.9.4")


def slowed(begin):
    """One with time for a failover in each step of bb2."""
    trial = begin(kind=SentinelTrial)
    trial.node("bb2").set_faults(stop_delay_ms=1000)
    trial.fail_from("bb2", "7.9.4", start_delay_ms=1000)
    return trial


def tell_standstill(trial, step, begun):
    """Until bb2 has got further than this step; shown with -s and where a scenario fails. The step
    itself would have taken a second, at most."""
    def is_further(upgrade):
        row = next(row for row in upgrade["nodes"] if row["node"] == "bb2")
        return (row["place"], row["step"]) != ("working", step)
    trial.wait(f"the end of {step}", is_further)
    print(f"\nstood still for {time.time() - begun:.1f} s in {step}")


@pytest.mark.parametrize("step", ["stop", "active", "soak"])
def test_master_that_dies_costs_a_pause_and_nothing_else(begin, step):
    trial = slowed(begin)
    trial.upgrade("7.9.4")
    with subprocess.Popen([trial.program("shunt"), "--config", trial.config, "status", "git",
                           "--watch"], stdout=subprocess.PIPE, text=True) as watch:
        trial.at_step("bb2", step)
        begun = time.time()
        trial.servers.await_other_master(trial.kill_master())
        tell_standstill(trial, step, begun)
        trial.ended("done")
        assert "git: done" in watch.communicate(timeout=DEADLINE_S)[0]
        assert watch.returncode == 0
    assert_upgraded_once(trial)


@pytest.mark.parametrize("step", ["stop", "active"])
def test_master_that_hangs_and_comes_back_as_a_replica_costs_a_pause_and_nothing_else(begin, step):
    trial = slowed(begin)
    trial.upgrade("7.9.4")
    trial.at_step("bb2", step)
    begun, port = time.time(), trial.servers.master()
    trial.servers.daemons[port].signal(signal.SIGSTOP)
    trial.servers.await_other_master(port)
    trial.servers.daemons[port].signal(signal.SIGCONT)
    tell_standstill(trial, step, begun)
    trial.ended("done", deadline_s=60)
    assert_upgraded_once(trial)
    trial.servers.await_replica(port)


def test_what_the_replica_had_not_yet_is_asked_again(begin):
    """The lease outlives the failover, so that nobody is a new leader because of it."""
    trial = begin(kind=SentinelTrial, lease_ms=20000, policy={"soak": "2s"})
    trial.upgrade("7.9.4")
    trial.at_step("bb1", "soak")
    trial.agents["bb2"].signal(signal.SIGSTOP)  # its command is still in Redis, and only there
    waiting = "XLEN", trial.store.key("command:bb2")
    with trial.servers.cut_off_replica():
        wait_until(lambda: trial.store.call(*waiting) == 1, "a command for bb2", DEADLINE_S)
        port = trial.kill_master()
    trial.servers.await_other_master(port)
    trial.agents["bb2"].signal(signal.SIGCONT)
    trial.ended("done")
    assert_upgraded_once(trial)


def test_every_agent_leaves_a_master_that_hangs_within_ten_seconds(begin):
    """Also one that has nothing to do but to wait for commands."""
    trial = begin(kind=SentinelTrial, with_traffic=False)
    begun, port = time.time(), trial.servers.master()
    trial.servers.daemons[port].signal(signal.SIGSTOP)
    trial.servers.await_other_master(port)
    for name in ALL:
        wait_until(lambda name=name: trial.beat(name)["at_ms"] > (begun + 1) * 1000,
                   f"a heartbeat of {name} at the new master", NOTICE_S - (time.time() - begun))
    wait_until(lambda: trial.store.status()["at_ms"] > (begun + 1) * 1000,
               "the controller at the new master", NOTICE_S - (time.time() - begun))
