# SPDX-License-Identifier: Apache-2.0
"""An upgrade behind a load balancer that is reached through a program of the operator's."""

import os

import pytest

from processes import write_file
from trial import build_dir

PROGRAM = os.path.join(build_dir(), "tests", "contract", "exec_program")


def through_program(**settings):
    def change(cluster):
        cluster["load_balancers"][0].update(driver="exec", program=PROGRAM, **settings)
    return change


def close_idle_soon(trial):
    """Where nobody counts sessions a node goes down with some of them at work, whose connections
    HAProxy would keep for minutes (lb-drivers/README.md, Idle connections)."""
    path = os.path.join(trial.folder, "haproxy.cfg")
    with open(path, encoding="utf-8") as file:
        text = file.read()
    write_file(path, text.replace(" fall 2\n", " fall 2 pool-purge-delay 100ms\n"))


@pytest.mark.parametrize("sessions", ["counted", "unknown"])
def test_upgrade_through_a_program_loses_nothing(begin, sessions):
    """Where the program does not know sessions, the nodes' own connections prove them empty."""
    trial = begin(change=through_program(sessions=sessions), prepare=close_idle_soon)
    trial.upgrade("7.9.4")
    trial.ended("done", deadline_s=60)
    for node in trial.nodes:
        assert trial.runs(node.name) == ["stop 7.9.0", "start 7.9.4"]
    trial.assert_settled("7.9.4")


def test_program_that_is_missing_stops_an_upgrade_before_it_begins(begin):
    trial = begin()
    trial.reconfigure(lambda cluster: cluster["load_balancers"][0].update(
        driver="exec", program="/nonexistent/lb"))
    text = "load balancer edge: .*/nonexistent/lb: execute: No such file.*hint: look at 'program'"
    trial.refused("7.9.4", ("in rotation", "bb1 at edge", text))
    trial.assert_untouched()
