# SPDX-License-Identifier: Apache-2.0
"""What is wrong with a node's host, in the words of `shunt-agent check`, of the facts, and of a
plan. What needs systemd is in tests/systemd; a clock that is off in test_agent_services.py."""

import os
import re
import shutil
import sys

import pytest

# No compiled files beside the sources.
sys.dont_write_bytecode = True

from agent_node import NEW, OLD, Node, artifacts, server, two_releases  # noqa: F401
from shunt_wire import until
from trial import failures_of

GIT_AWAY = 'for git in /usr/bin/git /usr/local/bin/git /bin/git; do ' \
    '[ ! -e "$git" ] || mount --bind /dev/null "$git"; done'
READ_ONLY = 'mount --bind "{0}" "{0}" && mount -o remount,bind,ro "{0}"'


def under(shell):
    """Words before a program that alone sees what the shell has mounted."""
    return ["unshare", "--mount", "sh", "-c", f'{shell} && exec "$@"', "sh"]


class BadNode(Node):
    """Its agent is started under `prefix`."""

    prefix = ()

    def command_line(self, *arguments):
        return [*self.prefix, *super().command_line(*arguments)]

    def configure_text(self, before, after):
        with open(self.path("agent.yaml"), encoding="utf-8") as file:
            text = file.read()
        assert before in text
        self.write_private("agent.yaml", text.replace(before, after))


@pytest.fixture
def node(folder, server, artifacts, network):  # noqa: F811
    if os.geteuid() != 0:
        pytest.skip("mounts need root")
    os.chmod(folder, 0o755)
    made = BadNode(folder, server, artifacts, f"{network}.1")
    with two_releases(made):
        made.done("switch", version=OLD)
        assert made.run("--check").returncode == 0, made.run("--check").stderr
        yield made


def put_releases_behind_a_link(node):
    os.symlink("releases", node.path("link"))
    node.configure_text(f"releases: {node.path('releases')}", f"releases: {node.path('link')}")


def mount_releases_read_only(node):
    node.prefix = under(READ_ONLY.format(node.path("releases")))


def take_git_away(node):
    node.prefix = under(GIT_AWAY)


def take_home_from_the_user(node):
    os.chmod(node.path("home"), 0o755)
    node.configure_text("user: root", "user: nobody")


def name_another_home_in_the_new_tree(node):
    node.write_private(f"releases/{NEW}/bin/set-bitbucket-home.sh",
                       'if [ -z "$BITBUCKET_HOME" ]; then\n  BITBUCKET_HOME=/srv/other\nfi\n')


BAD = [
    (put_releases_behind_a_link, "bitbucket.releases: .* leads through a symbolic link",
     "write the directory itself"),
    (mount_releases_read_only, "bitbucket.releases: .* is mounted read-only",
     "mount it for writing"),
    (take_git_away, "git: there is none in the usual directories", "install git"),
    (take_home_from_the_user, "bitbucket.home: the service's user nobody cannot write", "chown it"),
    (name_another_home_in_the_new_tree, "bitbucket.home: .*/srv/other", "set BITBUCKET_HOME there"),
]


def test_check_names_a_home_in_the_tree_and_no_agent_starts_with_it(node):
    node.stop()
    shutil.move(node.path("home"), node.path(f"releases/{OLD}/home"))
    node.configure_text(f"home: {node.path('home')}",
                        f"home: {node.path(f'releases/{OLD}/home')}")
    checked = node.run("--check")
    assert re.search("bitbucket.home: .*must lie outside of releases.*; hint: .*move the home out",
                     checked.stderr), checked.stderr
    assert node.run().returncode == checked.returncode != 0


@pytest.mark.parametrize("spoil, message, hint", BAD, ids=[row[0].__name__ for row in BAD])
def test_check_and_facts_name_it_with_what_to_do(node, spoil, message, hint):
    node.stop()
    spoil(node)
    checked = node.run("--check")
    assert checked.returncode != 0
    assert re.search(f"{message}.*; hint: .*{hint}", checked.stderr), checked.stderr
    node.start()
    node.controller.hello()
    complaints = node.done("facts")["facts"]["complaints"]
    assert any(re.search(message, row["message"]) and hint in row["hint"] for row in complaints), \
        complaints


def test_plan_names_what_is_wrong_with_each_node(begin):
    if os.geteuid() != 0:
        pytest.skip("mounts need root")
    trial = begin(with_traffic=False)
    wrong = {"bb1": GIT_AWAY, "bb2": READ_ONLY.format(trial.node("bb2").releases)}
    for name in wrong:
        trial.end_agent(name)
    for name, shell in wrong.items():
        trial.start_agent(trial.node(name), *under(shell))

    def found():
        answer = trial.admin.ask("plan", deadline_s=15, to=NEW)
        return {tuple(place): text for *place, text in failures_of(answer["plan"])}
    until(lambda: not any(check == "agent" for check, _ in found()), "the agents answer")
    failed = found()
    assert re.search("git: there is none.*install git", failed["host", "bb1"])
    assert re.search("mounted read-only.*mount it for writing", failed["host", "bb2"])
    assert not any(subject == "bb3" for _, subject in failed)
