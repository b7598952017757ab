# SPDX-License-Identifier: Apache-2.0
"""What a controller and an agent say to each other, written down a second time.

This module shares no code with the daemons, so that a test that uses it notices when both sides of
ours have changed together. It plays the controller; the wire is a real redis-server.
"""

import base64
import json
import os
import shutil
import signal
import socket
import subprocess
import time

from nacl.exceptions import BadSignatureError
from nacl.signing import SigningKey

DOMAIN_COMMAND = b"shunt command v1"
DOMAIN_REPORT = b"shunt report v1"
BUILD = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "build")
DEADLINE_S = 20  # sanitizers and a busy machine are slow; a good test never waits for this


def now_ms():
    return time.time_ns() // 1_000_000


def until(condition, what, deadline_s=DEADLINE_S):
    """The first true value of condition(), for what no event tells of."""
    end = time.monotonic() + deadline_s
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.005)
    raise AssertionError(f"not within {deadline_s} s: {what}")


# ---- Redis ----


class RedisError(Exception):
    """An error reply."""


class Redis:
    """One connection, one command at a time (RESP2)."""

    def __init__(self, place, timeout_s=DEADLINE_S):
        """The path of a unix socket, or (host, port)."""
        is_path = isinstance(place, str)
        self.socket = socket.socket(socket.AF_UNIX if is_path else socket.AF_INET)
        self.socket.settimeout(timeout_s)
        self.socket.connect(place)
        self.file = self.socket.makefile("rb")

    def close(self):
        self.file.close()
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def call(self, *words):
        parts = [word if isinstance(word, bytes) else str(word).encode() for word in words]
        self.socket.sendall(b"*%d\r\n" % len(parts)
                            + b"".join(b"$%d\r\n%s\r\n" % (len(part), part) for part in parts))
        return self._reply()

    def _reply(self):
        line = self.file.readline()
        if not line.endswith(b"\r\n"):
            raise ConnectionError("the server has closed the connection")
        kind, rest = line[:1], line[1:-2]
        if kind == b"-":
            raise RedisError(rest.decode())
        if kind == b":":
            return int(rest)
        if kind == b"$":
            return None if rest == b"-1" else self.file.read(int(rest) + 2)[:-2]
        if kind == b"*":
            return None if rest == b"-1" else [self._reply() for _ in range(int(rest))]
        return rest.decode()


class RedisServer:
    """A redis-server of its own on a unix socket; nothing is saved, so a restart loses all."""

    def __init__(self, folder):
        self.folder = folder
        self.path = os.path.join(folder, "redis.sock")
        self.process = None

    def start(self):
        self.process = subprocess.Popen(
            [shutil.which("redis-server", path="/usr/bin:/usr/local/bin"), "--port", "0",
             "--unixsocket", self.path, "--save", "", "--appendonly", "no", "--dir", self.folder],
            stdout=subprocess.DEVNULL)
        until(self._answers, "redis-server answers")

    def _answers(self):
        try:
            with Redis(self.path) as redis:
                return redis.call("PING") == "PONG"
        except OSError:
            return False

    def stop(self):
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None


# ---- signatures ----


def public_text(key):
    return "ed25519:" + base64.b64encode(bytes(key.verify_key)).decode()


def sign(key, domain, body):
    """The domain stands before the bytes, with a NUL between them."""
    return base64.b64encode(key.sign(domain + b"\0" + body).signature).decode()


def is_signed(key, domain, body, signature):
    try:
        key.verify_key.verify(domain + b"\0" + body, base64.b64decode(signature))
        return True
    except BadSignatureError:
        return False


# ---- the controller's side ----


