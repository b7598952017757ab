# SPDX-License-Identifier: Apache-2.0
"""The way of an operator, and what ends otherwise."""

from cluster import each
from documents import as_written
from outages import SEEN_DOWN_S


def whole_way(play):
    """As README.md says, typed as written: packages, set-up, plan, upgrade, rollback, purge."""
    box, judge = play(soak_s=2), play.judge
    box.begin()
    box.start_traffic()
    box.install_packages()
    judge.holds("the packages install", True)
    box.set_up()
    box.wait_plannable()
    judge.holds("agents and controller start, and find each other", True)
    said = box.controller.run(as_written("shunt nodes git"))
    judge.holds("`shunt nodes` shows all of them",
                all(node.name in said for node in box.nodes), said)
    status, said = box.controller.attempt(box.plan_line("7.9.4"))
    judge.holds("the plan has no failed check", status == 0, said)
    status, said = box.controller.attempt(box.upgrade_line("7.9.4", "--watch"), answers="y\n")
    judge.holds("the upgrade is shown, asked for, and done", status == 0, said)
    box.judge_settled("7.9.4")
    roll_back_by_hand(box, judge)
    purge(box, judge)
    judge.equal("and Bitbucket serves on", ["7.9.4 RUNNING"] * 3,
                [node.state() for node in box.nodes])
    box.judge_traffic()


def roll_back_by_hand(box, judge):
    """In the middle of the next upgrade, when one node has it already."""
    box.begin_upgrade("7.9.5")
    box.at_step("bb2", "active", "return", "soak")
    status, said = box.controller.attempt(as_written("shunt rollback git"))
    judge.holds("a rollback is taken on", status == 0, said)
    judge.equal("and ends", "rolled-back", box.wait_end()["outcome"])
    box.judge_settled("7.9.4")


def purge(box, judge):
    line = as_written("apt-get purge", "deploy/README.md")
    each(lambda host: host.run(f"sudo {line} shunt-agent", answers="y\n"), box.agents)
    box.controller.run(f"sudo {line} shunt shunt-controller", answers="y\n")
    look = ("ls -d /var/lib/shunt /var/lib/shunt-agent /etc/shunt/*.yaml /etc/shunt/agent.key /usr/sbin/shunt* "
            "/usr/bin/shunt /lib/systemd/system/shunt* 2>/dev/null; pgrep -a shunt; true")
    left = "".join(each(lambda host: host.run(look), box.hosts))
    judge.holds("a purge leaves nothing", not left, left)


def upgrade_with_reboot(play):
    """The shortest way that meets it all, for every change."""
    box = play()
    box.make_ready()
    box.begin_upgrade("7.9.4")
    box.at_step("bb2", "active")
    with box.excuse(SEEN_DOWN_S):
        box.node("bb2").host.reboot()
    box.node("bb2").host.boot()
    play.judge.equal("with a node rebooted in its start the upgrade ends", "done",
                     box.end_with_resume()["outcome"])
    box.judge_settled("7.9.4")
    box.judge_traffic()


def error_is_rolled_back(play):
    """A node that reports ERROR with the new version has all of them put back."""
    box, judge = play(), play.judge
    box.make_ready()
    box.node("bb2").set_faults(error_at_start={"value": True, "only_version": "7.9.4"})
    box.offer("7.9.4")
    status, said = box.controller.attempt(box.upgrade_line("7.9.4", "--yes", "--watch"))
    judge.holds("`shunt upgrade --watch` ends with the status for a rollback", status == 4, said)
    judge.holds("and tells of the ERROR", "ERROR" in said, said)
    box.judge_settled("7.9.0")
    box.judge_traffic()
