# SPDX-License-Identifier: Apache-2.0
"""A rollback needs nothing from the network but Redis, and finds the old tree as it was."""

import functools
import hashlib
import http.server
import os
import shutil
import threading

import pytest

ALL = ("bb1", "bb2", "bb3")


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


class Artifacts:
    """A small HTTP server for one folder, which can go away."""

    def __init__(self, folder, address):
        handler = functools.partial(QuietHandler, directory=folder)
        self._server = http.server.ThreadingHTTPServer((address, 0), handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()
        self.url = f"http://{address}:{self._server.server_address[1]}"

    def stop(self):
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture
def serve():
    servers = []

    def start(folder, address):
        servers.append(Artifacts(folder, address))
        return servers[-1]
    yield start
    for server in servers:
        server.stop()


def sha256_of(path):
    with open(path, "rb") as artifact:
        return hashlib.sha256(artifact.read()).hexdigest()


def test_rollback_after_the_artifact_server_is_gone(begin, serve):
    trial = begin()
    before = {name: trial.tree(name, "7.9.0") for name in ALL}
    path = trial.release("7.9.4")
    server = serve(os.path.dirname(path), trial.front)
    trial.fail_from("bb3", "7.9.4", error_at_start=True)
    trial.node("bb1").set_faults(stop_delay_ms=500)
    trial.upgrade("7.9.4", artifact=f"{server.url}/{os.path.basename(path)}",
                  sha256=sha256_of(path))
    trial.at_step("bb1", "stop")  # everything is staged
    shutil.rmtree(os.path.dirname(path))
    trial.ended("rolled-back")
    assert {name: trial.tree(name, "7.9.0") for name in ALL} == before
    for name in ALL:
        assert trial.runs(name) == ["stop 7.9.0", "start 7.9.4", "stop 7.9.4", "start 7.9.0"]
    trial.assert_settled("7.9.0")


def test_rollback_after_the_artifact_was_removed(begin):
    trial = begin()
    before = {name: trial.tree(name, "7.9.0") for name in ALL}
    path = trial.release("7.9.4")
    trial.fail_from("bb2", "7.9.4", error_at_start=True)
    trial.node("bb1").set_faults(stop_delay_ms=500)
    trial.upgrade("7.9.4", artifact=path)
    trial.at_step("bb1", "stop")
    shutil.rmtree(os.path.dirname(path))
    trial.ended("rolled-back")
    assert {name: trial.tree(name, "7.9.0") for name in ALL} == before
    trial.assert_settled("7.9.0")


def test_artifact_over_http_is_taken_with_its_hash(begin, serve):
    trial = begin()
    path = trial.release("7.9.4")
    server = serve(os.path.dirname(path), trial.front)
    trial.upgrade("7.9.4", artifact=f"{server.url}/{os.path.basename(path)}",
                  sha256=sha256_of(path))
    trial.ended("done")
    assert trial.left_in_releases("7.9.0", "7.9.4") == set()
    trial.assert_settled("7.9.4")


def test_artifact_over_http_of_another_hash_is_refused(begin, serve):
    trial = begin()
    path = trial.release("7.9.4")
    server = serve(os.path.dirname(path), trial.front)
    trial.upgrade("7.9.4", artifact=f"{server.url}/{os.path.basename(path)}", sha256="0" * 64)
    upgrade = trial.ended("failed")
    assert "node bb" in upgrade["reason"]["message"] and "0" * 64 in upgrade["reason"]["message"]
    assert trial.left_in_releases("7.9.0") == set()
    trial.assert_untouched()


def test_artifact_over_http_that_is_missing_is_refused(begin, serve):
    trial = begin()
    server = serve(trial.node("bb1").folder, trial.front)
    trial.refused("7.9.4", *(("artifact and room", name, "nowhere.tar.gz.*404") for name in ALL),
                  artifact=f"{server.url}/nowhere.tar.gz", sha256="0" * 64)
    assert trial.left_in_releases("7.9.0") == set()
    trial.assert_untouched()
