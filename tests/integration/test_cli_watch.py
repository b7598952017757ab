# SPDX-License-Identifier: Apache-2.0
"""What operators see of an upgrade: --watch, status, nodes and history."""

import json
import re
import sys

import pytest

# No compiled files beside the sources.
sys.dont_write_bytecode = True

# Fixtures are found by their names in this module.
# pylint: disable=unused-import
from cli_program import (BEGUN, ID, UPGRADE, controller, follow, read_until, redis_server, shunt,
                         terminal)
from fake_controller import (BEGUN_MS, FakeController, changed, error, node, one_pass, status,
                             upgrade)
from shunt_wire import DEADLINE_S

# ---- following ----


def on_way(step, sessions=-1, **begun_and_took):
    return node("bb2", place="working", step=step, sessions=sessions, step_begun_ms=BEGUN_MS,
                passes=[one_pass("up", **begun_and_took)])


def ended(outcome, place="new", version="7.9.4", reason=None):
    times = one_pass("up", BEGUN_MS + 9000, drain=(BEGUN_MS + 1000, 50),
                     stop=(BEGUN_MS + 1100, 900), **{"return": (BEGUN_MS + 4000, 500)})
    return upgrade(outcome=outcome, phase="ended", ended_ms=BEGUN_MS + 60_000, reason=reason,
                   cluster_state="STABLE", upgrade_mode=False,
                   nodes=[node(name, place=place, version=version, passes=[times])
                          for name in ("bb1", "bb2", "bb3")])


def test_watch_in_a_log_tells_each_step_once_and_in_order(shunt, controller, follow):
    controller.answers["upgrade"] = BEGUN
    process = follow(*UPGRADE, "--yes", "--watch")
    read_until(process, "has begun")
    controller.publish(status(upgrade(phase="stage")))
    read_until(process, "git  phase stage")
    middle = upgrade(nodes=[node("bb1"), on_way("stop", drain=(BEGUN_MS + 1000, 50),
                                                empty=(BEGUN_MS + 1050, 20),
                                                stop=(BEGUN_MS + 1100, -1)), node("bb3")])
    controller.publish(status(middle))
    lines = read_until(process, "bb2  stop")
    steps = [line for line in lines if "bb2" in line]
    assert steps == ["2026-09-21T14:13:21Z  bb2  drain\n", "2026-09-21T14:13:21Z  bb2  empty\n",
                     "2026-09-21T14:13:21Z  bb2  stop\n"]
    controller.publish(status(ended("done")))
    rest, complaint = process.communicate(timeout=DEADLINE_S)
    assert process.returncode == 0 and complaint == ""
    assert "bb2  new, version 7.9.4" in rest and "\x1b" not in rest
    assert "bb2  drain" not in rest
    assert "git: done, 7.9.0 → 7.9.4, after 1m 00s" in rest
    assert re.search(r"^bb1 +new +7\.9\.4 +3\.5s$", rest, re.MULTILINE)


@pytest.mark.parametrize("outcome, code", [("rolled-back", 4), ("aborted", 8), ("failed", 8)])
def test_the_exit_status_tells_how_it_ended(shunt, controller, follow, outcome, code):
    controller.answers["upgrade"] = BEGUN
    controller.publish(status(upgrade()))
    process = follow(*UPGRADE, "--yes", "--watch")
    read_until(process, "upgrade 7.9.0")
    controller.publish(status(ended(outcome, "restored", "7.9.0",
                                    error("node bb2: active: it says ERROR", "release",
                                          "see its log"))))
    rest, _ = process.communicate(timeout=DEADLINE_S)
    assert process.returncode == code
    assert f"git: {outcome}" in rest
    assert "reason: node bb2: active: it says ERROR\n    hint: see its log\n" in rest


