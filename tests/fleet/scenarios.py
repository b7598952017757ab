# SPDX-License-Identifier: Apache-2.0
"""Plays the scenarios: the functions in SCENARIOS, each of which calls for a fleet of its own."""

import argparse
import os
import shutil
import sys
import time
import traceback

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "..", "deploy", "demo")]

from box import Box  # noqa: E402
from disks import full_disks  # noqa: E402
from ground import Ground, make_network, take_memory  # noqa: E402
from judge import Judge  # noqa: E402
from outages import (controller_goes_down, power_cut_in_every_step,  # noqa: E402
                     reboot_in_every_step)
from updates import update_at_work  # noqa: E402
from variants import customisations, services  # noqa: E402
from way import error_is_rolled_back, upgrade_with_reboot, whole_way  # noqa: E402


SCENARIOS = (whole_way, upgrade_with_reboot, error_is_rolled_back, reboot_in_every_step,
             power_cut_in_every_step, controller_goes_down, update_at_work, full_disks,
             services, customisations)


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
    take_memory(options.folder)
    make_network()
    judge = Judge()
    for scenario in SCENARIOS:
        if not options.scenario or scenario.__name__.replace("_", "-") in options.scenario:
            Play(options, judge).run(scenario)
    return judge.close()


sys.exit(main())
