# SPDX-License-Identifier: Apache-2.0
"""A fleet whose Redis is a master with a replica, watched by three sentinels."""

import contextlib
import json
import os
import re
import signal

from nacl.signing import SigningKey

from fleet import CLUSTER
from operator_wire import Store, save_key
from processes import Daemon, wait_until, write_file
from shunt_wire import Redis, RedisError, public_text, until
from trial import DEADLINE_S, Trial

MASTER = "mymaster"
QUORUM = 2
DOWN_AFTER_MS, FAILOVER_MS = 1000, 3000
CALL_S = 2
PASSWORD, SENTINEL_PASSWORD = "between-servers", "of-sentinels"

# What a program of ours needs where there are sentinels: the usual, and +role.
ACL = """\
user default on >{password} ~* &* +@all
user controller on >controller ~shunt:* +@all -@dangerous +info +role
{agents}
"""
ACL_AGENT = ("user agent.{cluster}.{name} on >{name} -@all +ping +auth +select +role "
             "(+xreadgroup +xack +xdel +xgroup|create ~shunt:{{{cluster}}}:command:{name}) "
             "(+xadd ~shunt:{{{cluster}}}:report) (+set ~shunt:{{{cluster}}}:beat:{name})")

SERVER = """\
bind {address}
port {port}
dir {folder}
aclfile {folder}/users.acl
masterauth {password}
replica-announce-ip {address}
repl-diskless-sync-delay 0
save ""
appendonly no
"""

SENTINEL = """\
bind {address}
port {port}
dir {folder}
requirepass {sentinel_password}
sentinel sentinel-pass {sentinel_password}
sentinel announce-ip {address}
sentinel monitor {master} {address} {master_port} {quorum}
sentinel auth-pass {master} {password}
sentinel down-after-milliseconds {master} {down_after_ms}
sentinel failover-timeout {master} {failover_ms}
"""


class Servers:
    """Two redis-servers and three sentinels on one address; `daemons` has them by their port."""

    def __init__(self, folder, address, agents):
        self.folder, self.address, self.agents = folder, address, agents
        self.ports, self.sentinel_ports = (6379, 6380), (26379, 26380, 26381)
        self.daemons = {}

    def start(self):
        agents = "\n".join(ACL_AGENT.format(cluster=CLUSTER, name=name) for name in self.agents)
        for name, text in (("users.acl", ACL.format(password=PASSWORD, agents=agents)),
                           ("controller.password", "controller\n"),
                           ("sentinel.password", SENTINEL_PASSWORD + "\n")):
            write_file(os.path.join(self.folder, name), text, 0o600)
        first, second = self.ports
        self._start("redis", first, SERVER)
        self._start("redis", second, SERVER + f"replicaof {self.address} {first}\n")
        wait_until(lambda: self._is_synced(second), "a replica that has all", DEADLINE_S)
        for port in self.sentinel_ports:
            self._start("sentinel", port, SENTINEL, "--sentinel")
        for port in self.sentinel_ports:
            wait_until(lambda port=port: self._is_ready(port), "sentinels that know each other",
                       DEADLINE_S, self.daemons[port])

    def _start(self, kind, port, text, *arguments):
        name = f"{kind}-{port}"
        path = os.path.join(self.folder, f"{name}.conf")
        write_file(path, text.format(
            address=self.address, port=port, folder=self.folder, password=PASSWORD, master=MASTER,
            sentinel_password=SENTINEL_PASSWORD, master_port=self.ports[0], quorum=QUORUM,
            down_after_ms=DOWN_AFTER_MS, failover_ms=FAILOVER_MS))
        self.daemons[port] = Daemon(name, ["/usr/bin/redis-server", path, *arguments],
                                    os.path.join(self.folder, f"{name}.log"))

    def ask(self, port, password, *words, timeout_s=CALL_S):
        """None where nobody answers."""
        try:
            with Redis((self.address, port), timeout_s) as redis:
                redis.call("AUTH", password)
                return redis.call(*words)
        except OSError:
            return None

    def _is_synced(self, port):
        role = self.ask(port, PASSWORD, "ROLE")
        return role is not None and role[0] == b"slave" and role[3] == b"connected"

    def _is_ready(self, port):
        reply = self.ask(port, SENTINEL_PASSWORD, "SENTINEL", "MASTER", MASTER)
        if reply is None:
            return False
        facts = dict(zip(reply[::2], reply[1::2]))
        return (facts[b"flags"], facts[b"num-slaves"], facts[b"num-other-sentinels"]) == \
            (b"master", b"1", b"2")

    # Who is the master, and what becomes of it.

    def master(self):
        """Its port, by the word of the first sentinel that answers."""
        for port in self.sentinel_ports:
            answer = self.ask(port, SENTINEL_PASSWORD, "SENTINEL", "get-master-addr-by-name",
                              MASTER)
            if answer is not None:
                return int(answer[1])
        raise ConnectionError("no sentinel answers")

    def await_other_master(self, port):
        """Until no sentinel names this one any more, and the new one says itself that it is."""
        def has_moved():
            now = self.master()
            return now != port and self.ask(now, PASSWORD, "ROLE")[0] == b"master"
        wait_until(has_moved, "another master", DEADLINE_S)

    @contextlib.contextmanager
    def cut_off_replica(self):
        """It hears nothing of its master, and does not know it."""
        master = self.master()
        replica = next(port for port in self.ports if port != master)
        self.daemons[replica].signal(signal.SIGSTOP)
        try:
            self.ask(master, PASSWORD, "CLIENT", "KILL", "TYPE", "replica")
            yield
        finally:
            self.daemons[replica].signal(signal.SIGCONT)

    def await_replica(self, port):
        wait_until(lambda: self._is_synced(port), "the old master as a replica", DEADLINE_S)

    def sections(self, user, password_file):
        return {"sentinels": [f"{self.address}:{port}" for port in self.sentinel_ports],
                "master": MASTER, "user": user, "password_file": password_file,
                "sentinel_password_file": os.path.join(self.folder, "sentinel.password")}


