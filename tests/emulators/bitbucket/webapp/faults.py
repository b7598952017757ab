# SPDX-License-Identifier: Apache-2.0
"""
Faults a test asks a node to show: a JSON file in the node's home, also changed through /setup.

A fault is a plain value, or {"value": …, "only_version": "7.9.5"} to make only that version
faulty; "only_version" at the top does the same for the whole file.
"""

import json
import os

from json_file import read_json, write_json

FILE_NAME = "standin-faults.json"

# Every fault and the types its value may have. A misspelt fault must not pass as "no fault".
KNOWN = {
    "active_users": int,
    "crash_after_ms": int,
    "crash_at_start": bool,
    "databasechangeloglock": bool,
    "error_after_active_ms": int,
    "error_at_start": bool,
    "git_bytes_per_s": int,
    "hang_on_stop": (bool, str),
    "missing_fields": list,
    "only_version": str,
    "split_brain": bool,
    "stale_pid": bool,
    "start_delay_ms": int,
    "status_error_code": int,
    "status_state": str,
    "stop_delay_ms": int,
    "tasks_fail": bool,
    "tasks_total": int,
    "unknown_cluster_state": str,
    "unknown_state": str,
    "zdu_half_answer": bool,
    "zdu_hang_ms": int,
    "zdu_html_503": bool,
    "zdu_only": list,
    "zdu_status": int,
}


def plain_value(fault):
    return fault.get("value") if isinstance(fault, dict) else fault


def check(faults):
    """Raises ValueError naming the first fault that is unknown or of the wrong type."""
    if not isinstance(faults, dict):
        raise ValueError("faults are a JSON object")
    for name, fault in faults.items():
        if name not in KNOWN:
            raise ValueError(f"unknown fault '{name}'")
        value = plain_value(fault)
        if value is not None and not isinstance(value, KNOWN[name]):
            raise ValueError(f"fault '{name}' has a value of the wrong type")


class Faults:
    def __init__(self, settings):
        self._path = settings.path(FILE_NAME)
        self._version = settings.version
        self._stamp = None
        self.all = {}

    def reload_if_changed(self):
        """True if the faults are not what they were. A broken file raises and changes nothing."""
        stamp = self._file_stamp()
        if stamp == self._stamp:
            return False
        self._stamp = stamp
        try:
            faults = read_json(self._path) or {}
        except json.JSONDecodeError as error:
            raise ValueError(f"{self._path}: {error}") from error
        check(faults)
        changed = faults != self.all
        self.all = faults
        return changed

    def _file_stamp(self):
        try:
            status = os.stat(self._path)
        except FileNotFoundError:
            return None
        return status.st_ino, status.st_mtime_ns, status.st_size

    def merge(self, changes):
        """Adds to the file; null takes a fault away."""
        check(changes)
        merged = {k: v for k, v in {**self.all, **changes}.items() if v is not None}
        write_json(self._path, merged)
        self.all = merged
        self._stamp = self._file_stamp()

    def get(self, name, default=None):
        if self.all.get("only_version", self._version) != self._version:
            return default
        fault = self.all.get(name, default)
        if isinstance(fault, dict):
            if fault.get("only_version", self._version) != self._version:
                return default
        return plain_value(fault)
