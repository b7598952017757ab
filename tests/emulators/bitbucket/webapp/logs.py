# SPDX-License-Identifier: Apache-2.0
"""The log files of a node. Each line is one write, so that a killed node loses none of them."""

import json
import os
import time


class Logs:
    def __init__(self, settings):
        self._settings = settings
        self._name = settings.node_name
        self._product = self._open("atlassian-bitbucket.log")
        self._lifecycle = self._open("lifecycle.log")
        self._access = self._open("access.log")

    def _open(self, name):
        path = self._settings.path("log", name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o640)

    def product(self, level, text):
        """A line as the product writes it: time, level, thread, class, text."""
        now = time.time()
        stamp = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(now))
        line = f"{stamp},{int(now * 1000) % 1000:03d} {level:5} [main]  c.a.b.standin.Node {text}\n"
        os.write(self._product, line.encode())

    def lifecycle(self, event):
        line = json.dumps({"at_ns": time.time_ns(), "event": event,
                           "version": self._settings.version, "pid": os.getpid()})
        os.write(self._lifecycle, line.encode() + b"\n")

    def access(self, begin_ns, method, path, status):
        line = (f'{{"begin_ns": {begin_ns}, "end_ns": {time.time_ns()}, '
                f'"method": {json.dumps(method)}, "path": {json.dumps(path)}, '
                f'"status": {status}}}\n')
        os.write(self._access, line.encode())
