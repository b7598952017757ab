# SPDX-License-Identifier: Apache-2.0
"""Fixtures of the stand-in's own tests."""

import os
import sys

import pytest

# No compiled files beside the sources: others read this folder too.
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from standin_process import Standin


@pytest.fixture(scope="module")
def process():
    standin = Standin()
    yield standin
    standin.stop()


@pytest.fixture
def azure(process):
    """The stand-in with one gateway, one interface and one instance."""
    process.create_all()
    return process
