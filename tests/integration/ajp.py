# SPDX-License-Identifier: Apache-2.0
"""
AJP/1.3 in front of a node that speaks HTTP, as the AJP connector of its Tomcat would: for mod_jk,
which speaks nothing else. A thread a connection; each request is a new HTTP connection to the node.
"""

import http.client
import socketserver
import struct
import threading

MOST_BODY = 8000  # of a packet's 8192
METHODS = {1: "OPTIONS", 2: "GET", 3: "HEAD", 4: "POST", 5: "PUT", 6: "DELETE"}
HEADERS = ("accept", "accept-charset", "accept-encoding", "accept-language", "authorization",
           "connection", "content-type", "content-length", "cookie", "cookie2", "host", "pragma",
           "referer", "user-agent")
# Attributes that carry one text, and those that carry two or a number.
TEXT_ATTRIBUTES = {1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 13}
QUERY, PAIR, KEY_SIZE, END = 5, 10, 11, 255
HOP_BY_HOP = {"connection", "transfer-encoding", "keep-alive"}
FORWARD, CPING = 2, 10
TIMEOUT_S = 120


class Packet:
    """What is left to read of one."""

    def __init__(self, payload):
        self._payload, self._at = payload, 0

    def byte(self):
        self._at += 1
        return self._payload[self._at - 1]

    def number(self):
        self._at += 2
        return struct.unpack_from(">H", self._payload, self._at - 2)[0]

    def text(self):
        length = self.number()
        if length == 0xFFFF:
            return ""
        self._at += length + 1
        return self._payload[self._at - length - 1:self._at - 1].decode("latin-1")

    def header_name(self):
        if self._payload[self._at] == 0xA0:
            return HEADERS[self.number() - 0xA001]
        return self.text()


def text(value):
    encoded = value.encode("latin-1")
    return struct.pack(">H", len(encoded)) + encoded + b"\0"


def read_request(packet):
    """(method, target, headers)"""
    method = METHODS[packet.byte()]
    packet.text()  # protocol
    target = packet.text()
    packet.text(), packet.text(), packet.text()  # remote address, remote host, server name
    packet.number(), packet.byte()  # port, TLS
    headers = {}
    for _ in range(packet.number()):
        name = packet.header_name()
        headers[name.lower()] = packet.text()
    while (attribute := packet.byte()) != END:
        if attribute == QUERY:
            target += "?" + packet.text()
        elif attribute in TEXT_ATTRIBUTES:
            packet.text()
        elif attribute == PAIR:
            packet.text(), packet.text()
        elif attribute == KEY_SIZE:
            packet.number()
    return method, target, headers


class Connection(socketserver.StreamRequestHandler):
    timeout = TIMEOUT_S

    def handle(self):
        try:
            while (payload := self._receive()) is not None:
                code = payload[0]
                if code == CPING:
                    self._send(b"\x09")
                elif code == FORWARD:
                    self._forward(*read_request(Packet(payload[1:])))
        except OSError:
            pass  # mod_jk sees the end of the connection

    def _receive(self):
        head = self.rfile.read(4)
        if len(head) < 4:
            return None
        return self.rfile.read(struct.unpack(">xxH", head)[0])

    def _send(self, payload):
        self.wfile.write(b"AB" + struct.pack(">H", len(payload)) + payload)

    def _body(self, headers):
        """In pieces: the first one of a known length comes unasked."""
        left = int(headers.get("content-length", 0))
        is_chunked = "transfer-encoding" in headers
        is_asked = is_chunked
        while left > 0 or is_chunked:
            if is_asked:
                self._send(struct.pack(">BH", 6, MOST_BODY))
            piece = self._receive()
            if not piece or len(piece) <= 2:
                return
            yield piece[2:]
            left -= len(piece) - 2
            is_asked = True

    def _forward(self, method, target, headers):
        node = http.client.HTTPConnection(*self.server.node, timeout=TIMEOUT_S)
        body = b"".join(self._body(headers)) or None
        sent = {name: value for name, value in headers.items()
                if name not in HOP_BY_HOP and name != "content-length"}
        try:
            node.request(method, target, body, {**sent, "connection": "close"})
            self._answer(node.getresponse())
        except http.client.HTTPException as failure:
            raise OSError(str(failure)) from failure
        finally:
            node.close()

    def _answer(self, answer):
        headers = [(name, value) for name, value in answer.getheaders()
                   if name.lower() not in HOP_BY_HOP]
        self._send(b"\x04" + struct.pack(">H", answer.status) + text(answer.reason)
                   + struct.pack(">H", len(headers))
                   + b"".join(text(name) + text(value) for name, value in headers))
        while piece := answer.read1(MOST_BODY):
            self._send(b"\x03" + struct.pack(">H", len(piece)) + piece + b"\0")
        self._send(b"\x05\x01")


class Gateway(socketserver.ThreadingTCPServer):
    """Answers from its making to close()."""

    allow_reuse_address = daemon_threads = True

    def __init__(self, address, port, node):
        self.node = node  # (host, port) of its HTTP
        super().__init__((address, port), Connection)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def close(self):
        self.shutdown()
        self.server_close()
