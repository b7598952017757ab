# SPDX-License-Identifier: Apache-2.0
"""A fleet of which only the controller and Redis are real: its configuration, its Redis, and
bench-world, which plays all agents and, where it is told to, nodes and load balancers."""

import hashlib
import json
import os
import subprocess

from nacl.signing import SigningKey

from operator_wire import save_key
from processes import Daemon, wait_until, write_file
from shunt_wire import Redis, RedisServer, public_text

BUILD = os.environ["SHUNT_BUILD_DIR"]
NODES = 4
CONTROLLER = "c1"
REST_PORT = 17990
MAXCLIENTS = 16000
READY_S = 120


class LargeRedis(RedisServer):
    """Nothing is saved, and 12,500 connections are welcome."""

    def start(self):
        self.process = subprocess.Popen(
            ["/usr/bin/redis-server", "--port", "0", "--unixsocket", self.path, "--save", "",
             "--appendonly", "no", "--dir", self.folder, "--maxclients", str(MAXCLIENTS),
             "--tcp-backlog", "4096"], stdout=subprocess.DEVNULL)
        wait_until(self._answers, "redis-server answers", 20)

    @property
    def pid(self):
        return self.process.pid


def agent_key(cluster, node):
    """As bench-world makes it."""
    return SigningKey(hashlib.sha256(f"{cluster}.{node}".encode()).digest())


class Simulated:
    def __init__(self, folder, clusters, nodes=NODES):
        self.folder, self.nodes = folder, nodes
        self.clusters = [f"c{number}" for number in range(1, clusters + 1)]
        self.redis = LargeRedis(folder)
        self.keys = {name: SigningKey.generate() for name in (CONTROLLER, "admin")}
        self.config = os.path.join(folder, "shunt.yaml")
        self.world = None
        self.daemons = []

    def write_configuration(self, policy=None):
        """JSON, which is YAML as well."""
        for name, key in self.keys.items():
            save_key(key, os.path.join(self.folder, f"{name}.key"))
        write_file(os.path.join(self.folder, "password"), "admin\n", 0o600)
        config = {
            "controller": {"name": CONTROLLER, "state_dir": f"{self.folder}/controller",
                           "key_file": f"{self.folder}/{CONTROLLER}.key"},
            "redis": {"url": f"unix://{self.redis.path}"},
            "operator": {"name": "admin", "key_file": f"{self.folder}/admin.key"},
            "operators": [{"name": "admin", "role": "approver",
                           "key": public_text(self.keys["admin"])}],
            "clusters": [self._cluster(name, policy or {}) for name in self.clusters]}
        write_file(self.config, json.dumps(config, separators=(", ", ": ")))

    def _cluster(self, name, policy):
        nodes = [f"bb{number}" for number in range(1, self.nodes + 1)]
        rest = f"http://127.0.0.1:{REST_PORT}/{name}"
        return {"name": name, "base_url": f"{rest}/lb",
                "credentials": {"user": "admin", "password_file": f"{self.folder}/password"},
                "nodes": [{"name": node, "url": f"{rest}/{node}",
                           "agent_key": public_text(agent_key(name, node))} for node in nodes],
                "load_balancers": [{"name": "edge", "driver": "haproxy",
                                    "addresses": [f"unix:{self.folder}/{name}.sock"],
                                    "members": {node: [f"bb/{node}"] for node in nodes}}],
                "policy": {"max_unavailable": 1, "min_available": 1, **policy}}

    def start(self, *more):
        """Redis and the world; `more` are further words for it."""
        self.redis.start()
        log = os.path.join(self.folder, "world.log")
        self.world = Daemon("bench-world", [
            os.path.join(BUILD, "tests", "bench", "bench-world"), "--redis", self.redis.path,
            "--controller", CONTROLLER, "--key", public_text(self.keys[CONTROLLER]), "--clusters",
            str(len(self.clusters)), "--nodes", str(self.nodes), *more], log)
        self.daemons.append(self.world)
        wait_until(lambda: os.path.getsize(log) > 0, "all agents wait for commands", READY_S,
                   self.world)

    def start_controller(self):
        controller = Daemon("controller", [os.path.join(BUILD, "controller", "shunt-controller"),
                                           "--config", self.config, "--log-level", "warning"],
                            os.path.join(self.folder, "controller.log"))
        self.daemons.append(controller)
        return controller

    def call_each(self, *words):
        """The replies to one command for each cluster, whose words are formats with {c}."""
        with Redis(self.redis.path, 60) as redis:
            return [redis.call(*(word.format(c=name) if isinstance(word, str) else word
                                 for word in words)) for name in self.clusters]

    def wait_led(self, controller):
        wait_until(lambda: all(self.call_each("EXISTS", "shunt:{{{c}}}:status")),
                   "all clusters are led", 600, controller)

    def stop(self):
        for daemon in reversed(self.daemons):
            daemon.stop()
        self.redis.stop()
