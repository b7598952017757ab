# SPDX-License-Identifier: Apache-2.0
"""
What a node leaves in its home, so that a test can tell the product's writes from everyone else's.
The file own-writes beside make-release lists the same paths.
"""

import fcntl
import os
import time

from json_file import write_json

FOLDERS = ("caches", "log", "tmp", "shared/data", "shared/plugins/state", "shared/standin/nodes")


class HomeInUse(Exception):
    pass


class Home:
    def __init__(self, settings):
        self._settings = settings
        self._lock = None

    def open(self):
        """Locks the home. A .lock left by a killed node is in nobody's way; a living one's is."""
        for folder in FOLDERS:
            os.makedirs(self._settings.path(folder), exist_ok=True)
        self._lock = os.open(self._settings.path(".lock"), os.O_RDWR | os.O_CREAT, 0o640)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise HomeInUse(f"the home {self._settings.home} is locked by another node") from error
        os.ftruncate(self._lock, 0)
        os.write(self._lock, f"{os.getpid()}\n".encode())
        self.keep_pid_file(False)

    def write_working_files(self):
        """The kind of files a start of the product writes."""
        settings = self._settings
        start = {"node": settings.node_name, "version": settings.version, "at_ns": time.time_ns()}
        write_json(settings.path("caches", "plugins.json"), start)
        write_json(settings.path("tmp", f"start-{os.getpid()}.json"), start)
        write_json(settings.path("shared", "plugins", "state", f"{settings.node_name}.json"), start)

    def keep_pid_file(self, keep):
        """Tells the stop script to leave the pid file behind; it removes the file otherwise."""
        marker = self._settings.path("tmp", "keep-pid-file")
        if keep:
            open(marker, "w", encoding="utf-8").close()
        elif os.path.exists(marker):
            os.unlink(marker)

    def close(self):
        """Takes the name away; the lock itself goes with the process, and the stop script waits
        for that."""
        temporary = self._settings.path("tmp", f"start-{os.getpid()}.json")
        for path in (temporary, self._settings.path(".lock")):
            try:
                os.unlink(path)
            except FileNotFoundError:
                pass
