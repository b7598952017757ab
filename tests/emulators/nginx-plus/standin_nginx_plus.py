#!/usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""
Plays the REST API of NGINX Plus, as far as its published description goes; it moves no traffic.

    standin_nginx_plus.py (--port PORT | --fd LISTENER [--read-only-fd LISTENER]) --groups JSON

It listens on a port of the loopback, or LISTENER is an inherited listening socket; the second one
serves the same without `write=on`. JSON is
{"http": {GROUP: [SERVER, …]}, "stream": {…}}; a SERVER is a map with "server" (its address) and what
is to differ from `Server` below. A background thread checks the servers' health, HTTP ones by GET
/status, stream ones by the greeting of SSH.

POST /setup takes faults, a map; {} ends them all:
    versions   the API versions that it speaks; default 1 to 9
    apart      true: drain and down are two words of which each is ended only by itself, and down
               wins. Else a server has one of the two, as nginx's own sources have it, and either
               `false` ends it
    deaf       true: every change is answered well and forgotten
    static     the group that has no `zone`
    shift      so much is added to all numbers of servers after the next look at a group
    sessions   {"GROUP/ADDRESS": number of connections}
"""

import argparse
import http.server
import json
import re
import socket
import sys
import threading
import time
import urllib.request

CHECK_INTERVAL_S = 0.05
CHECK_TIMEOUT_S = 1
SETTINGS = {"server": str, "weight": int, "max_conns": int, "max_fails": int, "fail_timeout": str,
            "slow_start": str, "route": str, "backup": bool, "down": bool, "drain": bool}
DOC = "https://nginx.org/en/docs/http/ngx_http_api_module.html"


class Refusal(Exception):
    def __init__(self, status, code, text):
        super().__init__(text)
        self.status, self.code, self.text = status, code, text


class Server:
    """One server of a group: what it was told, and how it fares."""

    def __init__(self, server, context, backup=False, weight=1, down=False, stuck=False,
                 checked=True):
        self.server, self.context, self.backup, self.weight = server, context, backup, weight
        self.stuck = stuck  # it cannot be brought up
        self.checked = checked
        self.down, self.drain = down, False
        self.health = "up"
        self.checks, self.last_passed = 0, True

    def state(self):
        if self.down:
            return "down"
        return "draining" if self.drain else self.health

    def change(self, settings, are_apart):
        was_down = self.down
        for word, other in (("drain", "down"), ("down", "drain")):
            if word not in settings:
                continue
            setattr(self, word, settings[word])
            if not are_apart:
                setattr(self, other, False)
        self.weight = settings.get("weight", self.weight)
        self.down = self.down or self.stuck
        if was_down and not self.down and self.checked:
            self.health = "checking"  # as with `health_check mandatory`

    def check(self):
        if self.down or not self.checked:
            return
        passed = self._passes()
        self.checks, self.last_passed = self.checks + 1, passed
        if not self.down:
            self.health = "up" if passed else "unhealthy"

    def _passes(self):
        host, _, port = self.server.rpartition(":")
        try:
            if self.context == "http":
                with urllib.request.urlopen(f"http://{self.server}/status",
                                            timeout=CHECK_TIMEOUT_S):
                    return True
            with socket.create_connection((host, int(port)), CHECK_TIMEOUT_S) as connection:
                connection.settimeout(CHECK_TIMEOUT_S)
                return connection.recv(8) == b"SSH-2.0-"
        except OSError:
            return False


class Plus:
    """All groups, behind one lock."""

    def __init__(self, groups):
        self.lock = threading.Lock()
        self.faults, self.shift = {}, 0
        self.groups = {context: {name: [Server(context=context, **server) for server in servers]
                                 for name, servers in groups.get(context, {}).items()}
                       for context in ("http", "stream")}

    def setup(self, faults):
        self.faults, self.shift = faults, 0

    def group(self, context, name):
        if name not in self.groups[context]:
            raise Refusal(404, "UpstreamNotFound", "upstream not found")
        return self.groups[context][name]

    def server(self, context, name, number):
        servers = self.group(context, name)
        index = int(number) - self.shift
        if not 0 <= index < len(servers):
            raise Refusal(404, "UpstreamServerNotFound", f"server with ID \"{number}\" does not exist")
        return servers[index]

    def show_group(self, context, name):
        peers = []
        for index, server in enumerate(self.group(context, name)):
            checks = {"checks": server.checks, "fails": 0, "unhealthy": 0}
            if server.checks > 0:
                checks["last_passed"] = server.last_passed
            active = self.faults.get("sessions", {}).get(f"{name}/{server.server}", 0)
            peers.append({"id": index + self.shift, "server": server.server, "name": server.server,
                          "backup": server.backup, "weight": server.weight,
                          "state": server.state(), "active": active, "sent": 0, "received": 0,
                          "fails": 0, "unavail": 0, "health_checks": checks, "downtime": 0})
        self.shift += self.faults.pop("shift", 0)
        return {"peers": peers, "zombies": 0, "zone": name,
                **({"keepalive": 0} if context == "http" else {})}

    def show_server(self, context, name, number):
        server = self.server(context, name, number)
        shown = {"id": int(number), "server": server.server, "weight": server.weight,
                 "max_conns": 0, "max_fails": 1, "fail_timeout": "10s", "slow_start": "0s",
                 "backup": server.backup, "down": server.down}
        if context == "http":
            shown["route"] = ""
        if server.drain:
            shown["drain"] = True
        return shown

    def change_server(self, context, name, number, body):
        server = self.server(context, name, number)
        if self.faults.get("static") == name:
            raise Refusal(400, "UpstreamStatic", "upstream is static")
        try:
            settings = json.loads(body)
        except ValueError:
            raise Refusal(415, "JsonError", "json error") from None
        known = set(SETTINGS) - ({"drain", "route"} if context == "stream" else set())
        for key, value in settings.items():
            if key not in known:
                raise Refusal(400, "UpstreamConfFormatError", f"unknown parameter \"{key}\"")
            if not isinstance(value, SETTINGS[key]):
                raise Refusal(400, "UpstreamConfFormatError", f"invalid \"{key}\" value")
        if not self.faults.get("deaf"):
            server.change(settings, self.faults.get("apart", False))
        return self.show_server(context, name, number)

    def check_health(self):
        while True:
            for context in self.groups.values():
                for servers in context.values():
                    for server in servers:
                        server.check()
            time.sleep(CHECK_INTERVAL_S)


PATH = re.compile(r"/(http|stream)/upstreams/([^/]+)(?:/servers/(\d+))?/?")


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = 60

    def do_GET(self):
        self._serve(self._get)

    def do_PATCH(self):
        self._serve(self._patch)

    def do_POST(self):
        self._serve(self._setup)

    def _serve(self, work):
        plus = self.server.plus
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        with plus.lock:
            try:
                status, answer = 200, work(plus, body)
            except Refusal as refusal:
                status = refusal.status
                answer = {"error": {"status": status, "text": refusal.text, "code": refusal.code},
                          "request_id": "0" * 32, "href": DOC}
        data = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def _split(self, plus):
        """(context, group, number or None) of the path."""
        version, _, rest = self.path.removeprefix("/api/").partition("/")
        if not self.path.startswith("/api/") or not version.isdigit():
            raise Refusal(404, "PathNotFound", "path not found")
        if int(version) not in plus.faults.get("versions", range(1, 10)):
            raise Refusal(404, "UnknownVersion", "unknown version")
        match = PATH.fullmatch("/" + rest)
        if match is None:
            raise Refusal(404, "PathNotFound", "path not found")
        return match.groups()

    def _get(self, plus, _):
        if self.path in ("/api", "/api/"):
            return list(plus.faults.get("versions", range(1, 10)))
        context, group, number = self._split(plus)
        if number is None:
            return plus.show_group(context, group)
        return plus.show_server(context, group, number)

    def _patch(self, plus, body):
        context, group, number = self._split(plus)
        if not self.server.may_write or number is None:
            raise Refusal(405, "MethodDisabled", "method disabled")
        return plus.change_server(context, group, number, body)

    def _setup(self, plus, body):
        if self.path != "/setup":
            raise Refusal(405, "MethodDisabled", "method disabled")
        plus.setup(json.loads(body))
        return {}

    def log_message(self, *_):
        pass


class Listener(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, listening, plus, may_write):
        listening.setblocking(True)
        super().__init__(listening.getsockname(), Handler, bind_and_activate=False)
        self.socket.close()
        self.socket, self.plus, self.may_write = listening, plus, may_write

    def handle_error(self, request, client_address):
        if not isinstance(sys.exc_info()[1], ConnectionError):  # clients may hang up
            super().handle_error(request, client_address)


def main():
    parser = argparse.ArgumentParser()
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--port", type=int)
    where.add_argument("--fd", type=int)
    parser.add_argument("--read-only-fd", type=int)
    parser.add_argument("--groups", type=json.loads, required=True)
    options = parser.parse_args()
    plus = Plus(options.groups)
    threading.Thread(target=plus.check_health, daemon=True).start()
    if options.read_only_fd is not None:
        read_only = Listener(socket.socket(fileno=options.read_only_fd), plus, False)
        threading.Thread(target=read_only.serve_forever, daemon=True).start()
    if options.fd is not None:
        listening = socket.socket(fileno=options.fd)
    else:
        listening = socket.create_server(("127.0.0.1", options.port))
    Listener(listening, plus, True).serve_forever()


if __name__ == "__main__":
    main()
