# SPDX-License-Identifier: Apache-2.0
"""The scenarios, one function each, and the program that plays them."""

import argparse
import os
import shutil
import sys
import time
import traceback

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "..", "deploy", "demo")]

from box import Box  # noqa: E402
from cluster import each  # noqa: E402
from disks import full_disks  # noqa: E402
from documents import as_written  # noqa: E402
from hosts import Ground, make_network  # noqa: E402
from judge import Judge  # noqa: E402
from outages import power_cut_in_every_step, reboot_in_every_step  # noqa: E402
from processes import run  # noqa: E402
from updates import update_while_staging  # noqa: E402
from variants import customisations, services  # noqa: E402


def whole_way(play):
    """As README.md says, typed as written: packages, set-up, plan, upgrade, rollback, purge."""
    box, judge = play(soak_s=2), play.judge
    box.begin()
    box.start_traffic()
    box.install_packages()
    judge.holds("the packages install", True)
    box.set_up()
    box.wait_plannable()
    judge.holds("agents and controller start, and find each other", True)
    said = box.controller.run(as_written("shunt nodes git"))
    judge.holds("`shunt nodes` shows all of them", all(node.name in said for node in box.nodes), said)
    status, said = box.controller.attempt(box.plan_line("7.9.4"))
    judge.holds("the plan has no failed check", status == 0, said)
    status, said = box.controller.attempt(box.upgrade_line("7.9.4", "--watch"), answers="y\n")
    judge.holds("the upgrade is shown, asked for, and done", status == 0, said)
    box.judge_settled("7.9.4")
    roll_back_by_hand(box, judge)
    purge(box, judge)
    judge.equal("and Bitbucket serves on", ["7.9.4 RUNNING"] * 3,
                [node.state() for node in box.nodes])
    box.judge_traffic()


def roll_back_by_hand(box, judge):
    """In the middle of the next upgrade, when one node has it already."""
    box.begin_upgrade("7.9.5")
    box.at_step("bb2", "active", "return", "soak")
    status, said = box.controller.attempt(as_written("shunt rollback git"))
    judge.holds("a rollback is taken on", status == 0, said)
    judge.equal("and ends", "rolled-back", box.wait_end()["outcome"])
    box.judge_settled("7.9.4")


def purge(box, judge):
    line = as_written("apt-get purge", "deploy/README.md")
    each(lambda host: host.run(f"sudo {line} shunt-agent", answers="y\n"), box.agents)
    box.controller.run(f"sudo {line} shunt shunt-controller", answers="y\n")
    look = ("ls -d /var/lib/shunt /var/lib/shunt-agent /etc/shunt/*.yaml /usr/sbin/shunt* "
            "/usr/bin/shunt /lib/systemd/system/shunt* 2>/dev/null; pgrep -a shunt; true")
    left = "".join(each(lambda host: host.run(look), box.hosts))
    judge.holds("a purge leaves nothing", not left, left)


def upgrade_with_reboot(play):
    """The shortest way that meets it all, for every change."""
    box = play()
    box.make_ready()
    box.begin_upgrade("7.9.4")
    box.at_step("bb2", "active")
    with box.excuse(2):
        box.node("bb2").host.reboot()
    box.node("bb2").host.boot()
    play.judge.equal("with a node rebooted in its start the upgrade ends", "done",
                     box.end_with_resume()["outcome"])
    box.judge_settled("7.9.4")
    box.judge_traffic()


def error_is_rolled_back(play):
    """A node that reports ERROR with the new version has all of them put back."""
    box, judge = play(), play.judge
    box.make_ready()
    box.node("bb2").set_faults(error_at_start={"value": True, "only_version": "7.9.4"})
    box.offer("7.9.4")
    status, said = box.controller.attempt(box.upgrade_line("7.9.4", "--yes", "--watch"))
    judge.holds("`shunt upgrade --watch` ends with the status for a rollback", status == 4, said)
    judge.holds("and tells of the ERROR", "ERROR" in said, said)
    box.judge_settled("7.9.0")
    box.judge_traffic()


SCENARIOS = (whole_way, upgrade_with_reboot, error_is_rolled_back, reboot_in_every_step,
             power_cut_in_every_step, update_while_staging, full_disks, services, customisations)


class Play:
    """What a scenario gets: call it for a fleet of its own."""

    def __init__(self, options, judge):
        self.options, self.judge = options, judge
        self._box = None

    def __call__(self, **given):
        folder = os.path.join(self.options.folder, self.judge.scenario)
        os.makedirs(folder)
        group = os.path.basename(os.path.dirname(self.options.folder))
        self._box = Box(Ground(folder, self.options.base, group), self.options.debs, self.judge,
                        **given)
        return self._box

    def run(self, scenario):
        failed_before, begun = self.judge.failed, time.monotonic()
        self.judge.scenario = scenario.__name__.replace("_", "-")
        try:
            scenario(self)
        except Exception:  # pylint: disable=broad-except
            self.judge.holds("comes to its end", False, traceback.format_exc())
        if self.judge.failed > failed_before and self._box is not None:
            print("\n".join(self._box.last_words()), flush=True)
        self._end()
        print(f"# {self.judge.scenario}: {time.monotonic() - begun:.0f} s", flush=True)

    def _end(self):
        if self._box is not None:
            self._box.end()
            shutil.rmtree(self._box.folder, ignore_errors=True)
            self._box = None


def take_ground(folder):
    """A file system in memory that ends with this program's mount namespace, as does all that is
    mounted in it, and a place of its own for what nspawn notes of its machines."""
    run("mount", "--make-rprivate", "/")
    run("mount", "-t", "tmpfs", "-o", "size=6g,mode=755", "tmpfs", folder)
    os.makedirs("/run/systemd/nspawn", exist_ok=True)
    run("mount", "-t", "tmpfs", "tmpfs", "/run/systemd/nspawn")


def parse_arguments():
    names = [scenario.__name__.replace("_", "-") for scenario in SCENARIOS]
    parser = argparse.ArgumentParser(prog="try", description=__doc__)
    parser.add_argument("--base", required=True, help=argparse.SUPPRESS)
    parser.add_argument("--debs", required=True, help=argparse.SUPPRESS)
    parser.add_argument("--folder", required=True, help=argparse.SUPPRESS)
    parser.add_argument("scenario", nargs="*", metavar="SCENARIO", choices=[[], *names],
                        help=", ".join(names))
    return parser.parse_args()


def main():
    options = parse_arguments()
    take_ground(options.folder)
    make_network()
    judge = Judge()
    for scenario in SCENARIOS:
        if not options.scenario or scenario.__name__.replace("_", "-") in options.scenario:
            Play(options, judge).run(scenario)
    return judge.close()


sys.exit(main())
