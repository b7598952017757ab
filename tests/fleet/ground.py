# SPDX-License-Identifier: Apache-2.0
"""
What hosts stand on: a file system in memory, a network and control groups that end with this
program's namespaces. As a program of its own it takes all of that and leaves at once: one line and
status 1 where the machine does not give it.
"""

import dataclasses
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "..", "deploy", "demo")]

from processes import Failed, run  # noqa: E402

BRIDGE, NETWORK, OWN_ADDRESS = "fleet0", "10.77.0", "10.77.0.1"
NOT_MOVED = ("cpuset",)  # a new group of it admits nobody before it is given processors


@dataclasses.dataclass(frozen=True)
class Ground:
    """Where hosts are made: a folder, the base that they are laid over, and the name of the control
    groups that are this run's."""
    folder: str
    base: str
    group: str


def take_memory(folder):
    """A file system that ends with this program's mount namespace, as does all that is mounted in
    it, and a place of its own for what nspawn notes of its machines."""
    run("mount", "--make-rprivate", "/")
    run("mount", "-t", "tmpfs", "-o", "size=6g,mode=755", "tmpfs", folder)
    os.makedirs("/run/systemd/nspawn", exist_ok=True)
    run("mount", "-t", "tmpfs", "tmpfs", "/run/systemd/nspawn")


def make_network():
    """The users' own address is on the bridge."""
    run("ip", "link", "set", "lo", "up")
    run("ip", "link", "add", BRIDGE, "type", "bridge")
    run("ip", "address", "add", f"{OWN_ADDRESS}/24", "dev", BRIDGE)
    run("ip", "link", "set", BRIDGE, "up")


def lay_over(base, folder):
    """A writable root over the base."""
    for part in ("root", "upper", "work"):
        os.makedirs(os.path.join(folder, part))
    root = os.path.join(folder, "root")
    run("mount", "-t", "overlay", "overlay", "-o",
        f"lowerdir={base},upperdir={folder}/upper,workdir={folder}/work", root)
    return root


def groups_of_ours():
    """(is it the unified one, the control group that this process is in), of each hierarchy that
    can be written: in a container those of single controllers cannot, nor need they be."""
    found = []
    with open("/proc/self/cgroup", encoding="utf-8") as lines:
        for line in lines:
            _, controllers, path = line.rstrip("\n").split(":", 2)
            name = controllers.removeprefix("name=")
            mount = os.path.join("/sys/fs/cgroup", name or "unified")
            if not name and not os.path.isdir(mount):
                mount = "/sys/fs/cgroup"
            ours = mount + path.rstrip("/")
            if name not in NOT_MOVED and os.access(os.path.join(ours, "cgroup.procs"), os.W_OK):
                found.append((not name, ours))
    return found


def take_group(name):
    """One that can be ended at once, which is how a host loses power."""
    unified = [ours for is_unified, ours in groups_of_ours() if is_unified]
    if not unified:
        raise Failed("no control group of the unified hierarchy can be written")
    group = os.path.join(unified[0], name)
    os.makedirs(group, exist_ok=True)
    if not os.path.exists(os.path.join(group, "cgroup.kill")):
        raise Failed("control groups of this kernel have no cgroup.kill")


def take_all(folder, group):
    take_memory(folder)
    make_network()
    run("ip", "link", "add", "fleet1", "type", "veth", "peer", "fleet2")
    lay_over("/usr", os.path.join(folder, "ground"))
    take_group(group)


if __name__ == "__main__":
    try:
        take_all(sys.argv[1], os.path.basename(os.path.dirname(sys.argv[1])))
    except (Failed, OSError) as failure:
        sys.exit(" ".join(str(failure).split()))
