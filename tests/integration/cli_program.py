# SPDX-License-Identifier: Apache-2.0
"""The operator's program for tests: its configuration and key, a real Redis, a made-up controller,
and a terminal where that matters."""

import base64
import fcntl
import json
import os
import pty
import select
import struct
import subprocess
import termios

import pytest

from nacl.signing import SigningKey

from fake_controller import FakeController, plan
from shunt_wire import DEADLINE_S, RedisServer, public_text

TO = ("--to", "7.9.4")
ARTIFACT = ("--artifact", "/srv/bitbucket-7.9.4.tar.gz")
UPGRADE = ("upgrade", "git", *TO, *ARTIFACT)
ID = "20260921-141320-0001"
BEGUN = {"ok": True, "message": ID, "plan": plan()}
ANY_KEY = public_text(SigningKey.generate())

NODES = "\n".join(f"      - {{name: {name}, url: 'http://10.0.0.1{name[-1]}:7990', "
                  f"agent_key: '{ANY_KEY}'}}" for name in ("bb1", "bb2", "bb3"))


def cluster_text(name):
    return f"""
  - name: {name}
    base_url: https://{name}.example.com
    credentials: {{user: admin, password_file: /etc/shunt/git.password}}
    nodes:
{NODES.replace("10.0.0.", f"10.{len(name)}.0.")}
    load_balancers:
      - {{name: edge, driver: haproxy, addresses: ['unix:/run/haproxy-{name}.sock'],
          members: {{bb1: [web/n1], bb2: [web/n2], bb3: [web/n3]}}}}
"""


class Shunt:
    """The program with a configuration and a key of its own."""

    def __init__(self, folder, build_dir, redis):
        self.folder, self.redis = folder, redis
        self.program = os.path.join(build_dir, "controller", "shunt")
        self.key = SigningKey.generate()
        self.config = os.path.join(folder, "shunt.yaml")
        self.key_file = os.path.join(folder, "ana.key")
        with open(os.open(self.key_file, os.O_WRONLY | os.O_CREAT, 0o600), "w",
                  encoding="utf-8") as out:
            out.write("shunt-ed25519-private:" + base64.b64encode(bytes(self.key)).decode() + "\n")
        self.configure()

    def configure(self, clusters=("git",), redis=None, more=""):
        redis = redis or f'{{url: "unix://{self.redis.path}"}}'
        with open(self.config, "w", encoding="utf-8") as out:
            out.write(f"controller: {{name: c1, state_dir: {self.folder}/state}}\n"
                      f"redis: {redis}\n"
                      f"operator: {{name: ana, key_file: {self.key_file}}}\n"
                      "operators:\n"
                      f"  - {{name: ana, role: operator, key: '{public_text(self.key)}'}}\n"
                      f"clusters:{''.join(map(cluster_text, clusters))}{more}")

    def command_line(self, *words):
        return [self.program, "--config", self.config, *words]

    def run(self, *words, with_config=True, **options):
        command = self.command_line(*words) if with_config else [self.program, *words]
        return subprocess.run(command, capture_output=True, text=True, timeout=2 * DEADLINE_S,
                              check=False, stdin=subprocess.DEVNULL, **options)

    def json(self, *words):
        """(exit status, the one document)."""
        done = self.run("--json", *words)
        lines = done.stdout.splitlines()
        assert len(lines) == 1, done.stdout + done.stderr
        return done.returncode, json.loads(lines[0])

    def start(self, *words):
        return subprocess.Popen(self.command_line(*words), stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, text=True, stdin=subprocess.DEVNULL)


class Terminal:
    """The program on a terminal of its own; all that it has written so far is in `seen`."""

    def __init__(self, command, columns=100, rows=30, **environment):
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        variables = {**os.environ, "TERM": "xterm", **environment}
        if "NO_COLOR" not in environment:
            variables.pop("NO_COLOR", None)
        self.process = subprocess.Popen(command, stdin=slave, stdout=slave, stderr=slave,
                                        env=variables)
        os.close(slave)
        self.seen = ""

    def _read(self):
        if not select.select([self.master], [], [], DEADLINE_S)[0]:
            raise AssertionError(f"nothing more within {DEADLINE_S} s after: {self.seen!r}")
        try:
            return os.read(self.master, 65536).decode()
        except OSError:  # EIO: the last process has closed it
            return ""

    def wait_for(self, text):
        while text not in self.seen:
            more = self._read()
            assert more, f"ended without {text!r}: {self.seen!r}"
            self.seen += more

    def type(self, text):
        os.write(self.master, text.encode())

    def end(self):
        while more := self._read():
            self.seen += more
        return self.process.wait(DEADLINE_S)

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        os.close(self.master)


@pytest.fixture
def redis_server(folder):
    server = RedisServer(folder)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def shunt(folder, build_dir, redis_server):
    return Shunt(folder, build_dir, redis_server)


@pytest.fixture
def controller(redis_server, shunt):
    made = FakeController(redis_server.path, shunt.key)
    yield made
    made.stop()


@pytest.fixture
def terminal(shunt):
    opened = []

    def make(*words, **options):
        opened.append(Terminal(shunt.command_line(*words), **options))
        return opened[-1]

    yield make
    for one in opened:
        one.close()


@pytest.fixture
def follow(shunt):
    """Starts a command whose output is read while it runs."""
    started = []

    def make(*words):
        started.append(shunt.start(*words))
        return started[-1]

    yield make
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()


def read_until(process, text):
    """The lines up to the one that holds the text; a line that never comes is pytest's time-out."""
    lines = []
    for line in process.stdout:
        lines.append(line)
        if text in line:
            return lines
    raise AssertionError(f"ended without {text!r}: {lines} {process.stderr.read()}")
