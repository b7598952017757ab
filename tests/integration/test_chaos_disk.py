# SPDX-License-Identifier: Apache-2.0
"""The disk is full on which an agent or a controller keeps what it must not forget."""

import os

import pytest

from chaos import ChaosTrial
from processes import run, wait_until
from trial import DEADLINE_S

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="mounts need root")


class SmallDisk:
    """A file system with small blocks: what has room left in its last one can still be written."""

    def __init__(self, path):
        self.path = path
        self._filler = os.path.join(path, "filler")

    def mount(self, trial):
        os.makedirs(self.path)
        image = os.path.join(trial.folder, "disk.img")
        with open(image, "wb") as disk:
            disk.truncate(2 * 1024 * 1024)
        run("/usr/sbin/mkfs.ext4", "-q", "-b", "1024", "-m", "0", "-O", "^has_journal", image)
        run("mount", "-o", "loop", image, self.path)
        trial.at_end.callback(run, "umount", self.path)

    def fill(self):
        with open(self._filler, "wb", buffering=0) as filler:
            try:
                while True:
                    filler.write(bytes(1024))
            except OSError:
                pass

    def make_room(self):
        os.remove(self._filler)


def begun(begin, path, **options):
    """The path is below the scenario's folder; the disk is mounted before anything runs."""
    disks = []

    def prepare(trial):
        disks.append(SmallDisk(os.path.join(trial.folder, path)))
        disks[0].mount(trial)
    return begin(kind=ChaosTrial, with_traffic=True, prepare=prepare, **options), disks[0]


def resume_where_asked(trial):
    upgrade = trial.wait("an end, or that it waits",
                         lambda seen: seen["phase"] == "ended" or seen["is_waiting"])
    if upgrade["phase"] != "ended":
        trial.waiting("node bb2: .*(No space left on device.*make room|"
                      "in flight at the drain deadline)")
        trial.decide("resume")


@pytest.mark.parametrize("step", ["detach", "stop", "switch"])
def test_full_disk_of_an_agent_holds_its_node_up_until_there_is_room(begin, step):
    """Either the end of a job cannot be recorded, which is tried again, or the next command, which
    is refused, and somebody decides."""
    trial, disk = begun(begin, "bb2/agent", policy={"drain": {"deadline": "3s"}})
    trial.hold(("bb2", step))
    trial.upgrade("7.9.4")
    trial.at_held("bb2", step)
    disk.fill()
    trial.let_go("bb2", step)
    wait_until(lambda: trial.progress()["is_waiting"] or
               "has ended, but cannot be recorded" in trial.log("agent-bb2"),
               "that it is told", DEADLINE_S)
    disk.make_room()
    resume_where_asked(trial)
    trial.ended("done")
    trial.assert_settled("7.9.4")


@pytest.mark.parametrize("step", ["detach", "active"])
def test_full_disk_of_the_only_controller_lets_nothing_happen_until_there_is_room(begin, step):
    trial, disk = begun(begin, "controller/journal")
    trial.hold(("bb2", step))
    trial.upgrade("7.9.4")
    trial.at_held("bb2", step)
    disk.fill()
    trial.let_go("bb2", step)
    trial.wait_log("controller", "the lease is given up, and tried again later")
    runs = [trial.runs(node.name) for node in trial.nodes]
    trial.pass_time(1)
    assert [trial.runs(node.name) for node in trial.nodes] == runs
    disk.make_room()
    trial.ended("done")
    trial.assert_upgraded_once()


def test_full_disk_of_the_leader_makes_another_controller_lead(begin):
    trial, disk = begun(begin, "controller/journal")
    trial.start_rival("c2")
    trial.hold(("bb2", "active"))
    trial.upgrade("7.9.4")
    trial.at_step("bb2", "active")
    disk.fill()
    trial.wait_leader("c2")
    trial.ended("done")
    trial.assert_upgraded_once()
