# SPDX-License-Identifier: Apache-2.0
"""Who may ask for what, who is heard, and what an operator's word changes in which phase."""

import contextlib
import json
import re
import signal
import time

import pytest
from nacl.signing import SigningKey

from operator_wire import DOMAIN_REQUEST, LIFE_MS, Operator
from processes import wait_until
from shunt_wire import DOMAIN_COMMAND, now_ms, sign

UP = ["stop 7.9.0", "start 7.9.4"]
UP_AND_BACK = UP + ["stop 7.9.4", "start 7.9.0"]
REFUSED = 5  # exit status of shunt


# ---- who may ----


def test_second_operator_is_told_who_runs_the_upgrade(begin):
    trial = begin(policy={"soak": "1s"})
    artifact = trial.release("7.9.4")
    status, _, complaint = trial.shunt_as("otto", "upgrade", "--to", "7.9.4", "--artifact",
                                          artifact, "--yes")
    assert status == 0, complaint
    status, output, complaint = trial.shunt_as("anna", "upgrade", "--to", "7.9.4", "--artifact",
                                               artifact, "--yes")
    assert status == REFUSED
    assert "7.9.0 to 7.9.4 runs, started by otto" in output + complaint
    assert "shunt status git" in output + complaint
    assert trial.ended("done")["operator"] == "otto"
    trial.assert_settled("7.9.4")


def test_of_two_who_start_at_once_one_is_heard(begin):
    trial = begin()
    artifact = trial.release("7.9.4")
    askers = [trial.operator("otto"), trial.operator("anna")]
    requests = [asker.request("upgrade", to="7.9.4", artifact=artifact) for asker in askers]
    for asker, request in zip(askers, requests):
        asker.send(request)
    answers = [asker.answer(request) for asker, request in zip(askers, requests)]
    assert sorted(answer["ok"] for answer in answers) == [False, True]
    winner = askers[[answer["ok"] for answer in answers].index(True)].name
    loser = next(answer for answer in answers if not answer["ok"])
    assert any(f"started by {winner}" in (row.get("error") or {}).get("message", "")
               for row in loser["plan"]["checks"])
    assert trial.ended("done")["operator"] == winner
    trial.assert_settled("7.9.4")


@pytest.mark.parametrize("name, verb, role", [
    ("vera", "upgrade", "operator"), ("vera", "pause", "operator"), ("vera", "abort", "operator"),
    ("vera", "rollback", "operator"), ("vera", "drain", "operator"), ("vera", "return", "operator"),
    ("vera", "approve", "approver"), ("otto", "approve", "approver"),
])
def test_role_that_does_not_suffice_is_told_which_does(shared_trial, name, verb, role):
    answer = shared_trial.operator(name).ask(verb, to="7.9.4", artifact="/a.tar.gz", node="bb1")
    assert not answer["ok"] and answer["error"]["code"] == "denied"
    own = {"vera": "viewer", "otto": "operator"}[name]
    assert f"'{name}' is {own}; {verb} needs {role}" in answer["error"]["message"]
    assert shared_trial.lb.in_rotation() == 3


def test_refusals_are_counted_in_the_status(shared_trial):
    before = shared_trial.refused_count()
    for _ in range(3):
        assert not shared_trial.operator("vera").ask("drain", node="bb1")["ok"]
    # At least: a refusal of an earlier test may be published only now.
    wait_until(lambda: shared_trial.refused_count() >= before + 3, "three refusals more", 5)


def test_viewer_may_plan_and_look(shared_trial):
    artifact = shared_trial.release("7.9.4")
    status, output, complaint = shared_trial.shunt_as("vera", "plan", "--to", "7.9.4",
                                                      "--artifact", artifact)
    assert status == 0, output + complaint
    assert shared_trial.shunt_as("vera", "nodes")[0] == 0
    assert shared_trial.shunt_as("vera", "status")[0] == 0
    status, _, complaint = shared_trial.shunt_as("vera", "upgrade", "--to", "7.9.4", "--artifact",
                                                 artifact, "--yes")
    assert status == REFUSED and "'vera' is viewer; upgrade needs operator" in complaint


