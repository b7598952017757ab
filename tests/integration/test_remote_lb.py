# SPDX-License-Identifier: Apache-2.0
"""A load balancer that only the agent on its host can change: HAProxy, whose socket the controller
does not know."""

import contextlib
import json
import os
import socket
import statistics
import time

import pytest

from fleet import CLUSTER
from nginx import NGINX
from processes import wait_until, write_file
from shunt_wire import Agent, Controller, RedisServer, until
from trial import DEADLINE_S, Trial

UP = ["stop 7.9.0", "start 7.9.4"]
SAID = "given back its traffic at edge by somebody else"
AGAIN_OUT_S = 1
MEMBERS = ["bb_http/n1", "bb_ssh/n1"]
FIGURES = 200  # round trips that a median is taken of


class LbHost:
    """What Trial.start_agent() wants of a node."""

    name = "lb1"

    def __init__(self, folder):
        self.folder = os.path.join(folder, self.name)
        os.makedirs(self.folder)


class RemoteTrial(Trial):
    """The load balancer "edge" is driven by the agent lb1."""

    def __init__(self, folder, network, **options):
        super().__init__(folder, network, **options)
        self.lb_host = LbHost(folder)

    def start_controller(self):
        super().start_controller()
        if self.lb_host.name not in self.agents:
            self.start_agent(self.lb_host)

    def _controller_config(self):
        config = json.loads(super()._controller_config())
        cluster = config["clusters"][0]
        cluster["agents"] = [{"name": self.lb_host.name}]
        entry = cluster["load_balancers"][0]
        cluster["load_balancers"] = [{"name": entry["name"], "driver": "agent",
                                      "addresses": [self.lb_host.name],
                                      "members": entry["members"]}]
        return json.dumps(config, indent=1)

    def _agent_config(self, node):
        if node is not self.lb_host:
            return super()._agent_config(node)
        keys = self._keys(node)
        return json.dumps({
            "cluster": CLUSTER, "node": node.name, "state_dir": os.path.join(node.folder, "state"),
            "key_file": f"{keys}/node.key",
            "redis": {"url": f"unix://{self.state_dir}/redis/redis.sock",
                      "user": f"agent.{CLUSTER}.{node.name}",
                      "password_file": f"{keys}/redis.password"},
            "controllers_file": f"{keys}/controllers",
            "load_balancers": [{key: value for key, value in self.lb.config().items()
                                if key != "members"}]})

    def record(self):
        with open(os.path.join(self.lb_host.folder, "state", "record.log"),
                  encoding="utf-8") as record:
            return record.read()

    def admin_of(self, member):
        return self.lb.servers()[member]["status"]

    @contextlib.contextmanager
    def ssh_sessions(self):
        """One with each node, as somebody who is slow has it."""
        with contextlib.ExitStack() as stack:
            for _ in self.nodes:
                stack.enter_context(socket.create_connection((self.front, self.ssh_port)))
            yield


@pytest.fixture
def remote(begin):
    def enter(**options):
        return begin(kind=RemoteTrial, **options)
    return enter


def test_every_node_is_upgraded_once_and_nothing_is_lost(remote):
    trial = remote()
    trial.upgrade("7.9.4")
    trial.ended("done")
    for node in trial.nodes:
        assert trial.runs(node.name) == UP
    trial.assert_settled("7.9.4")
    assert "lb-set" in trial.record() and "lb-read" not in trial.record()


def test_nginx_is_driven_by_the_agent_on_its_host(remote):
    """What its controller may not and cannot do: edit files and reload a master there."""
    trial = remote(balancer=NGINX)
    trial.fail_from("bb2", "7.9.4", error_at_start=True)
    trial.upgrade("7.9.4")
    trial.ended("rolled-back")
    trial.assert_settled("7.9.0")
    assert "taken out by shunt" not in trial.lb.text()


def test_agent_killed_during_a_drain_goes_on_when_it_is_back(remote):
    trial = remote(with_traffic=False)
    with trial.ssh_sessions():
        trial.upgrade("7.9.4")
        trial.at_step("bb1", "empty")
        trial.kill_agent("lb1")
    assert trial.admin_of("bb_ssh/n1") in ("DRAIN", "MAINT")
    assert trial.runs("bb1") == []
    trial.start_agent(trial.lb_host)
    trial.ended("done")
    for node in trial.nodes:
        assert trial.runs(node.name) == UP
    trial.assert_serves("7.9.4")


def test_agent_that_is_away_is_named_before_anything_is_touched(remote):
    trial = remote(with_traffic=False)
    trial.end_agent("lb1")
    trial.refused("7.9.4", ("in rotation", "bb1 at edge", "edge: agent lb1: does not answer; hint: "
                            "is shunt-agent running on that host"))
    trial.start_agent(trial.lb_host)
    trial.wait_plannable()
    trial.assert_untouched()


def test_agent_that_stays_away_is_the_reason_at_the_deadline(remote):
    """Longer than its heartbeat lives."""
    trial = remote(with_traffic=False, policy={"drain": {"deadline": "18s"}})
    with trial.ssh_sessions():
        trial.upgrade("7.9.4")
        trial.at_step("bb1", "empty")
        trial.end_agent("lb1")
    trial.wait("that it waits for a decision", lambda seen: seen["is_waiting"])
    assert trial.runs("bb1") == []
    trial.start_agent(trial.lb_host)
    trial.waiting("node bb1: detach: load balancer edge: agent lb1: does not answer: there is no sign "
                  "of life from it; hint: is shunt-agent running on that host")
    trial.decide("resume")
    trial.ended("done")
    trial.assert_serves("7.9.4")


