# SPDX-License-Identifier: Apache-2.0
"""A journal that cannot be used: what is refused, what goes on, and `shunt recover`."""

import json
import os
import re

import pytest

from processes import wait_until
from rivals import RivalTrial

REFUSED = 5  # exit status of shunt
OTHER = "wiki"
HINT = "`shunt recover git --reason TEXT` puts the journal aside"
WHY = "the disk was full"
MONTH_MS = 30 * 86_400_000


@pytest.fixture(name="trial")
def make_trial(begin):
    """An upgrade was begun and given up, so that there is a journal; its controller has ended."""
    trial = begin(kind=RivalTrial, others=[OTHER])
    trial.upgrade("7.9.4")
    trial.decide("abort")
    trial.ended("aborted")
    assert trial.journal()
    trial.end_controller()
    return trial


def own_copy(trial, name="controller"):
    return os.path.join(trial.folder, name, "journal", "git.log")


def spoil_own_copy(trial, change):
    """`change` of the bytes of its first record; a good one follows, so that it is not torn."""
    with open(own_copy(trial), "rb") as log:
        first = log.readline()
    with open(own_copy(trial), "wb") as log:
        log.writelines([change(first), first])


def spoil_stream(trial, change):
    """`change` of the last record, which is a dictionary, in its place."""
    records = [json.dumps(record) for record in trial.journal()]
    records[-1] = change(json.loads(records[-1]))
    trial.store.call("DEL", trial.store.key("journal"), user="controller")
    for record in records:
        trial.store.call("XADD", trial.store.key("journal"), "*", "record", record,
                         user="controller")


def newer(record):
    return json.dumps({"v": 2, "what": "a future version knows", "at_ms": record["at_ms"]})


def foreign(record):
    return json.dumps({**record, "cluster": "another"})


def torn(record):
    return json.dumps(record)[:-20]


def without_copy(trial):
    os.unlink(own_copy(trial))


def flip(line):
    return line.replace(b'"seq"', b'"sEq"')


def stream_alone(change):
    def spoil(trial):
        without_copy(trial)
        spoil_stream(trial, change)
    return spoil


def write_own_copy(trial, text):
    """One record with the right sum."""
    table = []
    for value in range(256):
        for _ in range(8):
            value = value >> 1 ^ (0x82F63B78 if value & 1 else 0)
        table.append(value)
    value = 0xFFFFFFFF
    for byte in text.encode():
        value = table[(value ^ byte) & 255] ^ value >> 8
    with open(own_copy(trial), "w", encoding="utf-8") as log:
        log.write(f"{value ^ 0xFFFFFFFF:08x} {text}\n")


def copy_alone(change):
    def spoil(trial):
        write_own_copy(trial, change(trial.journal()[0]))
    return spoil


def no_stream(trial):
    without_copy(trial)
    trial.store.call("DEL", trial.store.key("journal"), user="controller")
    trial.store.call("SET", trial.store.key("journal"), "x", user="controller")


STREAM = r"the journal in Redis, shunt:\{git\}:journal: record \d+ \(entry \d+-\d+\): "
COPY = r"our own copy of the journal: '\S+/journal/git\.log': record \d+"
BAD = {
    "stream torn": (stream_alone(torn), STREAM + "not JSON"),
    "stream of another cluster": (stream_alone(foreign), STREAM + "it belongs to cluster 'another'"),
    "stream of a newer version": (stream_alone(newer),
                                  STREAM + "it is of format 2, this version reads 1"),
    "stream of a newer version beside an own copy": (
        lambda trial: spoil_stream(trial, newer), STREAM + "it is of format 2"),
    "stream that is none": (no_stream, r"the journal in Redis, shunt:\{git\}:journal: .*WRONGTYPE"),
    "own copy changed": (lambda trial: spoil_own_copy(trial, flip),
                         COPY + " was changed after it was written"),
    "own copy of another cluster": (copy_alone(foreign), COPY + ": it belongs to cluster 'another'"),
    "own copy of a newer version": (copy_alone(newer), COPY + ": it is of format 2"),
}


def refused_with(trial, pattern):
    """Waits until it is; what can be asked of that cluster and of another one."""
    def refusal():
        status = trial.store.status()
        return status and status["controller"] == "c1" and status["error"]
    error = wait_until(refusal, "that the cluster is refused", 15, trial.controller)
    assert re.search(pattern, error["message"]), error
    return error


