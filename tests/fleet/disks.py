# SPDX-License-Identifier: Apache-2.0
"""Small disks that fill up: that of a node's releases, and that of an agent's state."""

import contextlib
import os
import re

from processes import run, wait_until

RELEASES_MIB, STATE_MIB = 64, 24
BLOCK, INODES = 1024, 40_000  # an agent wants inodes for two distributions of the real product
CAUGHT_S = 120
SLOW_MS = 3000


class SmallDisk:
    """A file system on a loop device, mounted on a host before it boots. The kernel lets the device
    go with the mount, which ends with our namespace."""

    def __init__(self, host, path, mib):
        self.host = host
        image = os.path.join(host.folder, path.strip("/").replace("/", "-") + ".img")
        with open(image, "wb") as disk:
            disk.truncate(mib * 1024 * 1024)
        run("/usr/sbin/mkfs.ext4", "-q", "-b", str(BLOCK), "-m", "0", "-I", "128", "-N",
            str(INODES), "-O", "^has_journal", image)
        self._mounted = host.path(path)
        os.makedirs(self._mounted)
        run("mount", "-o", "loop", image, self._mounted)
        os.rmdir(os.path.join(self._mounted, "lost+found"))
        self._filler = os.path.join(self._mounted, ".filler")

    def fill(self):
        with open(self._filler, "wb", buffering=0) as filler:
            for size in (1024 * BLOCK, BLOCK):
                with contextlib.suppress(OSError):
                    while True:
                        filler.write(bytes(size))

    def make_room(self):
        os.remove(self._filler)


def full_disks(play):
    disks = {}

    def mount(box):
        disks["releases"] = SmallDisk(box.node("bb2").host, "/opt/atlassian/bitbucket",
                                      RELEASES_MIB)
        disks["state"] = SmallDisk(box.node("bb3").host, "/var/lib/shunt-agent", STATE_MIB)
    box = play(mount=mount)
    box.make_ready()
    refused_where_releases_do_not_fit(box, play.judge, disks["releases"])
    held_up_where_nothing_can_be_recorded(box, play.judge, disks["state"])
    box.judge_settled("7.9.4")
    box.judge_traffic()


def refused_where_releases_do_not_fit(box, judge, disk):
    disk.fill()
    box.offer("7.9.4")
    status, said = box.controller.attempt(box.upgrade_line("7.9.4", "--yes", "--watch"))
    judge.equal("with a full disk for releases the status of `shunt upgrade` is", 5, status)
    judge.holds("it says how much is needed and what to do",
                re.search(r"MiB needed, .* usable", said) and "make room" in said, said)
    disk.make_room()
    judge.equal("nothing is left of it on that node", ["7.9.0", "current"],
                box.node("bb2").left_in_releases())
    box.judge_settled("7.9.0")


def held_up_where_nothing_can_be_recorded(box, judge, disk):
    """Either the end of a job cannot be recorded, which is tried again, or the next command, which
    is refused, and somebody decides."""
    box.wait_plannable()
    box.node("bb3").set_faults(stop_delay_ms=SLOW_MS)
    box.begin_upgrade("7.9.4")
    box.at_step("bb3", "stop")
    disk.fill()
    host = box.node("bb3").host

    def is_told():
        return box.progress()["is_waiting"] or "cannot be recorded" in host.journal("shunt-agent")
    wait_until(is_told, "that the full disk is told", CAUGHT_S)
    judge.holds("a full disk for the agent's state is told", True)
    disk.make_room()
    end = box.end_with_resume()
    for question in end["asked"]:
        print(f"# asked, and resumed: {question}", flush=True)
    judge.equal("with room again the upgrade ends", "done", end["outcome"])
