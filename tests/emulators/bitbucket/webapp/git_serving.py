# SPDX-License-Identifier: Apache-2.0
"""
Git for clients: clones over HTTP through git's own CGI program, and the git protocol on the SSH
port.

The SSH port speaks what `git daemon` speaks (git://), not SSH: to a load balancer and to whoever
counts connections it is a long-lived TCP stream all the same. The node itself holds every client
socket and relays, so that a clone is cut when the node dies, as it is with a JVM; a git child
that owned the socket would go on serving.
"""

import asyncio
import os
import re
import time

from git_repository import git_environment, run_git
from http_messages import Response

MAX_PIECE_BYTES = 64 * 1024
MAX_REQUEST_BYTES = 4096
REQUEST_DEADLINE_S = 30
REPOSITORY = re.compile(r"/?(scm/)?([A-Za-z0-9_-][A-Za-z0-9_.-]*\.git)")


def end_child(process):
    if process.returncode is None:
        process.kill()


class Throttle:
    """Slows a transfer to a rate that a test sets; 0 is as fast as it goes."""

    def __init__(self, bytes_per_s):
        self._rate = bytes_per_s
        self.piece_bytes = min(MAX_PIECE_BYTES, max(1, bytes_per_s // 10)) if bytes_per_s \
            else MAX_PIECE_BYTES

    async def pause(self, size):
        if self._rate:
            await asyncio.sleep(size / self._rate)


class GitServing:
    def __init__(self, settings, faults, log_access):
        self._root = settings.path("shared", "data", "repositories")
        self._faults = faults
        self._log_access = log_access
        self._exec_path = None
        self._listener = None
        self._transfers = set()

    async def prepare(self):
        self._exec_path = await run_git("--exec-path")

    async def listen(self, address, port):
        self._listener = await asyncio.start_server(self._serve_client, address, port,
                                                    reuse_address=True)

    def _throttle(self):
        return Throttle(self._faults.get("git_bytes_per_s", 0))

    async def stop(self, grace_s):
        """True if every transfer on the SSH port ended within the grace."""
        if self._listener is not None:
            self._listener.close()
        if not self._transfers:
            return True
        _, late = await asyncio.wait(self._transfers, timeout=grace_s)
        for transfer in late:
            transfer.cancel()
        return not late

    # The git protocol on the SSH port.

    async def _serve_client(self, reader, writer):
        transfer = asyncio.current_task()
        self._transfers.add(transfer)
        begin_ns, path, status = time.time_ns(), "", 400
        try:
            path, protocol = await asyncio.wait_for(read_git_request(reader), REQUEST_DEADLINE_S)
            folder = self._folder_of(path)
            if folder is None:
                status = 404
                writer.write(packet("ERR repository not found"))
            else:
                status = await self._relay_upload_pack(folder, protocol, reader, writer)
        except (asyncio.CancelledError, ConnectionError, EOFError, ValueError,
                asyncio.TimeoutError):
            status = 499 if path else 400
        finally:
            self._transfers.discard(transfer)
            self._log_access(begin_ns, "GIT", path, status)
            if status == 499:
                writer.transport.abort()
            writer.close()

    def _folder_of(self, path):
        match = REPOSITORY.fullmatch(path)
        folder = os.path.join(self._root, match[2]) if match else None
        return folder if folder and os.path.isdir(folder) else None

    async def _relay_upload_pack(self, folder, protocol, reader, writer):
        process = await asyncio.create_subprocess_exec(
            "git", "upload-pack", "--strict", folder, env=git_environment(GIT_PROTOCOL=protocol),
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE)
        upwards = asyncio.create_task(relay(reader, process.stdin, Throttle(0)))
        try:
            await relay(process.stdout, writer, self._throttle())
            return 200 if await process.wait() == 0 else 500
        finally:
            upwards.cancel()
            end_child(process)

    # Smart HTTP.

    async def answer_http(self, request):
        """Runs git http-backend for /scm/<repository>/…; the body is streamed as it comes."""
        path = request.path.removeprefix("/scm")
        repository = path.removeprefix("/").partition("/")[0]
        if self._folder_of(repository) is None:
            return Response(404, "no such repository\n")
        process = await asyncio.create_subprocess_exec(
            os.path.join(self._exec_path, "git-http-backend"),
            env=self._cgi_environment(request, path),
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE)
        feeding = asyncio.create_task(feed(process, request.body))
        try:
            status, content_type, headers = await read_cgi_head(process.stdout)
        except BaseException:
            feeding.cancel()
            end_child(process)
            raise
        body = self._cgi_body(process, feeding)
        return Response(status, content_type=content_type, headers=headers, stream=body)

    def _cgi_environment(self, request, path):
        headers = request.headers
        return git_environment(
            GIT_PROJECT_ROOT=self._root,
            GIT_HTTP_EXPORT_ALL="1",
            GIT_PROTOCOL=headers.get("git-protocol", ""),
            REQUEST_METHOD=request.method,
            PATH_INFO=path,
            QUERY_STRING=request.query_string,
            REMOTE_ADDR=request.peer,
            CONTENT_TYPE=headers.get("content-type", ""),
            CONTENT_LENGTH=str(len(request.body)),
            HTTP_CONTENT_ENCODING=headers.get("content-encoding", ""))

    async def _cgi_body(self, process, feeding):
        throttle = self._throttle()
        try:
            while piece := await process.stdout.read(throttle.piece_bytes):
                yield piece
                await throttle.pause(len(piece))
            await process.wait()
        finally:
            feeding.cancel()
            end_child(process)


def packet(text):
    return b"%04x%s\n" % (len(text) + 5, text.encode())


async def read_git_request(reader):
    """'git-upload-pack /demo.git\\0host=…\\0\\0version=2\\0' → (path, protocol)."""
    size = int(await reader.readexactly(4), 16)
    if not 4 < size <= MAX_REQUEST_BYTES:
        raise ValueError("bad length")
    line = (await reader.readexactly(size - 4)).decode()
    command, _, extra = line.partition("\0")
    service, _, path = command.rstrip("\n").partition(" ")
    if service != "git-upload-pack":
        raise ValueError("only fetches are served")
    protocol = [word for word in extra.partition("\0\0")[2].split("\0") if word]
    return path, ":".join(protocol)


async def relay(reader, writer, throttle):
    try:
        while piece := await reader.read(throttle.piece_bytes):
            writer.write(piece)
            await writer.drain()
            await throttle.pause(len(piece))
    finally:
        writer.close()


async def feed(process, body):
    """A CGI program may end without reading all; that shows in its answer, not here."""
    try:
        process.stdin.write(body)
        await process.stdin.drain()
        process.stdin.close()
    except ConnectionError:
        pass


async def read_cgi_head(output):
    status, content_type, headers = 200, "text/plain", []
    while line := (await output.readline()).decode("latin-1").rstrip("\r\n"):
        name, _, value = line.partition(": ")
        if name == "Status":
            status = int(value.partition(" ")[0])
        elif name == "Content-Type":
            content_type = value
        else:
            headers.append((name, value))
    return status, content_type, headers
