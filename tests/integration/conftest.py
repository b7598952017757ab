# SPDX-License-Identifier: Apache-2.0
"""What the scenarios stand on: the parts of the demo, each scenario with addresses of its own."""

import contextlib
import os
import shutil
import sys
import tempfile

import pytest

# No compiled files beside the sources.
sys.dont_write_bytecode = True

TOP = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
sys.path.insert(0, os.path.join(TOP, "deploy", "demo"))

import haproxy
import operator_wire
import standin
from fleet import FIRST_VERSION
from networks import claimed_network
from processes import Failed
from trial import running


@pytest.fixture(scope="session")
def build_dir():
    """Where the programs under test are: a sanitizer's build, or the plain one."""
    return os.environ.get("SHUNT_BUILD_DIR") or os.path.join(TOP, "build")


@pytest.fixture
def folder():
    # Not pytest's own folder: the path of a unix socket has 107 bytes at most.
    path = tempfile.mkdtemp(prefix="shunt-it-")
    yield path
    shutil.rmtree(path)


@pytest.fixture
def network():
    with claimed_network() as prefix:
        yield prefix


class Stage:
    """Stand-ins behind HAProxy, without anything of Shunt."""

    def __init__(self, folder, network, count, **properties):
        self.folder, self.front = folder, f"{network}.100"
        self.http, self.ssh = f"{self.front}:18080", f"{self.front}:17999"
        shared_home = os.path.join(folder, "shared-home")
        standin.make_shared_home(shared_home, start_ms=100, stop_ms=20, **properties)
        self.nodes = [standin.Node(os.path.join(folder, f"bb{number}"), f"bb{number}",
                                   f"{network}.{number}", 7990, 7999, shared_home)
                      for number in range(1, count + 1)]
        self.lb = haproxy.HAProxy(folder, self.front, 18080, 17999, self.nodes)

    def start(self):
        tarball = standin.make_release(FIRST_VERSION, self.folder)
        for node in self.nodes:
            node.install(tarball, FIRST_VERSION)
            node.start()
        for node in self.nodes:
            node.wait_running()
        self.lb.start()

    def stop(self):
        if self.lb.daemon is not None:
            self.lb.daemon.stop()
        for node in self.nodes:
            try:
                node.stop()
            except Failed as failure:
                print(failure)


@pytest.fixture
def stage(folder, network):
    """Three nodes at 7.9.0 behind HAProxy, all in rotation."""
    made = Stage(folder, network, 3)
    try:
        made.start()
        yield made
    finally:
        made.stop()


@pytest.fixture
def begin(folder, network):
    """begin(…) gives the scenario's own Trial, under light traffic; its operators are vera, otto
    and anna."""
    with contextlib.ExitStack() as stack:
        def enter(with_traffic=True, **options):
            options.setdefault("operators", operator_wire.make_keys(folder))
            return stack.enter_context(running(folder, network, with_traffic, **options))
        yield enter


@pytest.fixture(scope="module")
def shared_trial(request):
    """One for all scenarios of a file that leave it as it was; TRIAL_OPTIONS of the file are its."""
    options = getattr(request.module, "TRIAL_OPTIONS", {})
    path = tempfile.mkdtemp(prefix="shunt-it-")
    try:
        with claimed_network() as prefix, \
                running(path, prefix, operators=operator_wire.make_keys(path), **options) as made:
            yield made
            made.assert_nothing_lost()
    finally:
        shutil.rmtree(path)
