# SPDX-License-Identifier: Apache-2.0
"""
A small HTTP/1.1 server. Requests whose handler has its answer at once are served without a task,
which is what keeps three nodes cheap beside the load generators of a test.

Stopping: nothing new is accepted, idle connections are closed, answers in flight are finished and
carry "Connection: close"; what is left after the grace is cut.
"""

import asyncio
import inspect
import socket
import time
import traceback

from http_messages import MAX_BODY_BYTES, BadRequest, RequestReader


class Connection(asyncio.Protocol):
    def __init__(self, server):
        self._server = server
        self._loop = server.loop
        self._reader = RequestReader()
        self._transport = None
        self._peer = ""
        self._task = None
        self._idle_timer = None
        self._active_at = 0.0
        self._begin_ns = 0
        self._may_write = asyncio.Event()
        self._may_write.set()

    def connection_made(self, transport):
        self._transport = transport
        self._peer = (transport.get_extra_info("peername") or ("",))[0]
        self._server.connections.add(self)
        self._active_at = self._loop.time()
        self._check_idle()

    def connection_lost(self, _error):
        self._may_write.set()
        if self._task is not None:
            self._task.cancel()
        if self._idle_timer is not None:
            self._idle_timer.cancel()
        self._server.forget(self)

    def pause_writing(self):
        self._may_write.clear()

    def resume_writing(self):
        self._may_write.set()

    def data_received(self, data):
        self._active_at = self._loop.time()
        if self._reader.is_empty:
            self._begin_ns = time.time_ns()
        self._reader.buffer += data
        if self._task is None:
            self._serve_what_is_there()
        elif len(self._reader.buffer) > MAX_BODY_BYTES:
            self.abort()

    def _check_idle(self):
        """One timer a connection that looks again when it could be due, not one a request."""
        left_s = self._active_at + self._server.keep_alive_s - self._loop.time()
        if self._task is not None:
            left_s = self._server.keep_alive_s
        if left_s <= 0:
            self._transport.close()
        else:
            self._idle_timer = self._loop.call_later(left_s, self._check_idle)

    def close_if_idle(self):
        if self._task is None and self._reader.is_empty:
            self._transport.close()

    def abort(self):
        self._transport.abort()

    def _serve_what_is_there(self):
        """Answers all whole requests in the buffer, until one needs time."""
        while self._task is None and not self._transport.is_closing():
            try:
                request = self._reader.take()
            except BadRequest as error:
                self._transport.write(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n"
                                      b"Content-Length: 0\r\nX-Reason: %s\r\n\r\n"
                                      % str(error).encode())
                self._transport.close()
                return
            if request is None:
                if self._reader.wants_continue:
                    self._reader.wants_continue = False
                    self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
                return
            request.begin_ns, self._begin_ns = self._begin_ns, time.time_ns()
            request.peer = self._peer
            answer = self._server.answer(request)
            if inspect.isawaitable(answer) or answer.stream is not None:
                self._task = self._loop.create_task(self._serve_slowly(request, answer))
            else:
                self._send(request, answer)

    def _send(self, request, response):
        will_close = response.is_cut or self._server.is_stopping or not request.keep_alive
        data = response.head(request, self._server.node_name, will_close)
        if request.method != "HEAD":
            body = response.body
            data += body[:len(body) // 2] if response.is_cut else body
        self._transport.write(data)
        self._finish(request, response, will_close)

    def _finish(self, request, response, will_close):
        self._active_at = self._loop.time()
        self._server.log_access(request.begin_ns, request.method, request.target, response.status)
        if will_close:
            self._transport.close()

    async def _serve_slowly(self, request, answer):
        try:
            response = await answer if inspect.isawaitable(answer) else answer
            if response.stream is None:
                self._send(request, response)
            else:
                await self._send_stream(request, response)
        except Exception:
            traceback.print_exc()
            self._transport.abort()
        finally:
            self._task = None
        self._serve_what_is_there()

    async def _send_stream(self, request, response):
        will_close = self._server.is_stopping or not request.keep_alive or request.is_http_10
        self._transport.write(response.head(request, self._server.node_name, will_close))
        if request.method != "HEAD":
            await self._send_pieces(request, response)
        # A stop may have come after the head went out: the client learns it by the close.
        self._finish(request, response, will_close or self._server.is_stopping)

    async def _send_pieces(self, request, response):
        try:
            async for piece in response.stream:
                if not request.is_http_10:
                    piece = b"%x\r\n%s\r\n" % (len(piece), piece)
                self._transport.write(piece)
                await self._may_write.wait()
        finally:
            await response.stream.aclose()
        if not request.is_http_10:
            self._transport.write(b"0\r\n\r\n")


class HttpServer:
    def __init__(self, node_name, keep_alive_s, answer, log_access):
        """`answer(request)` gives a Response, or an awaitable of one."""
        self.loop = asyncio.get_running_loop()
        self.node_name = node_name
        self.keep_alive_s = keep_alive_s
        self.answer = answer
        self.log_access = log_access
        self.connections = set()
        self.is_stopping = False
        self._listener = None
        self._all_gone = asyncio.Event()

    async def listen(self, address, port):
        self._listener = await self.loop.create_server(
            lambda: Connection(self), address, port, family=socket.AF_INET, backlog=512,
            reuse_address=True)

    def forget(self, connection):
        self.connections.discard(connection)
        if self.is_stopping and not self.connections:
            self._all_gone.set()

    async def stop(self, grace_s):
        """True if every request in flight was answered within the grace."""
        self.is_stopping = True
        self._listener.close()
        for connection in list(self.connections):
            connection.close_if_idle()
        if not self.connections:
            return True
        try:
            await asyncio.wait_for(self._all_gone.wait(), grace_s)
            return True
        except asyncio.TimeoutError:
            for connection in list(self.connections):
                connection.abort()
            return False
