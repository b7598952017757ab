# SPDX-License-Identifier: Apache-2.0
"""A host goes down in a step of its node, by a reboot or by a power cut, and comes back."""

import contextlib
import os
import socket
import threading
import urllib.request

from hosts import Host
from processes import Failed, wait_until

SLOW_MS = 5000      # of a step that an outage is to meet
LONG_MS = 30000     # of an answer that lasts from before the upgrade
CAUGHT_S = 120
SEEN_DOWN_S = 5     # two health checks of 2 s: a host without power refuses nothing
IN_FLIGHT = 6       # slow answers, so that each node has some

# One upgrade a row; in each, what every node is doing when its host goes down.
STEPS = (
    ("7.9.4", ("empty", "stop", "active")),
    ("7.9.5", ("detach", "switch", "soak")),
    ("7.9.6", ("stage", "start", "return")),
)


class Held:
    """Makes a step last, or notices its beginning. One a step: `prepare` before the upgrade begins,
    `wait` until it is there, `let_go` when the host is down. `seen` are the names that the controller
    may have for it, "" is none; `next` is what it may have gone on to when the host is down."""
    seen, next = (), ()

    def __init__(self, box, node, version):
        self.box, self.node, self.version = box, node, version

    def prepare(self):
        pass

    def wait(self):
        self.box.at_step(self.node.name, *self.seen)

    def let_go(self):
        pass


class Stage(Held):
    """The unpacking has begun, of a release that takes longer than a reboot to begin."""
    seen = ("",)
    _before = None

    def prepare(self):
        self.box.release(self.version, files=96, file_size=1024 * 1024)
        self._before = self.node.left_in_releases()

    def wait(self):
        wait_until(lambda: self.node.left_in_releases() != self._before, "a stage", CAUGHT_S)


class Empty(Held):
    """A long answer is under way from each node; it ends while the host goes down."""
    seen, next = ("empty",), ("detach",)

    def prepare(self):
        url = f"http://{self.box.lb_host.address}/slow?ms={LONG_MS}"

        def ask():
            with contextlib.suppress(OSError), urllib.request.urlopen(url, timeout=60) as answer:
                answer.read()
        for _ in range(IN_FLIGHT):
            threading.Thread(target=ask, daemon=True).start()


class Detach(Held):
    """Somebody has a connection to the node itself."""
    seen = ("detach",)
    _plug = None

    def prepare(self):
        self._plug = socket.create_connection((self.node.address, self.node.http_port))

    def let_go(self):
        self._plug.close()


class Stop(Held):
    seen = ("stop",)

    def prepare(self):
        self.node.set_faults(stop_delay_ms=SLOW_MS)


class Switch(Held):
    """Too short to be seen by asking: the link has just moved."""
    seen = ("switch", "start")

    def wait(self):
        wait_until(lambda: os.readlink(self.node.link).endswith(self.version), "a switch",
                   CAUGHT_S)


class Start(Held):
    seen = ("start", "active")

    def wait(self):
        wait_until(lambda: any(line["event"] == "start-script" and line["version"] == self.version
                               for line in self.node.lifecycle()), "a start", CAUGHT_S)


class Active(Held):
    seen = ("active",)

    def prepare(self):
        self.node.set_faults(start_delay_ms={"value": SLOW_MS, "only_version": self.version})


class Return(Held):
    seen = ("return", "soak")


class Soak(Held):
    seen = ("soak",)


HELD = {kind.__name__.lower(): kind for kind in (Stage, Empty, Detach, Stop, Switch, Start, Active,
                                                  Return, Soak)}


def go_down(box, judge, held, step, outage):
    name, host = held.node.name, held.node.host
    held.wait()
    with box.excuse(SEEN_DOWN_S):
        outage(host)
    row = next(row for row in box.progress()["nodes"] if row["node"] == name)
    judge.holds(f"{name} is down in step {step}, which the controller sees as '{row['step']}'",
                row["step"] in held.seen + held.next, row)
    held.let_go()
    host.boot()
    held.node.forget_faults("stop_delay_ms", "start_delay_ms")


def upgrade_with_outages(box, judge, version, steps, outage):
    held = [HELD[step](box, node, version) for step, node in zip(steps, box.nodes)]
    for each in held:
        each.prepare()
    box.begin_upgrade(version)
    for each, step in zip(held, steps):
        go_down(box, judge, each, step, outage)
    end = box.end_with_resume()
    for question in end["asked"]:
        print(f"# asked, and resumed: {question}", flush=True)
    judge.holds(f"the upgrade to {version} ends: done", end["outcome"] == "done",
                f"{end['outcome']}: {end['why']}")
    box.judge_settled(version)


def reboot_in_every_step(play):
    """A host is rebooted as an administrator does it."""
    in_every_step(play, Host.reboot)


def power_cut_in_every_step(play):
    """A host loses power, and has it back at once."""
    in_every_step(play, Host.cut_power)


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


def controller_goes_down(play):
    """The host of the controller and of its Redis loses power in one step, and is rebooted in
    another: a pause, and nothing else."""
    box, judge = play(soak_s=3), play.judge
    box.make_ready()
    box.begin_upgrade("7.9.4")
    for name, step, outage in (("bb1", "soak", Host.cut_power), ("bb2", "active", Host.reboot)):
        box.at_step(name, step)
        outage(box.controller)
        box.controller.boot()
        judge.holds(f"the controller's host is back after an outage in step {step}", True)
    judge.equal("the upgrade ends", "done", box.wait_end()["outcome"])
    for node in box.nodes:
        starts = [line["version"] for line in node.lifecycle() if line["event"] == "start-script"]
        judge.equal(f"{node.name} was started with", ["7.9.0", "7.9.4"], starts)
    box.judge_settled("7.9.4")
    box.judge_traffic()