def assert_left_alone(trial, pattern):
    error = refused_with(trial, pattern)
    newer_one = "newer controller" in error["hint"]
    assert newer_one or HINT in error["hint"]
    code, shown, _ = trial.shunt_as("vera", "status", "git")
    assert code == 0 and re.search("the controller does not act: " + pattern, shown)
    assert "hint: " in shown and "it is not known whether an upgrade runs" in shown
    for words in (("pause", "git"), ("abort", "git"), ("drain", "git", "bb1"),
                  ("return", "git", "bb1")):
        code, _, complaint = trial.shunt_as("otto", *words)
        assert code == REFUSED, complaint
        assert re.search("cluster git is not acted on: " + pattern, complaint)
        assert "hint: " in complaint
    trial.refused("7.9.4", ("nobody else at work", "git", pattern))
    assert len(trial.admin.ask("nodes")["nodes"]) == 3
    assert trial.lb.in_rotation() == 3


def assert_other_goes_on(trial):
    store = trial.store_of(OTHER)
    wait_until(lambda: json.loads(store.call("GET", store.key("status")) or "{}")
               .get("error", "none yet") is None, "a good status of the other cluster", 15)
    code, _, complaint = trial.shunt_as("vera", "nodes", OTHER)
    assert code == 0, complaint


@pytest.mark.parametrize("case", BAD)
def test_bad_journal_is_refused_and_recovered(trial, case):
    spoil, pattern = BAD[case]
    spoil(trial)
    trial.start_controller()
    assert_left_alone(trial, pattern)
    assert_other_goes_on(trial)
    code, shown, complaint = trial.shunt_as("anna", "recover", "git", "--reason", WHY)
    assert code == 0, shown + complaint
    assert "git: nothing was found amiss" in shown
    assert [line.split()[:4] for line in shown.splitlines() if line.startswith("bb")] == \
        [[node.name, "ACTIVE", "7.9.0", "7.9.0"] for node in trial.nodes]
    assert trial.store.status()["error"] is None
    assert trial.failed_checks("7.9.4") == []
    assert_archived(trial, shown)
    record, = trial.journal()
    assert record["cleared"] == {"operator": "anna", "reason": WHY}


def assert_archived(trial, shown):
    """Whatever there was; the answer says where."""
    key, path = re.search(r"put aside: in Redis (\S+), our own copy (\S+)\n", shown).groups()
    assert re.fullmatch(r"shunt:\{git\}:journal:bad:\d{8}T\d{6}\.\d{3}Z", key)
    life_ms = trial.store.call("PTTL", key)
    assert MONTH_MS - 60_000 < life_ms <= MONTH_MS
    assert os.path.dirname(path) == os.path.dirname(own_copy(trial)) and os.path.exists(path)


def test_upgrade_is_made_after_a_recovery(trial):
    spoil_own_copy(trial, flip)
    trial.start_controller()
    refused_with(trial, "was changed")
    assert trial.shunt_as("anna", "recover", "git", "--reason", WHY)[0] == 0
    event, = trial.events()
    assert (event["event"], event["operator"], event["reason"]) == ("recover", "anna", WHY)
    assert "was put aside" in event["text"]
    trial.upgrade("7.9.4")
    trial.ended("done")
    trial.assert_settled("7.9.4")


def test_recovery_tells_what_is_amiss_and_how_to_mend_it(begin):
    """The upgrade that the lost journal knew of had just taken bb1 out."""
    trial = begin(kind=RivalTrial, others=[OTHER])
    trial.node("bb1").set_faults(stop_delay_ms=3000)
    trial.upgrade("7.9.4")
    trial.at_step("bb1", "stop")
    trial.kill_controller()
    wait_until(lambda: "OFFLINE" in [node["state"] for node in trial.node("bb2").cluster()["nodes"]],
               "that bb1 is OFFLINE", 20)
    without_copy(trial)
    spoil_stream(trial, torn)
    trial.start_controller()
    refused_with(trial, STREAM)
    code, shown, complaint = trial.shunt_as("anna", "recover", "git", "--reason", WHY)
    assert code == 0, shown + complaint
    assert "git: bb1: 7.9.0 is linked, nothing runs\n" in shown
    assert "git: bb1: it is OFFLINE in the cluster\n" in shown
    assert "git: cluster: it is READY_TO_UPGRADE, upgrade mode on\n    hint: bring all" in shown
    assert ("git: bb1: load balancer edge: it is drained or down\n"
            "    hint: `shunt return git bb1` gives it its traffic back\n") in shown
    assert "git: bb2: " not in shown
    trial.node("bb1").start()
    trial.node("bb1").wait_running()
    assert trial.shunt_as("otto", "return", "git", "bb1")[0] == 0
    wait_until(lambda: trial.lb.in_rotation() == 3, "all in rotation", 15)
    assert trial.failed_checks("7.9.4") == []  # from READY_TO_UPGRADE the next one may go on


