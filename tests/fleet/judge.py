# SPDX-License-Identifier: Apache-2.0
"""Results: one line each, counted; what was expected and seen where it is not so."""


class Judge:
    def __init__(self):
        self.passed, self.failed = 0, 0
        self.scenario = ""

    def holds(self, what, is_so, seen=""):
        if is_so:
            self.passed += 1
            print(f"ok - {self.scenario}: {what}", flush=True)
        else:
            self.failed += 1
            print(f"not ok - {self.scenario}: {what}", flush=True)
            if seen != "":
                print("    " + str(seen).rstrip("\n").replace("\n", "\n    "), flush=True)
        return is_so

    def equal(self, what, expected, seen):
        return self.holds(f"{what}: {expected}", expected == seen, f"seen: {seen}")

    def close(self):
        """The last line, and the exit status."""
        print(f"{self.passed} passed, {self.failed} failed", flush=True)
        return 0 if self.failed == 0 and self.passed > 0 else 1
