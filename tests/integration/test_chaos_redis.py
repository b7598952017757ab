# SPDX-License-Identifier: Apache-2.0
"""Redis is killed, or loses all that it had, in one step after the other."""

import signal
import time

import pytest

from chaos import ChaosTrial, is_stopped
from processes import wait_until
from trial import DEADLINE_S

FAULTS = {
    "killed": lambda trial: trial.restart_redis(),
    "flushed": lambda trial: trial.flush_redis(),
    "killed-and-emptied": lambda trial: trial.restart_redis(is_emptied=True),
}
# In the order in which an upgrade comes to them.
PLACES = (("bb1", "detach"), ("bb1", "switch"), ("bb1", "active"), ("bb1", "soak"),
          ("bb2", "stop"), ("bb2", "start"), ("bb2", "soak"), ("bb3", "detach"))


@pytest.fixture(params=FAULTS)
def strike(request):
    return FAULTS[request.param]


def begun(begin, **options):
    return begin(kind=ChaosTrial, with_traffic=True, **options)


def test_redis_that_is_lost_in_each_step_costs_a_pause_and_nothing_else(begin, strike):
    trial = begun(begin, policy={"soak": "800ms"})
    trial.hold(*PLACES)
    trial.upgrade("7.9.4")
    for name, step in PLACES:
        trial.at_held(name, step)
        strike(trial)
        trial.let_go(name, step)
    trial.ended("done")
    trial.assert_upgraded_once()


@pytest.mark.parametrize("point", ["journal-after-copy:5", "mode-on-after", "approve-after",
                                   "lb-after-change:2"])
def test_redis_that_is_emptied_between_two_effects_gets_its_journal_back(begin, point):
    """The controller hangs there, for no longer than its lease lives."""
    trial = begun(begin)
    trial.arm_controller(f"{point}=stop")
    trial.upgrade("7.9.4")
    wait_until(lambda: is_stopped(trial.controller.pid), "that it hangs", DEADLINE_S)
    trial.restart_redis(is_emptied=True)
    trial.controller.signal(signal.SIGCONT)
    trial.ended("done")
    trial.assert_upgraded_once()


def test_lease_that_redis_has_lost_is_left_alone_while_its_holder_may_act(begin):
    """As after a failover to a server that knows nothing of the last renewal."""
    trial = begin(kind=ChaosTrial, lease_ms=4000)
    rival = trial.start_rival("c2")
    trial.controller.signal(signal.SIGSTOP)
    rival.signal(signal.SIGSTOP)
    assert trial.call_redis("DEL", trial.store.key("lease")) == 1
    trial.restart_redis()
    rival.signal(signal.SIGCONT)
    begun = time.monotonic()
    trial.wait_leader("c2")
    assert time.monotonic() - begun > 3.9
    assert trial.leader() == ("c2", 2)
    trial.controller.signal(signal.SIGCONT)
    trial.wait_log("controller", "standing back")
    assert trial.leader() == ("c2", 2)


def test_lease_that_was_given_up_is_taken_at_once_by_who_starts(begin):
    trial = begin(kind=ChaosTrial, lease_ms=10_000)
    trial.end_controller()
    assert trial.store.call("EXISTS", trial.store.key("lease")) == 0
    begun = time.monotonic()
    trial.start_controller()
    trial.wait_leader("c1")
    assert time.monotonic() - begun < 3
