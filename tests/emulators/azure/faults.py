# SPDX-License-Identifier: Apache-2.0
"""
What a test asks the stand-in to do: how long things take, and what goes wrong. README.md has the
table. A fault that counts is used up.
"""

# Every setting with its value at rest. A misspelt one must not pass as "no fault".
AT_REST = {
    "operation_ms": 20,      # how long an update takes
    "health_ms": 5,          # how long backendhealth takes
    "follow_ms": 0,          # how much later a gateway takes over what interfaces say
    "retry_after_s": 0,      # in answers that ask for patience; null: not given
    "token_s": 3600,         # how long a token is good
    "write_bucket": 200,     # writes at once, and how many come back each second
    "write_refill": 10,
    "read_bucket": 250,
    "read_refill": 25,
    "gone": [],              # parts of paths whose connections are closed without an answer
    "locked": 0,             # writes that are refused with 429 RetryableErrorDueToAnotherOperation
    "in_progress": 0,        # … with 409 AnotherOperationInProgress
    "change_between": 0,     # writes before which somebody else changes the resource
    "ends": [],              # how the next updates end: {"status", "code", "message"}
    "by_location": False,    # operations without Azure-AsyncOperation
    "refuse": None,          # {"status", "times", "html", "path"}: this answer instead
    "huge_bytes": 0,         # answers of ARM have so many bytes
    "slow_ms": 0,            # answers of ARM come so much later
    "health": {},            # address: the word that its health is told by
    "health_without_ids": False,
    "foreign_operation": None,  # the URL that operations are said to be at
}


class Faults:
    def __init__(self):
        self._values = dict(AT_REST)

    def __getattr__(self, name):
        return self._values[name]

    def set(self, changes):
        for name, value in changes.items():
            if name not in AT_REST:
                raise ValueError(f"unknown fault '{name}'")
            if value is None and name != "retry_after_s":
                value = AT_REST[name]
            self._values[name] = value

    def use_up(self, name):
        """True as often as the fault says."""
        if self._values[name] <= 0:
            return False
        self._values[name] -= 1
        return True

    def next_end(self):
        ends = self._values["ends"]
        return ends.pop(0) if ends else None

    def next_refusal(self, path):
        refuse = self._values["refuse"]
        if not refuse or refuse.get("path", "") not in path:
            return None
        if "times" in refuse:
            if refuse["times"] <= 0:
                return None
            refuse["times"] -= 1
        return refuse