def waiting_for(trial, name):
    return trial.store.call("XLEN", trial.store.key(f"command:{name}"), user="controller")


def test_commands_of_the_lost_journal_are_void(begin):
    """The agent was away when something was asked of it."""
    trial = begin(kind=RivalTrial, policy={"soak": "2s"})
    trial.upgrade("7.9.4")
    trial.at_step("bb1", "soak")
    trial.end_agent("bb2")
    wait_until(lambda: waiting_for(trial, "bb2") > 0, "a command for bb2", 15)
    trial.kill_controller()
    without_copy(trial)
    spoil_stream(trial, torn)
    trial.start_controller()
    refused_with(trial, STREAM)
    assert waiting_for(trial, "bb2") > 0
    assert trial.shunt_as("anna", "recover", "git", "--reason", WHY)[0] == 0
    trial.start_agent(trial.node("bb2"))
    wait_until(lambda: not [check for check, subject, _ in trial.failed_checks("7.9.4")
                            if (check, subject) == ("agent", "bb2")], "the agent of bb2", 20)
    assert "connections begins" not in trial.log("agent-bb2")
    assert trial.runs("bb2") == [] and trial.node("bb2").is_running()


def test_damaged_stream_is_mended_from_our_own_copy_where_we_led_last(trial):
    spoil_stream(trial, torn)
    trial.start_controller()
    trial.wait_log("controller", "our own copy of the journal is used")
    trial.wait_led()
    assert trial.store.status()["error"] is None
    assert trial.journal()[-1]["epoch"] == 2


def test_own_copy_from_before_another_led_is_not_believed(trial):
    trial.start_rival("c2")
    trial.wait_leader("c2")
    trial.end_rival("c2")
    spoil_stream(trial, torn)
    trial.start_controller()
    assert_left_alone(trial, STREAM + "not JSON")


def test_old_copy_of_another_controller_does_not_come_back_after_a_recovery(trial):
    trial.start_rival("c2")
    trial.wait_leader("c2")
    trial.end_rival("c2")
    assert os.path.getsize(own_copy(trial, "c2")) > 0
    spoil_own_copy(trial, flip)
    trial.start_controller()
    refused_with(trial, "was changed")
    assert trial.shunt_as("anna", "recover", "git", "--reason", WHY)[0] == 0
    trial.start_rival("c2")
    trial.end_controller()
    trial.wait_leader("c2")
    wait_until(lambda: trial.store.status()["controller"] == "c2", "the status of c2", 15)
    assert trial.store.status()["upgrade"] is None
    # And what Redis loses now, c2 puts back as it is.
    trial.store.call("DEL", trial.store.key("journal"), user="controller")
    trial.end_rival("c2")
    trial.start_rival("c2")
    wait_until(trial.journal, "the journal", 15)
    assert "cleared" in trial.journal()[-1]


@pytest.mark.parametrize("name, role", [("vera", "viewer"), ("otto", "operator")])
def test_only_an_approver_may_recover(trial, name, role):
    spoil_own_copy(trial, flip)
    trial.start_controller()
    refused_with(trial, "was changed")
    code, _, complaint = trial.shunt_as(name, "recover", "git", "--reason", WHY)
    assert code == REFUSED and f"'{name}' is {role}; recover needs approver" in complaint
    assert trial.store.status()["error"] is not None


def test_good_journal_is_not_put_aside(trial):
    trial.start_controller()
    trial.wait_led()
    before = trial.journal()
    code, _, complaint = trial.shunt_as("anna", "recover", "git", "--reason", WHY)
    assert code == REFUSED and "the journal of cluster git is good: nothing was done" in complaint
    assert trial.journal() == before
