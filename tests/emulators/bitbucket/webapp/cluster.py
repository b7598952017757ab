# SPDX-License-Identifier: Apache-2.0
"""
The cluster as its nodes share it: files below shared/standin.

cluster.json holds the upgrade mode and changes under a lock on cluster.lock. nodes/<name>.json is
written by its node alone. Whether a node lives is told by the lock it holds on nodes/<name>.lock:
the kernel drops it with the process, so a killed node is OFFLINE at once, and it works between
containers, where a pid would not. Every answer is made from the files anew; nothing is cached, so
that a change shows on all nodes at the same time.
"""

import contextlib
import fcntl
import os
import time
import uuid

import cluster_rules
from json_file import read_json, write_json

# Others only ever hold our lock for the time of a look at it.
OWN_LOCK_TRIES = 200
OWN_LOCK_PAUSE_S = 0.005

NEW_CLUSTER = {"upgradeModeEnabled": False, "originalVersion": None, "tasksEndNs": None,
               "tasksFail": False}


class NameInUse(Exception):
    pass


class WrongState(Exception):
    """The cluster is not in a state in which this can be done."""


def is_held(path):
    """Whether a living process holds the lock on this file."""
    try:
        lock = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        return False
    except BlockingIOError:
        return True
    finally:
        os.close(lock)


def without_temporary(upgrade):
    return {**upgrade, "upgradeModeEnabled": False, "tasksEndNs": None, "tasksFail": False}


class Cluster:
    def __init__(self, settings):
        self._settings = settings
        self._folder = settings.path("shared", "standin")
        self._own_lock = None
        self.name = settings.node_name
        self.record = {
            "id": str(uuid.uuid4()),
            "name": self.name,
            "ipAddress": settings.advertised_address,
            "portNumber": settings.number("hazelcast.port"),
            "buildNumber": settings.build_number,
            "version": settings.version,
            "state": "STARTING",
            "joined": False,
        }

    def _path(self, *parts):
        return os.path.join(self._folder, *parts)

    @contextlib.contextmanager
    def _locked(self):
        """The content of cluster.json, to read and change while no other node can."""
        with open(self._path("cluster.lock"), "a", encoding="utf-8") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            before = read_json(self._path("cluster.json")) or dict(NEW_CLUSTER)
            upgrade = dict(before)
            yield upgrade
            if upgrade != before:
                write_json(self._path("cluster.json"), upgrade)

    def register(self):
        """
        Shows this node to the others and returns why it may not join, or None.

        The new record is written before the lock is taken: the other way round, a node that comes
        back would for a moment be alive with the state of its former life.
        """
        self.look()  # upgrade tasks nobody has looked at since they ended must not count
        self.look()  # closes upgrade tasks that ended with nobody looking
        with self._locked() as upgrade:
            if is_held(self._path("nodes", f"{self.name}.lock")):
                raise NameInUse(f"a node named {self.name} is running already")
            living = [m["version"] for m in self.members() if m["joined"] and m["alive"]]
            reason = cluster_rules.reason_not_to_join(self._settings.version, upgrade, living)
            self.publish(joined=reason is None)
            self._take_own_lock()
            if reason is None and not upgrade["upgradeModeEnabled"]:
                upgrade["originalVersion"] = self._settings.version
        return reason

    def _take_own_lock(self):
        self._own_lock = os.open(self._path("nodes", f"{self.name}.lock"),
                                 os.O_RDWR | os.O_CREAT, 0o640)
        for _ in range(OWN_LOCK_TRIES):
            try:
                fcntl.flock(self._own_lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            except BlockingIOError:
                time.sleep(OWN_LOCK_PAUSE_S)
        raise NameInUse(f"a node named {self.name} is running already")

    def publish(self, **changes):
        self.record.update(changes)
        write_json(self._path("nodes", f"{self.name}.json"), self.record)

    def members(self):
        """All nodes the cluster knows, by name; `state` is OFFLINE for one that does not live."""
        found = []
        for entry in sorted(os.listdir(self._path("nodes"))):
            if not entry.endswith(".json"):
                continue
            record = read_json(self._path("nodes", entry))
            if record is None:
                continue
            alive = is_held(self._path("nodes", entry.removesuffix(".json") + ".lock"))
            state = record["state"] if alive else "OFFLINE"
            found.append({**record, "alive": alive, "state": state})
        return found

    def look(self):
        """(content of cluster.json, members, cluster state), with finished tasks closed."""
        upgrade = read_json(self._path("cluster.json")) or NEW_CLUSTER
        if upgrade["tasksEndNs"] is not None and not upgrade["tasksFail"]:
            if time.time_ns() >= upgrade["tasksEndNs"]:
                upgrade = self._finish_tasks()
        members = self.members()
        return upgrade, members, cluster_rules.cluster_state(upgrade, members, time.time_ns())

    def _finish_tasks(self):
        """Ends upgrade mode at the new version, once, whichever node looks first."""
        with self._locked() as upgrade:
            if upgrade["tasksEndNs"] is not None:
                upgrade.update(without_temporary(upgrade))
                upgrade["originalVersion"] = self._settings.version
                self._drop_offline_members()
            return dict(upgrade)

    def _drop_offline_members(self):
        """The lock file stays: unlinking it could part a starting node from its lock."""
        for member in self.members():
            if not member["alive"]:
                os.unlink(self._path("nodes", f"{member['name']}.json"))

    def _state_of(self, upgrade):
        members = self.members()
        return cluster_rules.cluster_state(upgrade, members, time.time_ns()), members

    def start_upgrade(self, is_repeat_ok):
        with self._locked() as upgrade:
            state, members = self._state_of(upgrade)
            if upgrade["upgradeModeEnabled"] and is_repeat_ok:
                return
            if not cluster_rules.may_start(state, members):
                raise WrongState()
            upgrade.update(upgradeModeEnabled=True, originalVersion=self._settings.version)

    def cancel_upgrade(self, is_repeat_ok):
        with self._locked() as upgrade:
            state, _ = self._state_of(upgrade)
            if not upgrade["upgradeModeEnabled"] and is_repeat_ok:
                return
            if not cluster_rules.may_cancel(state):
                raise WrongState()
            upgrade.update(without_temporary(upgrade))
            self._drop_offline_members()

    def approve_upgrade(self, tasks_fail):
        with self._locked() as upgrade:
            state, _ = self._state_of(upgrade)
            if not cluster_rules.may_approve(state):
                raise WrongState()
            duration_ns = self._settings.number("standin.upgrade-tasks-ms") * 1000000
            upgrade.update(tasksEndNs=time.time_ns() + duration_ns, tasksFail=tasks_fail)

    @property
    def changelog_lock(self):
        """Stands for the row that a start cut short leaves in the shared database."""
        return self._path("databasechangeloglock")
