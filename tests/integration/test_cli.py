# SPDX-License-Identifier: Apache-2.0
"""The operator's command line against a real Redis and a controller that is made up."""

import json
import os
import re
import stat
import sys

import pytest

# No compiled files beside the sources.
sys.dont_write_bytecode = True

# Fixtures are found by their names in this module.
# pylint: disable=unused-import
from cli_program import (ARTIFACT, BEGUN, ID, TO, UPGRADE, Shunt, controller, follow, redis_server,
                         shunt, terminal)
from fake_controller import BEGUN_MS, FakeController, changed, check, error, plan, status, upgrade
from shunt_wire import DEADLINE_S, RedisServer, now_ms, until

# What the embedded Redis lets operators do.
OPERATOR_RULES = ("resetchannels", "~shunt:*", "-@all", "+ping", "+auth", "+select", "+hello",
                  "+get", "+exists", "+pttl", "+xread", "+xrange", "+xrevrange", "+xadd", "+blpop")


# ---- words, options, configuration ----


def test_options_may_stand_before_or_after_the_command(shunt, controller):
    controller.publish(status(upgrade()))
    before = shunt.run("--json", "status", "git")
    after = shunt.run("status", "git", "--json")
    assert before.returncode == after.returncode == 0
    assert json.loads(before.stdout) == json.loads(after.stdout)


@pytest.mark.parametrize("words, complaint", [
    ((), "which command"),
    (("upgade",), "there is no command 'upgade'"),
    (("plan", "git"), "plan needs --to VERSION"),
    (("plan", "git", "--to"), "--to needs a value"),
    (("plan", "git", "extra", *TO), "'extra' is one word too many"),
    (("pause", "git", "--watch"), "pause takes no --watch"),
    (("plan", "git", *TO, *TO), "--to is given twice"),
    (("plan", "git", "--to", "7.9"), "--to: "),
    (("plan", "git", *TO, "--sha256", "abc"), "--sha256 must be 64 hexadecimal digits"),
    (("plan", "git", *TO, "--artifact", "ftp://x/y"), "only http and https"),
    (("plan", "git", *TO, "--artifact", "a/../b"), "no '..'"),
    (("plan", "gti", *TO), "there is no cluster 'gti'"),
    (("history", "git", "--limit", "0"), "--limit must be 1 to 200"),
    (("drain",), "drain: something is missing"),
    (("drain", "git", "../x"), "'../x' is not the name of a node"),
    (("--colour", "status"), "there is no option '--colour'"),
])
def test_wrong_use_says_what_is_wrong_and_what_to_do(shunt, controller, words, complaint):
    done = shunt.run(*words)
    assert done.returncode == 2
    assert complaint in done.stderr
    assert done.stdout == "" and controller.requests == []
    assert done.stderr.startswith("shunt: ")


def test_an_error_is_one_json_document_too(shunt):
    code, document = shunt.json("plan", "git")
    assert code == 2
    assert document["ok"] is False and document["error"]["code"] == "invalid"
    assert "usage: shunt plan" in document["error"]["hint"]


def test_help_lists_every_command_and_exit_status(shunt):
    done = shunt.run("help", with_config=False)
    assert done.returncode == 0
    for word in ("plan", "upgrade", "status", "nodes", "history", "pause", "resume", "abort",
                 "rollback", "approve", "drain", "return", "lease break", "recover", "agents",
                 "agents accept", "keys new", "keys show"):
        assert f"\n  {word} " in done.stdout
    assert re.findall(r"^  (\d)  ", done.stdout, re.MULTILINE) == list("012345678")
    assert "--rollback" in shunt.run("abort", "--help", with_config=False).stdout
    assert shunt.run("--version", with_config=False).stdout.startswith("shunt ")


def test_the_environment_names_the_configuration_unless_an_option_does(shunt, controller):
    controller.publish(status())
    environment = {**os.environ, "SHUNT_CONFIG": shunt.config}
    assert shunt.run("status", with_config=False, env=environment).returncode == 0
    environment["SHUNT_CONFIG"] = "/nowhere/shunt.yaml"
    done = shunt.run("status", with_config=False, env=environment)
    assert done.returncode == 3 and "/nowhere/shunt.yaml" in done.stderr
    assert shunt.run("status", env=environment).returncode == 0


def test_a_wrong_configuration_is_told_with_its_place(shunt):
    shunt.configure(more="surprise: 1\n")
    done = shunt.run("status")
    assert done.returncode == 3
    assert re.search(r"shunt\.yaml:\d+:1: ", done.stderr) and "surprise" in done.stderr
    assert "hint: 1 mistake;" in done.stderr


