# SPDX-License-Identifier: Apache-2.0
"""A fleet for faults: where its programs end or stop, how they begin again, and what has to hold
when it is over."""

import contextlib
import json
import os
import re
import signal
import socket
import time

from processes import Daemon, wait_until
from rivals import RivalTrial
from shunt_wire import Redis
from trial import DEADLINE_S, TOP, children, command_line

UP = ["stop 7.9.0", "start 7.9.4"]
ALL = ("bb1", "bb2", "bb3")
KILLED = -signal.SIGKILL
SHORT_LEASE_MS = 1000
SLOW_MS = 700  # of a step that a fault is to meet
# The failpoint of the job that holds a step up.
HELD_BY_JOB = {"switch": "switch-before-rename", "start": "start-before-fork"}
PATIENCE_S = 90  # for an upgrade with many faults; each of them costs a second or two


def failpoints(*who):
    """The names in the table of common/failpoint.h, of these: controller, agent, job."""
    with open(os.path.join(TOP, "common", "failpoint.h"), encoding="utf-8") as header:
        rows = re.findall(r'ROW\("([a-z-]+)", *"([a-z]+)",', header.read())
    return [name for name, passer in rows if passer in who]


@contextlib.contextmanager
def armed(*points):
    """What is started within dies or stops there: "NAME[:COUNT]=kill|stop"."""
    os.environ["SHUNT_FAILPOINT"] = ",".join(points)
    try:
        yield
    finally:
        del os.environ["SHUNT_FAILPOINT"]