class Controller:
    """Sends commands to one agent and reads its reports, each of which must be well signed."""

    def __init__(self, server, agent_key, cluster="git", node="bb1", name="c1"):
        self.key = SigningKey.generate()
        self.name = name
        self.agent_key = agent_key
        self.cluster, self.node = cluster, node
        self.server = server
        self.redis = Redis(server.path)
        self.epoch = 1
        self.serial = 0
        self.last_entry = "0"

    def reconnect(self):
        """After a restart of Redis, which has forgotten everything."""
        self.redis.close()
        self.redis = Redis(self.server.path)
        self.last_entry = "0"

    def key_of(self, what, with_node=True):
        return f"shunt:{{{self.cluster}}}:{what}" + (f":{self.node}" if with_node else "")

    def command(self, verb, **fields):
        self.serial += 1
        message = {"id": f"t{self.serial}", "cluster": self.cluster, "node": self.node,
                   "epoch": self.epoch, "issued_ms": now_ms(), "expires_ms": now_ms() + 60_000,
                   "verb": verb}
        message.update(fields)
        return message

    def send(self, message):
        body = json.dumps(message).encode()
        self.send_entry(body, self.name, sign(self.key, DOMAIN_COMMAND, body))
        return message["id"]

    def do(self, verb, **fields):
        return self.send(self.command(verb, **fields))

    def send_entry(self, body, signer, signature):
        self.redis.call("XADD", self.key_of("command"), "*", "body", body, "key", signer, "sig",
                        signature)

    def next_report(self, deadline_s=DEADLINE_S):
        reply = self.redis.call("XREAD", "COUNT", 1, "BLOCK", int(deadline_s * 1000), "STREAMS",
                                self.key_of("report", False), self.last_entry)
        assert reply is not None, f"no report within {deadline_s} s"
        entry, fields = reply[0][1][0]
        self.last_entry = entry.decode()
        values = dict(zip(fields[::2], fields[1::2]))
        assert values[b"key"].decode() == self.node
        assert is_signed(self.agent_key, DOMAIN_REPORT, values[b"body"], values[b"sig"])
        return json.loads(values[b"body"])

    def report(self, command_id, *kinds):
        """The next report about the command of one of these kinds; what else comes is skipped."""
        while True:
            report = self.next_report()
            if report["command_id"] == command_id and report["kind"] in kinds:
                return report

    def end_of(self, command_id):
        return self.report(command_id, "done", "failed", "refused")

    def hello(self):
        return self.report("", "hello")

    def reports_so_far(self):
        """All reports in the stream, without waiting and without taking them."""
        entries = self.redis.call("XRANGE", self.key_of("report", False), "-", "+")
        return [json.loads(fields[fields.index(b"body") + 1]) for _, fields in entries]

    def beat(self):
        text = self.redis.call("GET", self.key_of("beat"))
        return None if text is None else json.loads(text)

    def commands_left(self):
        """Entries of the command stream, and those of them that were never acknowledged."""
        stream = self.key_of("command")
        return (self.redis.call("XLEN", stream),
                self.redis.call("XPENDING", stream, "agent")[0])


# ---- the agent's side ----


def agent_program():
    build = os.environ.get("SHUNT_BUILD_DIR") or os.environ.get("SHUNT_BUILD") or BUILD
    return os.path.join(os.path.abspath(build), "node-agent", "shunt-agent")


class Agent:
    """A real shunt-agent, its configuration, key and state in a folder of its own."""

    def __init__(self, folder, server):
        self.folder = folder
        self.key = SigningKey.generate()
        self.server = server
        self.process = None
        self.log_path = self.path("log")
        for name in ("releases/7.9.4", "home"):
            os.makedirs(self.path(name))
        os.symlink("7.9.4", self.path("releases/current"))
        self.http_port = 0
        self.write_private("agent.key", "shunt-ed25519-private:"
                           + base64.b64encode(bytes(self.key)).decode() + "\n")

    def path(self, name):
        return os.path.join(self.folder, name)

    def write_private(self, name, text):
        with open(self.path(name), "w", encoding="utf-8") as out:
            os.fchmod(out.fileno(), 0o600)
            out.write(text)

    def configure(self, controller, http_port, address="127.0.0.1"):
        self.write_private("agent.yaml", f"""
cluster: {controller.cluster}
node: {controller.node}
state_dir: {self.path("state")}
key_file: {self.path("agent.key")}
redis: {{url: "unix://{self.server.path}"}}
controllers: [{{name: {controller.name}, key: "{public_text(controller.key)}"}}]
bitbucket:
  releases: {self.path("releases")}
  home: {self.path("home")}
  address: {address}
  http_port: {http_port}
  ssh_port: 0
  service: {{kind: script, user: root}}
""")

    def command_line(self, *arguments):
        return [agent_program(), "--config", self.path("agent.yaml"), *arguments]

    def start(self):
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(self.command_line(), stderr=log,
                                            stdin=subprocess.DEVNULL)

    def run(self, *arguments):
        """Runs to its end: what is expected to refuse."""
        return subprocess.run(self.command_line(*arguments), capture_output=True, text=True,
                              timeout=DEADLINE_S, check=False)

    def log(self):
        with open(self.log_path, encoding="utf-8") as log:
            return log.read()

    def wait_for_log(self, text):
        until(lambda: text in self.log(), f"'{text}' in the log")

    def record(self):
        with open(self.path("state/record.log"), encoding="utf-8") as record:
            return record.read()

    def jobs(self):
        """Process numbers of the children."""
        pid = self.process.pid
        with open(f"/proc/{pid}/task/{pid}/children", encoding="utf-8") as children:
            return [int(child) for child in children.read().split()]

    def renew(self):
        """As an update of the package does."""
        self.process.send_signal(signal.SIGUSR1)

    def stop(self):
        """SIGTERM; gives the exit status."""
        self.process.terminate()
        return self.wait_end()

    def wait_end(self):
        """Waits for it; gives the exit status."""
        status = self.process.wait(DEADLINE_S)
        self.process = None
        return status

    def kill(self):
        if self.process is not None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
            self.process = None

    def resident_kb(self):
        with open(f"/proc/{self.process.pid}/status", encoding="utf-8") as status:
            lines = dict(line.split(":", 1) for line in status)
        return {name: int(lines[name].split()[0]) for name in ("VmRSS", "RssAnon", "RssFile")}
