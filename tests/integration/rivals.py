# SPDX-License-Identifier: Apache-2.0
"""A fleet whose Redis belongs to none of its controllers: c1, and as many others as a scenario
starts, each with a state directory of its own."""

import json
import os
import signal

from nacl.signing import SigningKey

from fleet import CLUSTER
from operator_wire import Store, save_key
from processes import Daemon, wait_until, write_file
from shunt_wire import Redis, public_text
from trial import DEADLINE_S, Trial

NAMES = ("c1", "c2", "c3")  # of controllers
EVERYBODY = "resetkeys resetchannels -@all +ping +auth +select +hello +client|setname"
# As deploy/README.md has them.
ACL = f"""\
user default off ~* &* +@all
user controller on >controller ~shunt:* +@all -@dangerous +info
user operator on >operator {EVERYBODY} %R~shunt:* +get +getrange +hget +hstrlen +exists +pttl +xread \
+xrange +xrevrange (+xadd ~shunt:{{*}}:request ~shunt:{{*}}:lease-break) (+blpop ~shunt:{{*}}:answer:*)
"""
ACL_AGENT = ("user agent.{cluster}.{name} on >{name} {everybody} +time "
             "(+xreadgroup +xack +xdel +xgroup|create ~shunt:{{{cluster}}}:command:{name}) "
             "(+xadd ~shunt:{{{cluster}}}:report) "
             "(+set ~shunt:{{{cluster}}}:beat:{name} ~shunt:{{{cluster}}}:enroll:{name})\n")


