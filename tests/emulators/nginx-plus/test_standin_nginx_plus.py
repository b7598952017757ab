# SPDX-License-Identifier: Apache-2.0
"""The stand-in for NGINX Plus answers as the published description of its API says."""

import json
import os
import socket
import subprocess
import sys
import urllib.error
import urllib.request

import pytest

PROGRAM = os.path.join(os.path.dirname(os.path.abspath(__file__)), "standin_nginx_plus.py")
GROUPS = {"http": {"bb": [{"server": "10.0.0.1:7990", "checked": False},
                          {"server": "10.0.0.2:7990", "checked": False, "backup": True}]},
          "stream": {"ssh": [{"server": "10.0.0.1:7999", "checked": False}]}}


class StandIn:
    def __init__(self, port, read_only_port):
        self.port, self.read_only_port = port, read_only_port

    def ask(self, path, body=None, method=None, port=None):
        """(status, JSON)"""
        data = None if body is None else body.encode()
        request = urllib.request.Request(f"http://127.0.0.1:{port or self.port}{path}", data,
                                         method=method or ("PATCH" if body else "GET"))
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as answer:
            return answer.code, json.load(answer)

    def refusal(self, *arguments, **options):
        status, answer = self.ask(*arguments, **options)
        assert answer["error"]["status"] == status
        return status, answer["error"]["code"]

    def state(self, number=0, path="/api/9/http/upstreams/bb"):
        return self.ask(path)[1]["peers"][number]["state"]

    def change(self, body):
        status, _ = self.ask("/api/9/http/upstreams/bb/servers/0", body)
        assert status == 200


@pytest.fixture
def plus():
    with socket.create_server(("127.0.0.1", 0)) as one, \
            socket.create_server(("127.0.0.1", 0)) as other:
        daemon = subprocess.Popen(
            [sys.executable, "-B", PROGRAM, "--fd", str(one.fileno()),
             "--read-only-fd", str(other.fileno()), "--groups", json.dumps(GROUPS)],
            pass_fds=(one.fileno(), other.fileno()))
        try:
            yield StandIn(one.getsockname()[1], other.getsockname()[1])
        finally:
            daemon.kill()
            daemon.wait()


def test_a_group_lists_its_servers_with_number_state_and_connections(plus):
    status, group = plus.ask("/api/9/http/upstreams/bb")
    assert status == 200 and group["zombies"] == 0
    assert [(peer["id"], peer["server"], peer["backup"], peer["state"], peer["active"])
            for peer in group["peers"]] == [(0, "10.0.0.1:7990", False, "up", 0),
                                            (1, "10.0.0.2:7990", True, "up", 0)]


def test_the_versions_are_a_list(plus):
    assert plus.ask("/api") == (200, list(range(1, 10)))
    assert plus.refusal("/api/10/http/upstreams/bb") == (404, "UnknownVersion")


def test_a_server_has_one_of_drain_and_down(plus):
    plus.change('{"drain":true}')
    assert plus.state() == "draining"
    plus.change('{"down":true}')
    assert plus.state() == "down"
    plus.change('{"down":false}')
    assert plus.state() == "up"


def test_drain_and_down_apart_are_each_ended_by_themselves(plus):
    plus.ask("/setup", '{"apart":true}', method="POST")
    plus.change('{"drain":true}')
    plus.change('{"down":true}')
    assert plus.state() == "down"
    plus.change('{"down":false}')
    assert plus.state() == "draining"
    plus.change('{"drain":false}')
    assert plus.state() == "up"


def test_refusals_have_the_codes_of_the_description(plus):
    assert plus.refusal("/api/9/http/upstreams/no") == (404, "UpstreamNotFound")
    assert plus.refusal("/api/9/http/upstreams/bb/servers/7") == (404, "UpstreamServerNotFound")
    assert plus.refusal("/api/9/nothing") == (404, "PathNotFound")
    server = "/api/9/http/upstreams/bb/servers/0"
    assert plus.refusal(server, "{") == (415, "JsonError")
    assert plus.refusal(server, '{"speed":1}') == (400, "UpstreamConfFormatError")
    assert plus.refusal(server, '{"down":true}', port=plus.read_only_port) \
        == (405, "MethodDisabled")
    stream = "/api/9/stream/upstreams/ssh/servers/0"
    assert plus.refusal(stream, '{"drain":true}') == (400, "UpstreamConfFormatError")
    plus.ask("/setup", '{"static":"bb"}', method="POST")
    assert plus.refusal(server, '{"down":true}') == (400, "UpstreamStatic")
