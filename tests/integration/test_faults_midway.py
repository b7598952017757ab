# SPDX-License-Identifier: Apache-2.0
"""Load balancer, Redis, controller, agents and the REST API fail while an upgrade runs."""

import concurrent.futures
import os
import signal
import time
import urllib.request

import pytest

from processes import wait_until

UP = ["stop 7.9.0", "start 7.9.4"]
ALL = ("bb1", "bb2", "bb3")


def assert_upgraded_once(trial):
    for name in ALL:
        assert trial.runs(name) == UP, name
    trial.assert_settled("7.9.4")


def status_of(trial, server):
    try:
        return trial.lb.servers()[server]["status"]
    except OSError:
        return ""


# ---- the load balancer ----


def test_lb_that_is_away_for_a_moment_is_waited_for(begin):
    trial = begin(with_traffic=False, policy={"soak": "1500ms"})
    trial.upgrade("7.9.4")
    trial.at_step("bb1", "soak")
    trial.end_lb()
    trial.at_step("bb2", "drain")
    assert trial.runs("bb2") == []
    trial.start_lb()
    trial.ended("done")
    assert_upgraded_once(trial)


def test_lb_that_hangs_for_a_moment_is_waited_for(begin):
    trial = begin(policy={"soak": "1500ms"})
    trial.upgrade("7.9.4")
    trial.at_step("bb1", "soak")
    trial.lb.daemon.signal(signal.SIGSTOP)
    trial.at_step("bb2", "drain")
    hung = time.monotonic()
    wait_until(lambda: time.monotonic() > hung + 6, "the end of one call's deadline", 7)
    assert trial.runs("bb2") == []
    trial.lb.daemon.signal(signal.SIGCONT)
    trial.ended("done")
    assert_upgraded_once(trial)


def test_lb_that_stays_away_stops_no_node_and_somebody_decides(begin):
    trial = begin(with_traffic=False, policy={"soak": "1s", "return": {"deadline": "2s"}})
    trial.upgrade("7.9.4")
    trial.at_step("bb1", "soak")
    trial.end_lb()
    upgrade = trial.waiting("node bb2: (drain|return): load balancer edge: .*haproxy.sock",
                            deadline_s=70)
    assert (trial.runs("bb1"), trial.runs("bb2"), trial.runs("bb3")) == (UP, [], [])
    assert trial.places(upgrade)["bb1"] == "new"
    trial.start_lb()
    trial.decide("resume")
    trial.ended("done")
    assert_upgraded_once(trial)


@pytest.mark.parametrize("step", ["stop", "active"])
def test_lb_that_forgot_a_drained_node_is_told_again_within_a_second(begin, step):
    """A restart gives the configuration, in which every server is ready."""
    trial = begin(with_traffic=False)
    trial.node("bb1").set_faults(stop_delay_ms=3000)
    trial.fail_from("bb1", "7.9.4", start_delay_ms=3000)
    trial.upgrade("7.9.4")
    trial.at_step("bb1", step)
    trial.end_lb()
    trial.start_lb()
    wait_until(lambda: status_of(trial, "bb_http/n1"), "a load balancer that answers", 5)
    for server in ("bb_http/n1", "bb_ssh/n1"):
        wait_until(lambda server=server: status_of(trial, server).startswith("MAINT"),
                   f"{server} out again", 1)
    assert "given back its traffic at edge by somebody else" in trial.log()
    trial.at_step("bb1", "soak")
    trial.ended("done")
    assert_upgraded_once(trial)


def test_node_that_somebody_returns_by_hand_is_taken_out_again(begin):
    trial = begin()
    trial.fail_from("bb1", "7.9.4", start_delay_ms=3000)
    trial.upgrade("7.9.4")
    trial.at_step("bb1", "active")
    trial.lb.command("set server bb_ssh/n1 state ready")
    trial.lb.command("set server bb_http/n1 state ready")
    wait_until(lambda: status_of(trial, "bb_http/n1").startswith("MAINT")
               and status_of(trial, "bb_ssh/n1").startswith("MAINT"), "n1 out again", 1)
    trial.ended("done")
    for name in ALL:
        assert trial.runs(name) == UP


# ---- Redis ----


@pytest.mark.parametrize("step", ["stop", "active", "soak"])
def test_redis_killed_in_the_middle_loses_nothing(begin, step):
    trial = begin(policy={"soak": "1s"})
    trial.node("bb2").set_faults(stop_delay_ms=1000, start_delay_ms=1000)
    trial.upgrade("7.9.4")
    trial.at_step("bb2", step)
    os.kill(trial.redis_pid(), signal.SIGKILL)
    trial.ended("done")
    assert "embedded redis: ended" in trial.log()
    assert_upgraded_once(trial)


