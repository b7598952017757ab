# SPDX-License-Identifier: Apache-2.0
"""HAProxy in front of the stand-ins: its configuration, what it says of its servers, its log."""

import csv
import datetime
import io
import socket

from balancer import Balancer
from processes import Daemon, write_file

CHECK_PATH = "/status?haproxy"  # so that its checks can be told from others in the access log
CHECK_INTER_MS = 200
CHECK_RISE = 2
ANSWER_BYTES = 65536
GRAIN_MS = 2  # Shunt's steps are in whole ms, the log is finer: it may seem to come after their end

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


def health_check(events, server, begin, end):
    """From HAProxy's word that the server is ready until its word that a check has succeeded."""
    mine = [(at, text) for at, text in events
            if begin <= at <= end + GRAIN_MS and f" {server} " in text]
    ready = [at for at, text in mine if "(leaving forced" in text]
    if ready:
        passed = [at for at, text in mine if at >= ready[-1] and text.startswith("Health check")
                  and text.rstrip(".").endswith(" UP")]
        if passed:
            yield ready[-1], min(passed[0], end), "health check"


class HAProxy(Balancer):
    driver = "haproxy"
    overhead_limit_ms = 50

    def write_configuration(self):
        self.socket_path = f"{self.folder}/haproxy.sock"
        self.log_path = f"{self.folder}/haproxy.log"
        self._config_path = f"{self.folder}/haproxy.cfg"
        write_file(self._config_path, config_text(self.socket_path, self.address, self.http_port,
                                                  self.ssh_port, self.nodes))

    def launch(self):
        return Daemon("haproxy", ["/usr/sbin/haproxy", "-db", "-f", self._config_path],
                      self.log_path)

    def addresses(self):
        return [f"unix:{self.socket_path}"]

    def members(self, number, _node):
        return [f"bb_http/n{number}", f"bb_ssh/n{number}"]

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

    def serves(self, number):
        """It gets new traffic of both kinds."""
        servers = self.servers()
        return all(servers[f"{backend}/n{number}"]["status"] in ("UP", "no check")
                   for backend in ("bb_http", "bb_ssh"))

    def in_rotation(self):
        """How many nodes get new traffic of both kinds."""
        try:
            return sum(self.serves(number) for number in range(1, len(self.nodes) + 1))
        except OSError:
            return 0

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

    def health_check(self, number, begin, end):
        return health_check(self.events(), f"bb_http/n{number}", begin, end)
