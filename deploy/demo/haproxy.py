# SPDX-License-Identifier: Apache-2.0
"""HAProxy in front of the stand-ins: its configuration, what it says of its servers, its log."""

import csv
import datetime
import io
import socket

from processes import Daemon, wait_until, write_file

CHECK_PATH = "/status?haproxy"  # so that its checks can be told from others in the access log
CHECK_INTER_MS = 200
CHECK_RISE = 2
ANSWER_BYTES = 65536

# retries 0: the demo is to see each connection that a node refuses, not have it papered over.
CONFIG = """\
global
    stats socket {socket} mode 600 level admin
    log stdout format iso daemon
    maxconn 2000

defaults
    log global
    retries 0
    timeout connect 5s
    timeout client 60s
    timeout server 60s
    timeout queue 30s
    timeout check 2s
    timeout http-request 10s
    timeout http-keep-alive 60s

frontend http_in
    bind {address}:{http_port}
    mode http
    no log
    default_backend bb_http

frontend ssh_in
    bind {address}:{ssh_port}
    mode tcp
    no log
    default_backend bb_ssh

backend bb_http
    mode http
    balance roundrobin
    option httpchk GET {check_path}
    http-check expect string RUNNING
    option log-health-checks
    default-server check inter {inter}ms rise {rise} fall 2
{http_servers}

backend bb_ssh
    mode tcp
    balance roundrobin
{ssh_servers}
"""


def config_text(socket_path, address, http_port, ssh_port, nodes):
    """`nodes` have an address, http_port and ssh_port; the n-th is server nN in both backends."""
    http, ssh = [], []
    for number, node in enumerate(nodes, 1):
        http.append(f"    server n{number} {node.address}:{node.http_port}")
        ssh.append(f"    server n{number} {node.address}:{node.ssh_port} track bb_http/n{number}")
    return CONFIG.format(socket=socket_path, address=address, http_port=http_port,
                         ssh_port=ssh_port, check_path=CHECK_PATH, inter=CHECK_INTER_MS,
                         rise=CHECK_RISE, http_servers="\n".join(http),
                         ssh_servers="\n".join(ssh))


class HAProxy:
    def __init__(self, folder, address, http_port, ssh_port, nodes):
        self.socket_path = f"{folder}/haproxy.sock"
        self.log_path = f"{folder}/haproxy.log"
        self._config_path = f"{folder}/haproxy.cfg"
        self._nodes = nodes
        self.daemon = None
        write_file(self._config_path,
                   config_text(self.socket_path, address, http_port, ssh_port, nodes))

    def start(self):
        self.daemon = Daemon("haproxy", ["/usr/sbin/haproxy", "-db", "-f", self._config_path],
                             self.log_path)
        wait_until(lambda: self.in_rotation() == len(self._nodes), "all nodes in rotation", 20,
                   self.daemon)

    def command(self, line):
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(5)
            connection.connect(self.socket_path)
            connection.sendall(line.encode() + b"\n")
            return b"".join(iter(lambda: connection.recv(ANSWER_BYTES), b"")).decode()

    def servers(self):
        """{"bb_http/n1": row of `show stat`, …}"""
        rows = csv.DictReader(io.StringIO(self.command("show stat").removeprefix("# ")))
        return {f"{row['pxname']}/{row['svname']}": row for row in rows
                if row["svname"] not in ("FRONTEND", "BACKEND")}

    def in_rotation(self):
        """How many nodes get new traffic of both kinds."""
        try:
            servers = self.servers()
        except OSError:
            return 0
        return sum(all(servers[f"{backend}/n{number}"]["status"] in ("UP", "no check")
                       for backend in ("bb_http", "bb_ssh"))
                   for number in range(1, len(self._nodes) + 1))

    def events(self):
        """(wall clock in ms, text) of each line of the log."""
        with open(self.log_path, encoding="utf-8", errors="replace") as log:
            for line in log:
                stamp, _, text = line.rstrip("\n").partition(" ")
                try:
                    at = datetime.datetime.fromisoformat(stamp)
                except ValueError:
                    continue
                yield at.timestamp() * 1000, text