def test_a_key_that_others_can_read_is_not_used(shunt, controller):
    os.chmod(shunt.key_file, 0o644)
    done = shunt.run("pause", "git")
    assert done.returncode == 3
    assert "operator's key" in done.stderr and "chmod" in done.stderr
    assert controller.requests == []


def test_the_only_cluster_need_not_be_named(shunt, controller):
    controller.answers["drain"] = {"ok": True, "message": "node bb1: drain"}
    assert shunt.run("drain", "bb1").returncode == 0
    assert controller.requests[0]["node"] == "bb1" and controller.requests[0]["cluster"] == "git"


def test_one_of_several_clusters_must_be_named(shunt, controller):
    shunt.configure(("git", "wiki"))
    done = shunt.run("pause")
    assert done.returncode == 2
    assert "which cluster" in done.stderr and "git, wiki" in done.stderr


# ---- who answers ----


def test_redis_that_is_away_is_told(shunt, redis_server):
    redis_server.stop()
    for words in (("status", "git"), ("plan", "git", *TO), ("history", "git")):
        done = shunt.run(*words)
        assert done.returncode == 7
        assert "redis unix:" in done.stderr and "hint: " in done.stderr


def test_a_cluster_that_nobody_leads_is_told(shunt, controller):
    controller.give_up()
    done = shunt.run("pause", "git")
    assert done.returncode == 7
    assert "no controller leads cluster git" in done.stderr and "hint: " in done.stderr
    assert controller.requests == []


def test_a_failover_is_waited_for(shunt, controller, follow):
    controller.give_up()
    controller.answers["pause"] = {"ok": True, "message": "pause"}
    process = follow("pause", "git")
    until(lambda: b"cmd=exists" in controller.call("CLIENT", "LIST"), "the command looks")
    controller.call("SET", controller.key("lease"), "c2")
    assert process.wait(DEADLINE_S) == 0


def test_a_request_without_an_answer_ends(shunt, controller):
    done = shunt.run("pause", "git")
    assert done.returncode == 7
    assert "no answer from its controller in 10 s" in done.stderr
    assert "shunt status git" in done.stderr


@pytest.mark.parametrize("answer", ["{", "[]", '{"id":"another","ok":true}',
                                    '{"id":7,"ok":true}'])
def test_an_answer_that_is_none_is_told(shunt, controller, answer):
    controller.answers["pause"] = lambda request: answer
    done = shunt.run("pause", "git")
    assert done.returncode == 1
    assert "unreadable answer" in done.stderr


def test_the_embedded_redis_is_asked_as_operator(folder, build_dir):
    state = os.path.join(folder, "state", "redis")
    os.makedirs(state)
    server = RedisServer(state)
    server.start()
    try:
        shunt = Shunt(folder, build_dir, server)
        shunt.configure(redis="embedded")
        controller = FakeController(server.path, shunt.key)
        try:
            with open(os.open(os.path.join(state, "operator.password"),
                              os.O_WRONLY | os.O_CREAT, 0o600), "w", encoding="utf-8") as out:
                out.write("opensesame")
            controller.call("ACL", "SETUSER", "operator", "on", ">opensesame", *OPERATOR_RULES)
            controller.call("ACL", "SETUSER", "default", "off")
            controller.answers["upgrade"] = BEGUN
            controller.answers["nodes"] = {"ok": True, "nodes": []}
            controller.publish(status(upgrade(outcome="done", phase="ended",
                                              ended_ms=BEGUN_MS + 1)))
            controller.record(upgrade(outcome="done", phase="ended", ended_ms=BEGUN_MS + 1))
            for words in ((*UPGRADE, "--yes", "--watch"), ("status",), ("history",), ("nodes",)):
                done = shunt.run(*words)
                assert done.returncode == 0, done.stderr
        finally:
            controller.stop()
    finally:
        server.stop()


# ---- nodes ----

NODE = {"node": "bb1", "state": "ACTIVE", "version": "7.9.0", "tasks": 3, "users": None,
        "agent": {"version": "0.1.0", "linked_version": "7.9.0"}, "agent_error": None,
        "load_balancers": [{"name": "edge", "rotation": "up", "sessions": 4, "error": None}]}


def test_nodes_are_shown_as_the_controller_finds_them(shunt, controller):
    silent = {**NODE, "node": "bb2", "agent": None, "agent_error": error("no answer from agent bb2"),
              "load_balancers": [{"name": "edge", "rotation": "drained", "sessions": 0,
                                  "error": None}]}
    controller.answers["nodes"] = {"ok": True, "nodes": [NODE, silent]}
    done = shunt.run("nodes", "git")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[1].split() == ["bb1", "ACTIVE", "7.9.0", "7.9.0", "3", "-", "0.1.0", "up", "4"]
    assert "drained" in lines[2] and "no answer from agent bb2" in lines[3]


