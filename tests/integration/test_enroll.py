# SPDX-License-Identifier: Apache-2.0
"""Agents that make their own keys, and an approver who accepts them: real agents, controllers and a
Redis with the documented users, which is not to be trusted."""

import json
import os
import re
import shutil
import stat
import subprocess
import tempfile
import time

import pytest
from nacl.signing import SigningKey

# Fixtures are found by their names in this module.
# pylint: disable=unused-import
from cli_program import Terminal, cluster_text, controller, redis_server, shunt
from networks import claimed_network
from operator_wire import DOMAIN_REQUEST, load_key, make_keys
from processes import wait_until, write_file
from rivals import RivalTrial
from shunt_wire import RedisServer, agent_program, now_ms, public_text, sign
from trial import DEADLINE_S, running

DOMAIN_ENROLMENT = b"shunt enrolment v1"
USAGE, CONFIGURATION, REFUSED = 2, 3, 5  # exit status of shunt and shunt-agent
UNKNOWN = ("bb1", "bb2")  # agents whose keys the configuration lacks; that of bb3 stands there


class EnrollTrial(RivalTrial):
    more_users = "user wiper on >wiper ~* &* +@all\n"  # whoever has got at Redis

    def _write_keys(self):
        super()._write_keys()
        write_file(os.path.join(self.redis_dir, "wiper.password"), "wiper\n", 0o600)

    def _controller_config(self):
        config = json.loads(super()._controller_config())
        for row in config["clusters"][0]["nodes"]:
            if row["name"] in UNKNOWN:
                del row["agent_key"]
        return json.dumps(config, indent=1)

    def wait_plannable(self):
        self.wait_unknown(*UNKNOWN)

    def wait_unknown(self, *names):
        """Until a plan has nothing to say but that these keys are missing."""
        end = time.monotonic() + DEADLINE_S
        while True:
            failed = self.failed_checks("7.9.99")
            if [row[:2] for row in failed] == [("agent", name) for name in names]:
                return failed
            assert time.monotonic() < end, failed
            time.sleep(0.1)

    def tamper(self, *words):
        return self.store.call(*words, user="wiper")

    def enroll(self, name):
        path = os.path.join(self.node(name).folder, "agent.yaml")
        return subprocess.run([self.program("shunt-agent"), "enroll", "--config", path],
                              capture_output=True, text=True, timeout=DEADLINE_S, check=False)

    def key_text(self, name):
        return public_text(self.agent_key(name))

    def rows(self):
        """{name: row} as a viewer sees them."""
        status, output, complaint = self.shunt_as("vera", "agents", "git", "--json")
        assert status == 0, complaint
        return {row["agent"]: row for row in json.loads(output)["agents"]}

    def accept(self, who, agent, key, *more):
        return self.shunt_as(who, "agents", "accept", "git", agent, "--key", key, "--yes", *more)

    def accept_all(self):
        for name in UNKNOWN:
            status, _, complaint = self.accept("anna", name, self.key_text(name))
            assert status == 0, complaint
        self.wait_unknown()

    def accept_shown(self, who, agent, reply):
        """At a terminal, without naming the cluster: (exit status, what was seen there)."""
        self.shunt_as(who, "agents")  # leaves his configuration
        terminal = Terminal([self.program("shunt"), "--config",
                             os.path.join(self.folder, f"{who}.yaml"), "agents", "accept", agent])
        try:
            terminal.wait_for("[y/N]")
            terminal.type(reply + "\n")
            return terminal.end(), terminal.seen
        finally:
            terminal.close()

    def kept(self, state_dir=None):
        """{agent: acceptance} in the files of a controller."""
        folder = os.path.join(state_dir or self.state_dir, "accepted", "git")
        found = {}
        for name in os.listdir(folder):
            with open(os.path.join(folder, name), "rb") as text:
                found[name] = text.read()
        return found

    def shared(self):
        """{agent: acceptance} in Redis."""
        fields = self.store.call("HGETALL", self.store.key("agents"), user="controller")
        return {name.decode(): text for name, text in zip(fields[::2], fields[1::2])}

    def restart(self):
        self.end_controller()
        self.start_controller()
        self.wait_led()