def test_redis_that_hangs_for_a_while_loses_nothing(begin):
    trial = begin()
    trial.node("bb2").set_faults(start_delay_ms=500)
    trial.upgrade("7.9.4")
    trial.at_step("bb2", "active")
    redis = trial.redis_pid()
    os.kill(redis, signal.SIGSTOP)
    hung = time.monotonic()
    wait_until(lambda: time.monotonic() > hung + 4, "four leases' time", 5)
    os.kill(redis, signal.SIGCONT)
    trial.ended("done")
    assert_upgraded_once(trial)


# ---- the controller ----


@pytest.mark.parametrize("name, step", [("bb1", "stop"), ("bb2", "soak"), ("bb3", "active")])
def test_controller_killed_in_a_step_goes_on_after_its_start(begin, name, step):
    trial = begin(policy={"soak": "800ms"})
    trial.node(name).set_faults(stop_delay_ms=800, start_delay_ms=800)
    identity = trial.upgrade("7.9.4")
    trial.at_step(name, step)
    trial.kill_controller()
    trial.start_controller()
    assert trial.ended("done")["id"] == identity
    assert_upgraded_once(trial)


def test_controller_killed_again_and_again_ends_the_upgrade(begin):
    """At moments that nobody has chosen."""
    trial = begin()
    trial.upgrade("7.9.4")
    for pause_s in (0.05, 0.3, 0.7):
        until = time.monotonic() + pause_s
        wait_until(lambda until=until: time.monotonic() > until, "the next moment", 2)
        trial.kill_controller()
        trial.start_controller()
        trial.wait_led()
    trial.ended("done")
    assert_upgraded_once(trial)


def test_controller_killed_while_it_rolls_back_goes_on_rolling_back(begin):
    trial = begin()
    trial.fail_from("bb2", "7.9.4", error_at_start=True)
    trial.node("bb1").set_faults(stop_delay_ms=1000)
    trial.upgrade("7.9.4")
    trial.at_step("bb1", "stop", "back")
    trial.kill_controller()
    trial.start_controller()
    upgrade = trial.ended("rolled-back")
    assert "node bb2: active:" in upgrade["reason"]["message"]
    assert trial.runs("bb1") == trial.runs("bb2") == UP + ["stop 7.9.4", "start 7.9.0"]
    trial.assert_settled("7.9.0")


def test_node_that_comes_up_while_no_controller_lives_is_found_so(begin):
    trial = begin()
    trial.fail_from("bb1", "7.9.4", start_delay_ms=1000)
    trial.upgrade("7.9.4")
    trial.at_step("bb1", "active")
    trial.kill_controller()
    trial.node("bb1").wait_running()
    assert trial.node("bb1").version() == "7.9.4"
    trial.start_controller()
    trial.ended("done")
    assert_upgraded_once(trial)


def test_short_lease_is_kept_while_nothing_happens(begin):
    """A new epoch would make agents and controller begin again with all that is under way."""
    trial = begin(lease_ms=600)
    trial.fail_from("bb1", "7.9.4", start_delay_ms=4000)
    trial.upgrade("7.9.4")
    trial.at_step("bb1", "active")
    epoch = trial.store.status()["epoch"]
    trial.at_step("bb1", "soak")
    assert trial.store.status()["epoch"] == epoch
    trial.ended("done")
    assert_upgraded_once(trial)


# ---- agents ----


@pytest.mark.parametrize("step", ["stop", "active", "soak"])
def test_agent_killed_with_its_job_resumes_it(begin, step):
    trial = begin(policy={"soak": "1s"})
    trial.node("bb2").set_faults(stop_delay_ms=1000, start_delay_ms=1000)
    trial.upgrade("7.9.4")
    trial.at_step("bb2", step)
    trial.kill_agent("bb2")
    trial.start_agent(trial.node("bb2"))
    trial.ended("done")
    runs = trial.runs("bb2")  # to stop twice what is stopping already harms nobody
    assert sorted(set(runs)) == sorted(UP) and runs.count("start 7.9.4") == 1
    assert trial.runs("bb1") == trial.runs("bb3") == UP
    trial.assert_settled("7.9.4")


