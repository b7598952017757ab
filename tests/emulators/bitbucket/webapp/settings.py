# SPDX-License-Identifier: Apache-2.0
"""What a node is told: -D arguments first, shared/bitbucket.properties second, defaults last."""

import os
import socket
import time
from dataclasses import dataclass

# Where a real distribution keeps its version; the start script reads the same file.
VERSION_FILE = "app/META-INF/maven/com.atlassian.bitbucket.server/bitbucket-webapp/pom.properties"

DEFAULTS = {
    "cluster.node.name": "",
    "hazelcast.port": "5701",
    "plugin.ssh.port": "7999",
    "server.address": "0.0.0.0",
    "server.context-path": "",
    "server.port": "7990",
    "standin.admin-password": "admin",
    "standin.admin-user": "admin",
    "standin.begin-ns": "",
    "standin.grace-ms": "30000",
    "standin.keep-alive-ms": "20000",
    "standin.repository-kib": "600",
    "standin.stale-lock-after-cut": "false",
    "standin.start-ms": "300",
    "standin.stop-ms": "200",
    "standin.token": "standin-token",
    "standin.upgrade-tasks-ms": "200",
    "standin.user": "user",
    "standin.user-password": "user",
    "standin.zdu-form": "new",
    "standin.zdu-repeat": "ok",
}


def read_properties(path):
    """key=value lines; '#' starts a comment line. A missing file has no properties."""
    values = {}
    try:
        with open(path, encoding="utf-8") as lines:
            for line in lines:
                key, separator, value = line.partition("=")
                if separator and not key.lstrip().startswith("#"):
                    values[key.strip()] = value.strip()
    except FileNotFoundError:
        pass
    return values


def address_of_this_host():
    """The address of the default route's interface: connecting UDP sends nothing."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
            return probe.getsockname()[0]
        except OSError:
            return "127.0.0.1"


def build_number(version):
    """7.9.4 is build 7009004."""
    numbers = [int("".join(c for c in part if c.isdigit()) or 0) for part in version.split(".")]
    major, minor, patch = (numbers + [0, 0, 0])[:3]
    return str(major * 1000000 + minor * 1000 + patch)


@dataclass(frozen=True)
class Settings:
    home: str
    install: str
    version: str
    values: dict

    @classmethod
    def from_arguments(cls, arguments):
        given = dict(a[2:].partition("=")[::2] for a in arguments if a.startswith("-D"))
        home, install = given["bitbucket.home"], given["bitbucket.install"]
        version = read_properties(os.path.join(install, VERSION_FILE))["version"]
        values = dict(DEFAULTS)
        values.update(read_properties(os.path.join(home, "shared", "bitbucket.properties")))
        values.update(given)
        return cls(home, install, version, values)

    def text(self, key):
        return self.values[key]

    def number(self, key):
        return int(self.values[key])

    def flag(self, key):
        return self.values[key] == "true"

    def path(self, *parts):
        return os.path.join(self.home, *parts)

    @property
    def node_name(self):
        return self.text("cluster.node.name") or socket.gethostname()

    @property
    def context_path(self):
        return self.text("server.context-path").rstrip("/")

    @property
    def advertised_address(self):
        address = self.text("server.address")
        return address_of_this_host() if address == "0.0.0.0" else address

    @property
    def build_number(self):
        return build_number(self.version)

    @property
    def begin_ns(self):
        """When the start script began: its own time is part of the start-up it stands for."""
        given = self.text("standin.begin-ns")
        return int(given) if given else time.time_ns()