@pytest.mark.parametrize("nodes", [None, {}, [1], [{**NODE, "state": 5}], [NODE] * 40,
                                   [{**NODE, "load_balancers": [{"rotation": 1}]}]])
def test_nodes_that_cannot_be_read_are_an_error_and_no_crash(shunt, controller, nodes):
    controller.answers["nodes"] = {"ok": True, "nodes": nodes}
    done = shunt.run("nodes", "git")
    assert done.returncode == 1 and "shunt: " in done.stderr


# ---- plan ----


def test_plan_prints_each_check_and_the_order(shunt, controller):
    controller.answers["plan"] = {"ok": True, "plan": plan()}
    done = shunt.run("plan", "git", *TO)
    assert done.returncode == 0, done.stderr
    assert "plan for git: 7.9.0 → 7.9.4" in done.stdout
    assert re.search(r"^passed +agent +bb1 +0\.1\.0$", done.stdout, re.MULTILINE)
    order = [done.stdout.index(text)
             for text in ("1. bb2  load 0", "2. bb1  load 3", "3. bb3  load unknown")]
    assert order == sorted(order)
    assert "2 checks, 0 failed" in done.stdout


def test_plan_with_a_failed_check_says_why(shunt, controller):
    controller.answers["plan"] = {"ok": True, "plan": plan(
        check("agent", "bb1"),
        check("clock", "bb2", error("its clock is off by 90000 ms", hint="mend NTP")))}
    done = shunt.run("plan", "git", *TO)
    assert done.returncode == 5
    assert re.search(r"^FAILED +clock +bb2 +its clock is off by 90000 ms\n    hint: mend NTP$",
                     done.stdout, re.MULTILINE)
    assert "shunt: 1 of 2 checks have failed" in done.stderr


def test_plan_as_json_is_the_answer(shunt, controller):
    controller.answers["plan"] = {"ok": True, "plan": plan(check("clock", "bb2", error("off")))}
    code, document = shunt.json("plan", "git", *TO)
    assert code == 5
    assert document["plan"]["failed"] == 1 and document["ok"] is True


def test_the_request_is_signed_short_lived_and_complete(shunt, controller, folder):
    controller.answers["plan"] = {"ok": True, "plan": plan()}
    hash_text = "AB" * 32
    shunt.run("plan", "git", "--to=7.9.4", "--artifact", "./dist/b.tar.gz", "--sha256", hash_text,
              cwd=folder)
    (request,) = controller.requests
    assert controller.forged == 0
    assert request["operator"] == "ana" and request["cluster"] == "git"
    assert request["to"] == "7.9.4" and request["sha256"] == hash_text.lower()
    assert request["artifact"] == os.path.join(os.path.realpath(folder), "dist/b.tar.gz")
    assert abs(request["issued_ms"] - now_ms()) < 60_000
    assert request["expires_ms"] - request["issued_ms"] == 60_000
    assert re.fullmatch("[0-9a-f]{32}", request["id"])


@pytest.mark.parametrize("path, to", [
    (("checks",), {}), (("checks", 0, "ok"), 1), (("checks", 0, "check"), ...),
    (("order", 0, "load"), "many"), (("order",), [{"node": "bb1"}] * 33), (("failed",), -1),
    (("from",), "7" * 99),
])
def test_a_plan_of_another_shape_is_told(shunt, controller, path, to):
    controller.answers["plan"] = {"ok": True, "plan": changed(plan(), *path, to=to)}
    done = shunt.run("plan", "git", *TO)
    assert done.returncode == 1
    assert "unreadable plan" in done.stderr and done.stdout == ""


# ---- upgrade ----


def test_upgrade_begins_and_says_its_id(shunt, controller):
    controller.answers["upgrade"] = BEGUN
    done = shunt.run(*UPGRADE, "--yes")
    assert done.returncode == 0, done.stderr
    assert f"git: upgrade {ID} has begun" in done.stdout
    assert [request["verb"] for request in controller.requests] == ["upgrade"]
    assert controller.requests[0]["artifact"] == ARTIFACT[1]


def test_upgrade_without_yes_needs_a_terminal(shunt, controller):
    for words in (UPGRADE, (*UPGRADE, "--json")):
        done = shunt.run(*words)
        assert done.returncode == 2
        assert "--yes" in done.stderr and controller.requests == []


