# SPDX-License-Identifier: Apache-2.0
"""Archives written block by block: a library would not write the ones that matter.

POSIX.1-2017 "pax" says what a header and an extended header are, the manual of GNU tar ("Basic Tar
Format") what the types L, K and S are.
"""

import functools
import gzip

VERSION = "7.9.4"
TOP = f"atlassian-bitbucket-{VERSION}"
BLOCK = 512
MTIME = 1600000000
END = bytes(2 * BLOCK)
POM = "app/META-INF/maven/com.atlassian.bitbucket.server/bitbucket-webapp/pom.properties"
HOME_SCRIPT = ("# home\nif [ -z \"${BITBUCKET_HOME}\" ]; then\n    BITBUCKET_HOME=\nfi\n"
               "export BITBUCKET_HOME\n")


def as_bytes(text):
    return text if isinstance(text, bytes) else text.encode()


def padded(content):
    return content + bytes(-len(content) % BLOCK)


def octal(number, size):
    return b"%0*o\0" % (size - 1, number)


def base256(number, size):
    """GNU's way of writing what octal digits cannot, and negative numbers."""
    return bytes([0xFF if number < 0 else 0x80]) + number.to_bytes(size - 1, "big", signed=True)


def header(name, kind="0", size=0, link="", mode=0o644, owner=0, device=(0, 0), prefix="",
           fields=(), checksum=None):
    """`fields` are (offset, bytes) that replace what stands there; `checksum` a wrong one."""
    block = bytearray(BLOCK)
    if len(as_bytes(name)) > 100 and not prefix:
        prefix, _, name = as_bytes(name).rpartition(b"/")
    for at, value in ((0, as_bytes(name)[:100]), (100, octal(mode, 8)), (108, octal(owner, 8)),
                      (116, octal(owner, 8)), (124, octal(size, 12)), (136, octal(MTIME, 12)),
                      (156, as_bytes(kind)), (157, as_bytes(link)[:100]), (257, b"ustar\x0000"),
                      (329, octal(device[0], 8)), (337, octal(device[1], 8)),
                      (345, as_bytes(prefix)[:155]), *fields):
        block[at:at + len(value)] = value
    block[148:156] = b" " * 8
    block[148:156] = checksum or b"%06o\0 " % sum(block)
    return bytes(block)


def file(name, content=b"evil\n", **fields):
    content = as_bytes(content)
    return header(name, size=len(content), **fields) + padded(content)


def folder(name, **fields):
    return header(name, "5", mode=fields.pop("mode", 0o755), **fields)


def symbolic(name, target):
    return header(name, "2", link=target, mode=0o777)


def hard(name, target, **fields):
    return header(name, "1", link=target, **fields)


def pax(*records, kind="x"):
    """Records are (key, value), or bytes as they are to stand there."""
    body = b"".join(record if isinstance(record, bytes) else pax_record(*record)
                    for record in records)
    return header("pax", kind, size=len(body)) + padded(body)


def pax_record(key, value):
    rest = b" " + as_bytes(key) + b"=" + as_bytes(value) + b"\n"
    size = len(rest) + 1
    while len(b"%d" % size) + len(rest) != size:
        size = len(b"%d" % size) + len(rest)
    return b"%d" % size + rest


def gnu_long(kind, text):
    body = as_bytes(text) + b"\0"
    return header("././@LongLink", kind, size=len(body)) + padded(body)


def sparse(offset, size, whole, has_more=b"\0"):
    """GNU's oldest form: a map of four pieces in the header, more in blocks behind it."""
    return header(f"{TOP}/s", "S", size=size, fields=[
        (257, b"ustar  \0"), (345, bytes(41)), (386, base256(offset, 12) + octal(size, 12)),
        (482, has_more), (483, base256(whole, 12))]) + padded(b"evil\n"[:size])


@functools.cache
def good_files():
    return {"bin/start-bitbucket.sh": b"#!/bin/sh\n", "bin/stop-bitbucket.sh": b"#!/bin/sh\n",
            "bin/set-bitbucket-home.sh": HOME_SCRIPT.encode(),
            POM: f"version={VERSION}\n".encode(), "README.txt": b"x" * 700}


def release(top=TOP, version=VERSION, left_out=None):
    """The members of a small release that is as it should be."""
    members = [folder(f"{top}/")]
    for path, content in good_files().items():
        if path == POM:
            content = f"version={version}\n".encode()
        if path != left_out:
            members.append(file(f"{top}/{path}", content,
                                mode=0o755 if path.endswith("bitbucket.sh") else 0o644))
    return b"".join(members)


def tar(*members):
    """A release, and what comes behind it."""
    return release() + b"".join(members) + END


def packed(data):
    return gzip.compress(data, 6, mtime=0)
