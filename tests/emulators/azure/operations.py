# SPDX-License-Identifier: Apache-2.0
"""Work that goes on after it was accepted: updates, and questions for health."""

import itertools
import secrets
import time

# As long as Azure's own, which carry certificates and signatures in their query.
PADDING = "&t=638000000000000000&c=" + "MIIHpTCCBo2gAwIBAgITOgT" * 120 + "&s=signature&h=hash"


class Operation:
    def __init__(self, name, lasts_ms, end=None):
        self.name, self.begun, self.lasts_s = name, time.monotonic(), lasts_ms / 1000
        self.end = end  # {"status", "code", "message"}; None = Succeeded
        self.result = None
        self.finish = None  # called once, at its end

    @property
    def is_over(self):
        return time.monotonic() >= self.begun + self.lasts_s

    def cancel(self):
        self.lasts_s = 0
        self.end = {"status": "Canceled", "code": "CanceledAndSupersededDueToAnotherOperation",
                    "message": "Operation was canceled and superseded by a later one."}

    def settle(self):
        """Does at its end what is to be done then."""
        if self.is_over and self.finish is not None:
            finish, self.finish = self.finish, None
            finish(self)

    @property
    def status(self):
        if not self.is_over:
            return "InProgress"
        return self.end["status"] if self.end else "Succeeded"

    @property
    def body(self):
        body = {"status": self.status}
        if self.is_over and self.end:
            body["error"] = {"code": self.end["code"], "message": self.end["message"],
                             "details": []}
        return body


class Operations:
    def __init__(self, faults):
        self._faults = faults
        self._all = {}
        self._numbers = itertools.count(1)

    def begin(self, lasts_ms, end=None):
        operation = Operation(f"{next(self._numbers):08x}-{secrets.token_hex(8)}", lasts_ms, end)
        self._all[operation.name] = operation
        return operation

    def find(self, name):
        return self._all.get(name)

    def settle(self):
        for operation in list(self._all.values()):  # an end may begin another
            operation.settle()

    def url(self, base, subscription, provider, kind, operation):
        if self._faults.foreign_operation:
            return self._faults.foreign_operation
        return (f"{base}/subscriptions/{subscription}/providers/{provider}/locations/westeurope/"
                f"{kind}/{operation.name}?api-version=2023-09-01{PADDING}")

    def patience(self):
        after = self._faults.retry_after_s
        return {} if after is None else {"Retry-After": str(after)}