def test_plan_of_a_viewer_has_no_agent_ask_a_server(shared_trial):
    """Of the viewer's choice, inside the network of the nodes; an operator's does."""
    where = {"artifact": "http://127.0.0.1:9/b.tar.gz", "sha256": "0" * 64}
    for name, said in (("vera", "not looked at until"), ("otto", "not known until.*127.0.0.1:9")):
        answer = shared_trial.operator(name).ask("plan", deadline_s=20, to="7.9.4", **where)
        details = [row["detail"] for row in answer["plan"]["checks"]
                   if row["check"] == "artifact and room"]
        assert len(details) == 3 and all(re.match(said, text) for text in details), details


def test_approve_by_hand_waits_for_an_approver(begin):
    trial = begin(policy={"approve": "manual"})
    trial.upgrade("7.9.4", trial.operator("otto"))
    upgrade = trial.waiting("every node serves 7.9.4; approve is by hand.*shunt approve git")
    assert upgrade["cluster_state"] == "READY_TO_RUN_UPGRADE_TASKS" and upgrade["upgrade_mode"]
    status, _, complaint = trial.shunt_as("otto", "approve")
    assert status == REFUSED and "needs approver" in complaint
    assert trial.nodes[0].cluster()["upgradeModeEnabled"]
    assert trial.shunt_as("anna", "approve")[0] == 0
    trial.ended("done")
    trial.assert_settled("7.9.4")


def test_upgrade_that_waits_for_approval_can_be_rolled_back(begin):
    trial = begin(policy={"approve": "manual"})
    trial.upgrade("7.9.4")
    trial.waiting("approve is by hand")
    trial.decide("rollback")
    trial.ended("rolled-back")
    for node in trial.nodes:
        assert trial.runs(node.name) == UP_AND_BACK
    trial.assert_settled("7.9.0")


# ---- who is heard ----


def refusals(trial):
    """As the controller's log has them, which tells of each at once."""
    return sum(" refused: " in line for line in trial.log().splitlines())


def forged(trial):
    """(what, name that signs, key, changes of the request)"""
    stranger, otto = SigningKey.generate(), trial.operator("otto").key
    old = now_ms() - 2 * LIFE_MS
    yield "another key", "anna", stranger, {}
    yield "nobody's name", "mallory", stranger, {"operator": "mallory"}
    yield "another's name within", "otto", otto, {"operator": "anna"}
    yield "another's name without", "anna", otto, {}
    yield "expired", "otto", otto, {"operator": "otto", "issued_ms": old,
                                    "expires_ms": old + LIFE_MS}
    yield "valid for a day", "otto", otto, {"operator": "otto",
                                            "expires_ms": now_ms() + 86_400_000}
    yield "from tomorrow", "otto", otto, {"operator": "otto", "issued_ms": now_ms() + 86_400_000,
                                          "expires_ms": now_ms() + 86_400_000 + LIFE_MS}
    yield "another cluster", "otto", otto, {"operator": "otto", "cluster": "other"}
    yield "no known verb", "otto", otto, {"operator": "otto", "verb": "reboot"}
    yield "no name", "otto", otto, {"operator": "otto", "id": ""}


def test_forged_expired_and_foreign_requests_are_refused_and_counted(shared_trial):
    trial = shared_trial
    for what, name, key, changes in forged(trial):
        before = refusals(trial)
        asker = Operator(trial.store, name, key)
        request = asker.request("drain", node="bb1")
        request.update({"operator": "anna", **changes})
        asker.send(request)
        wait_until(lambda before=before: refusals(trial) == before + 1,
                   f"{what}: one refusal more", 5)
        assert trial.lb.servers()["bb_http/n1"]["status"] == "UP", what


