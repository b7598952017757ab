# SPDX-License-Identifier: Apache-2.0
"""A real agent is given archives that must do no harm: each is refused with a reason, or staged
where it breaks no rule; nothing beside the releases changes, and nothing of it is left."""

import hashlib
import os
import re
import resource
import shutil
import stat
import tempfile
import time

import pytest

import hostile_archives
from shunt_wire import Agent, Controller, RedisServer
from tar_blocks import VERSION, good_files

RUNNING = "7.9.0"
MEMORY_MOST = 24 << 20  # of the agent and of each job, heap and stacks
SECONDS_MOST = 10
CASES = list(hostile_archives.cases("/outside"))
NAMES = [case.name for case in CASES]


def is_sanitized():
    return "asan" in os.environ.get("SHUNT_BUILD_DIR", "")


class Target(Agent):
    """An agent beside files that nothing may touch."""

    def __init__(self, folder, server):
        super().__init__(folder, server)
        os.unlink(self.path("releases/current"))
        os.rename(self.path("releases/7.9.4"), self.path(f"releases/{RUNNING}"))
        os.symlink(RUNNING, self.path("releases/current"))
        for name in ("outside/inner", "artifacts", f"releases/{RUNNING}/bin"):
            os.makedirs(self.path(name))
        for name in ("outside/file", "outside/inner/file", "home/bitbucket.properties",
                     f"releases/{RUNNING}/bin/start-bitbucket.sh"):
            self.write_private(name, "as it was\n")
        os.chmod(self.path("outside/inner/file"), 0o4751)
        os.symlink("file", self.path("outside/link"))
        self.controller = Controller(server, self.key)
        self.configure(self.controller, 7990)
        with open(self.path("agent.yaml"), "a", encoding="utf-8") as out:
            out.write('  customisations: [{files: "*", do: keep-new}]\n')
        self.cases = {case.name: case for case in hostile_archives.cases(self.path("outside"))}

    def start(self):
        if not is_sanitized():
            limits = resource.getrlimit(resource.RLIMIT_DATA)
            resource.setrlimit(resource.RLIMIT_DATA, (MEMORY_MOST, limits[1]))
        super().start()
        if not is_sanitized():
            resource.setrlimit(resource.RLIMIT_DATA, limits)
        self.controller.hello()

    def stage(self, case):
        path = self.path(f"artifacts/{case.name}")
        with open(path, "wb") as out:
            out.write(case.data)
        fields = {"sha256": case.sha256} if case.sha256 else {}
        report = self.end("stage", version=VERSION, artifact=path, **fields)
        os.unlink(path)
        return report

    def end(self, verb, **fields):
        return self.controller.end_of(self.controller.do(verb, **fields))

    def manifest(self):
        """All that is no business of a staging. The folder of the releases itself gets and loses
        an entry, so that its times say nothing."""
        found = {}
        for top in ("outside", "home", f"releases/{RUNNING}", "releases/current"):
            for path in walk(self.path(top)):
                found[path] = looks(path)
        for path in (self.folder, "/", "/etc", "/tmp"):
            found[path] = sorted(name for name in os.listdir(path) if "evil" in name)
        found["releases"] = sorted(os.listdir(self.path("releases")))
        found["folder"] = sorted(os.listdir(self.folder))
        found["staging"] = (os.listdir(self.path("state/staging"))
                            if os.path.exists(self.path("state/staging")) else [])
        found["records"] = (os.listdir(self.path("state/releases"))
                            if os.path.exists(self.path("state/releases")) else [])
        return found


def walk(path):
    yield path
    if os.path.isdir(path) and not os.path.islink(path):
        for name in sorted(os.listdir(path)):
            yield from walk(os.path.join(path, name))


def looks(path):
    status = os.lstat(path)
    content = None
    if stat.S_ISREG(status.st_mode):
        with open(path, "rb") as file:
            content = hashlib.sha256(file.read()).hexdigest()
    elif stat.S_ISLNK(status.st_mode):
        content = os.readlink(path)
    return (status.st_ino, status.st_mode, status.st_nlink, status.st_uid, status.st_gid,
            status.st_size, status.st_mtime_ns, status.st_ctime_ns, content)


def assert_staged(target, case):
    tree = target.path(f"releases/{VERSION}")
    owner = os.stat(target.path(f"releases/{RUNNING}"))
    for path, content in {"README.txt": good_files()["README.txt"],
                          **case.holds}.items():
        with open(os.path.join(tree, path), "rb") as file:
            assert file.read() == content, path
    for path in walk(tree):
        status = os.lstat(path)
        assert (status.st_uid, status.st_gid) == (owner.st_uid, owner.st_gid), path
        if stat.S_ISLNK(status.st_mode):
            target_path = os.path.join(os.path.dirname(path), os.readlink(path))
            assert f"{os.path.normpath(target_path)}/".startswith(f"{tree}/"), path
        else:
            assert stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode), path
            assert status.st_mode & 0o7002 == 0, path


@pytest.fixture(scope="module")
def target():
    """In memory: every staging syncs its file system, which others of this machine write to."""
    folder = tempfile.mkdtemp(prefix="shunt-hostile-", dir="/dev/shm")
    server = RedisServer(folder)
    server.start()
    made = Target(folder, server)
    try:
        made.start()
        yield made
    finally:
        made.kill()
        made.controller.redis.close()
        server.stop()
        shutil.rmtree(folder)


def test_there_are_two_hundred():
    assert len(set(NAMES)) == len(NAMES)
    assert len({case.data for case in CASES}) >= 200


@pytest.mark.parametrize("name", NAMES)
def test_hostile_archive(target, name):
    case = target.cases[name]
    before = target.manifest()
    begun = time.monotonic()
    report = target.stage(case)
    took = time.monotonic() - begun
    try:
        if case.refused is None:
            assert report["kind"] == "done", report["error"]
            assert_staged(target, case)
        else:
            assert report["kind"] == "failed", report
            assert re.search(case.refused, report["error"]["message"]), report["error"]
            assert case.code in (None, report["error"]["code"]), report["error"]
    finally:
        if report["kind"] == "done":
            target.end("unstage", version=VERSION)
    assert target.manifest() == before
    assert took < SECONDS_MOST
