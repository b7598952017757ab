# SPDX-License-Identifier: Apache-2.0
"""Fixtures of the stand-in's own tests."""

import itertools
import os
import shutil
import subprocess
import sys
import tempfile

import pytest

# No compiled files beside the sources: others read this folder too.
sys.dont_write_bytecode = True

from standin_node import HERE, Node, free_port

GROUPS = itertools.count(1)


@pytest.fixture(scope="session")
def releases():
    """`releases(version)` unpacks a release once and gives its install directory."""
    # Not pytest's own folder: that one is closed to the other accounts some scenarios run as.
    folder = tempfile.mkdtemp(prefix="standin-releases-")
    os.chmod(folder, 0o755)

    def install(version):
        target = os.path.join(folder, f"atlassian-bitbucket-{version}")
        if not os.path.isdir(target):
            subprocess.run([os.path.join(HERE, "make-release"), version, folder], check=True,
                           stdout=subprocess.DEVNULL)
            subprocess.run(["tar", "xzf", f"{target}.tar.gz", "-C", folder], check=True)
        return target

    yield install
    shutil.rmtree(folder)


@pytest.fixture
def cluster(releases):
    """`cluster(n, **properties)` makes n nodes that share a home; all of them end with the test."""
    folder = tempfile.mkdtemp(prefix="standin-")
    os.chmod(folder, 0o755)
    nodes = []

    def make(count, **properties):
        shared = os.path.join(folder, "shared")
        os.makedirs(shared, exist_ok=True)
        values = {"standin.start-ms": 60, "standin.stop-ms": 20, "standin.grace-ms": 5000,
                  "standin.upgrade-tasks-ms": 60}
        values.update({"standin." + key.replace("_", "-"): value
                       for key, value in properties.items()})
        with open(os.path.join(shared, "bitbucket.properties"), "w", encoding="utf-8") as out:
            out.writelines(f"{key}={value}\n" for key, value in values.items())
        # An address of its own for every node of every test, so that no two can meet.
        group = next(GROUPS)
        for number in range(1, count + 1):
            address = f"127.{64 + os.getpid() % 128}.{group}.{number}"
            nodes.append(Node(releases, os.path.join(folder, f"home{number}"), shared,
                              f"node{number}", address, free_port(address), free_port(address)))
        return nodes

    yield make
    for node in nodes:
        node.kill_all()
    shutil.rmtree(folder)


@pytest.fixture
def node(cluster):
    """One node at 7.9.0, running."""
    (only,) = cluster(1)
    only.start("7.9.0")
    only.wait_state("RUNNING")
    return only


@pytest.fixture
def three(cluster):
    """Three nodes at 7.9.0, all ACTIVE."""
    nodes = cluster(3)
    for each in nodes:
        each.start("7.9.0")
    for each in nodes:
        each.wait_state("RUNNING")
    return nodes