def test_replayed_request_is_refused_and_counted(shared_trial):
    trial = shared_trial
    otto = trial.operator("otto")
    drain = otto.request("drain", node="bb1")
    otto.send(drain)
    assert otto.answer(drain)["ok"]
    assert otto.ask("return", node="bb1")["ok"]
    wait_until(lambda: trial.lb.in_rotation() == 3, "all in rotation", 10)
    before = refusals(trial)
    otto.send(drain)
    wait_until(lambda: refusals(trial) == before + 1, "one refusal more", 5)
    answer = otto.answer(drain, 5)
    assert not answer["ok"] and "answered before" in answer["error"]["message"]
    assert trial.lb.in_rotation() == 3


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b"\xff\xfe", b"{" * 5000, b"x" * 200_000],
                         ids=["empty", "nothing", "list", "bytes", "deep", "long"])
def test_well_signed_nonsense_is_refused_and_counted(shared_trial, body):
    trial = shared_trial
    before = refusals(trial)
    trial.store.add("request", body, "otto",
                    sign(trial.operator("otto").key, DOMAIN_REQUEST, body), user="operator")
    wait_until(lambda: refusals(trial) == before + 1, "one refusal more", 5)
    assert trial.admin.ask("nodes")["ok"]


def test_forged_reports_change_nothing_and_are_counted(begin):
    """That the stop is done, for instance, while the node still serves."""
    trial = begin(stop_ms=1500)
    stop_of = f"{trial.upgrade('7.9.4')}.bb1.stop."
    trial.at_step("bb1", "stop")
    before = trial.refused_count()
    for sequence in range(1, 12):
        trial.store.add_report(SigningKey.generate(), "bb1", command_id=f"{stop_of}{sequence}",
                               kind="done", verb="stop", connections=0)
    wait_until(lambda: trial.refused_count() == before + 11, "eleven refusals more", 5)
    ended = trial.ended("done")
    stop = next(node for node in ended["nodes"] if node["node"] == "bb1")["passes"][0]["steps"]["stop"]
    assert stop["took_ms"] >= 1400
    stopped = [line for line in trial.node("bb1").lifecycle() if line["event"] == "stopped"]
    assert len(stopped) == 1
    trial.assert_settled("7.9.4")


def test_report_of_an_agent_about_another_node_is_refused(begin):
    trial = begin(stop_ms=1500)
    stop_of = f"{trial.upgrade('7.9.4')}.bb1.stop."
    trial.at_step("bb1", "stop")
    before = trial.refused_count()
    for sequence in range(1, 12):
        trial.store.add_report(trial.agent_key("bb2"), "bb2", node="bb1", kind="done", verb="stop",
                               command_id=f"{stop_of}{sequence}", connections=0)
    wait_until(lambda: trial.refused_count() == before + 11, "eleven refusals more", 5)
    trial.ended("done")
    for node in trial.nodes:
        assert trial.runs(node.name) == UP


def test_report_about_a_command_that_nobody_gave_is_ignored(begin):
    trial = begin(stop_ms=1000)
    trial.upgrade("7.9.4")
    trial.at_step("bb1", "stop")
    for command_id in ("20260101-000000-0000.bb1.stop.5", "x", "bb1"):
        trial.store.add_report(trial.agent_key("bb1"), "bb1", command_id=command_id, kind="failed",
                               verb="stop", connections=0,
                               error={"code": "release", "message": "a lie", "hint": ""})
    trial.ended("done")
    trial.assert_settled("7.9.4")


