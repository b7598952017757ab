# SPDX-License-Identifier: Apache-2.0
"""HTTP/1.x messages: taking requests out of a byte stream, putting answers into one."""

import json
from http import HTTPStatus
from urllib.parse import parse_qsl, unquote

MAX_HEAD_BYTES = 32 * 1024
MAX_BODY_BYTES = 64 * 1024 * 1024  # a fetch request lists at most a few thousand commits

REASONS = {int(status): status.phrase for status in HTTPStatus}


class BadRequest(Exception):
    pass


class Request:
    def __init__(self, method, target, version, headers):
        self.method = method
        self.target = target
        self.path, _, self.query_string = target.partition("?")
        self.path = unquote(self.path)
        self.headers = headers
        self.body = b""
        self.begin_ns = 0
        self.peer = ""
        words = headers.get("connection", "").lower()
        self.is_http_10 = version == "HTTP/1.0"
        self.keep_alive = "keep-alive" in words if self.is_http_10 else "close" not in words

    @property
    def query(self):
        return dict(parse_qsl(self.query_string))

    def milliseconds(self, name):
        value = self.query.get(name, "0")
        if not value.isdigit():
            raise BadRequest(f"{name} is a number")
        return int(value) / 1000


class Response:
    """
    An answer. With `stream` (an async iterator of bytes) the body is sent as it comes, chunked.
    With `is_cut` half of it is sent and the connection closed.
    """

    def __init__(self, status, body=b"", content_type="text/plain", headers=(), stream=None):
        self.status = status
        self.body = body.encode() if isinstance(body, str) else body
        self.content_type = content_type
        self.headers = headers
        self.stream = stream
        self.is_cut = False

    @classmethod
    def of_json(cls, status, value):
        return cls(status, json.dumps(value), "application/json;charset=UTF-8")

    @classmethod
    def of_html(cls, status, text, headers=()):
        page = f"<!DOCTYPE html>\n<html><body><h1>{text}</h1></body></html>\n"
        return cls(status, page, "text/html;charset=UTF-8", headers)

    def head(self, request, node_name, will_close):
        """The status line and headers as bytes."""
        lines = [f"HTTP/1.1 {self.status} {REASONS.get(self.status, 'Unknown')}",
                 f"X-Standin-Node: {node_name}"]
        if self.body or self.stream:
            lines.append(f"Content-Type: {self.content_type}")
        lines.extend(f"{name}: {value}" for name, value in self.headers)
        if self.stream is None:
            lines.append(f"Content-Length: {len(self.body)}")
        elif not request.is_http_10:
            lines.append("Transfer-Encoding: chunked")
        if will_close:
            lines.append("Connection: close")
        elif request.is_http_10:
            lines.append("Connection: keep-alive")
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def parse_head(head):
    try:
        first, *rest = head.decode("latin-1").split("\r\n")
        method, target, version = first.split(" ")
        pairs = [line.split(":", 1) for line in rest]
        headers = {name.lower(): value.strip() for name, value in pairs}
    except ValueError as error:
        raise BadRequest("malformed head") from error
    if not version.startswith("HTTP/1.") or not target.startswith("/"):
        raise BadRequest("not a request this server knows")
    return Request(method, target, version, headers)


class RequestReader:
    """Collects bytes; `take` gives the next whole request or None. `wants_continue` is set when a
    client waits for leave to send its body."""

    def __init__(self):
        self.buffer = bytearray()
        self.wants_continue = False
        self._request = None

    @property
    def is_empty(self):
        return not self.buffer and self._request is None

    def take(self):
        if self._request is None:
            end = self.buffer.find(b"\r\n\r\n")
            if end < 0:
                if len(self.buffer) > MAX_HEAD_BYTES:
                    raise BadRequest("head too large")
                return None
            self._request = parse_head(bytes(self.buffer[:end]))
            del self.buffer[:end + 4]
            self.wants_continue = self._request.headers.get("expect") == "100-continue"
        body = self._take_body(self._request.headers)
        if body is None:
            return None
        request, self._request = self._request, None
        request.body = body
        self.wants_continue = False
        return request

    def _take_body(self, headers):
        if "chunked" in headers.get("transfer-encoding", "").lower():
            return self._take_chunked_body()
        length = headers.get("content-length", "0")
        if not length.isdigit() or int(length) > MAX_BODY_BYTES:
            raise BadRequest("bad content length")
        if len(self.buffer) < int(length):
            return None
        body = bytes(self.buffer[:int(length)])
        del self.buffer[:int(length)]
        return body

    def _take_chunked_body(self):
        """Reads from the start each time: chunked bodies are rare here, and small."""
        body, position = bytearray(), 0
        while True:
            end = self.buffer.find(b"\r\n", position)
            if end < 0:
                break
            try:
                size = int(bytes(self.buffer[position:end]).partition(b";")[0], 16)
            except ValueError as error:
                raise BadRequest("bad chunk size") from error
            position = end + 2 + size + 2
            if position > len(self.buffer):
                break
            if size == 0:
                del self.buffer[:position]
                return bytes(body)
            body += self.buffer[end + 2:end + 2 + size]
        if len(self.buffer) > MAX_BODY_BYTES:
            raise BadRequest("body too large")
        return None
