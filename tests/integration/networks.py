# SPDX-License-Identifier: Apache-2.0
"""Loopback addresses that one scenario has to itself."""

import contextlib
import itertools
import os
import socket

NETWORKS = itertools.count(16 * os.getpid())


@contextlib.contextmanager
def claimed_network():
    """The first three numbers of addresses that no other scenario has, not in another run either:
    one of them is held for as long as the scenario lasts."""
    with socket.socket() as claim:
        for number in NETWORKS:
            prefix = f"127.{192 + number % 60}.{number // 60 % 250}"
            try:
                claim.bind((f"{prefix}.254", 7990))
                break
            except OSError:
                continue
        yield prefix
