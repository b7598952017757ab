# SPDX-License-Identifier: Apache-2.0
"""Nodes of the Bitbucket stand-in, installed as an administrator would have done it by hand."""

import json
import os
import re
import urllib.request

from processes import run, wait_until, write_file

TOP = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
STANDIN = os.path.join(TOP, "tests", "emulators", "bitbucket")
ADMIN = ("admin", "admin")


def make_release(version, folder, files=24):
    """A tarball like the product's; returns its path."""
    return run(os.path.join(STANDIN, "make-release"), version, folder,
               "--files", str(files)).strip()


def make_shared_home(folder, **properties):
    """The part of the home that all nodes have in common."""
    for name in ("data", "config", "plugins/installed-plugins", "lib"):
        os.makedirs(os.path.join(folder, name))
    lines = ["jdbc.url=jdbc:postgresql://db.example.com/bitbucket\n", "jdbc.user=bitbucket\n"]
    lines += [f"standin.{name.replace('_', '-')}={value}\n" for name, value in properties.items()]
    write_file(os.path.join(folder, "bitbucket.properties"), "".join(lines), 0o640)
    write_file(os.path.join(folder, "config", "ssh-server-keys.pem"), "a key\n", 0o600)
    write_file(os.path.join(folder, "plugins/installed-plugins/example.jar"), "a plugin\n")


class Node:
    """One node: FOLDER/releases/VERSION, FOLDER/current and FOLDER/home."""

    def __init__(self, folder, name, address, http_port, ssh_port, shared_home):
        self.folder, self.name, self.address = folder, name, address
        self.http_port, self.ssh_port = http_port, ssh_port
        self.releases = os.path.join(folder, "releases")
        self.link = os.path.join(folder, "current")
        self.home = os.path.join(folder, "home")
        os.makedirs(self.releases)
        os.makedirs(self.home)
        os.symlink(shared_home, os.path.join(self.home, "shared"))

    @property
    def url(self):
        return f"http://{self.address}:{self.http_port}"

    @property
    def environment(self):
        """What the service definition of this node gives to the start script."""
        arguments = {"cluster.node.name": self.name, "server.address": self.address,
                     "server.port": self.http_port, "plugin.ssh.port": self.ssh_port}
        return {"JVM_SUPPORT_RECOMMENDED_ARGS":
                " ".join(f"-D{key}={value}" for key, value in arguments.items())}

    def install(self, tarball, version):
        run("tar", "-xzf", tarball, "-C", self.releases)
        os.rename(os.path.join(self.releases, f"atlassian-bitbucket-{version}"),
                  os.path.join(self.releases, version))
        os.symlink(os.path.join(self.releases, version), self.link)
        self._set_home(os.path.join(self.link, "bin", "set-bitbucket-home.sh"))

    def _set_home(self, script):
        with open(script, encoding="utf-8") as lines:
            text = lines.read()
        text = re.sub(r"^(\s*BITBUCKET_HOME=)$", lambda found: found[1] + self.home, text,
                      count=1, flags=re.MULTILINE)
        write_file(script, text)

    def start(self):
        self._script("start-bitbucket.sh", "--no-search")

    def stop(self):
        if os.path.islink(self.link):
            self._script("stop-bitbucket.sh")

    def _script(self, name, *arguments):
        run(os.path.join(self.link, "bin", name), *arguments,
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", **self.environment})

    def ask(self, path, auth=False, body=None):
        """The JSON that the node itself answers."""
        request = urllib.request.Request(self.url + path, body)
        if auth:
            manager = urllib.request.HTTPPasswordMgrWithPriorAuth()
            manager.add_password(None, self.url, *ADMIN, is_authenticated=True)
            opener = urllib.request.build_opener(urllib.request.HTTPBasicAuthHandler(manager))
        else:
            opener = urllib.request.build_opener()
        with opener.open(request, timeout=10) as answer:
            return json.load(answer)

    def version(self):
        return self.ask("/rest/api/1.0/application-properties")["version"]

    def cluster(self):
        return self.ask("/rest/zdu/cluster", auth=True)

    def is_running(self):
        try:
            return self.ask("/status")["state"] == "RUNNING"
        except OSError:
            return False

    def wait_running(self, deadline_s=30):
        wait_until(self.is_running, f"{self.name} to be RUNNING", deadline_s)

    def set_faults(self, **faults):
        """Adds to what the stand-in is to show; None takes a fault away."""
        self.ask("/setup", body=json.dumps(faults).encode())

    def repository_head(self):
        repository = os.path.join(self.home, "shared", "data", "repositories", "demo.git")
        return run("git", "-c", "safe.directory=*", "--git-dir", repository, "rev-parse",
                   "HEAD").strip()

    def lifecycle(self):
        return self._log_lines("lifecycle.log")

    def accesses(self):
        return self._log_lines("access.log")

    def _log_lines(self, name):
        try:
            with open(os.path.join(self.home, "log", name), encoding="utf-8") as lines:
                return [json.loads(line) for line in lines]
        except FileNotFoundError:
            return []
