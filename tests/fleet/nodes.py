# SPDX-License-Identifier: Apache-2.0
"""
Nodes of the stand-in on hosts of their own, installed as an administrator has done it for the
product: beside each other below /opt/atlassian/bitbucket, run by a service as atlbitbucket, with
the home's `shared` mounted from elsewhere.
"""

import json
import os
import subprocess

import standin
from hosts import Host
from processes import run

RELEASES, HOME = "/opt/atlassian/bitbucket", "/var/atlassian/application-data/bitbucket"
USER, USER_ID = "atlbitbucket", 899  # base.sh makes it
ARTIFACTS = "/srv"  # of all nodes, from one file server
START = "bin/_start-webapp.sh"

UNIT = """\
[Unit]
Description=Bitbucket
After=network-online.target
[Service]
Type=forking
User={user}
UMask=0027
PIDFile={home}/log/bitbucket.pid
ExecStart={install}/bin/start-bitbucket.sh --no-search
ExecStop={install}/bin/stop-bitbucket.sh
TimeoutStopSec=60
[Install]
WantedBy=multi-user.target
"""

INIT_SCRIPT = """\
#!/bin/bash
### BEGIN INIT INFO
# Provides: atlbitbucket
# Required-Start: $remote_fs $network
# Required-Stop: $remote_fs $network
# Default-Start: 2 3 4 5
# Default-Stop: 0 1 6
# Short-Description: Bitbucket
### END INIT INFO
INSTALL={install}
case $1 in
    start) runuser -u {user} -- "$INSTALL/bin/start-bitbucket.sh" --no-search ;;
    stop) runuser -u {user} -- "$INSTALL/bin/stop-bitbucket.sh" ;;
    *) exit 2 ;;
esac
"""


class Service:
    """How Bitbucket is started: what the agent has to be told of it, whether a link names the
    release, and what an administrator types to start it."""

    def __init__(self, has_link, start, path=None, text=None, enable=None, yaml=None):
        self.has_link, self.start, self.yaml = has_link, start, yaml
        self.path, self.text, self.enable = path, text, enable


UNIT_PATH, SCRIPT_PATH = "/etc/systemd/system/bitbucket.service", "/etc/init.d/atlbitbucket"
OF_UNIT = {"path": UNIT_PATH, "text": UNIT, "start": "systemctl start bitbucket",
           "enable": "systemctl enable bitbucket.service"}
SERVICES = {
    "link": Service(has_link=True, **OF_UNIT),
    "unit": Service(has_link=False, **OF_UNIT),
    "sysv": Service(False, f"{SCRIPT_PATH} start", SCRIPT_PATH, INIT_SCRIPT,
                    "update-rc.d atlbitbucket defaults"),
    "script": Service(True, f"runuser -u {USER} -- "
                      f"{RELEASES}/current/bin/start-bitbucket.sh --no-search",
                      yaml=f"{{kind: script, user: {USER}}}"),
}


class HostNode(standin.Node):
    def __init__(self, host, service):  # pylint: disable=super-init-not-called
        self.host, self.service = host, SERVICES[service]
        self.name, self.address = host.name, host.address
        self.http_port, self.ssh_port = 7990, 7999
        self.releases, self.home = host.path(RELEASES), host.path(HOME)
        self.link = os.path.join(self.releases, "current")

    @staticmethod
    def make_host(ground, name, number, shared_home, artifacts):
        return Host(ground, name, number, {f"{HOME}/shared": shared_home, ARTIFACTS: artifacts})

    def install(self, tarball, version):
        for path in (self.releases, os.path.join(self.home, "shared")):
            os.makedirs(path, exist_ok=True)
        run("tar", "-xzf", tarball, "-C", self.releases)
        os.rename(os.path.join(self.releases, f"atlassian-bitbucket-{version}"),
                  os.path.join(self.releases, version))
        run("chown", f"{USER_ID}:{USER_ID}", self.home)
        self.edit(version, "bin/set-bitbucket-home.sh", "BITBUCKET_HOME=\n",
                  f"BITBUCKET_HOME={HOME}\n")
        self.edit(version, START, "JVM_SUPPORT_RECOMMENDED_ARGS=\n",
                  f"JVM_SUPPORT_RECOMMENDED_ARGS=-Dcluster.node.name={self.name}\n")
        self._define_service(version)

    def _define_service(self, version):
        service = self.service
        if service.has_link:
            os.symlink(version, self.link)
        if service.text is not None:
            install = f"{RELEASES}/{'current' if service.has_link else version}"
            self.host.write(service.path,
                            service.text.format(install=install, user=USER, home=HOME),
                            0o755 if service.path == SCRIPT_PATH else 0o644)
            subprocess.run(["chroot", self.host.root, *service.enable.split()], check=True,
                           capture_output=True)

    # Files of a release.

    def file(self, version, path):
        return os.path.join(self.releases, version, path)

    def read(self, version, path):
        with open(self.file(version, path), encoding="utf-8") as text:
            return text.read()

    def edit(self, version, path, old, new):
        """Keeps owner and mode."""
        text = self.read(version, path)
        if old not in text:
            raise ValueError(f"{path} of {version} has no '{old}'")
        with open(self.file(version, path), "w", encoding="utf-8") as out:
            out.write(text.replace(old, new, 1))

    def left_in_releases(self):
        return sorted(os.listdir(self.releases))

    def forget_faults(self, *names):
        """Also while it is down; one that runs sees it within a moment."""
        path = os.path.join(self.home, "standin-faults.json")
        with open(path, "r+", encoding="utf-8") as file:
            faults = json.load(file)
            kept = {name: value for name, value in faults.items() if name not in names}
            file.seek(0)
            file.truncate()
            json.dump(kept, file)

    # What an administrator does.

    def start(self):
        self.host.run(self.service.start)

    def is_at(self, version):
        try:
            return self.is_running() and self.version() == version
        except OSError:
            return False

    def state(self):
        """What is seen of it from outside."""
        try:
            return f"{self.version()} {self.ask('/status')['state']}"
        except OSError as failure:
            return str(failure)
