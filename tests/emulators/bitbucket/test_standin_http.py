# SPDX-License-Identifier: Apache-2.0
"""The stand-in as a server: connections that live through a stop, clones, plain pages."""

import os
import socket
import subprocess
import threading
import time

from standin_node import wait_until


class Background(threading.Thread):
    """Runs a call beside the test; `result` waits for what it gave."""

    def __init__(self, call):
        super().__init__(daemon=True)
        self._call = call
        self._result = None
        self.start()

    def run(self):
        self._result = self._call()

    def result(self):
        self.join(20)
        assert not self.is_alive()
        return self._result


def clone(url, target, **options):
    return subprocess.run(["git", "clone", "--quiet", url, target], stderr=subprocess.PIPE,
                          text=True, check=False, **options)


def clones_in_flight(folder):
    """How many clones below the folder receive their pack: the requests before it are short."""
    return len(list(folder.glob("*/.git/objects/pack/tmp_pack_*")))


def http_url(node):
    return f"http://{node.address}:{node.http_port}/scm/demo.git"


def git_url(node):
    return f"git://{node.address}:{node.ssh_port}/demo.git"


def test_plain_pages(node):
    page = node.get("/")
    assert page.status == 200 and b"7.9.0 on node1" in page.body
    assert page.headers["Set-Cookie"].partition(";")[0].endswith(".node1")
    assert page.headers["X-Standin-Node"] == "node1"
    assert node.post("/echo", body="abc").body == b"abc"
    assert node.get("/nothing").status == 404
    assert node.post("/status").status == 405
    assert node.get("/slow?ms=x").status == 400
    assert node.ask("HEAD", "/").headers["Content-Length"] == page.headers["Content-Length"]
    properties = node.get("/rest/api/1.0/application-properties", auth=None).json
    assert (properties["version"], properties["buildNumber"]) == ("7.9.0", "7009000")


def test_slow_and_streamed_answers_take_their_time(node):
    begin = time.monotonic()
    assert node.get("/slow?ms=100").status == 200
    assert time.monotonic() - begin >= 0.1
    begin = time.monotonic()
    assert node.get("/stream?ms=100").body.count(b"piece") == 10
    assert time.monotonic() - begin >= 0.1


def test_context_path_comes_before_every_path(cluster):
    (node,) = cluster(1)
    node.environment["JVM_SUPPORT_RECOMMENDED_ARGS"] = node.arguments(
        **{"server.context-path": "/bitbucket"})
    node.context_path = "/bitbucket"
    node.start("7.9.0")
    node.wait_state("RUNNING")
    assert node.zdu()["state"] == "STABLE"
    node.context_path = ""
    assert node.get("/status").status == 404


def test_one_connection_carries_many_requests(node):
    connection = node.connect()
    for _ in range(50):
        connection.request("POST", "/echo", b"x" * 1000)
        assert connection.getresponse().read() == b"x" * 1000
    connection.request("POST", "/echo", iter([b"chunk", b"ed"]), encode_chunked=True,
                       headers={"Transfer-Encoding": "chunked"})
    assert connection.getresponse().read() == b"chunked"


def test_requests_sent_together_are_answered_in_order(node):
    with socket.create_connection((node.address, node.http_port), timeout=10) as client:
        client.sendall(b"GET /slow?ms=50 HTTP/1.1\r\nHost: a\r\n\r\n"
                       b"GET /status HTTP/1.0\r\n\r\n")
        received = b"".join(iter(lambda: client.recv(65536), b""))
    assert received.index(b"slow") < received.index(b"RUNNING")
    assert received.count(b"HTTP/1.1 200") == 2


def test_malformed_request_is_refused(node):
    with socket.create_connection((node.address, node.http_port), timeout=10) as client:
        client.sendall(b"nonsense\r\n\r\n")
        assert client.recv(65536).startswith(b"HTTP/1.1 400")
        assert client.recv(1) == b""


def test_idle_connection_is_closed_after_the_keep_alive_time(cluster):
    (node,) = cluster(1, keep_alive_ms=150)
    node.start("7.9.0")
    node.wait_state("RUNNING")
    connection = node.connect()
    connection.request("GET", "/slow?ms=300")
    assert connection.getresponse().read() == b"slow\n"
    assert connection.sock.recv(1) == b""


def test_stop_finishes_requests_in_flight_and_closes_idle_connections(node):
    idle, busy, streaming = node.connect(), node.connect(), node.connect()
    idle.request("GET", "/status")
    idle.getresponse().read()
    busy.request("GET", "/slow?ms=500")
    streaming.request("GET", "/stream?ms=500")
    wait_until(lambda: node.get("/status").status == 200, "the requests to be in")
    stopping = Background(node.stop)
    assert idle.sock.recv(1) == b""
    answer = busy.getresponse()
    assert answer.read() == b"slow\n" and answer.headers["Connection"] == "close"
    assert streaming.getresponse().read().count(b"piece") == 10
    assert stopping.result().returncode == 0
    assert node.events()[-1] == "stop-script-done"


def test_access_log_has_every_request(node):
    node.get("/slow?ms=30")
    wait_until(lambda: '"path": "/slow?ms=30", "status": 200' in node.log_text("access.log"),
               "the request in the access log")
    subprocess.run(["git", "ls-remote", "-q", git_url(node)], check=True,
                   stdout=subprocess.DEVNULL)
    wait_until(lambda: '"method": "GIT", "path": "/demo.git", "status": 200'
               in node.log_text("access.log"), "the fetch in the access log")


def test_clone_over_http_and_over_the_ssh_port(node, tmp_path):
    for number, url in enumerate((http_url(node), git_url(node))):
        target = tmp_path / str(number)
        done = clone(url, str(target))
        assert done.returncode == 0, done.stderr
        assert sum(os.path.getsize(target / "data" / name)
                   for name in os.listdir(target / "data")) > 500000
    assert clone(git_url(node).replace("demo", "none"), str(tmp_path / "x")).returncode != 0
    assert clone(http_url(node).replace("demo", "none"), str(tmp_path / "x")).returncode != 0


def test_stop_waits_for_a_clone_within_the_grace(node, tmp_path):
    node.setup(git_bytes_per_s=600000)
    clones = [Background(lambda url=url, n=n: clone(url, str(tmp_path / n)))
              for n, url in (("http", http_url(node)), ("git", git_url(node)))]
    wait_until(lambda: clones_in_flight(tmp_path) == 2, "both clones to run")
    node.stop()
    assert [c.result().returncode for c in clones] == [0, 0]


def test_clone_longer_than_the_grace_is_cut_and_can_leave_a_stale_lock(cluster, tmp_path):
    (node,) = cluster(1, grace_ms=100, stale_lock_after_cut="true")
    node.start("7.9.0")
    node.wait_state("RUNNING")
    node.setup(git_bytes_per_s=50000)
    clones = [Background(lambda url=url, n=n: clone(url, str(tmp_path / n)))
              for n, url in (("http", http_url(node)), ("git", git_url(node)))]
    wait_until(lambda: clones_in_flight(tmp_path) == 2, "both clones to run")
    node.stop()
    assert all(c.result().returncode != 0 for c in clones)
    node.start("7.9.0")
    node.wait_state("ERROR")
    assert "change log lock" in node.log_text()


def test_clone_is_cut_when_the_node_is_killed(node, tmp_path):
    node.setup(git_bytes_per_s=50000)
    running = Background(lambda: clone(git_url(node), str(tmp_path / "git")))
    wait_until(lambda: clones_in_flight(tmp_path) == 1, "the clone to run")
    node.kill()
    assert running.result().returncode != 0