def test_agent_killed_while_it_stages_resumes_it(begin):
    trial = begin()
    artifact = trial.large_release("7.9.4", mib=40)
    trial.upgrade("7.9.4", artifact=artifact)
    staging = os.path.join(trial.node("bb1").releases, ".staging-7.9.4")
    wait_until(lambda: os.path.exists(staging), "the staging of bb1", 20)
    trial.kill_agent("bb1")
    trial.start_agent(trial.node("bb1"))
    trial.ended("done")
    assert trial.left_in_releases("7.9.0", "7.9.4") == set()
    assert_upgraded_once(trial)


def test_agent_that_is_down_for_good_is_no_fault_of_the_release(begin):
    short = {"deadline": "1500ms"}
    trial = begin(policy={"stop": short, "start": short, "active": short})
    trial.node("bb2").set_faults(start_delay_ms=800)
    trial.upgrade("7.9.4")
    trial.at_step("bb2", "active")
    trial.kill_agent("bb2")
    upgrade = trial.waiting("node bb2: .*no answer to", deadline_s=40)
    assert trial.places(upgrade)["bb1"] == "new" and trial.runs("bb1") == UP
    assert trial.runs("bb3") == []
    trial.start_agent(trial.node("bb2"))
    trial.decide("resume")
    upgrade = trial.wait("an end or a decision that is due",
                         lambda seen: seen["phase"] == "ended" or seen["is_waiting"])
    if upgrade["phase"] != "ended":
        trial.decide("resume")
        trial.ended("done")
    trial.assert_settled("7.9.4")


# ---- a node that does not stop ----


@pytest.mark.parametrize("how", [True, "closed"], ids=["serves-on", "closed"])
def test_node_that_hangs_on_stop_is_killed_where_the_policy_says_so(begin, how):
    trial = begin(policy={"stop": {"deadline": "1500ms", "at_deadline": "kill"}})
    trial.node("bb1").set_faults(hang_on_stop={"value": how, "only_version": "7.9.0"})
    trial.upgrade("7.9.4")
    trial.ended("done")
    assert_upgraded_once(trial)


def test_node_that_hangs_on_stop_goes_back_to_serving_and_somebody_decides(begin):
    trial = begin(policy={"stop": {"deadline": "1500ms", "at_deadline": "fail"}})
    trial.node("bb1").set_faults(hang_on_stop=True)
    trial.upgrade("7.9.4")
    upgrade = trial.waiting("node bb1: stop: process [0-9]+ still lives")
    assert trial.places(upgrade) == {"bb1": "old", "bb2": "old", "bb3": "old"}
    assert trial.lifecycle_events("bb1").count("start-script") == 0
    trial.assert_serves("7.9.0")
    trial.node("bb1").set_faults(hang_on_stop=None)
    trial.decide("resume")
    trial.ended("done")
    trial.assert_settled("7.9.4")


# ---- what the view does not say ----


@pytest.mark.parametrize("faults", [{"missing_fields": ["state"]}, {"missing_fields": ["version"]},
                                    {"unknown_state": "DREAMING"}],
                         ids=["state", "version", "word"])
def test_unknown_counts_as_out_of_service_until_it_is_known(begin, faults):
    trial = begin()
    trial.fail_from("bb1", "7.9.4", start_delay_ms=500)
    trial.upgrade("7.9.4")
    trial.at_step("bb1", "active")
    with trial.faults("bb3", **faults):
        trial.wait("bb1 upgraded", lambda seen: trial.places(seen)["bb1"] == "new")
        since = time.monotonic()
        wait_until(lambda: time.monotonic() > since + 1, "a second", 2)
        known_ms = time.time() * 1000
        assert trial.runs("bb2") == []
    upgrade = trial.ended("done")
    assert upgrade["nodes"][1]["passes"][0]["begun_ms"] >= known_ms
    assert_upgraded_once(trial)


@pytest.mark.parametrize("word", ["start", "approve"])
def test_half_an_answer_to_a_change_is_looked_into_and_not_feared(begin, word):
    trial = begin()
    for node in trial.nodes:
        node.set_faults(zdu_half_answer=True, zdu_only=[word])
    trial.upgrade("7.9.4")
    trial.ended("done")
    assert_upgraded_once(trial)


def test_half_an_answer_to_the_cancellation_is_looked_into_and_not_feared(begin):
    trial = begin()
    trial.fail_from("bb1", "7.9.4", error_at_start=True)
    for node in trial.nodes:
        node.set_faults(zdu_half_answer=True, zdu_only=["cancel"])
    trial.upgrade("7.9.4")
    trial.ended("rolled-back")
    trial.assert_settled("7.9.0")