def enrolment(key, signer, cluster="git", node="bb1"):
    """What `shunt-agent enroll` leaves, the key and the signer being two things."""
    body = json.dumps({"cluster": cluster, "node": node, "key": public_text(key),
                       "made_ms": now_ms()}).encode()
    return f"{node} {sign(signer, DOMAIN_ENROLMENT, body)}\n".encode() + body


def acceptance(trial, who, agent, key, **fields):
    """What is kept of an operator's acceptance."""
    operator = trial.operator(who)
    body = json.dumps(operator.request("accept-agent", node=agent, key=public_text(key),
                                       **fields)).encode()
    return f"{who} {sign(operator.key, DOMAIN_REQUEST, body)}\n".encode() + body


# ---- from the first key on ----


def test_agent_is_believed_once_an_approver_has_compared_and_accepted_its_key(begin):
    trial = begin(kind=EnrollTrial, with_traffic=False)
    key = trial.key_text("bb1")
    sources = {name: row["source"] for name, row in trial.rows().items()}
    assert sources == {"bb1": "missing", "bb2": "missing", "bb3": "configuration"}
    assert trial.wait_unknown(*UNKNOWN)[0][2] == (
        "the key of agent 'bb1' is not known; hint: run `shunt-agent enroll` there and "
        "`shunt agents accept git bb1` here")
    trial.wait_log("controller", "the key of agent 'bb1' is not known")  # its reports
    done = trial.enroll("bb1")
    assert (done.returncode, done.stderr) == (0, "")
    assert key in done.stdout and "was there already" in done.stdout
    assert "\n  shunt agents accept git bb1\n" in done.stdout
    row = trial.rows()["bb1"]
    assert (row["source"], row["key"]) == ("waiting", key)
    status, seen = trial.accept_shown("anna", "bb1", "n")
    assert status == REFUSED and key in seen and "not agreed: nothing was done" in seen
    assert trial.rows()["bb1"]["source"] == "waiting"
    status, seen = trial.accept_shown("anna", "bb1", "y")
    assert status == 0 and f"git: agent bb1: {key} is accepted\r\n" in seen, seen
    row = trial.rows()["bb1"]
    assert (row["source"], row["key"], row["accepted_by"]) == ("accepted", key, "anna")
    trial.wait_unknown("bb2")
    assert f"the key of agent bb1 is {key}, accepted by anna" in trial.log()
    event, = trial.events()
    assert (event["event"], event["operator"], event["text"]) == \
        ("accept-agent", "anna", f"agent bb1: {key} is accepted")
    assert f"agent bb1: {key} is accepted" in trial.shunt_as("vera", "history", "git")[1]


def test_upgrade_goes_through_with_accepted_keys(begin):
    trial = begin(kind=EnrollTrial, policy={"soak": "100ms"})
    trial.accept_all()
    trial.upgrade("7.9.4")
    trial.ended("done")
    trial.assert_settled("7.9.4")


# ---- what is kept, and where ----


def test_accepted_keys_outlive_controllers_and_all_data_of_redis(begin):
    trial = begin(kind=EnrollTrial, with_traffic=False)
    trial.accept_all()
    accepted = trial.kept()
    assert sorted(accepted) == list(UNKNOWN) and trial.shared() == accepted
    trial.restart()
    trial.wait_unknown()
    trial.tamper("FLUSHALL")
    wait_until(lambda: trial.shared() == accepted, "that the leader puts them back", DEADLINE_S)
    trial.wait_unknown()
    trial.end_controller()
    trial.tamper("FLUSHALL")
    trial.start_controller()
    trial.wait_led()
    trial.wait_unknown()
    assert trial.shared() == accepted


def test_second_controller_knows_accepted_keys(begin):
    trial = begin(kind=EnrollTrial, with_traffic=False)
    trial.accept_all()
    trial.start_rival("c2")
    state_dir = os.path.join(trial.folder, "c2")
    wait_until(lambda: os.path.exists(os.path.join(state_dir, "accepted", "git", "bb2")),
               "the other's own files", DEADLINE_S)
    assert trial.kept(state_dir) == trial.kept()
    trial.end_controller()
    trial.wait_leader("c2")
    trial.wait_unknown()


