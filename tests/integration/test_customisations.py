# SPDX-License-Identifier: Apache-2.0
"""What administrators have changed in the install directory is there after an upgrade as well."""

import json
import os
import re

from processes import write_file

START = "bin/_start-webapp.sh"


def path(trial, name, version, file):
    return os.path.join(trial.node(name).releases, version, file)


def read(trial, name, version, file):
    with open(path(trial, name, version, file), encoding="utf-8") as text:
        return text.read()


def edit(trial, name, version, file, old, new):
    text = read(trial, name, version, file)
    assert old in text
    with open(path(trial, name, version, file), "w", encoding="utf-8") as out:
        out.write(text.replace(old, new))


def customise(trial):
    """Of each kind, on one node."""
    edit(trial, "bb1", "7.9.0", START, "umask 0027", "umask 0022")
    os.makedirs(path(trial, "bb1", "7.9.0", "lib"))
    write_file(path(trial, "bb1", "7.9.0", "lib/jdbc.jar"), "driver")
    os.unlink(path(trial, "bb1", "7.9.0", "licenses/LICENSE.txt"))


def test_changes_are_carried_over_and_come_back_with_a_rollback(begin):
    trial = begin()
    customise(trial)
    before = trial.tree("bb1", "7.9.0")
    trial.fail_from("bb2", "7.9.4", error_at_start=True)
    trial.upgrade("7.9.4")
    trial.ended("rolled-back")
    assert trial.tree("bb1", "7.9.0") == before
    trial.node("bb2").set_faults(error_at_start=None)
    trial.upgrade("7.9.4")
    trial.ended("done")
    assert "umask 0022" in read(trial, "bb1", "7.9.4", START)
    assert read(trial, "bb1", "7.9.4", "lib/jdbc.jar") == "driver"
    assert not os.path.exists(path(trial, "bb1", "7.9.4", "licenses"))
    assert "umask 0027" in read(trial, "bb2", "7.9.4", START)
    assert "7.9.4" in read(trial, "bb1", "7.9.4", "README.txt")
    trial.assert_settled("7.9.4")


def test_conflict_is_shown_by_the_plan_and_nothing_is_touched(begin):
    trial = begin()
    edit(trial, "bb2", "7.9.0", "README.txt", "Bitbucket 7.9.0", "Our Bitbucket 7.9.0")
    artifact = trial.release("7.9.4")
    found = trial.refused("7.9.4", artifact=artifact)
    assert len(found) == 1 and found[0][:2] == ("customisations", "bb2"), found
    assert "README.txt: changed here and in 7.9.4, in the same lines" in found[0][2]
    assert "keep-new" in found[0][2]
    status, output, _ = trial.ask("plan", "git", "--to", "7.9.4", "--artifact", artifact)
    assert status == 5
    assert re.search("conflicts on bb2:\nREADME.txt:\n<<<<<<< 7.9.0 on this node\nOur Bitbucket",
                     output), output
    assert trial.left_in_releases("7.9.0") == set()
    assert trial.runs("bb2") == []


def test_changes_of_a_node_are_shown_at_any_time(begin):
    trial = begin()
    customise(trial)
    status, output, _ = trial.ask("customisations", "git", "bb1", "--diff")
    assert status == 0
    for row in (r"bin/_start-webapp\.sh +changed", r"lib/jdbc\.jar +added",
                r"licenses/LICENSE\.txt +removed", r"\n-umask 0027\n\+umask 0022\n"):
        assert re.search(row, output), output
    status, output, _ = trial.ask("customisations", "git", "bb2")
    assert (status, output.split()) == (0, ["FILE", "CHANGE", "bin/set-bitbucket-home.sh",
                                            "changed"])
    status, output, _ = trial.ask("--json", "customisations", "git", "bb1")
    told = json.loads(output)["customisations"]
    assert (told["node"], told["total"], told["conflicts"]) == ("bb1", 4, 0)
    status, _, complaint = trial.ask("customisations", "git", "bb9")
    assert status != 0 and "has no node 'bb9'" in complaint