def test_rest_api_that_is_away_for_a_while_is_waited_for(begin):
    trial = begin()
    trial.fail_from("bb1", "7.9.4", start_delay_ms=500)
    trial.upgrade("7.9.4")
    trial.at_step("bb1", "active")
    with trial.faults("bb2", "bb3", zdu_html_503=True):
        trial.node("bb1").wait_running()
        since = time.monotonic()
        wait_until(lambda: time.monotonic() > since + 1, "a second", 2)
        trial.at_step("bb1", "active")
    trial.ended("done")
    assert_upgraded_once(trial)


def test_upgrade_tasks_that_fail_are_told_at_once(begin):
    trial = begin()
    for node in trial.nodes:
        node.set_faults(tasks_fail=True)
    trial.upgrade("7.9.4")
    trial.waiting("UPGRADE_TASKS_FAILED", deadline_s=15)


def test_node_that_comes_back_alone_is_not_given_traffic(begin):
    trial = begin(policy={"active": {"deadline": "2s"}})
    trial.fail_from("bb1", "7.9.4", split_brain=True)
    trial.upgrade("7.9.4")
    upgrade = trial.wait("an end or a wait", lambda seen: seen["phase"] == "ended" or (
        seen["is_waiting"] and "working" not in trial.places(seen).values()))
    assert "member list lacks node" in upgrade["reason"]["message"]
    assert "return" not in upgrade["nodes"][0]["passes"][0]["steps"]
    assert trial.runs("bb1") == UP + ["stop 7.9.4", "start 7.9.0"]
    trial.assert_serves("7.9.0")
    trial.assert_nothing_lost()


# ---- what is in flight ----


def test_long_requests_and_clones_are_waited_for(begin):
    trial = begin(with_traffic=False)
    for node in trial.nodes:
        node.set_faults(git_bytes_per_s=200_000)  # three seconds a clone
    trial.start_traffic(slow=3, slow_ms=5000, clone_pause_ms=50)
    trial.upgrade("7.9.4")
    upgrade = trial.ended("done", 90)
    steps = [row["passes"][0]["steps"] for row in upgrade["nodes"]]
    assert max(step["empty"]["took_ms"] + step["detach"]["took_ms"] for step in steps) > 500
    assert_upgraded_once(trial)


def slow_requests(trial, pool, ms):
    """One in flight on each node: the load balancer takes turns."""
    def ask():
        with urllib.request.urlopen(f"http://{trial.front}:{trial.http_port}/slow?ms={ms}",
                                    timeout=60) as answer:
            return answer.read()
    futures = [pool.submit(ask) for _ in trial.nodes]
    wait_until(lambda: all(trial.lb.servers()[f"bb_http/n{number}"]["scur"] == "1"
                           for number in (1, 2, 3)), "a request on each node", 10)
    return futures


@pytest.fixture
def pool():
    with concurrent.futures.ThreadPoolExecutor(8) as made:
        yield made


def test_node_that_is_busy_at_the_drain_deadline_goes_back_to_serving(begin, pool):
    trial = begin(with_traffic=False, policy={"drain": {"deadline": "2s", "sticky": "1s"}})
    answers = slow_requests(trial, pool, 15000)
    trial.upgrade("7.9.4")
    begun = time.monotonic()
    trial.waiting("node bb1: detach: .*in flight at the drain deadline.*at_deadline: force")
    assert time.monotonic() - begun < 2 + 8
    assert [answer.done() for answer in answers] == [False] * 3
    trial.assert_serves("7.9.0")
    assert trial.runs("bb1") == []
    assert [answer.result() for answer in answers] == [b"slow\n"] * 3
    trial.decide("resume")
    trial.ended("done")
    assert_upgraded_once(trial)


def test_what_is_left_at_the_drain_deadline_is_cut_where_the_policy_says_so(begin, pool):
    trial = begin(with_traffic=False, policy={
        "drain": {"deadline": "2s", "sticky": "1s", "at_deadline": "force"}})
    answers = slow_requests(trial, pool, 25000)
    trial.upgrade("7.9.4")
    begun = time.monotonic()
    trial.at_step("bb1", "soak")
    assert time.monotonic() - begun < 2 + 8
    trial.ended("done")
    failed = [answer for answer in answers if answer.exception() is not None]
    assert failed
    assert_upgraded_once(trial)
