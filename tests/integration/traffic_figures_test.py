# SPDX-License-Identifier: Apache-2.0
"""How the demo's figures come about, from logs as they are written."""

import pytest

import haproxy
import manifest
import report


def step(begun_ms, took_ms):
    return {"begun_ms": begun_ms, "took_ms": took_ms}


UP = {"pass": "up", "steps": {
    "drain": step(1000, 10), "empty": step(1010, 2000), "detach": step(3010, 5),
    "stop": step(3015, 405), "switch": step(3420, 10), "start": step(3430, 5),
    "active": step(3435, 1510), "return": step(4945, 215), "soak": step(5160, 2000)}}
TURNED = {"pass": "up", "steps": {"drain": step(1000, 10), "stop": step(1010, 100),
                                  "active": step(1110, -1)}}
BACK = {"pass": "back", "steps": {"stop": step(1410, 100), "start": step(1510, 10),
                                  "active": step(1520, 300), "return": step(1820, 200)}}


def lines(*rows):
    return [{"event": event, "at_ns": at_ms * 1000000} for at_ms, event in rows]


LIFECYCLE = lines((100, "start-script"), (600, "active"), (3018, "stop-script"), (3020, "stopping"),
                  (3410, "stopped"), (3415, "stop-script-done"),
                  (3440, "start-script"), (3460, "starting"), (4940, "active"))


class Node:
    name = "bb1"

    def __init__(self, accesses=(), lifecycle=()):
        self._accesses, self._lifecycle = list(accesses), list(lifecycle)

    def accesses(self):
        return self._accesses

    def lifecycle(self):
        return self._lifecycle


class Balancer:
    def __init__(self, *events):
        self._events = events

    def health_check(self, number, begin, end):
        return haproxy.health_check(self._events, f"bb_http/n{number}", begin, end)


def access(begin_ms, end_ms, path="/"):
    return {"begin_ns": begin_ms * 1000000, "end_ns": end_ms * 1000000, "path": path}


READY = "Server bb_http/n1 is UP/READY (leaving forced maintenance)."
PASSED = ("Health check for server bb_http/n1 succeeded, reason: Layer7 check passed, code: 200, "
          "check duration: 0ms, status: 2/2 UP.")


def test_node_is_out_from_drain_to_return():
    assert report.windows([UP]) == [(1000, 5160)]


def test_pass_that_turned_is_one_window_with_the_pass_back():
    assert report.windows([TURNED, BACK]) == [(1000, 2020)]


def test_node_that_went_up_and_back_later_has_two_windows():
    later = {"pass": "back", "steps": {"drain": step(9000, 10), "return": step(9500, 100)}}
    assert report.windows([UP, later]) == [(1000, 5160), (9000, 9600)]


def test_node_that_never_came_back_has_no_window():
    assert report.windows([TURNED]) == []


def test_step_that_failed_adds_no_time():
    assert report.step_times([TURNED, BACK]) == {"drain": 10, "stop": 200, "start": 10,
                                                 "active": 300, "return": 200}


def test_health_check_in_the_last_millisecond_counts():
    events = [(4946.2, READY), (5160.7, PASSED)]
    assert list(haproxy.health_check(events, "bb_http/n1", 1000, 5160)) == [
        (4946.2, 5160, "health check")]


def test_own_work_is_stop_and_start_within_the_window():
    assert list(report.own_work(LIFECYCLE, 1000, 5160)) == [
        (3018, 3410, "stop"), (3410, 3415, "stop"), (3440, 4940, "start")]


def test_start_that_ends_in_an_error_is_own_work():
    lifecycle = lines((1200, "start-script"), (1400, "error"))
    assert list(report.own_work(lifecycle, 1000, 2000)) == [(1200, 1400, "start")]


def test_time_in_flight_ends_with_the_last_answer_before_the_stop():
    accesses = [access(500, 900), access(990, 2500, "/slow?ms=1500"), access(4950, 4990)]
    assert list(report.in_flight(accesses, LIFECYCLE, 1000, 5160)) == [(1000, 2500, "in flight")]


