# SPDX-License-Identifier: Apache-2.0
"""The repository below shared/data/repositories, made by the first node that starts."""

import asyncio
import os
import random
import shutil
import tempfile

FILES = 40
COMMIT = "Stand-in <standin@example.com> 1600000000 +0000"


def git_environment(**more):
    """
    For git children. The node may run as an account without a HOME, and the repository may belong
    to another account, which git refuses unless told that the folder is safe.
    """
    return {
        "PATH": os.environ.get("PATH") or "/usr/bin:/bin",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": "safe.directory",
        "GIT_CONFIG_VALUE_0": "*",
        **more,
    }


def import_stream(total_bytes):
    """Input for git fast-import: one commit of incompressible files, the same on every machine."""
    source = random.Random("stand-in repository")
    size = max(1, total_bytes // FILES)
    parts = [f"commit refs/heads/master\ncommitter {COMMIT}\ndata 6\nFirst\n\n".encode()]
    for number in range(FILES):
        content = source.randbytes(size)
        parts.append(f"M 100644 inline data/{number:02d}.bin\ndata {size}\n".encode())
        parts.append(content + b"\n")
    return b"".join(parts)


async def run_git(*arguments, feed=None):
    process = await asyncio.create_subprocess_exec(
        "git", *arguments, env=git_environment(), stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE)
    output, _ = await process.communicate(feed)
    if process.returncode != 0:
        raise RuntimeError(f"git {arguments[0]} failed with status {process.returncode}")
    return output.decode().strip()


async def ensure_repository(folder, total_bytes):
    """Makes demo.git under another name and renames it: a node killed here leaves no half one."""
    os.makedirs(folder, exist_ok=True)
    target = os.path.join(folder, "demo.git")
    if os.path.isdir(target):
        return
    unfinished = tempfile.mkdtemp(prefix="unfinished-", dir=folder)
    await run_git("init", "--quiet", "--bare", "--initial-branch=master", unfinished)
    await run_git("--git-dir", unfinished, "fast-import", "--quiet",
                  feed=import_stream(total_bytes))
    try:
        os.rename(unfinished, target)
    except OSError:  # another node was first: its folder is not empty, so nothing was replaced
        shutil.rmtree(unfinished)
