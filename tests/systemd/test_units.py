# SPDX-License-Identifier: Apache-2.0
"""A real agent on a node whose service is a systemd unit; run by `try`, in a container."""

import os
import shutil
import subprocess
import sys
import tempfile

import pytest

# No compiled files beside the sources.
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "integration"))

import agent_node
from agent_node import (NEW, OLD, Node, artifacts, jvm_arguments, pid_runs, server,  # noqa: F401
                        two_releases)

# systemd is patient, and the machine may be busy.
DEADLINE_MS = agent_node.DEADLINE_MS = 90_000
ADDRESS = "127.0.0.1"
USER = "atlbitbucket"
UNIT = "bitbucket.service"
ETC, RUN = "/etc/systemd/system", "/run/systemd/system"
WANTED = os.path.join(ETC, "multi-user.target.wants", UNIT)

TEXT = """# Bitbucket, from {install}
[Unit]
Description=Bitbucket
[Service]
Type=forking
User={user}
UMask=0027
PIDFile={home}/log/bitbucket.pid
Environment=BITBUCKET_HOME={home} "JVM_SUPPORT_RECOMMENDED_ARGS={arguments}"
ExecStart={install}/bin/start-bitbucket.sh
ExecStop={install}/bin/stop-bitbucket.sh
TimeoutStopSec=60
"""


