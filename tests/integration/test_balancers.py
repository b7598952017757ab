# SPDX-License-Identifier: Apache-2.0
"""
Upgrades behind the load balancers that are not HAProxy, each with the real server: nothing is lost,
what somebody else gives back is taken again, and a node that somebody else took out stays out.
"""

import os
import re
import signal

import pytest

from apache import Apache
from mod_jk import ModJK
from nginx import NGINX
from processes import wait_until

UP = ["stop 7.9.0", "start 7.9.4"]
AGAIN_S = 5  # within a second, where the machine is not busy with other scenarios


def edit_nginx(trial, pattern, replacement):
    """A colleague's hand: edit, reload."""
    path = os.path.join(trial.folder, "nginx.conf")
    with open(path, encoding="utf-8") as file:
        text = file.read()
    edited = re.sub(pattern, replacement, text)
    assert edited != text
    with open(path, "w", encoding="utf-8") as file:
        file.write(edited)
    trial.lb.daemon.signal(signal.SIGHUP)


def give_back_at_nginx(trial):
    """All that is taken out, in both groups, as it was before."""
    edit_nginx(trial, " down # taken out by shunt\n", "")


def give_back_at_apache(trial):
    """A graceful restart forgets what was set at run time."""
    trial.lb.daemon.signal(signal.SIGUSR1)


GIVE_BACK = {NGINX: give_back_at_nginx, Apache: give_back_at_apache, ModJK: give_back_at_apache}

each_balancer = pytest.mark.parametrize("balancer", list(GIVE_BACK))


@each_balancer
def test_every_node_is_upgraded_once_and_nothing_is_lost(begin, balancer):
    trial = begin(balancer=balancer)
    trial.upgrade("7.9.4")
    trial.ended("done")
    for node in trial.nodes:
        assert trial.runs(node.name) == UP
    trial.assert_settled("7.9.4")


@each_balancer
def test_release_that_fails_is_rolled_back_and_nothing_is_lost(begin, balancer):
    trial = begin(balancer=balancer)
    trial.fail_from("bb2", "7.9.4", error_at_start=True)
    trial.upgrade("7.9.4")
    trial.ended("rolled-back")
    trial.assert_settled("7.9.0")


@each_balancer
def test_traffic_that_somebody_gives_back_is_taken_again(begin, balancer):
    trial = begin(balancer=balancer, with_traffic=False)
    trial.node("bb1").set_faults(start_delay_ms=8000)
    trial.upgrade("7.9.4")
    trial.at_step("bb1", "active")
    GIVE_BACK[balancer](trial)
    wait_until(lambda: re.search("given back its traffic|could not be read", trial.log()), "that it is told", AGAIN_S)
    wait_until(lambda: "bb1" not in trial.lb.who_answers(), "that it is out again", AGAIN_S)
    trial.ended("done")
    trial.assert_settled("7.9.4")