def is_stopped(pid):
    """As by SIGSTOP."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as stat:
            return stat.read().rpartition(")")[2].split()[0] == "T"
    except OSError:
        return False


def stopped_job(agent):
    """The process of its job that has stopped at a failpoint, or None."""
    try:
        return next(filter(is_stopped, children(agent.pid)), None)
    except OSError:
        return None


class Mortal:
    """A daemon that dies or stops at its failpoints, and lives again."""

    def __init__(self, trial, find, revive, may_wake=lambda: True):
        self.trial, self.find, self.revive, self.may_wake = trial, find, revive, may_wake
        self.deaths, self.stops = 0, 0
        self._is_stopped = False

    def is_well(self):
        return self.find().is_running() and not is_stopped(self.find().pid)

    def look(self):
        daemon = self.find()
        if not daemon.is_running():
            self.trial.bury(daemon)
            self.deaths += 1
            self.revive()
        elif not is_stopped(daemon.pid):
            self._is_stopped = False
        elif not self._is_stopped:
            self._is_stopped = True
            self.stops += 1
        elif self.may_wake():
            daemon.signal(signal.SIGCONT)


class ChaosTrial(RivalTrial):
    """Redis keeps what it has; HAProxy hands its listeners on at a reload, and closes idle
    connections soon. `lease_ms` None is the default of the product."""

    append_only = "yes"
    more_users = "user chaos on >chaos ~* +@all\n"

    def __init__(self, folder, network, lease_ms=SHORT_LEASE_MS, **options):
        super().__init__(folder, network, lease_ms=lease_ms, **options)
        self.excused = []  # (begin, end) in ms: requests that were lost then, a fault has cut
        self.old_lbs = []  # processes of HAProxy that end when their sessions have
        self._plugs = {}  # connections to nodes
        self._lb_config = os.path.join(folder, "haproxy.cfg")
        with open(self._lb_config, "r+", encoding="utf-8") as config:
            text = config.read().replace(" level admin\n", " level admin expose-fd listeners\n")
            text = text.replace(" fall 2\n", " fall 2 pool-purge-delay 500ms\n")
            config.seek(0)
            config.write(text)

    def _controller_config(self):
        config = json.loads(super()._controller_config())
        if self.lease_ms is None:
            del config["controller"]["lease"]
        return json.dumps(config, indent=1)

    def stop(self):
        for old in self.old_lbs:
            old.stop()
        return super().stop()

    def start_traffic(self, **options):
        super().start_traffic(**{"failures_kept": 10_000, **options})

    # Ends and beginnings.

    def bury(self, daemon):
        """It was killed, by us or at a failpoint."""
        self._forget(daemon)
        assert daemon.stop() == KILLED, daemon.last_words()

    def await_death(self, daemon):
        wait_until(lambda: not daemon.is_running(), f"the death of {daemon.name}", DEADLINE_S)
        self.bury(daemon)

    def arm_controller(self, *points):
        """Ended in good order, so that nobody waits for its lease."""
        self.end_controller()
        with armed(*points):
            self.start_controller()
        self.wait_led()

    def arm_agent(self, name, *points):
        self.end_agent(name)
        with armed(*points):
            self.start_agent(self.node(name))

    def wake_job(self, name):
        """The one that has stopped at a failpoint."""
        os.kill(stopped_job(self.agents[name]), signal.SIGCONT)

    def wait_stopped_job(self, name):
        return wait_until(lambda: stopped_job(self.agents[name]), f"a stopped job of {name}",
                          DEADLINE_S, self.agents[name])

    def end_in_spite(self, *mortals, outcome="done", deadline_s=PATIENCE_S):
        """Until the upgrade has ended; who died is started again, who stopped is woken."""
        def is_over():
            for mortal in mortals:
                mortal.look()
            upgrade = self.progress()
            return upgrade and (upgrade["phase"] == "ended" or upgrade["is_waiting"]) and \
                all(mortal.is_well() for mortal in mortals)
        wait_until(is_over, "the end of the upgrade", deadline_s)
        self.ended(outcome)

    def mortal_controller(self, point):
        def revive():
            with armed(point):
                self.start_controller()
        return Mortal(self, lambda: self.controller, revive)

    def mortal_rival(self, name, point):
        def revive():
            with armed(point):
                self.start_rival(name)
        return Mortal(self, lambda: self.rivals[name], revive)

    def mortal_agent(self, name, point):
        def revive():
            with armed(point):
                self.start_agent(self.node(name))
        return Mortal(self, lambda: self.agents[name], revive)

    # Steps that last until the scenario lets them end.

    def hold(self, *places):
        """(name, step) each; before the upgrade begins."""
        for name in ALL:
            steps = [step for held, step in places if held == name]
            points = [f"{HELD_BY_JOB[step]}=stop" for step in steps if step in HELD_BY_JOB]
            if points:
                self.arm_agent(name, *points)
            if "detach" in steps:
                node = self.node(name)
                self._plugs[name] = socket.create_connection((node.address, node.http_port))
            if "stop" in steps:
                self.node(name).set_faults(stop_delay_ms=SLOW_MS)
            if "active" in steps:
                self.fail_from(name, "7.9.4", start_delay_ms=SLOW_MS)
        self.wait_plannable()

    def at_held(self, name, step):
        self.at_step(name, step)
        if step in HELD_BY_JOB:
            self.wait_stopped_job(name)

    def let_go(self, name, step):
        """Where it does not end by itself."""
        if step in HELD_BY_JOB and stopped_job(self.agents[name]):
            self.wake_job(name)
        if step == "detach":
            self._plugs.pop(name).close()

    # Hosts.

    def cut_power(self, name):
        """Agent, jobs, scripts and Bitbucket end at once."""
        folder = self.node(name).folder + "/"

        def kill_all():
            pids = [int(pid) for pid in filter(str.isdigit, os.listdir("/proc"))
                    if folder in command_line(pid)]
            for pid in pids:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            self.agents[name].is_running()  # reaps it
            return not pids
        wait_until(kill_all, "the end of all of its processes", DEADLINE_S)
        self.bury(self.agents[name])

    def boot(self, name, with_bitbucket):
        if with_bitbucket:
            self.node(name).start()
        self.start_agent(self.node(name))

    # Redis.

    def kill_redis(self):
        self._forget(self.redis)
        self.redis.signal(signal.SIGKILL)
        self.redis.stop()

    def restart_redis(self, is_emptied=False):
        self.kill_redis()
        if is_emptied:
            run_dir = os.path.join(self.redis_dir, "appendonlydir")
            for name in os.listdir(run_dir):
                os.remove(os.path.join(run_dir, name))
        self.start_redis()

    def call_redis(self, *words):
        """As somebody who may do everything."""
        with Redis(os.path.join(self.redis_dir, "redis.sock")) as redis:
            redis.call("AUTH", "chaos", "chaos")
            return redis.call(*words)

    def flush_redis(self):
        assert self.call_redis("FLUSHALL") == "OK"

    # The load balancer.

    def reload_lb(self):
        """As systemd does it: a new process takes the listeners, the old one ends its sessions.
        Nothing that was set at run time is handed on."""
        old = self.lb.daemon
        self._forget(old)
        self.lb.daemon = Daemon("haproxy", [
            "/usr/sbin/haproxy", "-db", "-f", self._lb_config, "-x", self.lb.socket_path,
            "-sf", str(old.pid)], self.lb.log_path)
        self.daemons.append(self.lb.daemon)
        self.old_lbs.append(old)
        self._wait_lb()

    def restart_lb(self):
        self._forget(self.lb.daemon)
        self.lb.daemon.signal(signal.SIGKILL)
        self.lb.daemon.stop()
        self.start_lb()
        self._wait_lb()

    def _wait_lb(self):
        """Until the new process answers; the old one may do so still."""
        def answers():
            try:
                return f"\nPid: {self.lb.daemon.pid}\n" in self.lb.command("show info")
            except OSError:
                return False
        wait_until(answers, "the new load balancer", DEADLINE_S, self.lb.daemon)

    def server(self, name):
        """The two servers of a node."""
        number = self.nodes.index(self.node(name)) + 1
        return f"bb_http/n{number}", f"bb_ssh/n{number}"

    def admin_of(self, name):
        """What HAProxy says of the node, the less restricted of two: "UP", "DRAIN", "MAINT"; ""
        while it does not answer."""
        try:
            rows = self.lb.servers()
        except OSError:
            return ""
        words = {"MAINT": 2, "DRAIN": 1}
        states = [rows[server]["status"].split()[0] for server in self.server(name)]
        least = min(states, key=lambda word: words.get(word, 0))
        return least if least in words else "UP"

    # Time.

    def pass_time(self, seconds):
        """For what is to have happened within that time, or not."""
        end = time.monotonic() + seconds
        wait_until(lambda: time.monotonic() > end, "the time", seconds + 1)

    @contextlib.contextmanager
    def excuse(self, seconds):
        """Requests that are lost from here until so long after the end."""
        begin = time.time() * 1000
        yield
        self.excused.append((begin, (time.time() + seconds) * 1000))

    # What has to hold.

    def assert_all_serve(self, *versions):
        """That version of each node."""
        assert tuple(node.version() for node in self.nodes) == versions
        wait_until(lambda: self.lb.in_rotation() == len(ALL), "all in rotation", DEADLINE_S)

    def assert_upgraded_once(self):
        """Each process stopped once and started once, and the link was moved in between."""
        for name in ALL:
            events = self.lifecycle_events(name)
            for event in ("stopping", "stopped", "starting", "running", "active"):
                assert events.count(event) == 1, (name, event, events)
            assert sorted(set(self.runs(name))) == sorted(UP), name
            assert self.runs(name).count("start 7.9.4") == 1, name
            self.assert_link_moved_while_down(name)
        self.assert_settled("7.9.4")

    def assert_link_moved_while_down(self, name):
        times = {line["event"]: line["at_ns"] for line in self.node(name).lifecycle()}
        moved = os.lstat(self.node(name).link).st_mtime_ns
        assert times["stopped"] <= moved <= times["start-script"], name

    def assert_nothing_lost(self):
        """But for what a fault has cut."""
        if self.traffic is None:
            return
        result = self.end_traffic()
        assert result["requests_total"] > 0
        lost = [failure for failure in result["failures"]
                if not any(begin <= failure["at_ms"] <= end for begin, end in self.excused)]
        assert lost == [], lost
        failed = result["requests_failed"] + result["clones_failed"]
        assert failed == len(result["failures"]), "more than can be told apart"