class RivalTrial(Trial):
    """Keys and passwords that `redis: embedded` makes by itself are made here, at the same places.
    `others` are names of further clusters, whose nodes nobody has ever seen."""

    append_only = "no"  # "yes": what Redis has outlives it
    more_users = ""  # of Redis, as in its ACL file

    def __init__(self, folder, network, others=(), **options):
        super().__init__(folder, network, **options)
        self.others = others
        self.redis_dir = os.path.join(self.state_dir, "redis")
        self.keys = {name: SigningKey.generate()
                     for name in (*NAMES, "operator", *(node.name for node in self.nodes))}
        self.operators.append({"name": "admin", "role": "approver",
                               "key": public_text(self.keys["operator"])})
        self.rivals = {}
        self.redis = None

    def start(self, with_traffic=False):
        self._write_keys()
        self.start_redis()
        super().start(with_traffic)

    def stop(self):
        for daemon in self.daemons:
            daemon.signal(signal.SIGCONT)
        return super().stop()

    def _write_keys(self):
        os.makedirs(os.path.join(self.state_dir, "keys"))
        os.makedirs(self.redis_dir)
        for name in (*NAMES, "operator"):
            save_key(self.keys[name], self._key_file(name))
        for name in ("controller", "operator"):
            write_file(os.path.join(self.redis_dir, f"{name}.password"), f"{name}\n", 0o600)
        for node in self.nodes:
            os.makedirs(self._keys(node))
            save_key(self.keys[node.name], os.path.join(self._keys(node), "node.key"))
            write_file(os.path.join(self._keys(node), "redis.password"), f"{node.name}\n", 0o600)
            write_file(os.path.join(self._keys(node), "controllers"),
                       "".join(f"{name} {public_text(self.keys[name])}\n" for name in NAMES))

    def _key_file(self, name):
        return os.path.join(self.state_dir, "keys", f"{name}.key")

    def start_redis(self):
        users = os.path.join(self.redis_dir, "users.acl")
        write_file(users, ACL + "".join(
            ACL_AGENT.format(cluster=CLUSTER, name=node.name, everybody=EVERYBODY)
            for node in self.nodes) + self.more_users, 0o600)
        socket = os.path.join(self.redis_dir, "redis.sock")
        redis = Daemon("redis", ["/usr/bin/redis-server", "--port", "0", "--unixsocket", socket,
                                 "--save", "", "--appendonly", self.append_only,
                                 "--dir", self.redis_dir, "--aclfile", users],
                       os.path.join(self.folder, "redis.log"))
        self.daemons.append(redis)
        self.redis = redis

        def answers():
            try:
                with Redis(socket) as one:
                    return one.call("AUTH", "operator", "operator") == "OK"
            except OSError:
                return False
        wait_until(answers, "a redis-server that answers", DEADLINE_S, redis)

    # Configuration.

    def _controller_config(self):
        config = json.loads(super()._controller_config())
        config["controller"]["key_file"] = self._key_file("c1")
        config["redis"] = {"url": f"unix://{self.redis_dir}/redis.sock", "user": "controller",
                           "password_file": f"{self.redis_dir}/controller.password"}
        config["operator"] = {"name": "admin", "key_file": self._key_file("operator")}
        for row in config["clusters"][0]["nodes"]:
            row["agent_key"] = public_text(self.keys[row["name"]])
        config["clusters"] += [self._other(config["clusters"][0], name) for name in self.others]
        return json.dumps(config, indent=1)

    def _other(self, pattern, name):
        nodes = [f"{name}{number}" for number in (1, 2, 3)]
        return {**pattern, "name": name, "base_url": f"http://{name}.invalid",
                "nodes": [{"name": node, "url": f"http://{node}.invalid",
                           "agent_key": public_text(SigningKey.generate())} for node in nodes],
                "load_balancers": [{"name": name, "driver": "haproxy",
                                    "addresses": [f"unix:{self.folder}/{name}.sock"],
                                    "members": {node: [f"web/{node}"] for node in nodes}}]}

    # Controllers.

    def start_rival(self, name, directory=None, is_expected_to_run=True):
        """Another controller of the same clusters; `directory` is its state directory's name."""
        directory = directory or name
        config = json.loads(self._controller_config())
        config["controller"].update(name=name, key_file=self._key_file(name),
                                    state_dir=os.path.join(self.folder, directory))
        path = os.path.join(self.folder, f"{directory}.yaml")
        write_file(path, json.dumps(config))
        daemon = Daemon(directory, [self.program("shunt-controller"), "--config", path],
                        os.path.join(self.folder, f"{directory}.log"))
        if is_expected_to_run:
            self.daemons.append(daemon)
            self.rivals[name] = daemon
            wait_until(lambda: self.claim(name)[2] == str(daemon.pid), f"{name} has its name",
                       DEADLINE_S, daemon)
        return daemon

    def start_controller(self):
        write_file(os.path.join(self.folder, "admin.password"), "admin\n", 0o600)
        write_file(self.config, self._controller_config())
        self.controller = self._daemon("controller", "shunt-controller", self.config)

    def end_controller(self):
        self._forget(self.controller)
        assert self.controller.stop() == 0, self.controller.last_words()

    def end_rival(self, name):
        daemon = self.rivals.pop(name)
        self._forget(daemon)
        assert daemon.stop() == 0, daemon.last_words()

    def claim(self, name):
        """[instance, host, process, lock] of who has the name."""
        text = self.store.call("GET", f"shunt:controller:{name}")
        return text.decode().split() if text else ["", "", "", ""]

    def leader(self, cluster=CLUSTER):
        """(name, epoch); the name is empty where nobody leads."""
        store = self.store_of(cluster)
        holder = store.call("GET", store.key("lease")) or b""
        return (holder.decode().split(":")[0],
                int(store.call("GET", store.key("epoch")) or 0))

    def wait_leader(self, name, cluster=CLUSTER):
        wait_until(lambda: self.leader(cluster)[0] == name, f"{name} leads {cluster}", DEADLINE_S)

    def wait_log(self, name, text):
        wait_until(lambda: text in self.log(name), f"'{text}' in the log of {name}", DEADLINE_S)

    def store_of(self, cluster):
        return Store(self.state_dir, cluster)

    def journal(self):
        """[record] as they stand in Redis."""
        entries = self.store.call("XRANGE", self.store.key("journal"), "-", "+")
        return [json.loads(fields[1]) for _, fields in entries]

    def events(self):
        """What operators had to force, as the command line tells."""
        status, output, complaint = self.shunt_as("anna", "history", CLUSTER, "--json")
        assert status == 0, complaint
        return json.loads(output)["events"]
