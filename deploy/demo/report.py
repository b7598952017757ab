# SPDX-License-Identifier: Apache-2.0
"""
Figures of an upgrade: Shunt's own history says when its steps were; everything they are compared
with comes from others: the nodes' own logs and the load balancer's.

A node is out of service from the beginning of its drain to the end of its return. overhead_ms is
what is left of that time without
  - the node's own work: stop-script to stop-script-done, start-script to active (or to its error),
    as the node's lifecycle log has them;
  - requests in flight: from the drain to the end of the last request or clone that the node still
    answered before its stop, as its access log has it;
  - the load balancer's own health check, where it has one and tells of it.
Soak comes after the return, so it is not in it. What a step waits beyond those events counts.
"""

import statistics

PLACES = {"old": "untouched", "new": "done", "restored": "rolled-back"}
NS = 1e6  # nanoseconds of a millisecond

# How the node's lifecycle log brackets its own work: first line, name, last lines.
OWN_WORK = {"stop-script": ("stop", ("stopped",)), "stopped": ("stop", ("stop-script-done",)),
            "start-script": ("start", ("active", "error"))}


def windows(passes):
    """(begin, end) in wall clock ms of each time out of service: from a drain to the end of the
    next return. A pass that turned has no return of its own, the pass back has it."""
    steps = sorted((step["begun_ms"], step["begun_ms"] + max(0, step["took_ms"]), name)
                   for one in passes for name, step in one["steps"].items())
    found, begin = [], None
    for begun, ended, name in steps:
        if name == "drain" and begin is None:
            begin = begun
        elif name == "return" and begin is not None:
            found.append((begin, ended))
            begin = None
    return found


def own_work(lifecycle, begin, end):
    """(begin, end, name) of each stop and start of the node itself."""
    opened = None
    for line in lifecycle:
        at = line["at_ns"] / NS
        if not begin <= at <= end:
            continue
        if opened is not None and line["event"] in opened[2]:
            yield opened[0], at, opened[1]
            opened = None
        if line["event"] in OWN_WORK:
            opened = (at, *OWN_WORK[line["event"]])


def is_traffic(access):
    """Of users: neither a health check nor a question of Shunt's."""
    return not access["path"].startswith(("/status", "/rest/", "/setup")) and access["path"] != ""


def in_flight(accesses, lifecycle, begin, end):
    """From the drain to the last answer to a request that was there before the stop."""
    stops = [line["at_ns"] / NS for line in lifecycle if line["event"] == "stop-script"]
    stop = next((at for at in stops if begin <= at <= end), end)
    last = max([access["end_ns"] / NS for access in accesses
                if is_traffic(access) and access["begin_ns"] / NS < stop], default=0)
    if last > begin:
        yield begin, min(last, stop), "in flight"


def gaps(begin, end, spans):
    """[(name of what comes next, ms)]: what of the window none of the spans covers."""
    found, at = [], begin
    for span_begin, span_end, name in sorted(spans):
        if span_begin > at:
            found.append((name, span_begin - at))
        at = max(at, span_end)
    if end > at:
        found.append(("end", end - at))
    return found


def overhead_ms(found_gaps):
    return round(sum(ms for _, ms in found_gaps), 1)


def step_times(passes):
    """Of both passes together; a step that failed (took_ms is -1) has no time of its own."""
    total = {}
    for one in passes:
        for name, step in one["steps"].items():
            if step["took_ms"] >= 0:
                total[name] = total.get(name, 0) + step["took_ms"]
    return total


class Report:
    """Collects the upgrades; `nodes` are the stand-ins in the order of the load balancer's members."""

    def __init__(self, nodes, lb):
        self._nodes, self._lb = nodes, lb
        self.upgrades = []
        self.figures = {}
        self._gaps = {}  # (number of the upgrade, node): where its overhead comes from

    def add_upgrade(self, history, versions):
        """`history` is one upgrade of `shunt history --json`, `versions` what the nodes say."""
        rows = {row["node"]: row for row in history["nodes"]}
        self.upgrades.append({
            "cluster": history["cluster"],
            "from": history["from"],
            "to": history["to"],
            "outcome": history["outcome"],
            "seconds": round((history["ended_ms"] - history["begun_ms"]) / 1000, 1),
            "nodes": [self._node(number, node, rows[node.name], versions[node.name])
                      for number, node in enumerate(self._nodes, 1)],
        })
        return self.upgrades[-1]

    def _node(self, number, node, row, version):
        passes = row["passes"]
        spans = windows(passes)
        # Of a node that was out twice, the worse: two good ones must not hide in a mean.
        self._gaps[len(self.upgrades), node.name] = worst = max(
            (self._gaps_of(number, node, begin, end) for begin, end in spans),
            key=overhead_ms, default=None)
        return {
            "node": node.name,
            "outcome": PLACES.get(row["place"], row["place"]),
            "version": version,
            "out_of_service_ms": round(sum(end - begin for begin, end in spans)),
            "overhead_ms": None if worst is None else overhead_ms(worst),
            "steps": step_times(passes),
        }

    def _gaps_of(self, number, node, begin, end):
        lifecycle = node.lifecycle()
        return gaps(begin, end, [
            *own_work(lifecycle, begin, end),
            *in_flight(node.accesses(), lifecycle, begin, end),
            *self._lb.health_check(number, begin, end)])

    def median_overhead_ms(self):
        known = [node["overhead_ms"] for upgrade in self.upgrades for node in upgrade["nodes"]
                 if node["overhead_ms"] is not None]
        return statistics.median(known) if known else None

    def as_json(self):
        return {"upgrades": self.upgrades, **self.figures}

    def table(self):
        """Lines for people."""
        for number, upgrade in enumerate(self.upgrades):
            yield (f"{upgrade['cluster']}: {upgrade['from']} to {upgrade['to']}: "
                   f"{upgrade['outcome']} in {upgrade['seconds']} s")
            yield f"  {'node':6} {'outcome':12} {'version':8} {'out ms':>8} {'overhead ms':>12}"
            for node in upgrade["nodes"]:
                overhead = "-" if node["overhead_ms"] is None else node["overhead_ms"]
                yield (f"  {node['node']:6} {node['outcome']:12} {node['version']:8} "
                       f"{node['out_of_service_ms']:>8} {overhead:>12}")
                if node["steps"]:
                    yield "         steps: " + ", ".join(
                        f"{name} {took}" for name, took in node["steps"].items())
                    yield "         overhead: " + ", ".join(
                        f"before {name} {ms:.0f}" for name, ms in self._gaps[number, node["node"]])
        for name, value in self.figures.items():
            yield f"{name.replace('_', ' '):22} {value}"
