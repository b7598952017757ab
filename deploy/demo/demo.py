# SPDX-License-Identifier: Apache-2.0
"""
The demo: a cluster of three nodes behind a load balancer is upgraded under traffic, and rolled back when a
node of the next version reports ERROR. Everything is looked at from the outside, too.
"""

import argparse
import json
import os
import shutil
import signal
import sys
import tempfile

import manifest
import standin
from apache import Apache
from fleet import CLUSTER, FIRST_VERSION, Fleet
from processes import Daemon, Failed, wait_until
from haproxy import HAProxy
from nginx import NGINX
from report import Report

BALANCERS = {balancer.driver: balancer for balancer in (HAProxy, NGINX, Apache)}

HERE = os.path.dirname(os.path.abspath(__file__))
GOOD_VERSION, BAD_VERSION = "7.9.4", "7.9.5"
BAD_NODE = 1  # the second in order, so that an upgraded node has to go back as well

USERS_NICE = 10  # users are elsewhere: what they do does not take the nodes' CPU

EXIT_ROLLED_BACK = 4  # of `shunt upgrade --watch`

GIT_BYTES_PER_S = 1000000  # a clone takes about a second, so that some are always in flight

FULL = {"start_ms": 1500, "stop_ms": 400, "soak_ms": 2000, "slow_ms": 3000}
FAST = {"start_ms": 300, "stop_ms": 100, "soak_ms": 500, "slow_ms": 1000}


def say(text):
    print(f"\n== {text}", flush=True)


class Demo:
    def __init__(self, folder, build_dir, network, pace, balancer):
        self.folder, self.pace = folder, pace
        self.fleet = Fleet(folder, build_dir, [f"{network}.{number}" for number in (11, 12, 13)],
                           f"{network}.1", 18080, 17999, balancer, soak_ms=pace["soak_ms"],
                           start_ms=pace["start_ms"], stop_ms=pace["stop_ms"])
        self.report = Report(self.fleet.nodes, self.fleet.lb)
        self.problems = []
        self.traffic = None
        self.homes = None

    def expect(self, is_so, problem):
        if not is_so:
            print(f"PROBLEM: {problem}", flush=True)
            self.problems.append(problem)

    # The course of it.

    def run(self):
        say(f"three nodes, {self.fleet.lb.driver}, a controller with its Redis, an agent a node")
        self.fleet.start()
        self.show_load()
        self.homes = self.look_at_homes()
        self.start_traffic()
        self.upgrade(GOOD_VERSION, 0, "done", GOOD_VERSION)
        say(f"{self.bad_node.name} will report ERROR when it starts {BAD_VERSION}")
        self.bad_node.set_faults(error_at_start={"value": True, "only_version": BAD_VERSION})
        self.upgrade(BAD_VERSION, EXIT_ROLLED_BACK, "rolled-back", GOOD_VERSION)
        self.stop_traffic()
        self.look_from_outside()
        self.conclude()

    @property
    def bad_node(self):
        return self.fleet.nodes[BAD_NODE]

    def show_load(self):
        """Users in growing numbers: the least busy node goes first, so the order is known."""
        for number, node in enumerate(self.fleet.nodes):
            node.set_faults(active_users=3 * number, git_bytes_per_s=GIT_BYTES_PER_S)

    def look_at_homes(self):
        patterns = manifest.read_patterns(os.path.join(standin.STANDIN, "own-writes"))
        return manifest.of_cluster(self.fleet.nodes, self.fleet.shared_home, patterns)

    def upgrade(self, version, status, outcome, version_after):
        artifact = self.fleet.release(version)
        arguments = (CLUSTER, "--to", version, "--artifact", artifact)
        self.fleet.wait_plan(version, artifact)
        say(f"{CLUSTER} to {version}")
        self.expect(self.fleet.shunt("plan", *arguments) == 0, f"plan of {version} failed")
        got = self.fleet.shunt("upgrade", *arguments, "--yes", "--watch")
        self.expect(got == status, f"shunt upgrade to {version}: status {got}, not {status}")
        self.judge_upgrade(version, outcome, version_after)

    def judge_upgrade(self, version, outcome, version_after):
        versions = self.fleet.versions()
        history = wait_until(
            lambda: [row for row in self.fleet.history() if row["to"] == version],
            f"the upgrade to {version} in the history", 10)
        row = self.report.add_upgrade(history[-1], versions)
        self.expect(row["outcome"] == outcome,
                    f"upgrade to {version}: {row['outcome']}, not {outcome}")
        for name, running in versions.items():
            self.expect(running == version_after, f"{name} runs {running}, not {version_after}")

    # Traffic.

    def start_traffic(self):
        ssh = " and SSH port" if self.fleet.lb.has_ssh else ""
        say(f"traffic: keep-alive and new connections, slow answers, clones over HTTP{ssh}")
        front = self.fleet.front
        ready = os.path.join(self.folder, "traffic.ready")
        ssh_port = ["--ssh", f"{front}:{self.fleet.ssh_port}"] if self.fleet.lb.has_ssh else []
        self.traffic = Daemon("traffic", [
            os.path.join(HERE, "traffic"), "--http", f"{front}:{self.fleet.http_port}",
            *ssh_port, "--ready", ready,
            "--commit", self.fleet.nodes[0].repository_head(), "--scratch", self.folder,
            "--slow-ms", str(self.pace["slow_ms"]), "--result", self.traffic_result_path],
            os.path.join(self.folder, "traffic.log"), nice=USERS_NICE)
        wait_until(lambda: os.path.exists(ready), "an answer to each kind of traffic", 30,
                   self.traffic)

    @property
    def traffic_result_path(self):
        return os.path.join(self.folder, "traffic.json")

    def stop_traffic(self):
        status = self.traffic.stop(60)
        if status != 0:
            raise Failed(f"traffic ended with status {status}\n{self.traffic.last_words()}")
        with open(self.traffic_result_path, encoding="utf-8") as file:
            result = json.load(file)
        for name in ("requests", "clones"):
            for field in (f"{name}_total", f"{name}_failed"):
                self.report.figures[field] = result[field]
            self.expect(result[f"{name}_failed"] == 0, f"{result[f'{name}_failed']} {name} failed")
            self.expect(result[f"{name}_total"] > 0, f"no {name} at all")
        for failure in result["failures"]:
            print(f"  {failure['at']} {failure['kind']} {failure['what']}: {failure['failure']}")

    # The end.

    def look_from_outside(self):
        figures = self.report.figures
        figures["cluster_state"] = self.fleet.cluster_states()
        figures["nodes_in_rotation"] = self.fleet.lb.in_rotation()
        changed = manifest.differences(self.homes, self.look_at_homes())
        figures["home_changed_by_us"] = len(changed)
        self.expect(figures["cluster_state"] == "STABLE",
                    f"the cluster is {figures['cluster_state']}")
        self.expect(figures["nodes_in_rotation"] == len(self.fleet.nodes),
                    f"{figures['nodes_in_rotation']} nodes in rotation")
        self.expect(not changed, f"changed in the homes: {', '.join(changed)}")

    def conclude(self):
        median = self.report.median_overhead_ms()
        limit = self.fleet.lb.overhead_limit_ms
        self.expect(median is not None and (limit is None or median <= limit),
                    f"median overhead {median} ms, the limit is {limit} ms")
        say("what it came to")
        print("\n".join(self.report.table()))
        limited = f" (limit {limit})" if limit is not None else ""
        print(f"{'median overhead ms':22} {median}{limited}")

    def stop(self):
        if self.traffic is not None:
            self.traffic.stop(60)
        for complaint in self.fleet.stop():
            self.expect(False, complaint)


