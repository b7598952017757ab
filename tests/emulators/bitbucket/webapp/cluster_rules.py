# SPDX-License-Identifier: Apache-2.0
"""
The rules of a rolling upgrade, without any I/O.

A member is a dict with "name", "state" and "version". Nodes that are OFFLINE do not count when
versions are compared, so READY_TO_RUN_UPGRADE_TASKS does not prove that every node was upgraded.
"""


def numbers(version):
    return tuple(int(part) if part.isdigit() else 0 for part in version.split("."))


def cluster_state(upgrade, members, now_ns):
    """The word for the cluster: `upgrade` is the content of cluster.json."""
    if not upgrade["upgradeModeEnabled"]:
        return "STABLE"
    if upgrade["tasksEndNs"] is not None:
        if now_ns < upgrade["tasksEndNs"] or not upgrade["tasksFail"]:
            return "RUNNING_UPGRADE_TASKS"
        return "UPGRADE_TASKS_FAILED"
    present = [m for m in members if m["state"] != "OFFLINE"]
    versions = {m["version"] for m in present}
    if any(m["state"] == "ERROR" for m in present) or len(versions) > 1:
        return "MIXED"
    if versions <= {upgrade["originalVersion"]}:
        return "READY_TO_UPGRADE"
    return "READY_TO_RUN_UPGRADE_TASKS"


def reason_not_to_join(version, upgrade, living_versions):
    """Why a node of this version may not join, or None if it may."""
    if not upgrade["upgradeModeEnabled"]:
        others = sorted(set(living_versions) - {version})
        if others:
            return (f"the cluster runs version {', '.join(others)} and upgrade mode is off: "
                    f"version {version} cannot join")
        return None
    original = upgrade["originalVersion"]
    if numbers(version)[:2] != numbers(original)[:2]:
        return (f"a rolling upgrade of {original} takes bug fix versions only: "
                f"version {version} cannot join")
    if numbers(version) < numbers(original):
        return f"version {version} is lower than the original version {original} and cannot join"
    return None


def may_start(state, members):
    """Upgrade mode can go on from STABLE, and never while a node is in error."""
    return state == "STABLE" and not any(m["state"] == "ERROR" for m in members)


def may_cancel(state):
    return state == "READY_TO_UPGRADE"


def may_approve(state):
    return state in ("READY_TO_RUN_UPGRADE_TASKS", "UPGRADE_TASKS_FAILED")
