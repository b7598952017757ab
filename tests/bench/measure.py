# SPDX-License-Identifier: Apache-2.0
"""What the benchmarks share: figures as rows of a table, quantiles, and what processes use."""

import contextlib
import dataclasses
import os
import statistics
import threading
import time

PEAK_EVERY_S = 0.1


@dataclasses.dataclass
class Figure:
    """One row. `beside` is the same figure of what it is compared with, which `against` names;
    `ratio` is the other's by ours where less is better, ours by the other's where more is."""

    name: str
    ours: float | str
    unit: str = ""
    against: str = ""
    beside: float | str | None = None
    ratio: float | None = None
    goal: str = ""

    def cells(self):
        beside = "" if self.beside is None else f"{self.against} {text(self.beside)}"
        ratio = "" if self.ratio is None else text(self.ratio)
        return (self.name, text(self.ours), self.unit, beside or self.against, ratio, self.goal)


def text(value):
    """Three digits that count; whole numbers whole."""
    if not isinstance(value, float):
        return f"{value:,}" if isinstance(value, int) else str(value)
    if abs(value) >= 100 or value == int(value):
        return f"{value:,.0f}"
    return f"{value:.3g}"


def quantile(values, share):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def median_ratio(pairs):
    """Of pairs (theirs, ours)."""
    return statistics.median(theirs / ours for theirs, ours in pairs)


# ---- processes ----


def cpu_s(pid, with_children=False):
    """Of a process, and of its children that have ended; in ticks of 10 ms."""
    with open(f"/proc/{pid}/stat", encoding="utf-8") as stat:
        fields = [int(field) for field in stat.read().rpartition(")")[2].split()[11:15]]
    return sum(fields if with_children else fields[:2]) / os.sysconf("SC_CLK_TCK")


def status_field(path, name):
    with open(path, encoding="utf-8") as status:
        for line in status:
            if line.startswith(name + ":"):
                return int(line.split()[1])
    return 0


def resident_mb(pid, name="VmRSS"):
    return status_field(f"/proc/{pid}/status", name) / 1024


def proportional_mb(pid):
    """What is shared with other processes counts in parts."""
    return status_field(f"/proc/{pid}/smaps_rollup", "Pss") / 1024


def wakeups(pid):
    """How often any thread has slept and was woken since its start."""
    return sum(status_field(f"/proc/{pid}/task/{task}/status", "voluntary_ctxt_switches")
               for task in os.listdir(f"/proc/{pid}/task"))


def family(pid):
    """The process and all that it has started, as far as it lives."""
    found = [pid]
    with contextlib.suppress(OSError):
        for task in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{task}/children", encoding="utf-8") as children:
                for child in children.read().split():
                    found += family(int(child))
    return found


class Peak(threading.Thread):
    """Looks at the memory of some processes and their families until it is ended."""

    def __init__(self, pids):
        super().__init__(daemon=True)
        self.pids, self.most_mb = list(pids), 0.0
        self._over = threading.Event()

    def run(self):
        while not self._over.wait(PEAK_EVERY_S):
            total = 0.0
            for pid in {one for pid in self.pids for one in family(pid)}:
                with contextlib.suppress(OSError):
                    total += proportional_mb(pid)
            self.most_mb = max(self.most_mb, total)

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        self.join()


# ---- the machine ----


def first_line(path, start=""):
    with open(path, encoding="utf-8") as lines:
        return next((line.strip() for line in lines if line.startswith(start)), "")


def machine():
    """Where and when it was measured, and what else ran just before."""
    return {
        "date": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
        "cores": os.cpu_count(),
        "processor": first_line("/proc/cpuinfo", "model name").partition(":")[2].strip(),
        "memory_gb": round(int(first_line("/proc/meminfo", "MemTotal").split()[1]) / 1e6),
        "kernel": os.uname().release,
        "load_before": " ".join(first_line("/proc/loadavg").split()[:3]),
    }
