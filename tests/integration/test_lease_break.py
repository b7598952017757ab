# SPDX-License-Identifier: Apache-2.0
"""`shunt lease break`: a leader that hangs, one that is well, and who may ask."""

import json
import shutil
import signal
import tempfile

import pytest
from nacl.signing import SigningKey

from networks import claimed_network
from operator_wire import DOMAIN_REQUEST, LIFE_MS, Operator, make_keys
from processes import wait_until
from rivals import RivalTrial
from shunt_wire import now_ms, sign
from trial import running

UP = ["stop 7.9.0", "start 7.9.4"]
REFUSED, NO_ANSWER = 5, 7  # exit status of shunt
LONG_LEASE_MS = 120_000  # nobody would wait for its end
WHY = "it hängt since noon"


def break_lease(trial, name="anna", *more):
    return trial.shunt_as(name, "lease", "break", "git", "--reason", WHY, *more)


def assert_upgraded_once(trial):
    for node in trial.nodes:
        assert trial.runs(node.name) == UP, node.name
    trial.assert_settled("7.9.4")


def begin_upgrade(begin, **options):
    trial = begin(kind=RivalTrial, lease_ms=LONG_LEASE_MS, **options)
    trial.fail_from("bb1", "7.9.4", start_delay_ms=700)
    trial.wait_leader("c1")
    trial.start_rival("c2")
    trial.upgrade("7.9.4")
    trial.at_step("bb1", "active")
    return trial


def test_hung_leader_is_replaced_and_changes_nothing_when_it_wakes_up_midway(begin):
    trial = begin_upgrade(begin, with_traffic=True, policy={"soak": "2s"})
    trial.controller.signal(signal.SIGSTOP)
    status, output, complaint = break_lease(trial)
    assert status == 0, output + complaint
    assert output == "git: c2 leads now, with epoch 2; before it was c1\n"
    trial.controller.signal(signal.SIGCONT)
    trial.wait_log("controller", "the lease went to c2:")
    trial.ended("done")
    assert trial.leader() == ("c2", 2) and trial.store.status()["controller"] == "c2"
    assert_upgraded_once(trial)
    assert f"broke the lease of c1:{trial.claim('c1')[0]}, by anna: {WHY}" in trial.log("c2")


def test_leader_that_wakes_up_after_the_end_changes_nothing(begin):
    trial = begin_upgrade(begin)
    trial.start_rival("c3")
    trial.controller.signal(signal.SIGSTOP)
    assert break_lease(trial)[0] == 0
    trial.ended("done")
    name, epoch = trial.leader()
    assert name in ("c2", "c3") and epoch == 2
    records = trial.store.call("XLEN", trial.store.key("journal"), user="controller")
    trial.controller.signal(signal.SIGCONT)
    trial.wait_log("controller", f"the lease went to {name}:")
    assert trial.store.call("XLEN", trial.store.key("journal"), user="controller") == records
    assert trial.leader() == (name, 2) and trial.store.status()["epoch"] == 2
    assert_upgraded_once(trial)


def test_healthy_leader_gives_its_lease_up_at_once(begin):
    trial = begin(kind=RivalTrial, lease_ms=LONG_LEASE_MS)
    trial.start_rival("c2")
    status, output, complaint = break_lease(trial, "anna", "--json")
    assert status == 0, output + complaint
    assert json.loads(output) == {"ok": True, "cluster": "git", "controller": "c2", "epoch": 2}
    assert f"giving the lease up, by anna: {WHY}" in trial.log()
    assert trial.admin.ask("nodes")["ok"]
    event, = trial.events()
    assert (event["event"], event["operator"], event["reason"], event["controller"],
            event["epoch"], event["text"]) == \
        ("lease-break", "anna", WHY, "c1", 1, "it gave its lease up")
    shown = trial.shunt_as("vera", "history")[1]
    assert "lease-break" in shown and WHY in shown and "anna" in shown


def test_event_of_a_lease_that_was_taken_names_both(begin):
    trial = begin(kind=RivalTrial, lease_ms=LONG_LEASE_MS)
    trial.start_rival("c2")
    trial.controller.signal(signal.SIGSTOP)
    assert break_lease(trial)[0] == 0
    event = wait_until(trial.events, "the event", 5)[0]
    assert (event["controller"], event["epoch"], event["text"]) == \
        ("c2", 2, "it took the lease from c1")


def test_where_nobody_else_leads_the_leader_goes_on_and_it_is_said(begin):
    trial = begin(kind=RivalTrial)
    status, _, complaint = break_lease(trial)
    assert status == NO_ANSWER
    assert "no other controller took over" in complaint
    assert "c1 gave its lease up and leads again, with epoch 2" in complaint
    assert "is another controller running" in complaint
    assert trial.admin.ask("nodes")["ok"]


def test_hung_leader_without_another_controller_is_told(begin):
    trial = begin(kind=RivalTrial, lease_ms=LONG_LEASE_MS)
    trial.controller.signal(signal.SIGSTOP)
    status, _, complaint = break_lease(trial)
    assert status == NO_ANSWER
    assert "no other controller took over in 20 s: c1 still holds the lease, with epoch 1" \
        in complaint