def test_commands_of_a_stranger_are_refused_and_counted_by_the_agent(shared_trial):
    trial = shared_trial
    trial.mark()
    before = sum(trial.beat("bb1")["refused"].values())
    now = now_ms()
    body = json.dumps({"id": "evil", "cluster": "git", "node": "bb1", "epoch": 99, "verb": "stop",
                       "issued_ms": now, "expires_ms": now + 60000, "force": True,
                       "deadline_ms": 5000}).encode()
    for signer in ("c1", "mallory"):
        trial.store.add("command:bb1", body, signer,
                        sign(SigningKey.generate(), DOMAIN_COMMAND, body))
    wait_until(lambda: sum(trial.beat("bb1")["refused"].values()) == before + 2,
               "two refusals more", 15)
    assert trial.runs("bb1") == [] and trial.node("bb1").is_running()
    assert trial.failed_checks("7.9.4") == []


# ---- what a decision changes ----


def test_pause_lets_no_further_node_begin_until_resume(begin):
    trial = begin()
    trial.fail_from("bb1", "7.9.4", start_delay_ms=600)
    trial.upgrade("7.9.4")
    trial.at_step("bb1", "active")
    assert trial.shunt_as("otto", "pause")[0] == 0
    upgrade = trial.wait("bb1 upgraded", lambda seen: trial.places(seen)["bb1"] == "new")
    assert upgrade["is_paused"]
    paused = time.monotonic()
    wait_until(lambda: time.monotonic() > paused + 1, "a second", 2)
    assert trial.runs("bb2") == []
    assert "paused" in trial.shunt_as("vera", "status")[1]
    assert trial.shunt_as("otto", "resume")[0] == 0
    trial.ended("done")
    trial.assert_settled("7.9.4")


def test_abort_after_the_end_says_that_nothing_was_done(begin):
    trial = begin()
    trial.upgrade("7.9.4")
    trial.ended("done")
    status, answer, _ = trial.shunt_as("otto", "abort")
    assert status == 0 and "no upgrade runs; nothing was done" in answer
    trial.assert_settled("7.9.4")


@pytest.mark.parametrize("step", ["stop", "active"])
def test_abort_with_the_first_node_under_way_leaves_all_at_the_old_version(begin, step):
    trial = begin(policy={"soak": "1s"})
    trial.node("bb1").set_faults(stop_delay_ms=700, start_delay_ms=700)
    trial.upgrade("7.9.4")
    trial.at_step("bb1", step)
    assert trial.shunt_as("otto", "abort")[0] == 0
    upgrade = trial.ended("aborted")
    assert not upgrade["upgrade_mode"]
    assert trial.runs("bb2") == trial.runs("bb3") == []
    assert trial.runs("bb1")[:1] == ["stop 7.9.0"] and trial.runs("bb1")[-1] == "start 7.9.0"
    trial.assert_settled("7.9.0")


def test_abort_in_the_middle_leaves_both_versions_and_rollback_mends_that(begin):
    trial = begin()
    trial.fail_from("bb2", "7.9.4", start_delay_ms=700)
    trial.upgrade("7.9.4")
    trial.at_step("bb2", "active")
    trial.decide("abort")
    upgrade = trial.ended("aborted")
    assert trial.places(upgrade) == {"bb1": "new", "bb2": "restored", "bb3": "old"}
    assert upgrade["upgrade_mode"] and upgrade["cluster_state"] == "MIXED"
    trial.refused("7.9.4", ("cluster state", "git", "MIXED"))
    trial.decide("rollback")
    trial.wait("the end of the rollback", lambda seen: seen["outcome"] == "rolled-back")
    assert trial.runs("bb1") == UP_AND_BACK and trial.runs("bb3") == []
    trial.assert_settled("7.9.0")


@pytest.mark.parametrize("step, words", [("stop", ("rollback",)), ("soak", ("rollback",)),
                                         ("active", ("abort", "--rollback"))])
def test_rollback_in_the_middle_puts_every_node_back(begin, step, words):
    trial = begin(policy={"soak": "800ms"})
    trial.node("bb2").set_faults(stop_delay_ms=600, start_delay_ms=600)
    trial.upgrade("7.9.4")
    trial.at_step("bb2", step)
    assert trial.shunt_as("otto", *words)[0] == 0
    trial.ended("rolled-back")
    assert trial.runs("bb1") == UP_AND_BACK and trial.runs("bb3") == []
    trial.assert_settled("7.9.0")


