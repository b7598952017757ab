# SPDX-License-Identifier: Apache-2.0
"""The example program for F5 BIG-IP, against a stand-in of iControl REST."""

import json
import os
import subprocess
import sys

import pytest

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)

from icontrol import PASSWORD, USER, Device, Member

PROGRAM = os.path.join(HERE, "..", "..", "..", "deploy", "examples", "f5-bigip", "f5-bigip")
HTTP, SSH = "~Common~bb_http", "~Git~bb_ssh"


@pytest.fixture
def device(tmp_path):
    device = Device(str(tmp_path))
    device.pools = {HTTP: [Member("Common", f"bb{number}:7990") for number in (1, 2, 3)],
                    SSH: [Member("Git", f"10.0.0.1{number}%2:7999") for number in (1, 2)]}
    yield device
    device.stop()


class Program:
    def __init__(self, device, folder):
        self.address = device.address
        password = os.path.join(folder, "password")
        with open(password, "w", encoding="utf-8") as file:
            file.write(PASSWORD + "\n")
        self.environment = {"SHUNT_USER": USER, "SHUNT_PASSWORD_FILE": password,
                            "SHUNT_CA_FILE": device.ca_file, "SHUNT_TIME_MS": "20000"}

    def run(self, verb, *members):
        """(status, its answer) of one call."""
        done = subprocess.run([PROGRAM, verb, self.address], check=False, text=True, timeout=30,
                              input=json.dumps({"members": members}), env=self.environment,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        assert done.stderr == ""
        return done.returncode, json.loads(done.stdout)

    def good(self, verb, *members):
        status, answer = self.run(verb, *members)
        assert status == 0, answer
        return answer

    def states(self, *members):
        return self.good("members", *members)["members"]

    def error(self, verb, *members):
        status, answer = self.run(verb, *members)
        assert status == 1 and list(answer) == ["error"]
        return answer["error"]


@pytest.fixture
def program(device, tmp_path):
    return Program(device, str(tmp_path))


def test_members_that_serve_are_up(device, program):
    device.pools[HTTP][0].connections = 7
    assert program.states("bb_http/bb1:7990", "~Git~bb_ssh/~Git~10.0.0.12%2:7999") == [
        {"member": "bb_http/bb1:7990", "admin": "up", "health": "up", "checked": True,
         "sessions": 7, "weight": 1, "peers_up": 2},
        {"member": "~Git~bb_ssh/~Git~10.0.0.12%2:7999", "admin": "up", "health": "up",
         "checked": True, "sessions": 0, "weight": 1, "peers_up": 1}]


@pytest.mark.parametrize("verb, session, state",
                         [("drain", "user-disabled", "up"), ("down", "user-disabled", "user-down"),
                          ("up", "monitor-enabled", "up")])
def test_change_reaches_the_device_and_is_read_back(device, program, verb, session, state):
    members = ("bb_http/bb2:7990", "~Git~bb_ssh/~Git~10.0.0.11%2:7999")
    before = "up" if verb != "up" else "down"
    program.good(before, *members)
    assert program.good(verb, *members) == {}
    for member in (device.pools[HTTP][1], device.pools[SSH][0]):
        assert (member.item()["session"], member.item()["state"]) == (session, state)
    assert [each["admin"] for each in program.states(*members)] == [verb, verb]
    assert not device.pools[HTTP][0].is_disabled


def test_peers_are_those_that_take_traffic(device, program):
    program.good("drain", "bb_http/bb1:7990")
    device.pools[HTTP][1].monitor_state = "down"
    states = program.states("bb_http/bb1:7990", "bb_http/bb3:7990")
    assert [each["peers_up"] for each in states] == [1, 0]


@pytest.mark.parametrize("state, health, checked",
                         [("up", "up", True), ("unchecked", "up", False), ("down", "down", True),
                          ("checking", "changing", True), ("node-down", "down", True),
                          ("something-new", "unknown", True)])
def test_health_is_the_monitors(device, program, state, health, checked):
    device.pools[HTTP][0].monitor_state = state
    found = program.states("bb_http/bb1:7990")[0]
    assert (found["health"], found["checked"], found["admin"]) == (health, checked, "up")


def test_member_of_a_disabled_node_takes_no_new_traffic(device, program):
    device.pools[HTTP][0].node_is_disabled = True
    program.good("up", "bb_http/bb1:7990")
    assert program.states("bb_http/bb1:7990")[0]["admin"] == "drain"


def test_forced_down_health_is_not_known(program):
    program.good("down", "bb_http/bb1:7990")
    assert program.states("bb_http/bb1:7990")[0]["health"] == "unknown"


@pytest.mark.parametrize("member", ["bb_http/bb9:7990", "nowhere/bb1:7990", "bb_http/bb1:79"])
@pytest.mark.parametrize("verb", ["members", "drain"])
def test_unknown_member_is_named(program, verb, member):
    error = program.error(verb, member)
    assert error["code"] == "not-found" and error["hint"]
    assert member.partition("/")[2] in error["message"] or "nowhere" in error["message"]


def test_other_members_come_back_where_one_is_unknown(device, program):
    program.good("down", "bb_http/bb1:7990")
    assert program.error("up", "bb_http/bb9:7990", "bb_http/bb1:7990")["code"] == "not-found"
    assert not device.pools[HTTP][0].is_disabled


@pytest.mark.parametrize("member", ["bb1:7990", "bb_http/", "/bb1:7990", "a/b/c"])
def test_malformed_member_is_refused_without_a_question(device, program, member):
    assert program.error("down", member)["code"] == "invalid"
    assert not device.requests


@pytest.mark.parametrize("status, code",
                         [(401, "denied"), (403, "denied"), (400, "invalid"), (404, "not-found"),
                          (429, "unavailable"), (500, "unavailable"), (503, "unavailable"),
                          (302, "protocol"), (204, "protocol")])
def test_status_is_an_error_of_its_code(device, program, status, code):
    device.fault = (status, b"" if status == 204 else b"<html>")
    for verb in ("members", "down"):
        assert program.error(verb, "bb_http/bb1:7990")["code"] == code


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"{}", b'{"entries":{}}',
                                  b'{"entries":{"a/members/b/stats":{}}}', b'{"entries":[]}'])
