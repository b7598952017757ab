# SPDX-License-Identifier: Apache-2.0
"""What the documents tell an administrator to type, so that exactly that is typed."""

import os
import re

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


def redis_users(agents, cluster="git", password="PASSWORD"):
    """The users of a Redis of one's own, by name, as deploy/README.md has them: the line of bb1 for
    each agent."""
    block = re.search(r"```\n(user shunt-controller .*?)```", text_of("deploy/README.md"), re.DOTALL)
    rules = [" ".join(rule.split()) for rule in re.split(r"\n(?=user )", block[1].strip())]
    users = {}
    for rule in rules:
        name = rule.split()[1]
        if not name.startswith("agent."):
            users[name] = rule
            continue
        for agent in agents:
            mine = rule.replace("agent.git.bb1", f"agent.{cluster}.{agent}")
            users[f"agent.{cluster}.{agent}"] = mine.replace(":bb1", f":{agent}")
    return {name: rule.replace(f">{password}", f">{name}-password") for name, rule in users.items()}
