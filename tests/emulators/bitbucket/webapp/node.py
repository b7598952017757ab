# SPDX-License-Identifier: Apache-2.0
"""
The life of one node: STARTING → RUNNING → stopped, or ERROR on the way.

Start-up and shutdown take as long as they are set to, counted from the first act of the start
script and from the last answered request; nothing else waits. While a node starts, its port
answers already, as the product's does.
"""

import asyncio
import os
import signal
import time
import traceback

import routes
from cluster import Cluster
from faults import Faults
from git_repository import ensure_repository
from git_serving import GitServing
from home import Home
from http_server import HttpServer

FAULT_FILE_LOOK_S = 0.25

CHANGELOG_LOCKED = ("liquibase.exception.LockException: Could not acquire change log lock. "
                    "Currently locked by another node (see table DATABASECHANGELOGLOCK)")


class StartFailed(Exception):
    """The product comes up far enough to say that it cannot serve."""


class Node:
    def __init__(self, settings, logs):
        self.settings = settings
        self.logs = logs
        self.faults = Faults(settings)
        self.home = Home(settings)
        self.state = "STARTING"
        self.cluster = None
        self.git = None
        self._http = None
        self._loop = None
        self._stop_requested = asyncio.Event()
        self._after_active = []

    async def run(self):
        self._loop = asyncio.get_running_loop()
        self._loop.add_signal_handler(signal.SIGHUP, lambda: None)
        for number in (signal.SIGTERM, signal.SIGINT):
            self._loop.add_signal_handler(number, self._on_stop_signal)
        self.home.open()
        self.cluster = Cluster(self.settings)
        self._look_at_faults()
        self.apply_faults()
        reason = self.cluster.register()
        await self._listen()
        starting = asyncio.create_task(self._start(reason))
        await self._stop_requested.wait()
        starting.cancel()
        await self._stop()

    async def _listen(self):
        settings, address = self.settings, self.settings.text("server.address")
        self._http = HttpServer(settings.node_name, settings.number("standin.keep-alive-ms") / 1000,
                                lambda request: routes.answer(self, request), self.logs.access)
        self.git = GitServing(settings, self.faults, self.logs.access)
        await self._http.listen(address, settings.number("server.port"))

    # Start.

    async def _start(self, reason):
        try:
            self.logs.product("INFO", f"Starting Bitbucket {self.settings.version}")
            self.home.write_working_files()
            await ensure_repository(self.settings.path("shared", "data", "repositories"),
                                    self.settings.number("standin.repository-kib") * 1024)
            await self.git.prepare()
            await self._start_work()
            self._raise_start_faults(reason)
            await self.git.listen(self.settings.text("server.address"),
                                  self.settings.number("plugin.ssh.port"))
            self._become_active()
        except StartFailed as failure:
            self.fail(str(failure))
        except Exception as failure:
            traceback.print_exc()
            self.fail(f"start failed: {failure}")

    async def _start_work(self):
        """What is left of the start-up time when the work done so far is taken off."""
        duration_ms = self.settings.number("standin.start-ms")
        duration_ms += self.faults.get("start_delay_ms", 0)
        end_ns = self.settings.begin_ns + duration_ms * 1000000
        left_s = max(0, end_ns - time.time_ns()) / 1e9
        if self.faults.get("crash_at_start"):
            await asyncio.sleep(left_s / 2)
            self.logs.product("FATAL", "java.lang.OutOfMemoryError: Metaspace")
            os.kill(os.getpid(), signal.SIGKILL)
        await asyncio.sleep(left_s)

    def _raise_start_faults(self, reason):
        if reason is not None:
            raise StartFailed(reason)
        if self.faults.get("databasechangeloglock") or os.path.exists(self.cluster.changelog_lock):
            raise StartFailed(CHANGELOG_LOCKED)
        if self.faults.get("error_at_start"):
            raise StartFailed("a component could not be started")

    def _become_active(self):
        self.state = "RUNNING"
        self.logs.lifecycle("running")
        self.cluster.publish(state="ACTIVE")
        self.logs.lifecycle("active")
        self.logs.product("INFO", f"Bitbucket {self.settings.version} is running")
        self.apply_faults()

    def fail(self, reason):
        self.state = "ERROR"
        self.cluster.publish(state="ERROR")
        self.logs.product("ERROR", reason)
        self.logs.lifecycle("error")

    # Faults.

    def _look_at_faults(self):
        try:
            if self.faults.reload_if_changed():
                self.apply_faults()
        except ValueError as error:
            self.logs.product("ERROR", f"faults not taken over: {error}")
        self._loop.call_later(FAULT_FILE_LOOK_S, self._look_at_faults)

    def apply_faults(self):
        """Puts into the node's record what its peers are to see, and winds the clocks of the
        faults that come some time after the node became active."""
        faults = self.faults
        shown = {"shownState": faults.get("unknown_state"),
                 "missingFields": faults.get("missing_fields", []),
                 "tasksTotal": faults.get("tasks_total", 0),
                 "activeUserCount": faults.get("active_users", 0)}
        self.cluster.record.update(shown)
        if self.state != "STARTING":
            self.cluster.publish()
        for timer in self._after_active:
            timer.cancel()
        self._after_active.clear()
        if self.state == "RUNNING" and not self._stop_requested.is_set():
            self._wind("crash_after_ms", lambda: os.kill(os.getpid(), signal.SIGKILL))
            self._wind("error_after_active_ms", lambda: self.fail("a component has failed"))

    def _wind(self, fault, act):
        wait_ms = self.faults.get(fault)
        if wait_ms is not None:
            self._after_active.append(self._loop.call_later(wait_ms / 1000, act))

    def visible(self, members):
        """The members this node sees: all, or in a split brain itself alone."""
        if self.faults.get("split_brain"):
            return [m for m in members if m["name"] == self.settings.node_name]
        return members

    # Stop.

    def _on_stop_signal(self):
        if self.faults.get("hang_on_stop") is True:
            self.logs.product("WARN", "the request to stop is ignored")
            return
        self._stop_requested.set()

    async def _stop(self):
        """Requests in flight first, within the grace, then the time a shutdown takes."""
        self.logs.lifecycle("stopping")
        self.apply_faults()  # stops the clocks
        self.logs.product("INFO", f"Bitbucket {self.settings.version} is shutting down")
        self.cluster.publish(state="TERMINATING")
        grace_s = self.settings.number("standin.grace-ms") / 1000
        ended = await asyncio.gather(self._http.stop(grace_s), self.git.stop(grace_s))
        if not all(ended):
            self._note_cut_requests()
        if self.faults.get("hang_on_stop"):
            await asyncio.Event().wait()
        duration_ms = self.settings.number("standin.stop-ms")
        await asyncio.sleep((duration_ms + self.faults.get("stop_delay_ms", 0)) / 1000)
        self.home.keep_pid_file(bool(self.faults.get("stale_pid")))
        self.home.close()

    def _note_cut_requests(self):
        self.logs.product("WARN", "requests in flight were cut")
        if self.settings.flag("standin.stale-lock-after-cut"):
            open(self.cluster.changelog_lock, "w", encoding="utf-8").close()