def test_lease_that_nobody_holds_cannot_be_broken(begin):
    trial = begin(kind=RivalTrial)
    trial.end_controller()
    status, _, complaint = break_lease(trial)
    assert status == NO_ANSWER and "there is no lease to break" in complaint


@pytest.fixture(name="pair", scope="module")
def make_pair():
    """c1 leads, c2 stands by; for scenarios that change nothing."""
    path = tempfile.mkdtemp(prefix="shunt-it-")
    try:
        with claimed_network() as network, \
                running(path, network, False, RivalTrial, lease_ms=LONG_LEASE_MS,
                        operators=make_keys(path)) as trial:
            trial.start_rival("c2")
            yield trial
            assert trial.leader() == ("c1", 1)
    finally:
        shutil.rmtree(path)


@pytest.mark.parametrize("name, role", [("vera", "viewer"), ("otto", "operator")])
def test_only_an_approver_may_break_a_lease(pair, name, role):
    status, _, complaint = break_lease(pair, name)
    assert status == REFUSED
    assert f"'{name}' is {role}; lease-break needs approver" in complaint
    assert pair.leader() == ("c1", 1)


@pytest.mark.parametrize("words, complaint", [
    ((), "lease break needs --reason TEXT"), (("--reason", ""), "--reason must have 1 to"),
    (("--reason", "x" * 200), "--reason must have 1 to 199 bytes"),
])
def test_reason_is_asked_for(pair, words, complaint):
    status, _, told = pair.shunt_as("anna", "lease", "break", "git", *words)
    assert status == 2 and complaint in told


def request_of(trial, name="anna", **changes):
    holder = trial.store.call("GET", trial.store.key("lease")).decode()
    return {**trial.operator(name).request("lease-break", reason=WHY, holder=holder, epoch=1),
            **changes}


def put(trial, request, key, signer="anna"):
    body = request if isinstance(request, bytes) else json.dumps(request).encode()
    trial.store.add("lease-break", body, signer, sign(key, DOMAIN_REQUEST, body), user="operator")


def left(trial):
    return trial.store.call("XLEN", trial.store.key("lease-break"), user="controller")


def forged(trial):
    """(what, request, key, signer)"""
    anna, otto, old = trial.operator("anna").key, trial.operator("otto").key, now_ms() - 2 * LIFE_MS
    yield "another key", request_of(trial), SigningKey.generate(), "anna"
    yield "nobody's name", request_of(trial, operator="mallory"), anna, "mallory"
    yield "another's name", request_of(trial), otto, "otto"
    yield "expired", request_of(trial, issued_ms=old, expires_ms=old + LIFE_MS), anna, "anna"
    yield "valid for a day", request_of(trial, expires_ms=now_ms() + 86_400_000), anna, "anna"
    yield "another cluster", request_of(trial, cluster="other"), anna, "anna"
    yield "another verb", request_of(trial, verb="pause"), anna, "anna"
    yield "no reason", request_of(trial, reason=""), anna, "anna"
    yield "no holder", request_of(trial, holder=""), anna, "anna"
    yield "nonsense", b"{" * 5000, anna, "anna"


def test_forged_expired_and_foreign_requests_break_nothing_and_are_told(pair):
    def refusals():
        return sum("request to break the lease refused" in line
                   for name in ("controller", "c2") for line in pair.log(name).splitlines())
    for what, request, key, signer in forged(pair):
        before = refusals()
        put(pair, request, key, signer)
        wait_until(lambda before=before: refusals() == before + 1 and left(pair) == 0,
                   f"{what}: one refusal more", 10)
        assert pair.leader() == ("c1", 1), what


@pytest.mark.parametrize("changes", [{"epoch": 0}, {"epoch": 2}, {"holder": "c1:0123"},
                                     {"holder": "c2"}])
def test_request_about_another_lease_breaks_nothing(pair, changes):
    put(pair, request_of(pair, **changes), pair.operator("anna").key)
    wait_until(lambda: left(pair) == 0, "that it is removed", 10)
    assert pair.leader() == ("c1", 1)


def test_break_on_the_leaders_stream_is_refused(pair):
    request = request_of(pair)
    asker = Operator(pair.store, "anna", pair.operator("anna").key)
    asker.send(request)
    answer = asker.answer(request)
    assert not answer["ok"] and "the stream that all controllers read" in answer["error"]["message"]
    assert pair.leader() == ("c1", 1)


def test_replayed_request_breaks_nothing(begin):
    trial = begin(kind=RivalTrial, lease_ms=LONG_LEASE_MS)
    trial.start_rival("c2")
    request, key = request_of(trial), trial.operator("anna").key
    put(trial, request, key)
    trial.wait_leader("c2")
    put(trial, request, key)
    wait_until(lambda: left(trial) == 0, "that it is removed", 10)
    assert trial.leader() == ("c2", 2)
