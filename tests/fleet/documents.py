# SPDX-License-Identifier: Apache-2.0
"""What the documents tell an administrator to type, so that exactly that is typed."""

import os
import re
import textwrap

TOP = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))


class NotWritten(Exception):
    """A scenario types what no document says."""


def text_of(document):
    with open(os.path.join(TOP, document), encoding="utf-8") as file:
        return file.read()


def as_written(line, document="README.md"):
    """The line, which the document has word for word."""
    if line not in " ".join(text_of(document).split()):
        raise NotWritten(f"{document} does not say: {line}")
    return line


def agent_configuration(name, redis_url, controller_key):
    """The lines of README.md, for another agent."""
    block = re.search(r"```yaml\n( *cluster: git\n.*?)```", text_of("README.md"), re.DOTALL)
    text = textwrap.dedent(block[1])
    for old, new in (("bb1", name), ("rediss://redis.example.com:6379", redis_url),
                     ("ed25519:…", controller_key)):
        if old not in text:
            raise NotWritten(f"README.md has no '{old}' in the lines of an agent")
        text = text.replace(old, new)
    return text.rstrip() + "\n"


def password_of(redis_user):
    return f"{redis_user}-password"


def redis_users(agents):
    """The users of a Redis of one's own, one line each, as deploy/README.md has them: the line of
    bb1 for each agent."""
    block = re.search(r"```\n(user shunt-controller .*?)```", text_of("deploy/README.md"),
                      re.DOTALL)
    for rule in re.split(r"\n(?=user )", block[1].strip()):
        rule = " ".join(rule.split())
        name = rule.split()[1]
        for agent in agents if name.startswith("agent.") else ("bb1",):
            user = name.replace("bb1", agent)
            yield (rule.replace(name, user).replace(":bb1", f":{agent}")
                   .replace(">PASSWORD", f">{password_of(user)}"))
