# SPDX-License-Identifier: Apache-2.0
"""
A stand-in for iControl REST: the pool members of a BIG-IP 11.6 and later, as far as
deploy/examples/f5-bigip asks for them. What it answers has the form that F5 publishes; a real device
was not there to compare it with.
"""

import base64
import http.server
import json
import os
import ssl
import subprocess
import sys
import threading
import time
import urllib.parse

USER, PASSWORD = "shunt", "s3cret:with colon"
PREFIX = "/mgmt/tm/ltm/pool/"
SETTABLE = {"session": ("user-enabled", "user-disabled"), "state": ("user-up", "user-down")}


class Member:
    def __init__(self, partition, name, monitor_state="up"):
        self.partition, self.name, self.monitor_state = partition, name, monitor_state
        self.is_disabled = self.is_forced_down = self.node_is_disabled = False
        self.connections = 0

    @property
    def key(self):
        return f"~{self.partition}~{self.name}"

    def set(self, properties):
        self.is_disabled = properties.get("session", "") == "user-disabled"
        self.is_forced_down = properties.get("state", "") == "user-down"

    def item(self):
        enabled = "user-enabled" if self.monitor_state == "unchecked" else "monitor-enabled"
        return {"kind": "tm:ltm:pool:members:membersstate", "name": self.name,
                "partition": self.partition, "fullPath": f"/{self.partition}/{self.name}",
                "connectionLimit": 0, "priorityGroup": 0, "ratio": 1, "monitor": "default",
                "session": "user-disabled" if self.is_disabled else enabled,
                "state": "user-down" if self.is_forced_down else self.monitor_state}

    def statistics(self):
        enabled = "disabled" if self.is_disabled else "enabled"
        if self.node_is_disabled:
            enabled = "disabled-by-parent"
        available = {"up": "available", "unchecked": "unknown"}.get(self.monitor_state, "offline")
        return {"nestedStats": {"entries": {
            "serverside.curConns": {"value": self.connections},
            "status.enabledState": {"description": enabled},
            "status.availabilityState": {
                "description": "offline" if self.is_forced_down else available}}}}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    @property
    def _device(self):
        return self.server.device

    def _answer(self, status, body, content_type="application/json"):
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def _refuse(self, status, message):
        self._answer(status, {"code": status, "message": message, "errorStack": [], "apiError": 3})

    def _is_refused(self):
        """True where there is no more to say: a fault, or the wrong user."""
        self._device.requests.append((self.command, self.path))
        time.sleep(self._device.delay_s)
        if self._device.fault is not None:
            self._answer(*self._device.fault)
            return True
        expected = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        if self.headers["Authorization"] != expected:
            self._refuse(401, "Authorization failed: no user authentication header or token "
                              "detected.")
            return True
        return False

    def _find(self):
        """(members of the pool or None, what follows /members/ in the URL)"""
        pool, _, rest = urllib.parse.unquote(self.path.removeprefix(PREFIX)).partition("/members")
        return self._device.pools.get(pool), rest.strip("/")

    def do_GET(self):
        if self._is_refused():
            return
        members, rest = self._find()
        if members is None:
            self._refuse(404, "01020036:3: The requested Pool was not found.")
        elif rest == "stats":
            path = f"https://localhost{self.path.removesuffix('/stats')}"
            self._answer(200, {"kind": "tm:ltm:pool:members:memberscollectionstats", "entries": {
                f"{path}/{urllib.parse.quote(member.key, safe='~:')}/stats": member.statistics()
                for member in members}})
        else:
            self._answer(200, {"kind": "tm:ltm:pool:members:memberscollectionstate",
                               "items": [member.item() for member in members]})

    def do_PATCH(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self._is_refused():
            return
        members, rest = self._find()
        member = next((each for each in members or () if each.key == rest), None)
        properties = json.loads(body)
        wrong = [(key, value) for key, value in properties.items()
                 if value not in SETTABLE.get(key, ())]
        if member is None:
            self._refuse(404, f"01020036:3: The requested Pool Member ({rest}) was not found.")
        elif wrong:
            self._refuse(400, f'invalid property value "{wrong[0][0]}":"{wrong[0][1]}"')
        else:
            member.set(properties)
            self._answer(200, member.item())


class Listener(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        # A client that did not wait for its answer is part of some tests.
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)


class Device:
    """`pools` by their name in URLs; `fault` is (status, body, content type) in place of answers."""

    def __init__(self, folder):
        self.pools, self.requests, self.fault, self.delay_s = {}, [], None, 0
        self.ca_file = os.path.join(folder, "device.pem")
        key = os.path.join(folder, "device.key")
        subprocess.run(["/usr/bin/openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                        "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj",
                        "/CN=bigip", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key,
                        "-out", self.ca_file], check=True, capture_output=True)
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(self.ca_file, key)
        self._server = Listener(("127.0.0.1", 0), Handler)
        self._server.device = self
        self._server.socket = tls.wrap_socket(self._server.socket, server_side=True,
                                              do_handshake_on_connect=False)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()
        self.port = self._server.server_address[1]
        self.address = f"https://127.0.0.1:{self.port}"

    def stop(self):
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
