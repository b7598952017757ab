# SPDX-License-Identifier: Apache-2.0
"""JSON files that readers in other processes see either old or new, never half."""

import json
import os


def write_json(path, value):
    temporary = f"{path}.{os.getpid()}.new"
    with open(temporary, "w", encoding="utf-8") as out:
        json.dump(value, out, indent=2, sort_keys=True)
        out.write("\n")
    os.replace(temporary, path)


def read_json(path):
    """The value, or None where there is no such file."""
    try:
        with open(path, encoding="utf-8") as source:
            return json.load(source)
    except FileNotFoundError:
        return None