def test_file_that_somebody_has_changed_is_not_used(begin):
    trial = begin(kind=EnrollTrial, with_traffic=False)
    trial.accept_all()
    trial.end_controller()
    path = os.path.join(trial.state_dir, "accepted", "git", "bb1")
    with open(path, encoding="utf-8") as text:
        changed = text.read().replace(trial.key_text("bb1"), public_text(SigningKey.generate()))
    write_file(path, changed)
    trial.tamper("FLUSHALL")
    trial.start_controller()
    trial.wait_led()
    trial.wait_unknown("bb1")
    assert "accepted/git/bb1' is not used" in trial.log()


# ---- another key for an agent that has one ----


def test_host_that_was_set_up_anew_is_accepted_anew(begin):
    trial = begin(kind=EnrollTrial, with_traffic=False)
    trial.accept_all()
    node, old = trial.node("bb1"), trial.key_text("bb1")
    trial.end_agent("bb1")
    os.unlink(os.path.join(trial.folder, "controller", "agents", "git.bb1", "node.key"))
    done = trial.enroll("bb1")
    new = trial.key_text("bb1")
    assert new != old and new in done.stdout and "made just now" in done.stdout
    row = trial.rows()["bb1"]
    assert (row["source"], row["key"], row["other_key"]) == ("accepted", old, new)
    trial.start_agent(node)
    wait_until(lambda: "cluster git: report refused: the signature is not of this key"
               in trial.log(), "that its reports are refused", DEADLINE_S)
    assert trial.failed_checks("7.9.99")[0][:3] == (
        "agent", "bb1", "agent 'bb1' answers with another key than the one that is accepted; hint: "
        "a host that was set up anew? run `shunt-agent enroll` there, and "
        "`shunt agents accept git bb1` here")
    status, seen = trial.accept_shown("anna", "bb1", "yes")
    assert status == 0, seen
    assert f"agent bb1: {new} is accepted in the place of {old}, by anna" in \
        seen.replace("\r\n", "\n")
    trial.wait_unknown()
    row = trial.rows()["bb1"]
    assert (row["key"], row["other_key"]) == (new, None)


def test_acceptance_of_before_is_never_taken_again(begin):
    trial = begin(kind=EnrollTrial, with_traffic=False)
    trial.accept_all()
    before, request = trial.shared()["bb1"], trial.shared()["bb1"].split(b"\n", 1)
    other = SigningKey.generate()
    assert trial.accept("anna", "bb1", public_text(other))[0] == 0
    latest = trial.shared()["bb1"]
    assert latest != before and trial.kept()["bb1"] == latest
    trial.tamper("HSET", trial.store.key("agents"), "bb1", before)
    trial.restart()
    wait_until(lambda: trial.shared()["bb1"] == latest, "that the latest is put back", DEADLINE_S)
    assert trial.kept()["bb1"] == latest
    assert trial.rows()["bb1"]["key"] == public_text(other)
    # The request itself, by a controller that has not seen it in its life.
    signer, signature = request[0].decode().split(" ")
    trial.store.add("request", request[1], signer, signature, user="operator")
    answer = trial.operator("anna").answer(json.loads(request[1]))
    assert not answer["ok"] and "a later acceptance of agent 'bb1' is known" \
        in answer["error"]["message"]
    assert trial.kept()["bb1"] == latest


def test_key_is_not_replaced_while_an_upgrade_runs(begin):
    trial = begin(kind=EnrollTrial, with_traffic=False)
    key = trial.key_text("bb1")
    trial.accept_all()
    trial.fail_from("bb1", "7.9.4", start_delay_ms=1500)
    trial.upgrade("7.9.4")
    trial.at_step("bb1", "active")
    status, _, complaint = trial.accept("anna", "bb2", public_text(SigningKey.generate()))
    assert status == REFUSED and "an upgrade from 7.9.0 to 7.9.4 runs" in complaint
    status, output, complaint = trial.accept("anna", "bb1", key)
    assert status == 0, complaint
    assert f"{key} is accepted anew; before, anna had accepted it" in output
    trial.ended("done")


# ---- who and what is refused ----