def test_upgrade_watch_ends_when_a_decision_is_needed(shunt, controller, follow):
    controller.answers["upgrade"] = BEGUN
    held = node("bb2", place="held", step="stop", error=error("no proof", "timeout"),
                passes=[one_pass("up", drain=(BEGUN_MS, 10))])
    controller.publish(status(upgrade(is_waiting=True, reason=error("node bb2 is held"),
                                      nodes=[node("bb1"), held])))
    process = follow(*UPGRADE, "--yes", "--watch")
    rest, _ = process.communicate(timeout=DEADLINE_S)
    assert process.returncode == 6
    assert "waits for a decision: node bb2 is held" in rest
    assert "bb2  held at stop: no proof" in rest
    assert re.search(r"^bb2 +held +7\.9\.0 +.*still out$", rest, re.MULTILINE)


def test_upgrade_watch_waits_for_its_own_upgrade(shunt, controller, follow):
    controller.answers["upgrade"] = BEGUN
    earlier = {**ended("failed"), "id": "20260101-000000-0000"}
    controller.publish(status(earlier))
    process = follow(*UPGRADE, "--yes", "--watch")
    read_until(process, "the status is not there yet")
    controller.publish(status(ended("done")))
    rest, _ = process.communicate(timeout=DEADLINE_S)
    assert process.returncode == 0 and "git: done" in rest


def test_an_upgrade_that_another_has_followed_is_found_in_the_history(shunt, controller, follow):
    controller.answers["upgrade"] = BEGUN
    controller.record(ended("rolled-back"))
    controller.publish(status({**upgrade(), "id": "20271231-000000-0000"}))
    process = follow(*UPGRADE, "--yes", "--watch")
    rest, _ = process.communicate(timeout=DEADLINE_S)
    assert process.returncode == 4 and "git: rolled-back" in rest


def test_status_watch_goes_on_while_it_waits(shunt, controller, follow):
    controller.publish(status(upgrade(is_waiting=True, reason=error("node bb2 is held"))))
    process = follow("status", "git", "--watch")
    read_until(process, "waits for a decision")
    controller.publish(status(upgrade(is_paused=True)))
    read_until(process, "git  paused")
    controller.publish(status(ended("done")))
    process.communicate(timeout=DEADLINE_S)
    assert process.returncode == 0


def test_status_watch_without_an_upgrade_ends(shunt, controller):
    controller.publish(status())
    done = shunt.run("status", "git", "--watch")
    assert done.returncode == 0 and "no upgrade runs" in done.stdout


def test_watch_as_json_is_one_document_a_line(shunt, controller, follow):
    controller.answers["upgrade"] = BEGUN
    process = follow("--json", *UPGRADE, "--yes", "--watch")
    answer = json.loads(read_until(process, ID)[0])
    assert answer["message"] == ID
    controller.publish(status(upgrade()))
    assert json.loads(read_until(process, "running")[0])["upgrade"]["outcome"] == "running"
    controller.publish(status(ended("done")))
    rest, _ = process.communicate(timeout=DEADLINE_S)
    assert [json.loads(line)["upgrade"]["outcome"] for line in rest.splitlines()] == ["done"]


def test_watch_goes_on_when_redis_is_back(shunt, redis_server, follow):
    controller = FakeController(redis_server.path, shunt.key)
    controller.publish(status(upgrade()))
    process = follow("status", "git", "--watch")
    read_until(process, "phase nodes")
    redis_server.stop()
    controller.stop()
    read_until(process, "waiting: ")
    redis_server.start()
    controller = FakeController(redis_server.path, shunt.key)
    try:
        controller.publish(status(upgrade(phase="verify")))
        assert any("going on" in line for line in read_until(process, "phase verify"))
        controller.publish(status(ended("done")))
        process.communicate(timeout=DEADLINE_S)
        assert process.returncode == 0
    finally:
        controller.stop()


