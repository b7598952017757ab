# SPDX-License-Identifier: Apache-2.0
"""What a plan finds, an upgrade refuses; and then nothing was touched on any node."""

import contextlib
import json
import os
import signal
import urllib.request

import pytest

from processes import run, write_file
from trial import failures_of

ALL = ("bb1", "bb2", "bb3")


@pytest.fixture
def trial(shared_trial):
    """As it was found, and left."""
    shared_trial.mark()
    yield shared_trial
    shared_trial.wait_plannable()
    for name in ALL:
        assert shared_trial.runs(name) == []
    assert shared_trial.linked() == ["7.9.0"] * 3
    assert shared_trial.left_in_releases("7.9.0") == set()
    assert shared_trial.cluster_states() == "STABLE"
    shared_trial.assert_serves("7.9.0")


@contextlib.contextmanager
def configured(trial, change):
    trial.reconfigure(change)
    try:
        yield
    finally:
        trial.reconfigure(None)


def post(node, call):
    request = urllib.request.Request(f"{node.url}/rest/zdu/{call}", b"", method="POST", headers={
        "Authorization": "Basic YWRtaW46YWRtaW4=", "X-Atlassian-Token": "no-check"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)


@pytest.mark.parametrize("version, rule", [
    ("7.10.0", "7.9.0 to 7.10.0: bug-fix rule: .*same major.minor.*whole cluster stopped"),
    ("8.9.0", "7.9.0 to 8.9.0: bug-fix rule: .*same major.minor"),
    ("7.8.9", "7.9.0 to 7.8.9: bug-fix rule"),
    ("7.9.0", "7.9.0 to 7.9.0: bug-fix rule: only a higher version"),
], ids=["feature", "platform", "downgrade", "same"])
def test_version_that_may_not_join_is_refused_with_the_rule(trial, version, rule):
    found = trial.refused(version, ("version jump", "git", rule))
    assert len(found) == 1


@pytest.mark.parametrize("version", ["7.9", "7.9.4-rc1", "v7.9.4", "7.9.4/../7.9.0", ""])
def test_word_that_is_no_version_is_refused(trial, version):
    answer = trial.admin.ask("upgrade", deadline_s=3, to=version, artifact="/a.tar.gz")
    assert not answer["ok"]
    texts = [answer["error"]["message"]]
    texts += [row["error"]["message"] for row in answer.get("plan", {}).get("checks", [])
              if not row["ok"]]
    assert any("version" in text for text in texts), texts


def test_artifact_that_is_nowhere_is_found_by_the_plan(trial):
    found = trial.refused("7.9.4", artifact="/nowhere/bitbucket.tar.gz")
    named = {subject for _, subject, text in found if "/nowhere/bitbucket.tar.gz" in text}
    assert named == set(ALL)


def test_relative_artifact_is_refused(trial):
    answer = trial.admin.ask("upgrade", to="7.9.4", artifact="bitbucket.tar.gz")
    assert not answer["ok"]
    assert "bitbucket.tar.gz" in json.dumps(answer) or "artifact" in json.dumps(answer)


def test_artifact_of_a_url_without_its_hash_is_refused_before_anything_begins(trial):
    answer = trial.admin.ask("upgrade", to="7.9.4", artifact="http://127.0.0.1:9/b.tar.gz")
    assert not answer["ok"], trial.ended("failed")["reason"]
    assert "sha256" in json.dumps(answer)


@pytest.mark.parametrize("sha256", ["0" * 63, "G" * 64, "A" * 64])
def test_hash_of_the_wrong_form_is_refused(trial, sha256):
    answer = trial.admin.ask("upgrade", to="7.9.4", artifact="/a.tar.gz", sha256=sha256)
    assert not answer["ok"] and "sha256" in answer["error"]["message"]


def test_haproxy_that_does_not_answer_is_named_in_time(begin):
    """Stopped, not ended: connections are taken and nobody reads them. Each look at it costs its
    whole deadline; the operator's patience is 20 s."""
    trial = begin(with_traffic=False)
    trial.lb.daemon.signal(signal.SIGSTOP)
    try:
        answer = trial.admin.ask("plan", deadline_s=15, to="7.9.4")
        found = {subject: text for check, subject, text in failures_of(answer["plan"])
                 if check == "in rotation"}
        for name in ALL:
            assert "load balancer edge: " in found[f"{name} at edge"]
    finally:
        trial.lb.daemon.signal(signal.SIGCONT)
    trial.assert_untouched()


def test_haproxy_that_is_gone_is_named(begin):
    trial = begin(with_traffic=False)
    trial.end_lb()
    not_asked = "load balancer edge: no answer about node bb1, and so not asked about this one"
    trial.refused("7.9.4", ("in rotation", "bb1 at edge", "load balancer edge: .*haproxy.sock"),
                  *(("in rotation", f"{name} at edge", not_asked) for name in ALL[1:]))
    assert trial.runs("bb1") + trial.runs("bb2") + trial.runs("bb3") == []
    trial.start_lb()
    trial.assert_untouched()


@pytest.mark.parametrize("member, text", [("bb_http/nine", "bb_http/nine"),
                                          ("bb_none/n1", "bb_none")])
def test_member_that_haproxy_does_not_know_is_named(trial, member, text):
    def change(cluster):
        cluster["load_balancers"][0]["members"]["bb1"] = [member, "bb_ssh/n1"]
    with configured(trial, change):
        found = trial.refused("7.9.4", ("in rotation", "bb1 at edge", text))
        assert {subject for _, subject, _ in found} == {"bb1 at edge"}


def test_node_whose_agent_does_not_run_is_named(trial):
    trial.end_agent("bb2")
    try:
        found = trial.refused("7.9.4", ("agent", "bb2", "no answer from agent 'bb2'.*systemctl"))
        assert len(found) == 1
    finally:
        trial.start_agent(trial.node("bb2"))


def test_node_that_is_down_is_named_everywhere(begin):
    trial = begin(with_traffic=False)
    trial.kill_node(trial.node("bb3"))
    trial.wait_down("bb3")
    trial.refused("7.9.4", ("node active", "bb3", "OFFLINE|does not list"),
                  ("availability budget", "git", "2 nodes.*min_available is 2"),
                  ("installed release", "bb3", "no process of this home"),
                  ("in rotation", "bb3 at edge", "edge does not think it is up"),
                  ("member list complete", "bb3", "bb3|7990"))
    trial.assert_serves("7.9.0", "bb1", "bb2")
    assert trial.runs("bb1") + trial.runs("bb2") + trial.runs("bb3") == []


def test_node_in_error_is_named(begin):
    """An ERROR node would block the start of upgrade mode."""
    trial = begin(with_traffic=False)
    trial.node("bb3").set_faults(error_after_active_ms=0)
    trial.wait_down("bb3")
    trial.refused("7.9.4", ("node active", "bb3", "it is ERROR, not ACTIVE"))
    trial.assert_serves("7.9.0", "bb1", "bb2")
    assert trial.runs("bb1") + trial.runs("bb2") + trial.runs("bb3") == []


def test_stranger_in_the_cluster_is_named(trial):
    def change(cluster):
        cluster["nodes"].pop()
        cluster["load_balancers"][0]["members"].pop("bb3")
        cluster["policy"] = {**cluster["policy"], "min_available": 1}
    with configured(trial, change):
        found = trial.refused("7.9.4", ("inventory", "git", "node 'bb3' at .*not in the config"))
        assert len(found) == 1


def test_wrong_password_is_told_as_such(trial):
    path = os.path.join(trial.folder, "admin.password")
    write_file(path, "wrong\n", 0o600)
    try:
        trial.refused("7.9.4", ("rolling-upgrade API", "git", "401.*credentials"))
    finally:
        write_file(path, "admin\n", 0o600)


def test_user_who_is_no_administrator_is_told_as_such(trial):
    def change(cluster):
        cluster["credentials"]["user"] = "user"
        write_file(os.path.join(trial.folder, "admin.password"), "user\n", 0o600)
    trial.reconfigure(change)
    write_file(os.path.join(trial.folder, "admin.password"), "user\n", 0o600)
    try:
        trial.refused("7.9.4", ("rolling-upgrade API", "git", "403.*system administrator"))
    finally:
        trial.reconfigure(None)


@pytest.mark.parametrize("faults, text", [
    ({"zdu_html_503": True}, "answered 503"),
    ({"zdu_half_answer": True}, "rolling-upgrade state"),
    ({"zdu_hang_ms": 30000}, "rolling-upgrade state.*(deadline|time)"),
    ({"zdu_status": 404}, "404.*context path"),
    ({"zdu_status": 302}, "302.*sends elsewhere"),
], ids=["html-503", "half", "hang", "404", "302"])
def test_api_that_gives_no_answer_is_told_as_such(trial, faults, text):
    with trial.faults(*ALL, **faults):
        trial.refused("7.9.4", ("rolling-upgrade API", "git", text))


def test_api_that_gives_no_answer_is_no_reason_to_say_that_nodes_are_missing(trial):
    """What could not be looked at is unknown; the plan must not send the operator astray."""
    with trial.faults(*ALL, zdu_html_503=True):
        found = trial.refused("7.9.4")
        assert [text for *_, text in found if "does not list" in text] == []
        assert [text for *_, text in found if text.startswith("its link or service names")] == []


@pytest.mark.parametrize("field", ["originalVersion", "upgradeModeEnabled"])
def test_view_without_a_field_of_the_cluster_is_never_taken_as_good(trial, field):
    with trial.faults(*ALL, missing_fields=[field]):
        answer = trial.admin.ask("plan", to="7.9.4")
        assert answer["plan"]["failed"] > 0 or answer["plan"]["from"] == "7.9.0"


@pytest.mark.parametrize("faults", [{"missing_fields": ["state"]}, {"missing_fields": ["version"]},
                                    {"unknown_state": "DREAMING"}],
                         ids=["state", "version", "word"])
def test_node_of_which_something_is_unknown_is_named(trial, faults):
    with trial.faults("bb2", **faults):
        trial.refused("7.9.4", ("node active", "bb2", "UNKNOWN|unknown|DREAMING|it runs ''"))


def test_upgrade_begun_by_hand_is_told_as_such(begin):
    """Upgrade mode is on and one node runs another version already."""
    trial = begin(with_traffic=False)
    node = trial.node("bb3")
    post(trial.node("bb1"), "start")
    trial.kill_node(node)
    run("tar", "-xzf", trial.release("7.9.4"), "-C", node.folder)
    script = os.path.join(node.folder, "atlassian-bitbucket-7.9.4", "bin", "start-bitbucket.sh")
    run(script, env={"PATH": "/usr/bin:/bin", "BITBUCKET_HOME": node.home, **node.environment})
    node.wait_running()
    trial.mark()
    trial.refused("7.9.4", ("cluster state", "git", "MIXED.*begun by hand"),
                  ("node active", "bb3", "it runs '7.9.4', the cluster 7.9.0"))
    assert trial.nodes[0].cluster()["upgradeModeEnabled"]
    assert trial.runs("bb1") + trial.runs("bb2") + trial.runs("bb3") == []


@pytest.mark.parametrize("state", ["drain", "maint"])
def test_node_that_somebody_took_out_is_named(trial, state):
    trial.lb.command(f"set server bb_http/n2 state {state}")
    try:
        trial.refused("7.9.4", ("in rotation", "bb2 at edge", "somebody took it out of edge"))
        assert trial.lb.servers()["bb_http/n2"]["status"].startswith(state.upper())
    finally:
        trial.lb.command("set server bb_http/n2 state ready")


def test_node_that_lists_itself_alone_is_named(trial):
    with trial.faults("bb3", split_brain=True):
        trial.refused("7.9.4", ("member list complete", "bb3", "lacks node bb1.*split brain"))


def test_node_whose_link_names_another_release_is_named(trial):
    node = trial.node("bb1")
    other = os.path.join(node.releases, "7.9.2")
    os.mkdir(other)
    os.replace(node.link, node.link + ".kept")
    os.symlink(other, node.link)
    try:
        trial.refused("7.9.4", ("installed release", "bb1",
                                "names '7.9.2', the cluster runs 7.9.0"))
    finally:
        os.replace(node.link + ".kept", node.link)
        os.rmdir(other)