def systemctl(*words):
    done = subprocess.run(["systemctl", *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def effective(key):
    return systemctl("show", "-p", key, UNIT)


def read(path):
    with open(path, "rb") as file:
        return file.read()


class UnitNode(Node):
    def __init__(self, folder, server, artifacts):
        super().__init__(folder, server, artifacts, ADDRESS, f"{{kind: systemd, unit: {UNIT}}}")
        self.written = {WANTED}

    def write(self, path, text, mode=0o644):
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as out:
            os.fchmod(out.fileno(), mode)
            out.write(text)
        self.written.add(path)

    def unit_text(self, install):
        return TEXT.format(install=self.path(f"releases/{install}"), home=self.path("home"),
                           user=USER, arguments=jvm_arguments(ADDRESS))

    def write_unit(self, install=OLD, folder=ETC, mode=0o644):
        """Enabled, and so systemd keeps what it has loaded."""
        path = os.path.join(folder, UNIT)
        self.write(path, self.unit_text(install), mode)
        if not os.path.lexists(WANTED):
            os.symlink(path, WANTED)
        systemctl("daemon-reload")
        return path

    def write_drop_in(self, text, folder=ETC):
        path = os.path.join(folder, f"{UNIT}.d", "install.conf")
        self.write(path, text)
        systemctl("daemon-reload")
        return path

    def forget_units(self):
        for words in (["kill", "-s", "KILL", UNIT], ["stop", UNIT]):
            subprocess.run(["systemctl", *words], capture_output=True, check=False)
        for path in filter(os.path.lexists, self.written):
            os.unlink(path)
        systemctl("daemon-reload")
        subprocess.run(["systemctl", "reset-failed"], capture_output=True, check=False)

    def check_output(self):
        done = self.run("--check")
        return done.stdout + done.stderr


@pytest.fixture(scope="module", autouse=True)
def user():
    subprocess.run(["systemd-sysusers", "--inline", f"u {USER} -"], check=True)


@pytest.fixture
def folder():
    path = tempfile.mkdtemp(prefix="shunt-unit-", dir="/var/tmp")
    os.chmod(path, 0o755)
    yield path
    shutil.rmtree(path)


@pytest.fixture
def staged(folder, server, artifacts):
    """Two releases, no unit yet."""
    made = UnitNode(folder, server, artifacts)
    try:
        made.write_unit("current")
        shutil.chown(made.path("home"), USER)
        shutil.chown(made.path("home/shared"), USER)
        with two_releases(made):
            yield made
    finally:
        made.forget_units()


@pytest.fixture
def node(staged):
    """OLD runs; the unit names its directory, and there is no link."""
    staged.write_unit(OLD, mode=0o640)
    staged.begin(OLD)
    staged.probe(OLD)
    return staged


# ---- the whole way ----


def test_a_unit_that_names_the_release_is_edited_and_put_back(node):
    path = os.path.join(ETC, UNIT)
    os.chown(path, 0, 12)
    before = read(path)
    facts = node.done("facts")["facts"]
    assert facts["running_version"] == facts["linked_version"] == OLD
    node.end_bitbucket()
    took = node.done("switch", version=NEW)["elapsed_ms"]
    print(f"switch with daemon-reload: {took} ms")
    assert f"releases/{NEW}/bin/start-bitbucket.sh --no-search" in effective("ExecStart")
    assert f"releases/{NEW}/bin/stop-bitbucket.sh" in effective("ExecStop")
    assert f"releases/{OLD}".encode() not in read(path)
    status = os.stat(path)
    assert (status.st_uid, status.st_gid, status.st_mode & 0o7777) == (0, 12, 0o640)
    assert effective("NeedDaemonReload") == "NeedDaemonReload=no\n"
    node.begin(NEW)
    node.probe(NEW)
    assert node.last_event("start-script")["search"] is False
    node.end_bitbucket()
    took = node.done("switch-back", version=OLD)["elapsed_ms"]
    print(f"switch back with daemon-reload: {took} ms")
    assert read(path) == before
    node.begin(OLD)
    node.probe(OLD)


def test_a_unit_that_goes_through_the_link_is_left_alone(staged):
    path = os.path.join(ETC, UNIT)
    before = read(path)
    staged.run_version(OLD)
    staged.end_bitbucket()
    staged.run_version(NEW)
    assert read(path) == before
    assert staged.done("facts")["facts"]["running_version"] == NEW


def test_a_drop_in_that_names_the_release_is_edited_with_its_unit(node):
    install = node.path(f"releases/{OLD}")
    path = node.write_drop_in(f"[Service]\nExecStart=\nExecStart=-{install}/bin/start-bitbucket.sh"
                              " --no-search\n")
    node.end_bitbucket()
    node.run_version(NEW)
    assert f"ExecStart=-{node.path(f'releases/{NEW}')}/bin".encode() in read(path)
    assert f"releases/{OLD}".encode() not in read(os.path.join(ETC, UNIT))


# ---- definitions that are not to be edited ----


def test_a_unit_outside_etc_is_refused_and_a_drop_in_is_the_answer(staged):
    os.unlink(os.path.join(ETC, UNIT))
    staged.write_unit(OLD, RUN)
    error = staged.failed("switch", "denied", f"{RUN}/{UNIT}", "never edited", version=NEW)
    assert "drop-in" in error["hint"]
    install = staged.path("releases/current")
    staged.write_drop_in(f"[Service]\nExecStart=\nExecStart={install}/bin/start-bitbucket.sh "
                         f"--no-search\nExecStop=\nExecStop={install}/bin/stop-bitbucket.sh\n")
    staged.run_version(NEW)
    assert staged.done("facts")["facts"]["running_version"] == NEW


def test_a_unit_that_was_changed_and_not_loaded_is_a_conflict(node):
    path = os.path.join(ETC, UNIT)
    node.end_bitbucket()
    node.write(path, read(path).decode() + "LimitNOFILE=8192\n")
    error = node.failed("switch", "conflict", "changed on disk", version=NEW)
    assert "daemon-reload" in error["hint"]
    systemctl("daemon-reload")
    node.done("switch", version=NEW)


def test_a_switch_that_was_cut_off_before_the_reload_goes_on(node):
    path = os.path.join(ETC, UNIT)
    before = read(path)
    node.end_bitbucket()
    node.done("switch", version=NEW)
    written = read(path)
    for text, reload in ((before, True), (written, False)):
        node.write(path, text.decode())
        if reload:
            systemctl("daemon-reload")
    assert OLD in effective("ExecStart")
    node.done("switch", version=NEW)
    assert NEW in effective("ExecStart")
    assert read(path) == written


def test_what_somebody_changed_since_stays_on_the_way_back(node):
    path = os.path.join(ETC, UNIT)
    node.end_bitbucket()
    node.done("switch", version=NEW)
    node.write(path, read(path).decode() + "LimitNOFILE=8192\n")
    systemctl("daemon-reload")
    node.done("switch-back", version=OLD)
    assert read(path).decode().endswith("LimitNOFILE=8192\n")
    assert NEW not in read(path).decode()
    node.wait_for_log("was changed since the last switch")


def test_a_unit_that_names_two_releases_is_a_conflict(node):
    node.end_bitbucket()
    node.write_drop_in(f"[Service]\nExecStop=\nExecStop={node.path(f'releases/{NEW}')}/bin/stop\n")
    node.failed("switch", "conflict", "names two releases", version=NEW)


def test_a_unit_that_is_not_there_is_named(node):
    node.end_bitbucket()
    os.unlink(os.path.join(ETC, UNIT))
    systemctl("daemon-reload")
    node.failed("switch", "not-found", f"there is no unit {UNIT}", version=NEW)


# ---- what --check says ----


def test_check_says_how_a_switch_will_go(node):
    said = node.check_output()
    assert f"unit {UNIT} names release {OLD} in '{ETC}/{UNIT}'" in said
    node.end_bitbucket()
    node.write_unit("current")
    os.symlink(node.path(f"releases/{OLD}"), node.path("releases/current"))
    assert f"unit {UNIT} starts through the link" in node.check_output()


def test_check_names_a_second_service_and_one_that_is_not_there(node):
    install = node.path("releases/current")
    other = os.path.join(ETC, "bb.service")
    node.write(other, f"[Service]\nExecStart={install}/bin/start-bitbucket.sh\n")
    assert f"{other} starts Bitbucket as well" in node.check_output()
    facts = node.done("facts")["facts"]
    assert other in facts["complaints"][0]["message"]
    os.unlink(os.path.join(ETC, UNIT))
    os.unlink(WANTED)
    node.end_bitbucket()
    systemctl("daemon-reload")
    said = node.check_output()
    assert f"there is no unit {UNIT}; hint: service: {{kind: systemd, unit: bb.service}}" in said


def test_a_home_that_the_service_cannot_write_is_in_facts_and_check(node):
    """For the agent itself it is read-only in any case."""
    assert "complaints" not in node.done("facts")["facts"]
    shutil.chown(node.path("home"), "root")
    complaint = node.done("facts")["facts"]["complaints"][0]
    assert f"the service's user {USER} cannot write in '{node.path('home')}'" in complaint["message"]
    assert complaint["message"] in node.check_output()
    shutil.chown(node.path("home"), USER)
    assert "complaints" not in node.done("facts")["facts"]


# ---- a configuration that says nothing of Bitbucket ----

INIT_SCRIPT = """#!/bin/bash
# Installed in {install}
RUNUSER={user}
INSTALL={install}
become() {{
    setpriv --reuid=$RUNUSER --regid=$RUNUSER --init-groups env BITBUCKET_HOME={home} \
        JVM_SUPPORT_RECOMMENDED_ARGS="{arguments}" /bin/bash -c "$1"
}}
BITBUCKET_HOME={home}
case $1 in
    start) become "$INSTALL/bin/start-bitbucket.sh --no-search" ;;
    stop) become "$INSTALL/bin/stop-bitbucket.sh" ;;
    *) exit 2 ;;
esac
"""


def leave_all_open(node):
    """From now on the configuration has no section bitbucket."""
    with open(node.path("agent.yaml"), encoding="utf-8") as file:
        text = file.read()
    node.write_private("agent.yaml", text[:text.index("bitbucket:")])


def start_again(node):
    assert node.stop() == 0
    node.start()
    node.controller.hello()


def assert_found(node, *lines):
    done = node.run("check")
    assert done.returncode == 0, done.stdout + done.stderr
    for line in lines:
        assert f"{line}\n" in done.stdout, done.stdout


def go_there_and_back(node):
    start_again(node)
    node.end_bitbucket()
    node.run_version(NEW)
    assert node.done("facts")["facts"]["running_version"] == NEW
    assert "complaints" not in node.done("facts")["facts"]
    start_again(node)
    node.end_bitbucket()
    node.done("switch-back", version=OLD)
    node.begin(OLD)
    node.probe(OLD)


def assert_not_found(node, *texts):
    done = node.run("check")
    assert done.returncode == 3
    for text in texts:
        assert text in done.stderr, done.stderr
    refused = node.run()
    assert refused.returncode == 3
    assert texts[0] in refused.stderr, refused.stderr


def test_all_is_found_where_a_unit_goes_through_a_link(staged):
    staged.run_version(OLD)
    leave_all_open(staged)
    link = staged.path("releases/current")
    assert_found(staged, f"service: unit {UNIT} starts through the link '{link}': a switch moves that",
                 f"user: {USER} (unit {UNIT})", f"releases: {staged.path('releases')} (unit {UNIT})",
                 f"install_link: {link} (unit {UNIT})", f"home: {staged.path('home')} (unit {UNIT})",
                 "http_port: 7990 (the product's default)", "configuration is good")
    go_there_and_back(staged)


def test_what_was_looked_for_costs_no_memory(node, record_property):
    leave_all_open(node)
    start_again(node)
    resident = agent_node.until(lambda: (found := node.resident_kb())["VmRSS"] <= 6144 and found,
                                f"6 MB at rest: {node.resident_kb()}")
    print(f"resident, in KB: {resident}")
    record_property("resident_kb", resident)


def test_all_is_found_where_a_unit_names_the_release(node):
    leave_all_open(node)
    assert_found(node, f"releases: {node.path('releases')} (unit {UNIT})",
                 f"install_link: none (unit {UNIT} names the release itself)",
                 f"home: {node.path('home')} (unit {UNIT})")
    go_there_and_back(node)
    assert f"releases/{OLD}/bin" in effective("ExecStart")


def test_all_is_found_where_an_init_script_names_the_release(node):
    node.end_bitbucket()
    os.unlink(os.path.join(ETC, UNIT))
    os.unlink(WANTED)
    script = "/etc/init.d/atlbitbucket"
    node.write(script, INIT_SCRIPT.format(install=node.path(f"releases/{OLD}"), user=USER,
                                          home=node.path("home"),
                                          arguments=jvm_arguments(ADDRESS)), 0o755)
    systemctl("daemon-reload")
    leave_all_open(node)
    assert_found(node, f"releases: {node.path('releases')} ({script})",
                 f"user: {USER} ({script})", f"home: {node.path('home')} ({script})")
    start_again(node)
    node.begin(OLD)
    node.probe(OLD)
    go_there_and_back(node)


def test_a_home_that_the_process_alone_says_is_found_also_when_it_is_gone(node):
    """The unit reads it from a file that is gone by now."""
    leave_all_open(node)
    path = os.path.join(ETC, UNIT)
    text = read(path).decode()
    node.write(path, text.replace(f"BITBUCKET_HOME={node.path('home')}", "", 1))
    systemctl("daemon-reload")
    assert_found(node, f"home: {node.path('home')} (process {node.pid()})")
    start_again(node)
    node.end_bitbucket()
    start_again(node)
    assert_found(node, f"home: {node.path('home')} ({node.path('state/found-home')})")


def test_a_home_in_an_environment_file_is_found(node):
    node.end_bitbucket()
    leave_all_open(node)
    node.write("/etc/default/bitbucket", f"BITBUCKET_HOME='{node.path('home')}'\n")
    path = os.path.join(ETC, UNIT)
    text = read(path).decode()
    node.write(path, text.replace(f"Environment=BITBUCKET_HOME={node.path('home')}",
                                  "EnvironmentFile=-/etc/default/bitbucket\nEnvironment=", 1))
    systemctl("daemon-reload")
    assert_found(node, f"home: {node.path('home')} (unit {UNIT})")


def test_two_units_are_both_named_and_nothing_is_started(node):
    other = os.path.join(ETC, "bb.service")
    node.write(other, read(os.path.join(ETC, UNIT)).decode())
    leave_all_open(node)
    assert_not_found(node, "start Bitbucket, and it cannot be told which is used", other,
                     os.path.join(ETC, UNIT), "remove or mask")
    os.unlink(other)
    os.symlink("/dev/null", other)
    assert_found(node, f"home: {node.path('home')} (unit {UNIT})")


def test_no_unit_at_all_is_told(node):
    node.end_bitbucket()
    os.unlink(os.path.join(ETC, UNIT))
    os.unlink(WANTED)
    systemctl("daemon-reload")
    leave_all_open(node)
    assert_not_found(node, "no unit and no init script starts bin/start-bitbucket.sh",
                     "service: {kind: systemd, unit: …}")


# ---- orders that end otherwise ----


def replace_script(node, name, text):
    """Of the running release; the real one is beside it."""
    path = node.path(f"releases/{OLD}/bin/{name}")
    os.rename(path, path + ".real")
    node.write(path, text, 0o755)


def test_a_job_that_systemd_ended_is_told_from_one_that_failed(node):
    node.end_bitbucket()
    replace_script(node, "start-bitbucket.sh", "#!/bin/sh\nexit 3\n")
    node.failed("start", "release", "its start job ended as 'failed'", "main process ended",
                version=OLD, deadline_ms=DEADLINE_MS)


def test_a_start_that_comes_back_at_once_is_told(node):
    node.end_bitbucket()
    replace_script(node, "start-bitbucket.sh", "#!/bin/sh\nexit 0\n")
    node.write_drop_in("[Service]\nType=oneshot\nRemainAfterExit=yes\nPIDFile=\n")
    node.failed("start", "release", "the service says started, but no process is left",
                version=OLD, deadline_ms=DEADLINE_MS)


def test_a_unit_that_is_active_without_a_process_is_started_all_the_same(node):
    node.write_drop_in("[Service]\nType=oneshot\nRemainAfterExit=yes\nPIDFile=\n")
    node.end_bitbucket()
    node.begin(OLD)
    node.probe(OLD)
    pid = node.pid()
    os.kill(pid, 9)
    agent_node.until(lambda: not pid_runs(pid), "the end of a killed process")
    node.begin(OLD)
    node.probe(OLD)
    node.wait_for_log("is active, but no process of Bitbucket lives")


def test_a_process_that_the_unit_does_not_know_is_stopped_all_the_same(node):
    pid = node.pid()
    node.write_drop_in("[Service]\nKillMode=none\nExecStop=\nPIDFile=\n")
    node.done("stop", deadline_ms=DEADLINE_MS)
    assert not pid_runs(pid)
    node.wait_for_log(f"SIGTERM to process {pid}")


def test_a_stop_that_hangs_gets_sigterm_before_the_deadline(node):
    pid = node.pid()
    replace_script(node, "stop-bitbucket.sh", "#!/bin/sh\nexec sleep 600\n")
    node.done("stop", deadline_ms=2000)
    assert not pid_runs(pid)
    node.wait_for_log("the service's own stop hangs: SIGTERM")