def test_abort_while_it_stages_touches_nothing(begin):
    trial = begin()
    trial.upgrade("7.9.4", artifact=trial.large_release("7.9.4", mib=48))
    trial.wait("staging", lambda seen: seen["phase"] == "stage")
    trial.decide("abort")
    trial.ended("aborted")
    trial.assert_untouched()


def test_abort_is_legal_while_it_is_paused_or_waits(begin):
    trial = begin(policy={"on_failure": "pause"})
    trial.fail_from("bb1", "7.9.4", error_at_start=True)
    trial.upgrade("7.9.4")
    trial.waiting("ERROR")
    trial.decide("pause")
    trial.decide("abort")
    trial.ended("aborted")
    trial.assert_settled("7.9.0")


def test_what_is_too_late_or_too_early_is_refused_with_the_reason(begin):
    trial = begin()
    for words, reason in ((("pause",), "no upgrade"), (("resume",), "no upgrade"),
                          (("rollback",), "no upgrade")):
        status, _, complaint = trial.shunt_as("otto", *words)
        assert status == REFUSED and reason in complaint, complaint
    trial.upgrade("7.9.4")
    status, _, complaint = trial.shunt_as("otto", "resume")
    assert status == REFUSED and "nothing is paused or waiting" in complaint
    trial.ended("done")
    status, _, complaint = trial.shunt_as("otto", "rollback")
    assert status == REFUSED and "no way back" in complaint
    assert trial.shunt_as("otto", "abort")[0] == 0
    trial.assert_settled("7.9.4")


def test_resume_while_a_node_is_still_on_its_way_back_is_not_forgotten(begin):
    """Nobody should have to find out after ten minutes that the upgrade stands still."""
    trial = begin(policy={"on_failure": "rollback-node"})
    trial.fail_from("bb1", "7.9.4", error_at_start=True)
    trial.node("bb1").set_faults(stop_delay_ms=1000)
    trial.upgrade("7.9.4")
    trial.at_step("bb1", "stop", "back")
    trial.wait("that it waits", lambda seen: seen["is_waiting"])
    trial.node("bb1").set_faults(error_at_start=None)
    trial.decide("resume")
    trial.wait("all done, or a decision that is due",
               lambda seen: seen["phase"] == "ended" or seen["is_waiting"])


# ---- drain and return by hand ----


def test_node_is_drained_and_returned_by_hand(begin):
    trial = begin()
    assert trial.shunt_as("otto", "drain", "bb2")[0] == 0
    for server in ("bb_http/n2", "bb_ssh/n2"):
        assert trial.lb.servers()[server]["status"].startswith("DRAIN")
    assert trial.failed_checks("7.9.4") != []
    assert trial.shunt_as("otto", "return", "bb2")[0] == 0
    trial.wait_plannable()
    trial.assert_untouched()


def test_last_node_that_takes_traffic_is_not_drained(begin):
    trial = begin()
    for name in ("bb1", "bb2"):
        assert trial.shunt_as("otto", "drain", name)[0] == 0
    status, _, complaint = trial.shunt_as("otto", "drain", "bb3")
    assert status != 0 and "bb3" in complaint and "no other member" in complaint
    assert trial.lb.servers()["bb_http/n3"]["status"] == "UP"
    for name in ("bb1", "bb2"):
        assert trial.shunt_as("otto", "return", name)[0] == 0
    trial.assert_untouched()


def test_node_is_moved_by_hand_only_outside_an_upgrade(begin):
    trial = begin(policy={"soak": "2s"})
    trial.upgrade("7.9.4")
    trial.at_step("bb1", "soak")
    for word in ("drain", "return"):
        status, _, complaint = trial.shunt_as("otto", word, "bb2")
        assert status == REFUSED
        assert "from 7.9.0 to 7.9.4 runs, started by admin" in complaint
        assert "shunt abort git" in complaint
    assert trial.lb.in_rotation() == 3
    trial.ended("done")
    trial.assert_settled("7.9.4")


