# SPDX-License-Identifier: Apache-2.0
"""What lies in the homes of a cluster, without what the nodes themselves write there."""

import fnmatch
import hashlib
import os
import stat


def read_patterns(path):
    with open(path, encoding="utf-8") as lines:
        return [line.strip() for line in lines if line.strip() and not line.startswith("#")]


def describe(path):
    """All that a change would show in. A folder's times change with its nodes' own writes."""
    status = os.lstat(path)
    row = {"mode": oct(status.st_mode), "owner": f"{status.st_uid}:{status.st_gid}"}
    if stat.S_ISLNK(status.st_mode):
        row["target"] = os.readlink(path)
    elif stat.S_ISREG(status.st_mode):
        row["mtime_ns"] = status.st_mtime_ns
        with open(path, "rb") as file:
            row["sha256"] = hashlib.sha256(file.read()).hexdigest()
    return row


def walk(folder):
    """Paths of all there is below a folder, without following links."""
    for parent, folders, files in os.walk(folder):
        for name in folders + files:
            yield os.path.join(parent, name)


def of_cluster(nodes, shared_home, patterns):
    """{"bb1/bitbucket.properties": …}; the shared home, which is part of every home, once."""
    homes = [(node.name, node.home, "") for node in nodes]
    homes.append(("shared home", shared_home, "shared/"))
    found = {}
    for name, folder, prefix in homes:
        for path in walk(folder):
            relative = prefix + os.path.relpath(path, folder)
            if any(fnmatch.fnmatchcase(relative, pattern) for pattern in patterns):
                continue
            try:
                found[f"{name}: {relative}"] = describe(path)
            except FileNotFoundError:  # a node's temporary file, gone meanwhile
                continue
    return found


def differences(before, after):
    """Names of what was added, removed or changed."""
    return sorted(name for name in before.keys() | after.keys()
                  if before.get(name) != after.get(name))
