#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""
standin.py [--fd N] [--tls CERTIFICATE KEY]: plays Azure on loopback: ARM, Entra ID's token endpoint
and IMDS. README.md says what it knows. Prints one line of JSON with its ports, and ends with its
standard input.
"""

import argparse
import copy
import json
import os
import socket
import ssl
import sys
import threading
import time
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

sys.dont_write_bytecode = True

from arm import Arm
from faults import Faults
from identity import Identity
from operations import Operations
from refusal import Refusal
from sample import BUILDERS

MOST_BODY_BYTES = 4 * 1024 * 1024  # ARM's own limit of a request
HTML = b"<!DOCTYPE html><html><body><h1>Our services aren't available right now</h1></body></html>"


class Azure:
    """Everything behind the port; one request at a time."""

    def __init__(self):
        self.lock = threading.Lock()
        self.reset()

    def reset(self):
        self.faults = Faults()
        self.operations = Operations(self.faults)
        self.identity = Identity(self.faults)
        self.arm = Arm(self.faults, self.operations, self.identity)

    def setup(self, order):
        """The keys of an order are done one after the other; README.md has their table."""
        for key, value in order.items():
            if key == "reset":
                self.reset()
            elif key in BUILDERS:
                for resource_id, arguments in value.items():
                    self.arm.create(resource_id, BUILDERS[key](
                        *([resource_id] if key == "gateway" else []), **arguments))
            elif key == "faults":
                self.faults.set(value)
            elif key == "probes":
                self.arm.probes = {name: {each.lower(): text for each, text in table.items()}
                                   for name, table in value.items()}
            elif key == "touch":
                for resource_id, changes in value.items():
                    self.arm.touch(resource_id, changes)
            elif key == "forget_tokens":
                self.identity.forget_tokens()
            else:
                raise ValueError(f"unknown order '{key}'")

    def report(self):
        self.operations.settle()
        return {"counts": self.arm.counts, "tokens": self.identity.given,
                "resources": {resource.id: self.arm.shown(resource)
                              for resource in self.arm.resources.values()},
                "secrets": {resource.id: copy.deepcopy(resource.document)
                            for resource in self.arm.resources.values()}}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *_):
        pass

    def _base(self):
        scheme = "https" if isinstance(self.connection, ssl.SSLSocket) else "http"
        return f"{scheme}://{self.headers.get('Host', 'localhost')}"

    def _send(self, status, headers, body, content_type="application/json; charset=utf-8"):
        self.send_response(status)
        for key, value in headers.items():
            self.send_header(key, value)
        if body:
            self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _send_document(self, status, headers, document):
        self._send(status, headers, b"" if document is None else json.dumps(document).encode())

    def handle_one(self):
        azure = self.server.azure
        url = urllib.parse.urlsplit(self.path)
        query = dict(urllib.parse.parse_qsl(url.query))
        size = int(self.headers.get("Content-Length", 0))
        if size > MOST_BODY_BYTES:
            raise Refusal(413, "RequestEntityTooLarge", "The request is too large.")
        body = self.rfile.read(size)
        if url.path == "/setup":
            return self._setup(body)
        if any(part in url.path for part in azure.faults.gone):
            self.close_connection = True
            return None
        words = url.path.strip("/").split("/")
        if words[-1] == "token" and words[0] == "metadata":
            with azure.lock:
                return self._send_document(200, {}, azure.identity.host_token(query, self.headers))
        if words[-2:] == ["v2.0", "token"] and self.command == "POST":
            with azure.lock:
                return self._send_document(200, {}, azure.identity.login(
                    words[0], self.headers.get("Content-Type"), body))
        if words[-1] == "openid-configuration":
            return self._send_document(200, {}, azure.identity.configuration(self._base(), words[0]))
        return self._arm(azure, url.path, query, body)

    def _arm(self, azure, path, query, body):
        refuse = azure.faults.next_refusal(path)
        if refuse:
            return self._refuse(refuse)
        if azure.faults.slow_ms:
            time.sleep(azure.faults.slow_ms / 1000)
        if azure.faults.huge_bytes:
            return self._send(200, {}, b'{"properties": "' + b"x" * azure.faults.huge_bytes + b'"}')
        with azure.lock:
            answer = azure.arm.answer(self.command, path, query, self.headers, body, self._base())
        return self._send_document(*answer)

    def _refuse(self, refuse):
        after = {"Retry-After": str(refuse["retry_after_s"])} if "retry_after_s" in refuse else {}
        if refuse.get("html"):
            return self._send(refuse["status"], after, HTML, "text/html")
        return self._send_document(refuse["status"], after, refuse.get("body"))

    def _setup(self, body):
        azure = self.server.azure
        with azure.lock:
            if self.command == "GET":
                return self._send_document(200, {}, azure.report())
            try:
                azure.setup(json.loads(body))
            except (ValueError, KeyError, TypeError, AttributeError) as error:
                return self._send_document(400, {}, {"error": str(error)})
            return self._send_document(200, {}, {})

    def _handle(self):
        try:
            self.handle_one()
        except Refusal as refusal:
            self._send_document(refusal.status, refusal.headers, refusal.body)

    do_GET = do_PUT = do_POST = do_PATCH = do_DELETE = _handle


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, azure, fd=None, tls=None):
        super().__init__(("127.0.0.1", 0), Handler, bind_and_activate=fd is None)
        if fd is not None:
            self.socket.close()
            self.socket = socket.socket(fileno=fd)
            self.server_address = self.socket.getsockname()
        self.socket.setblocking(True)
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*tls)
            self.socket = context.wrap_socket(self.socket, server_side=True,
                                              do_handshake_on_connect=False)
        self.azure = azure
        self.port = self.server_address[1]

    def handle_error(self, request, client_address):
        if not isinstance(sys.exc_info()[1], OSError):  # a client that went away is none
            super().handle_error(request, client_address)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--fd", type=int)
    parser.add_argument("--tls", nargs=2)
    arguments = parser.parse_args()
    azure = Azure()
    servers = {"port": Server(azure, arguments.fd)}
    if arguments.tls:
        servers["tls_port"] = Server(azure, tls=arguments.tls)
    for server in servers.values():
        threading.Thread(target=server.serve_forever, daemon=True).start()
    print(json.dumps({name: server.port for name, server in servers.items()}), flush=True)
    while os.read(0, 4096):
        pass


if __name__ == "__main__":
    main()
