# SPDX-License-Identifier: Apache-2.0
"""Daemons that are started, waited for by what they bring about, and ended by their own pid."""

import os
import signal
import socket
import subprocess
import time


class Failed(Exception):
    """Something did not come about; the text is for people."""


def wait_until(holds, what, deadline_s, daemon=None):
    """Tries until `holds()` gives something true, and gives that back."""
    end = time.monotonic() + deadline_s
    while True:
        result = holds()
        if result:
            return result
        if daemon is not None and not daemon.is_running():
            raise Failed(f"{what}: {daemon.name} has ended\n{daemon.last_words()}")
        if time.monotonic() > end:
            words = f"\n{daemon.last_words()}" if daemon is not None else ""
            raise Failed(f"{what}: not within {deadline_s} s{words}")
        time.sleep(0.01)


def run(*command, deadline_s=60, **options):
    """Runs a command to its end; its output is the error text if it fails."""
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          timeout=deadline_s, check=False, **options)
    if done.returncode != 0:
        raise Failed(f"{' '.join(command)}: status {done.returncode}\n{done.stdout}")
    return done.stdout


def is_listening(address, port):
    with socket.socket() as probe:
        return probe.connect_ex((address, port)) == 0


class Daemon:
    def __init__(self, name, command, log_path, environment=None, nice=0):
        self.name, self.log_path = name, log_path
        if nice != 0:
            command = ["/usr/bin/nice", "-n", str(nice), *command]
        with open(log_path, "ab") as log:
            self._process = subprocess.Popen(command, env=environment, stdout=log, stderr=log,
                                             stdin=subprocess.DEVNULL, start_new_session=True)
        if nice != 0:
            self._set_group_nice(nice)

    def _set_group_nice(self, nice):
        """Outside systemd's slices the kernel weighs whole sessions, where it has autogroups."""
        try:
            with open(f"/proc/{self.pid}/autogroup", "w", encoding="ascii") as group:
                group.write(str(nice))
        except OSError:
            pass  # no autogroups: `nice` is enough

    @property
    def pid(self):
        return self._process.pid

    def is_running(self):
        return self._process.poll() is None

    def last_words(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as log:
            return "".join(log.readlines()[-20:])

    def signal(self, number):
        self._process.send_signal(number)

    def stop(self, deadline_s=15):
        """Ends it as an administrator would. Returns its exit status; None if it had to be
        killed."""
        if self.is_running():
            self.signal(signal.SIGTERM)
        try:
            return self._process.wait(deadline_s)
        except subprocess.TimeoutExpired:
            self.signal(signal.SIGKILL)
            self._process.wait()
            return None


def write_file(path, text, mode=0o644):
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "w",
              encoding="utf-8") as out:
        out.write(text)