def test_refused_upgrade_shows_the_failed_checks_only(shunt, controller):
    controller.answers["upgrade"] = {
        "ok": False, "error": error("1 of 2 checks have failed; nothing was touched"),
        "plan": plan(check("agent", "bb1"), check("clock", "bb2", error("its clock is off")))}
    done = shunt.run(*UPGRADE, "--yes", "--watch")
    assert done.returncode == 5
    assert "FAILED  clock" in done.stdout and "passed" not in done.stdout
    assert "shunt: 1 of 2 checks have failed" in done.stderr


@pytest.mark.parametrize("code, status_code", [("denied", 5), ("conflict", 5), ("stale", 5),
                                               ("unavailable", 1), ("of a newer version", 1)])
def test_the_exit_status_tells_a_refusal_from_a_failure(shunt, controller, code, status_code):
    controller.answers["upgrade"] = {"ok": False, "error": error("not now", code, "ask Otto")}
    done = shunt.run(*UPGRADE, "--yes")
    assert done.returncode == status_code
    assert done.stderr == "shunt: not now\nhint: ask Otto\n"


def test_on_a_terminal_the_plan_is_shown_and_asked_about(shunt, controller, terminal):
    controller.answers.update({"plan": {"ok": True, "plan": plan()}, "upgrade": BEGUN})
    shown = terminal(*UPGRADE)
    shown.wait_for("upgrade git to 7.9.4 now? [y/N] ")
    assert [request["verb"] for request in controller.requests] == ["plan"]
    shown.type("y\n")
    assert shown.end() == 0
    assert "has begun" in shown.seen
    assert [request["verb"] for request in controller.requests] == ["plan", "upgrade"]


def test_on_a_terminal_anything_but_yes_means_no(shunt, controller, terminal):
    controller.answers["plan"] = {"ok": True, "plan": plan()}
    shown = terminal(*UPGRADE)
    shown.wait_for("[y/N] ")
    shown.type("\n")
    assert shown.end() == 5
    assert [request["verb"] for request in controller.requests] == ["plan"]


# ---- decisions ----


@pytest.mark.parametrize("words, verb, fields", [
    (("pause", "git"), "pause", {}),
    (("resume", "git"), "resume", {}),
    (("rollback", "git"), "rollback", {}),
    (("approve", "git"), "approve", {}),
    (("abort", "git"), "abort", {"with_rollback": False}),
    (("abort", "git", "--rollback"), "abort", {"with_rollback": True}),
    (("drain", "git", "bb2"), "drain", {"node": "bb2"}),
    (("return", "git", "bb2"), "return", {"node": "bb2"}),
])
def test_a_decision_is_one_signed_request(shunt, controller, words, verb, fields):
    controller.answers[verb] = {"ok": True, "message": f"{verb} it is"}
    done = shunt.run(*words)
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"git: {verb} it is\n"
    (request,) = controller.requests
    assert request["verb"] == verb
    assert {name: request[name] for name in fields} == fields
    code, document = shunt.json(*words)
    assert code == 0 and document["ok"] is True


# ---- keys ----


def test_a_new_key_pair_is_private_and_can_be_read_again(shunt, folder):
    done = shunt.run("keys", "new", "otto", "--dir", folder, with_config=False)
    assert done.returncode == 0, done.stderr
    path = os.path.join(folder, "otto.key")
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    with open(os.path.join(folder, "otto.pub"), encoding="utf-8") as public:
        text = public.read().strip()
    assert re.fullmatch("ed25519:[A-Za-z0-9+/]{43}=", text)
    assert text in done.stdout and f"key_file: {os.path.realpath(path)}" in done.stdout
    assert shunt.run("keys", "show", path, with_config=False).stdout == text + "\n"
    assert shunt.json("keys", "show", path)[1]["public_key"] == text


@pytest.mark.parametrize("suffix", ["key", "pub"])
def test_a_key_that_exists_is_never_overwritten(shunt, folder, suffix):
    path = os.path.join(folder, f"otto.{suffix}")
    with open(path, "w", encoding="utf-8") as out:
        out.write("precious")
    done = shunt.run("keys", "new", "otto", "--dir", folder)
    assert done.returncode == 5 and "exists already" in done.stderr
    with open(path, encoding="utf-8") as kept:
        assert kept.read() == "precious"
    assert sorted(name for name in os.listdir(folder) if name.startswith("otto")) == \
        [f"otto.{suffix}"]


@pytest.mark.parametrize("name", ["../otto", "", "-x", "a b", "o" * 64])
def test_a_key_needs_a_name(shunt, folder, name):
    done = shunt.run("keys", "new", "--dir", folder, "--", name)
    assert done.returncode == 2 and "is no name" in done.stderr


def test_a_file_that_is_no_key_is_told(shunt, folder):
    assert shunt.run("keys", "show", os.path.join(folder, "nothing")).returncode == 3
    assert shunt.run("keys", "show", shunt.config).returncode == 3