def test_colleague_who_gives_the_traffic_back_is_overruled_within_a_second(remote):
    trial = remote(with_traffic=False)
    trial.fail_from("bb1", "7.9.4", start_delay_ms=1500)
    trial.upgrade("7.9.4")
    trial.at_step("bb1", "active")
    trial.lb.command("set server bb_http/n1 state ready")
    begun = time.monotonic()
    wait_until(lambda: trial.admin_of("bb_http/n1") == "MAINT", "bb1 out again", AGAIN_OUT_S)
    print(f"out again after {1000 * (time.monotonic() - begun):.0f} ms")
    wait_until(lambda: SAID in trial.log(), "that it is told", AGAIN_OUT_S)
    trial.ended("done")
    trial.assert_serves("7.9.4")


# ---- one agent, without a controller ----


class LbAgent(Agent):
    """On a host of load balancers alone."""

    def configure_lb(self, controller, socket_path):
        self.configure(controller, 0)
        with open(self.path("agent.yaml"), encoding="utf-8") as config:
            text = config.read()
        lbs = [{"name": "edge", "driver": "haproxy", "addresses": [f"unix:{socket_path}"]}]
        write_file(self.path("agent.yaml"),
                   text[:text.index("bitbucket:")] + f"load_balancers: {json.dumps(lbs)}\n")


@pytest.fixture
def lb_agent(stage, folder):
    """(agent, controller, HAProxy) that know each other; it has said hello."""
    path = os.path.join(folder, "lb1")
    os.makedirs(path)
    server = RedisServer(path)
    server.start()
    agent = LbAgent(path, server)
    controller = Controller(server, agent.key, node="lb1")
    try:
        agent.configure_lb(controller, stage.lb.socket_path)
        agent.start()
        assert controller.hello()["facts"]["pid"] == -1
        yield agent, controller, stage.lb
    finally:
        agent.kill()
        controller.redis.close()
        server.stop()


def do(controller, verb, **fields):
    """The final report."""
    given = {"load_balancer": "edge", "members": MEMBERS, "deadline_ms": 4000, **fields}
    return controller.end_of(controller.do(verb, **given))


def test_agent_reads_and_sets_its_load_balancer(lb_agent):
    agent, controller, lb = lb_agent
    assert do(controller, "lb-set", admin="drain")["kind"] == "done"
    assert lb.servers()["bb_http/n1"]["status"] == "DRAIN"
    report = do(controller, "lb-read")
    assert [each["member"] for each in report["members"]] == MEMBERS
    assert {(each["admin"], each["sessions"], each["peers_up"]) for each in report["members"]} == \
        {("drain", 0, 2)}
    assert do(controller, "lb-cut")["kind"] == "done"
    assert do(controller, "lb-set", admin="up")["kind"] == "done"
    until(lambda: do(controller, "lb-read")["members"][0]["health"] == "up", "n1 well again")
    assert "lb-read" not in agent.record()


def test_overtaken_leader_does_not_touch_the_load_balancer(lb_agent):
    agent, controller, lb = lb_agent
    controller.epoch = 5
    assert do(controller, "lb-set", admin="down")["kind"] == "done"
    controller.epoch = 4
    for verb, fields in (("lb-set", {"admin": "up"}), ("lb-cut", {}), ("lb-read", {})):
        report = do(controller, verb, **fields)
        assert (report["kind"], report["error"]["code"], report["epoch"]) == ("refused", "stale", 5)
    assert lb.servers()["bb_http/n1"]["status"] == "MAINT"
    agent.kill()
    agent.start()
    controller.hello()
    assert do(controller, "lb-set", admin="up")["error"]["code"] == "stale"


def test_agent_without_bitbucket_says_so(lb_agent):
    _, controller, _ = lb_agent
    report = controller.end_of(controller.do("stop", deadline_ms=1000))
    assert report["kind"] == "refused" and "no Bitbucket here" in report["error"]["message"]
    assert controller.end_of(controller.do("facts"))["kind"] == "done"


def test_error_of_the_load_balancer_comes_through(lb_agent):
    _, controller, lb = lb_agent
    unknown = do(controller, "lb-read", members=["bb_http/n9"])["error"]
    assert unknown["code"] == "not-found" and "bb_http/n9: no such server" in unknown["message"]
    other = do(controller, "lb-read", load_balancer="inner")["error"]
    assert other["code"] == "not-found" and "there are: edge" in other["message"]
    lb.daemon.stop()
    away = do(controller, "lb-set", admin="down")["error"]
    assert away["code"] == "unavailable" and f"haproxy unix:{lb.socket_path}" in away["message"]


def test_round_trips_are_short_and_leave_the_agent_small(lb_agent):
    agent, controller, _ = lb_agent

    def median_ms(verb, **fields):
        took = []
        for _ in range(FIGURES):
            begun = time.monotonic()
            assert do(controller, verb, **fields)["kind"] == "done"
            took.append(1000 * (time.monotonic() - begun))
        return statistics.median(took)

    read_ms, set_ms = median_ms("lb-read"), median_ms("lb-set", admin="drain")
    print(f"p50: lb-read {read_ms:.1f} ms, lb-set {set_ms:.1f} ms; {agent.resident_kb()}")
    assert max(read_ms, set_ms) < 200