@contextlib.contextmanager
def frozen_balancer(trial):
    """Whoever asks it anything meanwhile is under way, until it answers again."""
    trial.lb.daemon.signal(signal.SIGSTOP)
    try:
        yield
        # Answered at once, and behind all that was asked before.
        assert not trial.admin.ask("pause")["ok"]
    finally:
        trial.lb.daemon.signal(signal.SIGCONT)


def assert_in_each_others_way(answer, *words):
    assert not answer["ok"]
    told = [answer["error"], *(row["error"] for row in (answer.get("plan") or {"checks": []})["checks"]
                               if not row["ok"])]
    assert any(all(word in error["message"] for word in words) for error in told), told


def test_upgrade_does_not_begin_while_a_node_is_moved_by_hand(begin):
    trial = begin(with_traffic=False)
    otto, artifact = trial.operator("otto"), trial.release("7.9.4")
    drain = otto.request("drain", node="bb2")
    upgrade = trial.admin.request("upgrade", to="7.9.4", artifact=artifact)
    with frozen_balancer(trial):
        otto.send(drain)
        trial.admin.send(upgrade)
    assert otto.answer(drain)["ok"]
    assert_in_each_others_way(trial.admin.answer(upgrade), "shunt drain bb2", "asked by otto")
    assert otto.ask("return", node="bb2")["ok"]
    trial.wait_plannable()
    trial.upgrade("7.9.4", artifact=artifact)
    trial.ended("done")


def test_node_is_not_moved_by_hand_while_an_upgrade_is_about_to_begin(begin):
    trial = begin(with_traffic=False)
    otto, artifact = trial.operator("otto"), trial.release("7.9.4")
    upgrade = trial.admin.request("upgrade", to="7.9.4", artifact=artifact)
    drain = otto.request("drain", node="bb2")
    with frozen_balancer(trial):
        trial.admin.send(upgrade)
        otto.send(drain)
    assert_in_each_others_way(otto.answer(drain), "upgrade to 7.9.4", "asked by admin")
    assert trial.admin.answer(upgrade)["ok"]
    trial.ended("done")
    assert trial.lb.in_rotation() == 3


def test_two_do_not_move_nodes_at_one_time(begin):
    trial = begin(with_traffic=False)
    otto, anna = trial.operator("otto"), trial.operator("anna")
    drain, back = otto.request("drain", node="bb2"), anna.request("return", node="bb2")
    with frozen_balancer(trial):
        otto.send(drain)
        anna.send(back)
    assert otto.answer(drain)["ok"]
    assert_in_each_others_way(anna.answer(back), "shunt drain bb2", "asked by otto")
    assert anna.ask("return", node="bb2")["ok"]
    assert trial.lb.in_rotation() == 3


def test_ended_upgrade_is_not_rolled_back_while_a_node_is_moved_by_hand(begin):
    trial = begin(with_traffic=False, policy={"soak": "2s"})
    otto = trial.operator("otto")
    trial.upgrade("7.9.4")
    trial.at_step("bb1", "soak")
    trial.decide("abort")
    trial.ended("aborted")
    drain, rollback = otto.request("drain", node="bb3"), trial.admin.request("rollback")
    with frozen_balancer(trial):
        otto.send(drain)
        trial.admin.send(rollback)
    assert otto.answer(drain)["ok"]
    assert_in_each_others_way(trial.admin.answer(rollback), "shunt drain bb3", "asked by otto")
    assert otto.ask("return", node="bb3")["ok"]
    trial.decide("rollback")
    trial.ended("rolled-back")


def test_unknown_node_is_not_moved(shared_trial):
    status, _, complaint = shared_trial.shunt_as("otto", "drain", "bb9")
    assert status != 0 and "bb9" in complaint