def test_on_a_terminal_it_is_redrawn_in_place(shunt, controller, terminal):
    controller.publish(status(upgrade(nodes=[node("bb1", load=4), on_way(
        "empty", 3, drain=(BEGUN_MS, 5)), node("bb3")])))
    shown = terminal("status", "git", "--watch")
    shown.wait_for("3 sessions left")
    assert "7.9.0 → 7.9.4  nodes" in shown.seen and "load 4" in shown.seen
    shown.wait_for("\x1b[5A")  # header, headings, three nodes
    shown.wait_for("\x1b[33m")
    controller.publish(status(ended("done")))
    assert shown.end() == 0
    assert "OUT OF SERVICE" in shown.seen


def test_lines_fit_the_terminal(shunt, controller, terminal):
    held = node("bb2", place="held", step="active", error=error("x" * 300))
    controller.publish(status(upgrade(is_waiting=True, reason=error("y" * 300),
                                      nodes=[node("bb1"), held])))
    shown = terminal("status", "git", "--watch", columns=40, NO_COLOR="1")
    shown.wait_for("\x1b[J")
    lines = re.sub(r"\x1b\[[0-9]*[A-Za-z]", "", shown.seen).split("\n")
    assert max(len(line.strip("\r")) for line in lines) <= 40
    assert "held at active" in shown.seen and "\x1b[3" not in shown.seen


def test_staging_shows_the_bytes(shunt, controller, terminal):
    staging = node("bb1", bytes_done=120_000_000, bytes_total=300_000_000)
    controller.publish(status(upgrade(phase="stage", nodes=[staging])))
    shown = terminal("status", "git", "--watch")
    shown.wait_for("120 MB of 300 MB (40 %)")


# ---- status, nodes, history ----


def test_status_shows_the_upgrade_and_who_leads(shunt, controller):
    controller.publish(status(upgrade(is_paused=True), refused=3))
    done = shunt.run("status", "git")
    assert done.returncode == 0
    assert "git  7.9.0 → 7.9.4  nodes" in done.stdout and "MIXED" in done.stdout
    assert "paused by an operator" in done.stdout
    assert "controller c1, epoch 7, 3 requests or messages refused" in done.stdout


def test_status_without_a_leader_is_shown_and_marked(shunt, controller):
    controller.publish(status(upgrade()))
    controller.give_up()
    done = shunt.run("status", "git")
    assert done.returncode == 7
    assert "7.9.0 → 7.9.4" in done.stdout and "nobody leads the cluster" in done.stdout
    assert "no controller leads cluster git" in done.stderr


def test_status_of_all_clusters_is_a_line_each(shunt, controller):
    shunt.configure(("git", "wiki"))
    controller.publish(status(upgrade()))
    done = shunt.run("status")
    assert done.returncode == 0
    assert re.search(r"^git +c1 +MIXED +nodes +7\.9\.0 → 7\.9\.4", done.stdout, re.MULTILINE)
    assert re.search(r"^wiki .*no controller has led it", done.stdout, re.MULTILINE)
    code, document = shunt.json("status")
    assert code == 0
    assert [row["cluster"] for row in document["clusters"]] == ["git", "wiki"]


GOOD = status(upgrade(nodes=[on_way("drain", drain=(BEGUN_MS, -1))]))


@pytest.mark.parametrize("path, to", [
    (("upgrade",), []), (("upgrade", "nodes"), {}), (("upgrade", "outcome"), "perhaps"),
    (("upgrade", "nodes", 0, "place"), "elsewhere"), (("upgrade", "nodes", 0, "load"), 1.5),
    (("upgrade", "nodes", 0, "passes", 0, "steps"), []), (("upgrade", "from"), "7" * 40),
    (("upgrade", "nodes", 0, "passes", 0, "pass"), "sideways"), (("at_ms",), 1 << 62),
    (("upgrade", "nodes", 0, "passes", 0, "steps", "drain", "begun_ms"), -5),
    (("upgrade", "begun_ms"), "soon"), (("upgrade", "nodes", 0, "error"), "broken"),
    (("upgrade", "nodes", 0, "node"), ...), (("controller",), ...), (("cluster",), "wiki"),
    (("upgrade", "nodes"), [node(f"n{number}") for number in range(33)]),
    (("upgrade", "reason"), {"code": "x"}), (("error",), error("m" * 600)),
])
def test_a_tampered_status_is_told(shunt, controller, path, to):
    controller.publish(changed(GOOD, *path, to=to))
    done = shunt.run("status", "git")
    assert done.returncode == 1
    assert "unreadable status" in done.stderr and done.stdout == ""