@pytest.fixture(name="trial", scope="module")
def make_trial():
    """For scenarios after which nothing is accepted."""
    path = tempfile.mkdtemp(prefix="shunt-it-")
    try:
        with claimed_network() as network, \
                running(path, network, False, EnrollTrial, operators=make_keys(path)) as made:
            yield made
            assert made.shared() == {}
            assert not os.path.exists(os.path.join(made.state_dir, "accepted"))
    finally:
        shutil.rmtree(path)


@pytest.mark.parametrize("name, role", [("vera", "viewer"), ("otto", "operator")])
def test_only_an_approver_may_accept(trial, name, role):
    status, _, complaint = trial.accept(name, "bb1", trial.key_text("bb1"))
    assert status == REFUSED
    assert f"'{name}' is {role}; accept-agent needs approver" in complaint


def test_key_of_the_configuration_counts(trial):
    status, _, complaint = trial.accept("anna", "bb3", public_text(SigningKey.generate()))
    assert status == REFUSED
    assert "the configuration has the key of agent 'bb3', and that one counts: `agent_key` of " \
        "node 'bb3'" in complaint


def test_key_of_another_agent_is_refused(trial):
    status, _, complaint = trial.accept("anna", "bb1", trial.key_text("bb3"))
    assert status == REFUSED and "agent 'bb3' has this key" in complaint


@pytest.mark.parametrize("words, complaint", [
    (("bb9",), "cluster git has no agent 'bb9'"),
    (("git", "bb9"), "cluster git has no agent 'bb9'"),
    (("a/b",), "'a/b' is not the name of an agent"),
    (("bb1", "--key", "ed25519:x"), "--key: a public key is"),
])
def test_wrong_words_are_told_before_anything_is_asked(trial, words, complaint):
    key = () if "--key" in words else ("--key", trial.key_text("bb1"))
    status, _, told = trial.shunt_as("anna", "agents", "accept", *words, *key, "--yes")
    assert status == USAGE and complaint in told


@pytest.mark.parametrize("words, complaint", [
    (("--yes",), "--yes needs --key: nobody would have compared the key"),
    ((), "there is nobody to show the key to and ask"),
])
def test_key_is_not_accepted_unseen(trial, words, complaint):
    assert trial.enroll("bb1").returncode == 0
    status, _, told = trial.shunt_as("anna", "agents", "accept", "git", "bb1", *words)
    assert status == USAGE and complaint in told
    trial.tamper("DEL", trial.store.key("enroll:bb1"))


def forged(trial):
    """(what, enrolment, complaint)"""
    mallory, key = SigningKey.generate(), trial.agent_key("bb1")
    good = enrolment(key, key)
    yield "a key that is not the signer's", enrolment(key, mallory), "the signature is not of this"
    yield "another agent's", enrolment(key, key, node="bb2"), "it is of agent 'bb2'"
    yield "another cluster's", enrolment(key, key, cluster="wiki"), "of cluster 'wiki'"
    yield "cut", good[:-10], "not JSON"
    yield "long", good + b" " * 1000, "more than 1024 bytes"
    yield "larger than any reply may be", good + b" " * (40 << 20), "more than 1024 bytes"
    yield "nonsense", b"\x1b]0;hello\x07", "no signed text"


def test_forged_enrolment_is_refused_and_shown_as_such(trial):
    for what, text, complaint in forged(trial):
        trial.tamper("SET", trial.store.key("enroll:bb1"), text)
        trial.shunt_as("anna", "agents")
        terminal = Terminal([trial.program("shunt"), "--config",
                             os.path.join(trial.folder, "anna.yaml"), "agents", "accept", "bb1"])
        try:
            assert terminal.end() == REFUSED, what
            assert complaint in terminal.seen, (what, terminal.seen)
        finally:
            terminal.close()
        rows = trial.rows()
        row = rows["bb1"]
        assert row["source"] == "missing" and complaint in row["problem"], what
        assert rows["bb2"]["problem"] is None, what
        assert "not believed: enrolment of agent bb1" in trial.shunt_as("vera", "agents")[1], what
    trial.tamper("DEL", trial.store.key("enroll:bb1"))