def run_and_stop(demo):
    try:
        demo.run()
    except Failed as failure:
        demo.expect(False, str(failure))
        print("\n".join(demo.fleet.last_words()))
    except KeyboardInterrupt:
        demo.expect(False, "interrupted")
    finally:
        demo.stop()


def parse_arguments():
    parser = argparse.ArgumentParser(prog="demo.sh", description=__doc__)
    parser.add_argument("--report", metavar="FILE", help="write the figures as JSON")
    parser.add_argument("--keep", action="store_true", help="leave the folder with logs and all")
    parser.add_argument("--fast", action="store_true", help="nodes that start and stop at once")
    parser.add_argument("--lb", choices=BALANCERS, default=HAProxy.driver,
                        help="the load balancer in front; default: %(default)s")
    parser.add_argument("--network", metavar="N.N.N", default="127.0.0",
                        help="begin of the loopback addresses to use; default: 127.0.0")
    return parser.parse_args()


def end_on_signal(number, _frame):
    raise SystemExit(128 + number)


def main():
    options = parse_arguments()
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, end_on_signal)
    folder = tempfile.mkdtemp(prefix="shunt-demo-")
    demo = Demo(folder, os.environ["SHUNT_BUILD_DIR"], options.network,
                FAST if options.fast else FULL, BALANCERS[options.lb])
    is_good = False
    try:
        run_and_stop(demo)
        is_good = not demo.problems
        if options.report:
            with open(options.report, "w", encoding="utf-8") as out:
                out.write(json.dumps(demo.report.as_json(), indent=2) + "\n")
    finally:
        if options.keep or not is_good:
            print(f"logs and all: {folder}")
        else:
            shutil.rmtree(folder)
    say(f"all went as it should: {FIRST_VERSION} to {GOOD_VERSION}, and back from {BAD_VERSION}"
        if is_good else "NOT as it should:\n" + "\n".join(demo.problems))
    return 0 if is_good else 1


sys.exit(main())