class SentinelStore(Store):
    """At each call whatever server is the master then."""

    def __init__(self, servers):
        super().__init__(servers.folder, CLUSTER)
        self.servers = servers

    def call(self, *words, user="operator"):
        wait_s = int(words[-1]) if words[0] == "BLPOP" else 0

        def attempt():
            try:
                with Redis((self.servers.address, self.servers.master()),
                           wait_s + CALL_S) as redis:
                    redis.call("AUTH", PASSWORD)
                    return (redis.call(*words),)
            except (OSError, RedisError):
                return None
        return until(attempt, f"a master that answers {words[0]}")[0]


class SentinelTrial(Trial):
    """Keys and passwords that `redis: embedded` makes by itself are made here."""

    def __init__(self, folder, network, **options):
        super().__init__(folder, network, **options)
        self.servers = Servers(folder, f"{network}.200", [node.name for node in self.nodes])
        self.store = SentinelStore(self.servers)
        self.keys = {name: SigningKey.generate()
                     for name in ("controller", "operator", *self.servers.agents)}
        self.operators.append({"name": "admin", "role": "approver",
                               "key": public_text(self.keys["operator"])})

    def start(self, with_traffic=True):
        self._write_keys()
        self.servers.start()
        self.daemons += self.servers.daemons.values()
        super().start(with_traffic)

    def stop(self):
        for daemon in self.daemons:
            daemon.signal(signal.SIGCONT)
        return super().stop()

    def _write_keys(self):
        os.makedirs(os.path.join(self.state_dir, "keys"))
        for name in ("controller", "operator"):
            save_key(self.keys[name], os.path.join(self.state_dir, "keys", f"{name}.key"))
        for node in self.nodes:
            os.makedirs(self._keys(node))
            save_key(self.keys[node.name], os.path.join(self._keys(node), "node.key"))
            for name, text in (("controllers", f"c1 {public_text(self.keys['controller'])}\n"),
                               ("redis.password", f"{node.name}\n")):
                write_file(os.path.join(self._keys(node), name), text, 0o600)

    def start_controller(self):
        write_file(os.path.join(self.folder, "admin.password"), "admin\n", 0o600)
        write_file(self.config, self._controller_config())
        self.controller = self._daemon("controller", "shunt-controller", self.config)

    def _controller_config(self):
        config = json.loads(super()._controller_config())
        config["redis"] = self.servers.sections(
            "controller", os.path.join(self.folder, "controller.password"))
        for row in config["clusters"][0]["nodes"]:
            row["agent_key"] = public_text(self.keys[row["name"]])
        return json.dumps(config, indent=1)

    def _agent_config(self, node):
        """In one line, in place of the embedded server's four."""
        section = json.dumps(self.servers.sections(
            f"agent.{CLUSTER}.{node.name}", os.path.join(self._keys(node), "redis.password")))
        return re.sub(r"^redis:\n(  .*\n)+", f"redis: {section}\n", super()._agent_config(node),
                      flags=re.MULTILINE)

    def kill_master(self):
        port = self.servers.master()
        daemon = self.servers.daemons[port]
        self._forget(daemon)
        daemon.signal(signal.SIGKILL)
        daemon.stop()
        return port
