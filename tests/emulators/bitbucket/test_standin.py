# SPDX-License-Identifier: Apache-2.0
"""The stand-in as a process: scripts, pid file, files in the home, releases."""

import fnmatch
import hashlib
import os
import shutil
import signal
import subprocess
import tarfile

import pytest

from standin_node import HERE, is_alive, wait_until


def make_release(*arguments):
    done = subprocess.run([os.path.join(HERE, "make-release"), *arguments], check=True,
                          stdout=subprocess.PIPE, text=True)
    return done.stdout.strip()


def digest(path):
    with open(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


def test_release_is_the_same_every_time(tmp_path):
    arguments = ("7.9.4", "--files", "3", "--file-size", "1000")
    first = make_release(*arguments[:1], str(tmp_path / "a"), *arguments[1:])
    second = make_release(*arguments[:1], str(tmp_path / "b"), *arguments[1:])
    assert digest(first) == digest(second)
    with tarfile.open(first) as archive:
        names = archive.getnames()
    assert "atlassian-bitbucket-7.9.4/bin/start-bitbucket.sh" in names
    assert sum("filler-" in name for name in names) == 3


def test_release_can_have_a_wrong_top_folder_and_inner_version(tmp_path):
    path = make_release("7.9.4", str(tmp_path), "--top", "evil", "--inner-version", "7.9.3")
    with tarfile.open(path) as archive:
        assert all(name.split("/")[0] == "evil" for name in archive.getnames())
        pom = next(n for n in archive.getnames() if n.endswith("pom.properties"))
        assert b"version=7.9.3\n" in archive.extractfile(pom).read()


def test_start_leaves_a_pid_file_before_the_node_runs(cluster):
    (node,) = cluster(1, start_ms=1000)
    node.start("7.9.0")
    pid = node.pid()
    wait_until(lambda: is_alive(pid), "its process; between fork and exec it has no command line")
    wait_until(lambda: node.state() == "STARTING", "the port to answer")
    assert node.get("/status").status == 503
    assert node.get("/rest/zdu/cluster").status == 503
    node.wait_state("RUNNING")
    assert node.get("/status").status == 200


def test_stop_waits_for_the_end_and_removes_the_pid_file(node):
    pid = node.pid()
    assert os.path.exists(node.path(".lock"))
    node.stop()
    assert not is_alive(pid)
    assert not os.path.exists(node.path("log", "bitbucket.pid"))
    assert not os.path.exists(node.path(".lock"))
    assert "Bitbucket 7.9.0 has shut down" in node.log_text()
    assert node.stop().stdout.startswith("Bitbucket is not running")


def test_lifecycle_log_tells_the_whole_outage_in_order(node):
    node.stop()
    log = node.lifecycle()
    assert [line["event"] for line in log] == ["start-script", "starting", "running", "active",
                                               "stop-script", "stopping", "stopped",
                                               "stop-script-done"]
    times = [line["at_ns"] for line in log]
    assert times == sorted(times)
    assert times[3] - times[0] >= 60e6 and times[6] - times[5] >= 20e6
    assert {line["version"] for line in log} == {"7.9.0"}
    assert log[0]["search"] is False


def test_second_start_is_refused_while_the_node_lives(node):
    refused = node.script("start-bitbucket.sh")
    assert refused.returncode == 1 and "running already" in refused.stdout


def test_stale_pid_file_of_a_stranger_hurts_nobody(node):
    node.kill()
    with open(node.path("log", "bitbucket.pid"), "w", encoding="utf-8") as file:
        file.write(f"{os.getpid()}\n")
    assert "is gone" in node.stop().stdout
    assert os.path.exists(node.path(".lock"))
    node.start("7.9.0")
    node.wait_state("RUNNING")


@pytest.mark.parametrize("home, text", [(None, "BITBUCKET_HOME is not set"),
                                        ("inside", "inside the install directory")])
def test_start_without_a_usable_home_fails(cluster, releases, home, text):
    (node,) = cluster(1)
    node.install = releases("7.9.0")
    if home:
        home = os.path.join(node.install, "home")
    refused = node.script("start-bitbucket.sh", BITBUCKET_HOME=home)
    assert refused.returncode == 1 and text in refused.stdout


def test_home_and_arguments_of_the_scripts_count_only_where_the_environment_is_empty(
        cluster, releases):
    (node,) = cluster(1)
    node.install = node.home + "-install"
    shutil.copytree(releases("7.9.0"), node.install)
    for name, key, value in (("set-bitbucket-home.sh", "BITBUCKET_HOME=", node.home),
                             ("_start-webapp.sh", "JVM_SUPPORT_RECOMMENDED_ARGS=",
                              f'"{node.arguments()}"')):
        path = os.path.join(node.install, "bin", name)
        with open(path, encoding="utf-8") as file:
            text = file.read()
        assert text.count(f"\n    {key}\n") == 1
        with open(path, "w", encoding="utf-8") as file:
            file.write(text.replace(f"\n    {key}\n", f"\n    {key}{value}\n"))
    nothing = {"BITBUCKET_HOME": None, "JVM_SUPPORT_RECOMMENDED_ARGS": None}
    assert node.script("start-bitbucket.sh", **nothing).returncode == 0
    node.wait_state("RUNNING")
    assert node.script("stop-bitbucket.sh", **nothing).returncode == 0
    elsewhere = node.home + "-elsewhere"
    node.script("start-bitbucket.sh", BITBUCKET_HOME=elsewhere)
    node.home = elsewhere
    node.wait_state("RUNNING")


def test_foreground_start_is_the_node_itself(cluster, releases):
    (node,) = cluster(1)
    command = os.path.join(releases("7.9.0"), "bin", "start-bitbucket.sh")
    process = subprocess.Popen([command, "-fg", "--no-search"], env=node.environment)
    node.wait_state("RUNNING")
    assert node.pid() == process.pid
    process.send_signal(signal.SIGTERM)
    assert process.wait(10) == 0
    assert node.events()[-1] == "stopped"


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become another account")
def test_runs_as_the_account_it_is_told(cluster, releases):
    (node,) = cluster(1)
    for path in (node.home, os.path.realpath(node.path("shared"))):
        shutil.chown(path, "nobody")
    node.environment["BITBUCKET_USER"] = "nobody"
    node.start("7.9.0")
    node.wait_state("RUNNING")
    assert os.stat(f"/proc/{node.pid()}").st_uid == os.stat(node.home).st_uid
    url = f"http://{node.address}:{node.http_port}/scm/demo.git"
    subprocess.run(["git", "ls-remote", "-q", url], check=True, stdout=subprocess.DEVNULL)
    node.stop()


def test_install_directory_is_never_written(node):
    before = {path: os.stat(path).st_mtime_ns for path, _, _ in os.walk(node.install)}
    node.stop()
    node.start("7.9.0")
    node.wait_state("RUNNING")
    assert before == {path: os.stat(path).st_mtime_ns for path, _, _ in os.walk(node.install)}


def test_home_holds_only_what_own_writes_lists(node):
    given = {"shared/bitbucket.properties"}
    node.setup(active_users=3)
    node.stop()
    node.start("7.9.0")
    node.wait_state("RUNNING")
    with open(os.path.join(HERE, "own-writes"), encoding="utf-8") as lines:
        patterns = [line.strip() for line in lines if not line.startswith("#")]
    found = set()
    for folder, _, names in os.walk(node.home, followlinks=True):
        found.update(os.path.relpath(os.path.join(folder, name), node.home) for name in names)
    strange = {path for path in found - given
               if not any(fnmatch.fnmatchcase(path, pattern) for pattern in patterns)}
    assert not strange
    unused = {pattern for pattern in patterns if not fnmatch.filter(found, pattern)}
    assert unused <= {"standin-faults.json.*.new"}


def test_two_nodes_of_one_name_or_one_home_do_not_run(three):
    first, second, _ = three
    second.stop()
    second.environment["JVM_SUPPORT_RECOMMENDED_ARGS"] = second.arguments(
        **{"cluster.node.name": first.name})
    second.start("7.9.0")
    wait_until(lambda: second.events()[-1] == "error", "the second node to give up")
    assert "running already" in second.log_text()
    os.unlink(first.path("log", "bitbucket.pid"))
    first.start("7.9.0")
    wait_until(lambda: first.events()[-1] == "error", "the second process to give up")
    assert "locked by another node" in first.log_text()
    assert first.state() == "RUNNING"
