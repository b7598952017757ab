# SPDX-License-Identifier: Apache-2.0
"""One node under test: its scripts, its files and a client for its port."""

import base64
import http.client
import json
import os
import signal
import socket
import subprocess
import time

HERE = os.path.dirname(os.path.abspath(__file__))
DEADLINE_S = 10
ADMIN = "Basic " + base64.b64encode(b"admin:admin").decode()


def wait_until(holds, what, deadline_s=DEADLINE_S):
    """Tries until `holds()` gives something true, and gives that back."""
    end = time.monotonic() + deadline_s
    while True:
        result = holds()
        if result:
            return result
        assert time.monotonic() < end, f"waited {deadline_s} s in vain for: {what}"
        time.sleep(0.005)


def free_port(address):
    with socket.socket() as probe:
        probe.bind((address, 0))
        return probe.getsockname()[1]


def is_alive(pid):
    """One that ends has no command line any more, a moment before it is a zombie."""
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as words:
            if not words.read():
                return False
        with open(f"/proc/{pid}/stat", encoding="utf-8") as stat:
            return stat.read().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def json(self):
        return json.loads(self.body)


class Node:
    def __init__(self, releases, home, shared, name, address, http_port, ssh_port):
        self.releases, self.home, self.name, self.address = releases, home, name, address
        self.http_port, self.ssh_port = http_port, ssh_port
        self.install = None
        self.context_path = ""
        self.environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "BITBUCKET_HOME": home,
                            "JVM_SUPPORT_RECOMMENDED_ARGS": self.arguments()}
        os.makedirs(home)
        os.symlink(os.path.relpath(shared, home), os.path.join(home, "shared"))

    def arguments(self, **more):
        values = {"cluster.node.name": self.name, "server.address": self.address,
                  "server.port": self.http_port, "plugin.ssh.port": self.ssh_port, **more}
        return " ".join(f"-D{key}={value}" for key, value in values.items())

    def path(self, *parts):
        return os.path.join(self.home, *parts)

    # Scripts.

    def script(self, name, *arguments, **environment):
        command = [os.path.join(self.install, "bin", name), *arguments]
        given = {key: value for key, value in {**self.environment, **environment}.items()
                 if value is not None}
        return subprocess.run(command, env=given, stdout=subprocess.PIPE, text=True,
                              stderr=subprocess.STDOUT, timeout=60, check=False)

    def start(self, version):
        self.install = self.releases(version)
        done = self.script("start-bitbucket.sh", "--no-search")
        assert done.returncode == 0, done.stdout
        return done

    def stop(self):
        done = self.script("stop-bitbucket.sh")
        assert done.returncode == 0, done.stdout
        return done

    def pid(self):
        with open(self.path("log", "bitbucket.pid"), encoding="utf-8") as file:
            return int(file.read())

    def kill(self):
        pid = self.pid()
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: not is_alive(pid), "the end of a killed node")

    def kill_all(self):
        """Ends every process this home has ever named that is still a node of it."""
        named = self.log_text("bitbucket.pid").split()
        for pid in {int(pid) for pid in named} | {event["pid"] for event in self.lifecycle()}:
            try:
                with open(f"/proc/{pid}/cmdline", encoding="utf-8") as file:
                    if f"-Dbitbucket.home={self.home}\0" in file.read():
                        os.kill(pid, signal.SIGKILL)
                        wait_until(lambda pid=pid: not is_alive(pid), "the end of a killed node")
            except (FileNotFoundError, ProcessLookupError):
                continue

    # Files.

    def log_text(self, name="atlassian-bitbucket.log"):
        try:
            with open(self.path("log", name), encoding="utf-8") as file:
                return file.read()
        except FileNotFoundError:
            return ""

    def lifecycle(self):
        return [json.loads(line) for line in self.log_text("lifecycle.log").splitlines()]

    def events(self):
        return [line["event"] for line in self.lifecycle()]

    def write_faults(self, **faults):
        with open(self.path("standin-faults.json"), "w", encoding="utf-8") as out:
            json.dump(faults, out)

    # The port.

    def connect(self):
        connection = http.client.HTTPConnection(self.address, self.http_port, timeout=DEADLINE_S)
        connection.connect()
        return connection

    def ask(self, method, path, body=None, headers=(), auth=ADMIN, xsrf=True):
        sent = dict(headers)
        if auth:
            sent["Authorization"] = auth
        if xsrf:
            sent["X-Atlassian-Token"] = "no-check"
        connection = self.connect()
        try:
            connection.request(method, self.context_path + path, body, sent)
            response = connection.getresponse()
            return Answer(response.status, response.headers, response.read())
        finally:
            connection.close()

    def get(self, path, **options):
        return self.ask("GET", path, **options)

    def post(self, path, **options):
        return self.ask("POST", path, **options)

    def setup(self, **faults):
        answer = self.post("/setup", body=json.dumps(faults))
        assert answer.status == 200, answer.body

    def state(self):
        """The word of /status, or None while nothing answers."""
        try:
            return self.get("/status").json["state"]
        except (ConnectionError, socket.timeout, http.client.HTTPException):
            return None

    def wait_state(self, word):
        wait_until(lambda: self.state() == word, f"{self.name} to be {word}")

    def zdu(self):
        answer = self.get("/rest/zdu/cluster")
        assert answer.status == 200, answer.body
        return answer.json

    def seen(self, other):
        """How this node sees another one."""
        return next(n for n in self.zdu()["nodes"] if n["name"] == other.name)