@pytest.mark.parametrize("path", ["/status", "/status?haproxy", "/rest/zdu/cluster", ""])
def test_checks_and_questions_are_not_in_flight(path):
    assert list(report.in_flight([access(2000, 2900, path)], LIFECYCLE, 1000, 5160)) == []


def test_health_check_ends_when_haproxy_says_so():
    events = [(4000, PASSED), (4950, READY), (5080, PASSED), (5150, PASSED)]
    assert list(haproxy.health_check(events, "bb_http/n1", 1000, 5160)) == [
        (4950, 5080, "health check")]


def test_health_check_of_another_server_does_not_count():
    events = [(4950, READY), (5080, PASSED.replace("n1", "n12"))]
    assert list(haproxy.health_check(events, "bb_http/n1", 1000, 5160)) == []


def test_gaps_are_what_no_span_covers():
    assert report.gaps(0, 100, [(50, 60, "b"), (10, 20, "a"), (15, 30, "c")]) == [
        ("a", 10), ("b", 20), ("end", 40)]


def test_overhead_is_what_is_left():
    node = Node([access(990, 2500)], LIFECYCLE)
    made = report.Report([node], Balancer((4950, READY), (5080, PASSED)))
    history = {"cluster": "git", "from": "7.9.0", "to": "7.9.4", "outcome": "done",
               "begun_ms": 0, "ended_ms": 8000,
               "nodes": [{"node": "bb1", "place": "new", "passes": [UP]}]}
    row = made.add_upgrade(history, {"bb1": "7.9.4"})["nodes"][0]
    assert row["out_of_service_ms"] == 4160
    assert row["overhead_ms"] == 4160 - 397 - 1500 - 1500 - 130
    assert row["steps"]["empty"] == 2000
    assert made.median_overhead_ms() == row["overhead_ms"]


def test_untouched_node_has_no_overhead():
    made = report.Report([Node()], Balancer())
    history = {"cluster": "git", "from": "7.9.4", "to": "7.9.5", "outcome": "rolled-back",
               "begun_ms": 0, "ended_ms": 8000,
               "nodes": [{"node": "bb1", "place": "old", "passes": []}]}
    row = made.add_upgrade(history, {"bb1": "7.9.4"})["nodes"][0]
    assert (row["outcome"], row["overhead_ms"], row["out_of_service_ms"]) == ("untouched", None, 0)
    assert made.median_overhead_ms() is None


# The manifest of the homes.

class Home:
    name = "bb1"

    def __init__(self, folder):
        self.home = str(folder)


@pytest.fixture
def home(tmp_path):
    (tmp_path / "home" / "log").mkdir(parents=True)
    (tmp_path / "shared").mkdir()
    (tmp_path / "home" / "bitbucket.properties").write_text("a=b\n")
    return tmp_path / "home"


def look(home):
    return manifest.of_cluster([Home(home)], str(home.parent / "shared"), ["log/*", "shared/own/*"])


def test_own_writes_are_left_out(home):
    before = look(home)
    (home / "log" / "access.log").write_text("x")
    (home.parent / "shared" / "own").mkdir()
    (home.parent / "shared" / "own" / "state").write_text("x")
    assert manifest.differences(before, look(home)) == ["shared home: shared/own"]


@pytest.mark.parametrize("change, name", [
    (lambda home: (home / "new").write_text(""), "bb1: new"),
    (lambda home: (home / "bitbucket.properties").write_text("a=c\n"), "bb1: bitbucket.properties"),
    (lambda home: (home / "bitbucket.properties").chmod(0o600), "bb1: bitbucket.properties"),
    (lambda home: (home / "bitbucket.properties").unlink(), "bb1: bitbucket.properties"),
    (lambda home: (home.parent / "shared" / "x").symlink_to("y"), "shared home: shared/x"),
])
def test_every_other_change_is_seen(home, change, name):
    before = look(home)
    change(home)
    assert manifest.differences(before, look(home)) == [name]