def test_what_one_agent_has_in_redis_hides_no_other(trial):
    for words in (("HSET", trial.store.key("agents"), "bb1", b" " * (40 << 20)),
                  ("RPUSH", trial.store.key("enroll:bb1"), "no text")):
        trial.tamper(*words)
        rows = trial.rows()
        assert rows["bb1"]["problem"] and rows["bb2"]["problem"] is None, words[0]
        trial.tamper("DEL", words[1])


def test_agent_that_has_not_enrolled_is_told(trial):
    trial.shunt_as("anna", "agents")
    terminal = Terminal([trial.program("shunt"), "--config",
                         os.path.join(trial.folder, "anna.yaml"), "agents", "accept", "bb2"])
    try:
        assert terminal.end() == REFUSED
        assert "agent 'bb2' of cluster git has not enrolled in the last day" in terminal.seen
    finally:
        terminal.close()


def test_acceptance_that_nobody_who_may_has_signed_is_not_taken_from_redis(trial):
    key = SigningKey.generate()
    for who, agent, fields in (("vera", "bb1", {}), ("otto", "bb1", {}),
                               ("anna", "bb1", {"cluster": "wiki"}),
                               ("anna", "bb1", {"operator": "otto"}),
                               ("anna", "bb2", {})):  # put in the place of bb1's
        text = acceptance(trial, who, agent, key, **fields)
        trial.tamper("HSET", trial.store.key("agents"), "bb1", text)
        told = trial.log().count("refused, from Redis")
        trial.restart()
        assert trial.log().count("refused, from Redis") == told + 1, (who, agent, fields)
        row = trial.rows()["bb1"]
        assert row["source"] == "missing" and row["problem"], (who, agent, fields)
    trial.tamper("DEL", trial.store.key("agents"))


def test_redis_lets_an_agent_enroll_for_itself_alone(trial):
    path = os.path.join(trial.folder, "stranger.yaml")
    with open(os.path.join(trial.node("bb1").folder, "agent.yaml"), encoding="utf-8") as own:
        write_file(path, own.read().replace("node: bb1\n", "node: bb2\n"))
    done = subprocess.run([trial.program("shunt-agent"), "enroll", "--config", path],
                          capture_output=True, text=True, timeout=DEADLINE_S, check=False)
    assert done.returncode == 0
    assert "Redis did not take it: " in done.stdout and "NOPERM" in done.stdout
    assert f"\n  shunt agents accept git bb2 --key {trial.key_text('bb1')}\n" in done.stdout
    assert trial.rows()["bb2"]["source"] == "missing"


# ---- which cluster ----

ANY = public_text(SigningKey.generate())


def test_cluster_is_named_where_two_have_an_agent_of_that_name(shunt, controller):
    shunt.configure(("git", "wiki"))
    done = shunt.run("agents", "accept", "bb1", "--key", ANY, "--yes")
    assert done.returncode == USAGE and controller.requests == []
    assert "2 clusters have an agent 'bb1': which cluster?" in done.stderr
    done = shunt.run("agents", "accept", "bb9", "--key", ANY, "--yes")
    assert done.returncode == USAGE and "no cluster has an agent 'bb9'" in done.stderr


def test_cluster_is_found_by_its_agent(shunt, controller):
    # Names alone: a key in base64 may have the same letters.
    shunt.configure(more=re.sub(r"\bbb(?=[1-3]\b)", "wb", cluster_text("wiki")))
    controller.answers["accept-agent"] = {"ok": True, "message": "agent bb2: it is accepted"}
    done = shunt.run("agents", "accept", "bb2", "--key", ANY, "--yes")
    assert (done.returncode, done.stdout) == (0, "git: agent bb2: it is accepted\n"), done.stderr
    request, = controller.requests
    assert (request["cluster"], request["node"], request["key"]) == ("git", "bb2", ANY)


def test_agents_of_all_clusters_are_listed(shunt, controller):
    shunt.configure(("git", "wiki"))
    document = shunt.json("agents")[1]
    assert [(row["cluster"], row["agent"], row["source"]) for row in document["agents"]] == \
        [(cluster, agent, "configuration") for cluster in ("git", "wiki")
         for agent in ("bb1", "bb2", "bb3")]
    shown = shunt.run("agents", "wiki")
    assert shown.returncode == 0 and "git" not in shown.stdout
    assert controller.requests == []  # it asks Redis alone


# ---- the sub-command alone ----


