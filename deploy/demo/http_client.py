# SPDX-License-Identifier: Apache-2.0
"""
An HTTP/1.1 client that never sends a request twice and takes nothing but a whole answer.

The usual libraries retry for their user's comfort; a client that is to count lost requests must
not.
"""

import asyncio

MAX_HEAD_BYTES = 32 * 1024


class NoAnswer(Exception):
    """The request was sent, or could not be, and there is no complete answer."""


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body


def parse_head(head):
    try:
        first, *rest = head.decode("latin-1").rstrip("\r\n").split("\r\n")
        version, status = first.split(" ")[:2]
        headers = dict(line.split(":", 1) for line in rest)
        if version != "HTTP/1.1":
            raise ValueError("not HTTP/1.1")
        return int(status), {name.lower(): value.strip() for name, value in headers.items()}
    except ValueError as error:
        raise NoAnswer(f"an answer that is not HTTP: {head[:80]!r}") from error


class Client:
    def __init__(self, address, keep_alive, timeout_s):
        self._host, _, self._port = address.rpartition(":")
        self._keep_alive = keep_alive
        self._timeout_s = timeout_s
        self._reader = self._writer = None
        self.reopened = 0

    def close(self):
        if self._writer is not None:
            self._writer.close()
            self._reader = self._writer = None

    async def exchange(self, line, body=b""):
        """`line` is "GET /path". Raises NoAnswer."""
        stage = ["connect"]
        try:
            answer = await asyncio.wait_for(self._exchange(line, body, stage), self._timeout_s)
        except asyncio.TimeoutError as error:
            self.close()
            raise NoAnswer(f"{stage[0]}: nothing within {self._timeout_s} s") from error
        except asyncio.IncompleteReadError as error:
            self.close()
            raise NoAnswer(f"{stage[0]}: closed after {len(error.partial)} bytes") from error
        except (OSError, asyncio.LimitOverrunError) as error:
            self.close()
            raise NoAnswer(f"{stage[0]}: {error}") from error
        except NoAnswer:
            self.close()
            raise
        if not self._keep_alive or answer.headers.get("connection", "").lower() == "close":
            self.close()
        return answer

    async def _exchange(self, line, body, stage):
        await self._open()
        stage[0] = "send"
        connection = "keep-alive" if self._keep_alive else "close"
        head = (f"{line} HTTP/1.1\r\nHost: {self._host}:{self._port}\r\n"
                f"Content-Length: {len(body)}\r\nConnection: {connection}\r\n\r\n")
        self._writer.write(head.encode() + body)
        await self._writer.drain()
        stage[0] = "answer's head"
        status, headers = parse_head(await self._reader.readuntil(b"\r\n\r\n"))
        stage[0] = "answer's body"
        length = headers.get("content-length", "")
        if not length.isdigit():
            raise NoAnswer(f"status {status} without a length")
        return Answer(status, headers, await self._reader.readexactly(int(length)))

    async def _open(self):
        """A connection that was closed while it was idle carried no request: a new one will do."""
        if self._reader is not None and (self._reader.at_eof() or self._writer.is_closing()):
            self.close()
            self.reopened += 1
        if self._reader is None:
            self._reader, self._writer = await asyncio.open_connection(
                self._host, int(self._port), limit=MAX_HEAD_BYTES)
