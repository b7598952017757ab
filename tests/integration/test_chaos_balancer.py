# SPDX-License-Identifier: Apache-2.0
"""HAProxy is reloaded or restarted, and has forgotten whom it was not to send traffic."""

import contextlib

import pytest

from chaos import ChaosTrial
from processes import wait_until

SAID = "given back its traffic at edge by somebody else"
PLACES = (("bb1", "detach"), ("bb1", "switch"), ("bb1", "active"), ("bb1", "soak"),
          ("bb2", "stop"), ("bb2", "start"), ("bb3", "detach"), ("bb3", "active"))
DEAD = ("stop", "switch", "start", "active")  # a request that comes to the node then is lost
OUT = (*DEAD, "detach")
AGAIN_OUT_S = 1


def begun(begin, **options):
    return begin(kind=ChaosTrial, with_traffic=True, **options)


def wait_out_again(trial, name):
    wait_until(lambda: trial.admin_of(name) in ("DRAIN", "MAINT"), f"{name} out again",
               AGAIN_OUT_S)


@pytest.mark.parametrize("is_restarted", [False, True], ids=["reloaded", "restarted"])
def test_drained_node_that_gets_its_traffic_back_is_taken_out_within_a_second(begin, is_restarted):
    trial = begun(begin, policy={"soak": "1s"})
    trial.hold(*PLACES)
    trial.upgrade("7.9.4")
    for name, step in PLACES:
        trial.at_held(name, step)
        told = trial.log().count(SAID)
        loses = is_restarted or step in DEAD
        with trial.excuse(AGAIN_OUT_S) if loses else contextlib.nullcontext():
            trial.restart_lb() if is_restarted else trial.reload_lb()
            if step in OUT:
                wait_out_again(trial, name)
                wait_until(lambda told=told: trial.log().count(SAID) > told, "that it is told", 1)
        trial.let_go(name, step)
    trial.ended("done")
    trial.assert_upgraded_once()