@pytest.mark.parametrize("text", ["", "{", "null", "[" * 100, b"\xff\xfe", "{}" * 2,
                                  '{"a":1,"a":2}', "x" * (1 << 21)],
                         ids=["empty", "cut", "null", "deep", "bytes", "two", "twice", "long"])
def test_a_status_that_is_no_json_is_told(shunt, controller, text):
    controller.publish(text)
    done = shunt.run("status", "git")
    assert done.returncode == 1 and "unreadable status" in done.stderr


def test_a_status_of_another_type_is_told(shunt, controller):
    controller.call("RPUSH", controller.key("status"), "x")
    done = shunt.run("status", "git")
    assert done.returncode == 1 and "WRONGTYPE" in done.stderr


HOSTILE = "\x1b]0;owned\x07\x1b[2J\r\n\x9b31m\u202eevil\x7f"


def test_hostile_texts_do_not_reach_the_terminal(shunt, controller, terminal):
    bad = node(HOSTILE[:20], place="held", step=HOSTILE[:20], version=HOSTILE[:12],
               state=HOSTILE[:12], error=error(HOSTILE, hint=HOSTILE))
    made = upgrade(operator=HOSTILE, phase=HOSTILE[:20], cluster_state=HOSTILE[:20],
                   is_waiting=True, reason=error(HOSTILE, hint=HOSTILE), nodes=[bad])
    controller.publish(status(made, controller=HOSTILE, error=error(HOSTILE)))
    controller.answers["pause"] = {"ok": False, "error": error(HOSTILE, hint=HOSTILE)}
    controller.answers["resume"] = {"ok": True, "message": HOSTILE}
    controller.answers["nodes"] = {"ok": True, "nodes": [
        {"node": HOSTILE[:20], "state": HOSTILE[:20], "version": HOSTILE[:12], "agent": None,
         "agent_error": error(HOSTILE), "load_balancers": []}]}
    controller.record(made)
    for words in (("status",), ("status", "--json"), ("nodes",), ("history",), ("pause",),
                  ("resume",)):
        done = shunt.run(*words)
        printed = done.stdout + done.stderr
        assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", printed), repr(printed)
        assert "owned" in printed
    shown = terminal("status", "--watch")
    shown.wait_for("\x1b[J")
    for sequence in ("\x1b]", "\x1b[2J", "\x9b", "\x07", "\u202e"):
        assert sequence not in shown.seen



def test_history_has_the_latest_last_and_the_running_one_too(shunt, controller):
    for number in range(3):
        controller.record({**ended("done"), "id": f"past-{number}"})
    controller.publish(status(upgrade()))
    code, document = shunt.json("history", "git")
    assert code == 0
    assert [row["id"] for row in document["upgrades"]] == ["past-0", "past-1", "past-2", ID]
    code, document = shunt.json("history", "git", "--limit", "2")
    assert [row["id"] for row in document["upgrades"]] == ["past-2", ID]
    lines = shunt.run("history", "git").stdout.splitlines()
    assert "running" in lines[-1] and re.search(r"7\.9\.0 → 7\.9\.4 +done +1m 00s +ana", lines[1])


def test_history_with_an_ended_upgrade_has_it_once(shunt, controller):
    controller.record(ended("done"))
    controller.publish(status(ended("done")))
    assert len(shunt.json("history", "git")[1]["upgrades"]) == 1


def test_a_tampered_history_is_told(shunt, controller):
    controller.call("XADD", controller.key("history"), "*", "upgrade", '{"id": 1}')
    done = shunt.run("history", "git")
    assert done.returncode == 1 and "unreadable history" in done.stderr
