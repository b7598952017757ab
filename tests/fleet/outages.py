# SPDX-License-Identifier: Apache-2.0
"""A host goes down in a step of its node, by a reboot or by a power cut, and comes back."""

import contextlib
import os
import socket
import threading
import urllib.request

from processes import Failed, wait_until

SLOW_MS = 5000      # of a step that an outage is to meet
LONG_MS = 12000     # of an answer that lasts from before the upgrade
CAUGHT_S = 60
SEEN_DOWN_S = 2     # in which the load balancer notices that a node that served is gone
IN_FLIGHT = 6       # slow answers, so that each node has some

# One upgrade a row; in each, what every node is doing when its host goes down.
STEPS = (
    ("7.9.4", ("empty", "stop", "active")),
    ("7.9.5", ("detach", "switch", "soak")),
    ("7.9.6", ("stage", "start", "return")),
)


class Held:
    """Makes a step last, or notices its beginning. One a step: `prepare` before the upgrade begins,
    `wait` until it is there, `let_go` when the host is down."""

    def __init__(self, box, node, version):
        self.box, self.node, self.version = box, node, version

    def prepare(self):
        pass

    def let_go(self):
        pass


class Stage(Held):
    def wait(self):
        wait_until(lambda: any(name not in (*self.box.seen_releases, "current")
                               for name in self.node.left_in_releases()), "a stage", CAUGHT_S)


class Empty(Held):
    """A long answer is under way from each node."""

    def wait(self):
        self.box.at_step(self.node.name, "empty")

    def prepare(self):
        url = f"http://{self.box.lb_host.address}/slow?ms={LONG_MS}"

        def ask():
            with contextlib.suppress(OSError), urllib.request.urlopen(url, timeout=30) as answer:
                answer.read()
        for _ in range(IN_FLIGHT):
            threading.Thread(target=ask, daemon=True).start()


class Detach(Held):
    """Somebody has a connection to the node itself."""
    _plug = None

    def prepare(self):
        self._plug = socket.create_connection((self.node.address, self.node.http_port))

    def wait(self):
        self.box.at_step(self.node.name, "detach", "empty")

    def let_go(self):
        self._plug.close()


class Stop(Held):
    def prepare(self):
        self.node.set_faults(stop_delay_ms=SLOW_MS)

    def wait(self):
        self.box.at_step(self.node.name, "stop")


class Switch(Held):
    """Too short to be seen by asking: the link has just moved."""

    def wait(self):
        wait_until(lambda: os.readlink(self.node.link).endswith(self.version), "a switch",
                   CAUGHT_S)


class Start(Held):
    def wait(self):
        wait_until(lambda: any(line["event"] == "start-script" and line["version"] == self.version
                               for line in self.node.lifecycle()), "a start", CAUGHT_S)


class Active(Held):
    def prepare(self):
        self.node.set_faults(start_delay_ms={"value": SLOW_MS, "only_version": self.version})

    def wait(self):
        self.box.at_step(self.node.name, "active")


class Return(Held):
    def wait(self):
        self.box.at_step(self.node.name, "return", "soak")


class Soak(Held):
    def wait(self):
        self.box.at_step(self.node.name, "soak")


HELD = {kind.__name__.lower(): kind for kind in (Stage, Empty, Detach, Stop, Switch, Start, Active,
                                                  Return, Soak)}


def go_down(box, judge, held, step, outage):
    held.wait()
    with box.excuse(SEEN_DOWN_S):
        outage(held.node.host)
    held.let_go()
    held.node.forget_faults("stop_delay_ms", "start_delay_ms")
    judge.holds(f"host of {held.node.name} is back after an outage in step {step}", True)


def upgrade_with_outages(box, judge, version, steps, outage):
    held = [HELD[step](box, node, version) for step, node in zip(steps, box.nodes)]
    for each in held:
        each.prepare()
    box.seen_releases = box.nodes[0].left_in_releases()
    box.begin_upgrade(version)
    asked = []
    for each, step in zip(held, steps):
        go_down(box, judge, each, step, outage)
    end = box.end_with_resume()
    asked += end["asked"]
    for question in asked:
        print(f"# asked, and resumed: {question}", flush=True)
    judge.equal(f"the upgrade to {version} ends", "done", end["outcome"])
    box.judge_settled(version)


def reboot_in_every_step(play):
    """A host is rebooted as an administrator does it."""
    in_every_step(play, lambda host: host.reboot())


def power_cut_in_every_step(play):
    """A host loses power, and has it back at once."""
    def outage(host):
        host.cut_power()
        host.boot()
    in_every_step(play, outage)


def in_every_step(play, outage):
    box = play(soak_s=3)
    box.make_ready()
    for version, steps in STEPS:
        try:
            upgrade_with_outages(box, play.judge, version, steps, outage)
        except Failed as failure:
            play.judge.holds(f"the upgrade to {version} with outages in {steps}", False, failure)
            break
    box.judge_traffic()