def write_config(folder, redis, more=""):
    path = os.path.join(folder, "agent.yaml")
    write_file(path, f"cluster: git\nnode: bb1\nkey_file: {folder}/agent.key\n"
                     f"redis: {{url: 'unix://{redis}'}}\n{more}")
    return path


def run_enroll(path, *words):
    return subprocess.run([agent_program(), "enroll", "--config", path, *words], text=True,
                          capture_output=True, timeout=DEADLINE_S, check=False)


def test_first_enrolment_makes_the_key_and_another_one_keeps_it(folder):
    server = RedisServer(folder)
    server.start()
    try:
        path = write_config(folder, server.path)
        done = run_enroll(path)
        key_path = os.path.join(folder, "agent.key")
        assert done.returncode == 0, done.stderr
        assert stat.S_IMODE(os.stat(key_path).st_mode) == 0o600
        key = public_text(load_key(key_path))
        assert key in done.stdout and "made just now" in done.stdout
        again = run_enroll(path)
        assert key in again.stdout and "was there already" in again.stdout
    finally:
        server.stop()


def test_without_redis_the_key_is_to_be_brought_by_hand(folder):
    path = write_config(folder, "/nowhere/redis.sock")
    done = run_enroll(path)
    key = public_text(load_key(os.path.join(folder, "agent.key")))
    assert done.returncode == 0
    assert "Redis did not take it: " in done.stdout
    assert done.stdout.endswith(f"\n  shunt agents accept git bb1 --key {key}\n")


def test_key_file_that_is_none_is_not_overwritten(folder):
    path = write_config(folder, "/nowhere/redis.sock")
    key_path = os.path.join(folder, "agent.key")
    write_file(key_path, "precious\n", 0o600)
    done = run_enroll(path)
    assert done.returncode == 1 and "is no private key file" in done.stderr
    with open(key_path, encoding="utf-8") as kept:
        assert kept.read() == "precious\n"


@pytest.mark.parametrize("text, complaint", [
    ("cluster: git\n", "node"), ("- git\n", "is expected at the top"),
    ("cluster: git\nnode: bb1\n", "redis"),
])
def test_configuration_without_a_name_or_redis_is_told(folder, text, complaint):
    path = os.path.join(folder, "agent.yaml")
    write_file(path, text)
    done = run_enroll(path)
    assert done.returncode == CONFIGURATION and complaint in done.stderr


def test_enrolment_is_not_a_check(folder):
    done = run_enroll(write_config(folder, "/nowhere/redis.sock"), "--check")
    assert done.returncode == USAGE and "enroll takes no --check" in done.stderr
    assert not os.path.exists(os.path.join(folder, "agent.key"))


def test_key_of_the_embedded_set_up_needs_no_acceptance(begin):
    trial = begin(with_traffic=False)
    path = os.path.join(trial.node("bb1").folder, "agent.yaml")
    key_file = os.path.join(trial.state_dir, "agents", "git.bb1", "node.key")
    key = public_text(load_key(key_file))
    done = run_enroll(path)
    assert (done.returncode, done.stderr) == (0, "")
    assert key in done.stdout and "there is nothing to accept" in done.stdout
    assert "shunt agents accept" not in done.stdout
    os.rename(key_file, key_file + ".away")
    done = run_enroll(path)
    assert done.returncode == 1 and not os.path.exists(key_file)
    assert "embedded set-up makes it at its start: restart it" in done.stderr


def test_what_cannot_be_told_is_no_success(folder, shunt):
    path = write_config(folder, "/nowhere/redis.sock")
    daemon = os.path.join(os.path.dirname(shunt.program), "shunt-controller")
    with open("/dev/full", "w", encoding="utf-8") as full:
        for words in ([agent_program(), "enroll", "--config", path],
                      [agent_program(), "--version"], [agent_program(), "--help"],
                      [daemon, "--help"],
                      [daemon, "--version"],
                      shunt.command_line("agents"), shunt.command_line("agents", "--json"),
                      shunt.command_line("help")):
            done = subprocess.run(words, stdout=full, stderr=subprocess.PIPE, text=True,
                                  timeout=DEADLINE_S, check=False)
            assert done.returncode == 1 and "No space left on device" in done.stderr, words
