# SPDX-License-Identifier: Apache-2.0
"""The HTTP client of the traffic generator, against a server that does what a script says."""

import asyncio

import pytest

import http_client

WHOLE = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nyes"


class ScriptedServer:
    """Each connection plays the next script: a list of what to answer to one request each, then
    the connection is closed. None stands for no answer at all."""

    def __init__(self, *scripts):
        self._scripts = list(scripts)
        self.requests = []
        self.closed = asyncio.Event()

    async def __aenter__(self):
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *_):
        self._server.close()

    @property
    def address(self):
        return "127.0.0.1:%d" % self._server.sockets[0].getsockname()[1]

    async def _serve(self, reader, writer):
        for answer in self._scripts.pop(0):
            self.requests.append(await reader.readuntil(b"\r\n\r\n"))
            if answer is None:
                await reader.read()
            else:
                writer.write(answer)
        writer.close()
        self.closed.set()


def play(*scripts, requests=1, keep_alive=True):
    """Sends requests one after the other and returns (answers or failure texts, server, client)."""
    async def scenario():
        results = []
        async with ScriptedServer(*scripts) as server:
            client = http_client.Client(server.address, keep_alive, 0.3)
            for _ in range(requests):
                try:
                    results.append((await client.exchange("GET /")).body)
                except http_client.NoAnswer as failure:
                    results.append(str(failure))
                await asyncio.sleep(0.02)  # an idle connection's end has time to arrive
            client.close()
        return results, server, client
    return asyncio.run(scenario())


def test_whole_answers_come_over_one_connection():
    results, server, client = play([WHOLE, WHOLE], requests=2)
    assert results == [b"yes", b"yes"]
    assert len(server.requests) == 2 and client.reopened == 0


def test_idle_connection_that_was_closed_is_opened_again_and_is_no_failure():
    results, server, client = play([WHOLE], [WHOLE], requests=2)
    assert results == [b"yes", b"yes"]
    assert len(server.requests) == 2 and client.reopened == 1


def test_request_that_was_sent_and_not_answered_is_not_sent_again():
    results, server, _ = play([b""], [WHOLE])
    assert results == ["answer's head: closed after 0 bytes"]
    assert len(server.requests) == 1


@pytest.mark.parametrize("answer, failure", [
    (WHOLE[:-1], "answer's body: closed after 2 bytes"),
    (WHOLE[:20], "answer's head: closed after 20 bytes"),
    (b"HTTP/1.1 200 OK\r\n\r\nyes", "status 200 without a length"),
    (b"nonsense\r\n\r\n", "an answer that is not HTTP: b'nonsense\\r\\n\\r\\n'"),
])
def test_answer_that_is_not_whole_is_a_failure(answer, failure):
    results, _, _ = play([answer])
    assert results == [failure]


def test_silence_is_a_failure_in_time():
    results, _, _ = play([None])
    assert results == ["answer's head: nothing within 0.3 s"]


def test_refused_connection_is_a_failure():
    async def scenario():
        async with ScriptedServer() as server:
            address = server.address
        client = http_client.Client(address, True, 1)
        with pytest.raises(http_client.NoAnswer, match="^connect: "):
            await client.exchange("GET /")
    asyncio.run(scenario())


def test_client_without_keep_alive_opens_a_connection_a_request():
    results, server, client = play([WHOLE], [WHOLE], requests=2, keep_alive=False)
    assert results == [b"yes", b"yes"]
    assert all(b"Connection: close" in request for request in server.requests)
    assert client.reopened == 0
