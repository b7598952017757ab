# SPDX-License-Identifier: Apache-2.0
"""An answer that is not the one hoped for, in ARM's form."""


class Refusal(Exception):
    def __init__(self, status, code, message, **headers):
        super().__init__(f"{status} {code}: {message}")
        self.status, self.headers = status, {key.replace("_", "-"): str(value)
                                             for key, value in headers.items()}
        self.body = {"error": {"code": code, "message": message}}