def test_garbage_is_a_protocol_error(device, program, body):
    device.fault = (200, body)
    assert program.error("members", "bb_http/bb1:7990")["code"] == "protocol"


def test_silence_is_a_timeout(device, program):
    device.delay_s = 5
    program.environment["SHUNT_TIME_MS"] = "300"
    assert program.error("down", "bb_http/bb1:7990")["code"] == "timeout"


def test_closed_port_is_unavailable(device, program):
    device.stop()
    device.stop = lambda: None
    assert program.error("members", "bb_http/bb1:7990")["code"] == "unavailable"


def test_foreign_certificate_is_refused_before_the_password_is_sent(device, program):
    del program.environment["SHUNT_CA_FILE"]
    error = program.error("members", "bb_http/bb1:7990")
    assert error["code"] == "denied" and "ca_file" in error["hint"]
    assert not device.requests


def test_name_that_is_not_in_the_certificate_is_refused(device, program):
    program.address = f"https://localhost:{device.port}"
    assert program.error("down", "bb_http/bb1:7990")["code"] == "denied"
    assert not device.requests


def test_wrong_password_is_denied(program):
    with open(program.environment["SHUNT_PASSWORD_FILE"], "w", encoding="utf-8") as file:
        file.write("wrong\n")
    error = program.error("down", "bb_http/bb1:7990")
    assert error["code"] == "denied" and "401" in error["message"]


@pytest.mark.parametrize("address", ["http://lb", "lb", "https://", "https://lb:x", "https://lb/x"])
def test_address_without_tls_is_refused(program, address):
    program.address = address
    assert program.error("members", "bb_http/bb1:7990")["code"] == "invalid"


def test_credentials_are_needed(program):
    del program.environment["SHUNT_USER"]
    assert program.error("members", "bb_http/bb1:7990")["code"] == "invalid"


def test_sessions_verb_is_not_needed(program):
    assert program.error("sessions", "bb_http/bb1:7990")["code"] == "invalid"
