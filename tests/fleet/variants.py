# SPDX-License-Identifier: Apache-2.0
"""Other services than a unit that goes through a link, and changed install directories."""

import os

from nodes import RELEASES, SCRIPT_PATH, START, UNIT_PATH
from processes import write_file

JAR, CERTIFICATES = "app/WEB-INF/lib/jdbc.jar", "jre/lib/security/cacerts"
BYTES = "authorities\0of ours"
ROBOTS, LICENCE, NOTES = "app/robots.txt", "licenses/LICENSE.txt", "README.txt"


def services(play):
    """A unit and an init script that name the release, and plain scripts: there and back."""
    box, judge = play(services=("unit", "sysv", "script")), play.judge
    box.make_ready()
    box.begin_upgrade("7.9.4")
    judge.equal("with unit, init script and plain scripts the upgrade ends", "done",
                box.wait_end()["outcome"])
    before = definitions(box)
    for kind, text in before.items():
        judge.holds(f"the {kind} names 7.9.4 alone",
                    f"{RELEASES}/7.9.4" in text and f"{RELEASES}/7.9.0" not in text, text)
    box.judge_settled("7.9.4")
    box.node("bb3").set_faults(error_at_start={"value": True, "only_version": "7.9.5"})
    box.begin_upgrade("7.9.5")
    judge.equal("with an ERROR of the last of them", "rolled-back", box.wait_end()["outcome"])
    judge.holds("the definitions are as they were", definitions(box) == before, definitions(box))
    box.judge_settled("7.9.4")
    box.judge_traffic()


def definitions(box):
    return {"unit": box.node("bb1").host.read(UNIT_PATH),
            "init script": box.node("bb2").host.read(SCRIPT_PATH)}


# ---- customisations ----


def customise(box):
    """Of every kind: changed, added (text, bytes, a link, a mode), removed; before Bitbucket has
    started, so that it runs with what its files say."""
    node = box.node("bb1")

    def file(path):
        found = node.file("7.9.0", path)
        os.makedirs(os.path.dirname(found), exist_ok=True)
        return found
    node.edit("7.9.0", START, "JVM_MAXIMUM_MEMORY=1g", "JVM_MAXIMUM_MEMORY=3g")
    node.edit("7.9.0", ROBOTS, "Disallow: /", "Disallow: /\nCrawl-delay: 10")
    write_file(file(JAR), "a driver")
    write_file(file(CERTIFICATES), BYTES, 0o640)
    os.symlink("cacerts", file(CERTIFICATES + ".link"))
    os.remove(file(LICENCE))
    box.node("bb2").edit("7.9.0", NOTES, "Bitbucket 7.9.0", "Our Bitbucket 7.9.0")


def customisations(play):
    box, judge = play(prepare=customise), play.judge
    box.begin()
    box.start_traffic()
    box.install_packages()
    box.set_up()
    refused_while_there_is_a_conflict(box, judge)
    box.begin_upgrade("7.9.4")
    judge.equal("with a rule for it the upgrade ends", "done", box.wait_end()["outcome"])
    judge_carried_over(box, judge)
    box.judge_settled("7.9.4")
    box.judge_traffic()


def refused_while_there_is_a_conflict(box, judge):
    box.offer("7.9.4")
    box.wait_agents()
    status, said = box.controller.attempt(box.plan_line("7.9.4"))
    judge.equal("with a conflict the status of `shunt plan` is", 5, status)
    judge.holds("it shows the lines", "Our Bitbucket 7.9.0" in said and "<<<<<<<" in said, said)
    status, said = box.controller.attempt("shunt customisations git bb1 --diff")
    judge.holds("`shunt customisations` shows what was changed", status == 0 and all(
        name in said for name in (START, ROBOTS, JAR, CERTIFICATES, LICENCE)), said)
    host = box.node("bb2").host
    box.write_for_node(host, f"customisations: [{{files: {NOTES}, do: keep-new}}]")
    host.run("systemctl restart shunt-agent")
    box.wait_plannable()


def judge_carried_over(box, judge):
    node = box.node("bb1")
    judge.holds("the changed memory is there",
                "JVM_MAXIMUM_MEMORY=3g" in node.read("7.9.4", START))
    words = node.host.run("pgrep -a -u atlbitbucket python3")
    judge.holds("and Bitbucket runs with it", "-Xmx3g" in words, words)
    judge.holds("changed text is merged", "Crawl-delay: 10" in node.read("7.9.4", ROBOTS))
    judge.equal("an added jar is there", "a driver", node.read("7.9.4", JAR))
    judge.holds("added bytes, too", node.read("7.9.4", CERTIFICATES) == BYTES)
    judge.equal("with their mode", "0o640",
                oct(os.stat(node.file("7.9.4", CERTIFICATES)).st_mode & 0o7777))
    link = node.file("7.9.4", CERTIFICATES + ".link")
    judge.equal("an added link is there", "cacerts",
                os.readlink(link) if os.path.islink(link) else None)
    judge.holds("what was removed stays removed", not os.path.exists(node.file("7.9.4", LICENCE)))
    judge.holds("where the rule says so the new text is there",
                "Our Bitbucket" not in box.node("bb2").read("7.9.4", NOTES))
    judge.holds("the vendor's change is there", "7.9.4" in node.read("7.9.4", NOTES))
