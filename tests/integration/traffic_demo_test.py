# SPDX-License-Identifier: Apache-2.0
"""The demo itself, as it is run by hand, but with nodes that start and stop fast."""

import json
import os
import subprocess

import standin


def test_demo_upgrades_without_loss_and_rolls_back(folder, network, build_dir):
    path = os.path.join(folder, "report.json")
    done = subprocess.run(
        [os.path.join(standin.TOP, "deploy", "demo.sh"), "--fast", "--network", network,
         "--report", path], env={**os.environ, "SHUNT_BUILD_DIR": build_dir, "TMPDIR": folder},
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        timeout=170, check=False)
    problems = [line for line in done.stdout.splitlines() if line.startswith("PROBLEM: ")]
    # How fast Shunt is depends on the machine and on sanitizers; the demo by hand is for that.
    assert [line for line in problems if "median overhead" not in line] == [], done.stdout
    with open(path, encoding="utf-8") as file:
        report = json.load(file)
    assert [(row["to"], row["outcome"]) for row in report["upgrades"]] == [
        ("7.9.4", "done"), ("7.9.5", "rolled-back")]
    assert [node["outcome"] for node in report["upgrades"][1]["nodes"]] == [
        "rolled-back", "rolled-back", "untouched"]
    assert {node["version"] for row in report["upgrades"] for node in row["nodes"]} == {"7.9.4"}
    assert report["requests_total"] > 0 and report["requests_failed"] == 0
    assert report["clones_total"] > 0 and report["clones_failed"] == 0
    assert report["cluster_state"] == "STABLE" and report["nodes_in_rotation"] == 3
    assert report["home_changed_by_us"] == 0
