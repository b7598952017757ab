# SPDX-License-Identifier: Apache-2.0
"""Archives that must do no harm.

cases(outside) gives them all, always the same ones: `outside` is the path of a folder beside the
releases that they try to reach.
"""

import dataclasses
import gzip
import hashlib
import struct
import zlib

from tar_blocks import (BLOCK, END, POM, TOP, base256, file, folder, gnu_long, good_files,
                        hard, header, octal, packed, padded, pax, release, sparse, symbolic, tar)


@dataclasses.dataclass
class Case:
    name: str
    data: bytes
    refused: str = None  # what the refusal says, as a regular expression; None: it is staged
    sha256: str = None   # that the command names; "" = none
    holds: dict = dataclasses.field(default_factory=dict)  # path -> bytes of what is staged
    code: str = "integrity"

    def __post_init__(self):
        if self.sha256 is None:
            self.sha256 = hashlib.sha256(self.data).hexdigest()


# ---- names ----


def name_cases(outside):
    upwards = r"'\.' or '\.\.'"
    elsewhere = "not inside the top folder"
    control = "control character"
    deep = "/".join(["d"] * 70)
    rows = [
        ("upwards-at-once", "../outside/evil", elsewhere),
        ("upwards-from-top", f"{TOP}/../../outside/evil", upwards),
        ("upwards-from-below", f"{TOP}/bin/../../../outside/evil", upwards),
        ("upwards-and-back", f"{TOP}/../{TOP}/evil", upwards),
        ("upwards-alone", "..", elsewhere),
        ("upwards-at-the-end", f"{TOP}/bin/..", upwards),
        ("upwards-with-slash", f"{TOP}/bin/../", upwards),
        ("dot-first", f"./{TOP}/evil", elsewhere),
        ("dot-within", f"{TOP}/./evil", upwards),
        ("dot-at-the-end", f"{TOP}/bin/.", upwards),
        ("absolute", f"{outside}/evil", "absolute"),
        ("absolute-twice", f"/{outside}/evil", "absolute"),
        ("absolute-root", "/", "absolute"),
        ("absolute-behind-top", f"{TOP}/{outside}/evil", "empty component"),
        ("empty-component", f"{TOP}/bin//evil", "empty component"),
        ("slashes-at-the-end", f"{TOP}/evil//", "empty component"),
        ("empty-name", "", "has no name|cannot be read"),
        ("top-as-a-file", TOP, "top folder, and no directory"),
        ("top-with-a-tail", f"{TOP}-evil/evil", elsewhere),
        ("top-of-another-case", f"{TOP.upper()}/evil", elsewhere),
        ("top-of-another-version", "atlassian-bitbucket-7.9.5/evil", elsewhere),
        ("second-top", "elsewhere/evil", elsewhere),
        ("windows-drive", "C:\\evil", elsewhere),
        ("newline", f"{TOP}/bin/e\nvil", control),
        ("return", f"{TOP}/e\rvil", control),
        ("escape-sequence", f"{TOP}/\x1b[2Jevil", control),
        ("tab", f"{TOP}/e\tvil", control),
        ("delete", f"{TOP}/e\x7fvil", control),
        ("bell", f"{TOP}/\a", control),
        ("bad-utf8", TOP.encode() + b"/e\xff\xfevil", "not UTF-8"),
        ("overlong-slash", TOP.encode() + b"/..\xc0\xafevil", "not UTF-8"),
        ("overlong-dots", TOP.encode() + b"/\xc0\xae\xc0\xae/evil", "not UTF-8"),
        ("half-a-character", TOP.encode() + b"/evil\xe2\x82", "not UTF-8"),
        ("surrogate", TOP.encode() + b"/\xed\xa0\x80", "not UTF-8"),
        ("latin-1", f"{TOP}/caf\xe9".encode("latin-1"), "not UTF-8"),
    ]
    for name, path, refused in rows:
        yield Case(f"name-{name}", tar(file(path)), refused)
    for name, path in (("folder-upwards", f"{TOP}/../../outside/evil/"),
                       ("folder-absolute", f"{outside}/evil/")):
        yield Case(f"name-{name}", tar(folder(path)), r"'\.\.'|absolute")
    yield Case("name-prefix-upwards", tar(file("evil", prefix=f"{TOP}/../../outside")), upwards)
    yield Case("name-prefix-absolute", tar(file("evil", prefix=outside)), "absolute")
    yield Case("name-nested-too-deeply", tar(file(f"d/{'d/' * 30}e", prefix=f"{TOP}/{deep[:130]}")),
               "too deeply")
    for name, path in (("backslashes", f"{TOP}/..\\..\\evil"), ("three-dots", f"{TOP}/.../evil"),
                       ("blank", f"{TOP}/ "), ("dash", f"{TOP}/-rf"), ("tilde", f"{TOP}/~/evil"),
                       ("colon", f"{TOP}/host:evil"), ("utf8", f"{TOP}/caf\xe9"),
                       ("shell", f"{TOP}/$(touch evil)`touch evil`;evil")):
        yield Case(f"name-harmless-{name}", tar(file(path)),
                   holds={path.removeprefix(f"{TOP}/"): b"evil\n"})
    yield Case("name-nul-ends-it", tar(file(f"{TOP}/a\0/../../outside/evil")),
               holds={"a": b"evil\n"})


def long_name_cases(outside):
    long = "l" * 255
    path = f"{TOP}/{long}/{long}"
    for name, head in (("gnu", gnu_long("L", path)), ("pax", pax(("path", path)))):
        yield Case(f"long-{name}", tar(head, file("short")), holds={f"{long}/{long}": b"evil\n"})
    for name, size, refused in (("component", 256, "more than 255 bytes"),
                                ("4096", 4096, "too long|more than 255"),
                                ("65536", 65536, "too long"),
                                ("2-MiB", 2 << 20, "damaged|header")):
        text = f"{TOP}/" + "n" * size
        for kind, head in (("gnu", gnu_long("L", text)), ("pax", pax(("path", text)))):
            yield Case(f"long-{kind}-{name}", tar(head, file("short")), refused)
    components = f"{TOP}/" + "/".join(["c" * 200] * 6)
    yield Case("long-path", tar(gnu_long("L", components), file("x")), "too long")
    for kind, make in (("gnu", lambda text: gnu_long("L", text)),
                       ("pax", lambda text: pax(("path", text)))):
        for name, text, refused in (
                ("upwards", f"{TOP}/../../outside/evil", r"'\.\.'"),
                ("absolute", f"{outside}/evil", "absolute"),
                ("newline", f"{TOP}/e\nvil", "control character"),
                ("bad-utf8", TOP.encode() + b"/\xff", "not UTF-8|from UTF-8")):
            yield Case(f"{kind}-{name}", tar(make(text), file(f"{TOP}/fine")), refused)
        yield Case(f"{kind}-twice", tar(make(f"{TOP}/one"), make(f"{outside}/evil"),
                                        file(f"{TOP}/fine")), "absolute|damaged")
        yield Case(f"{kind}-without-an-entry", release() + make(f"{TOP}/one") + END,
                   "damaged|truncated|behind")
        yield Case(f"{kind}-cut", release() + make(f"{TOP}/" + "n" * 1000)[:1024],
                   "damaged|truncated|behind")
        yield Case(f"{kind}-forty-in-a-row", tar(make(f"{TOP}/x") * 40, file("x")),
                   "damaged|header|neither a file")


# ---- pax ----


def pax_cases(outside):
    fine = file(f"{TOP}/fine")
    yield Case("pax-global-path", release() + pax(("path", f"{outside}/evil"), kind="g") + fine
               + END, holds={"fine": b"evil\n"})
    yield Case("pax-link-out", tar(pax(("linkpath", f"{outside}/file")),
                                   symbolic(f"{TOP}/out", "fine")), "absolute")
    yield Case("pax-hard-link-out", tar(pax(("linkpath", f"{outside}/file")),
                                        hard(f"{TOP}/out", f"{TOP}/README.txt")), "outside")
    yield Case("pax-nul-ends-path", tar(pax(("path", f"{TOP}/a\0/../../evil")), fine),
               holds={"a": b"evil\n"})
    for name, size, refused, code in (("huge", 1 << 62, "may be used", "full"),
                                      ("largest", (1 << 63) - 1, "may be used|damaged", None),
                                      ("beyond", 1 << 70, "may be used|damaged", None),
                                      ("more-than-there-is", 5000, "damaged|truncated", None)):
        yield Case(f"pax-size-{name}", tar(pax(("size", str(size))), fine), refused, code=code)
    yield Case("pax-size-negative", tar(pax(("size", "-1")), fine), "damaged|may be used",
               code=None)
    yield Case("pax-size-text", tar(pax(("size", "12x")), fine),
               holds={"fine": b"evil\n" + bytes(7)})
    records = (("no-length", b"path=evil\n"), ("length-zero", b"0 path=evil\n"),
               ("length-too-large", b"9999 path=evil\n"), ("length-too-small", b"5 path=evil\n"),
               ("length-huge", b"99999999999999999999 path=e\n"), ("no-newline", b"13 path=evil!"),
               ("no-equals", b"11 pathevil\n"), ("negative", b"-13 path=evil\n"))
    for name, record in records:
        yield Case(f"pax-record-{name}", tar(pax(record), fine), "damaged")
    in_pax = (("GNU.sparse.major", "1"), ("GNU.sparse.minor", "0"))
    yield Case("pax-sparse-name-out", tar(pax(*in_pax, ("GNU.sparse.name", f"{outside}/evil"),
                                              ("GNU.sparse.realsize", "5")),
                                          file(f"{TOP}/fine", padded(b"1\n0\n5\n") + b"evil\n")),
               "absolute")
    yield Case("pax-sparse-huge", tar(pax(*in_pax, ("GNU.sparse.name", f"{TOP}/s"),
                                          ("GNU.sparse.realsize", str(1 << 50))),
                                      file(f"{TOP}/fine", padded(b"1\n0\n5\n") + b"evil\n")),
               "may be used", code="full")
    yield Case("pax-sparse-map-overlapping",
               tar(pax(*in_pax, ("GNU.sparse.name", f"{TOP}/s"), ("GNU.sparse.realsize", "10")),
                   file(f"{TOP}/fine", padded(b"2\n0\n5\n0\n5\n") + b"evil\nevil\n")))
    for name, text in (("beyond", b"1\n100\n5\n"),
                       ("negative", b"1\n-5\n5\n"), ("many", b"9999999999\n"),
                       ("no-number", b"x\n"), ("overflow", b"1\n9223372036854775807\n5\n")):
        yield Case(f"pax-sparse-map-{name}",
                   tar(pax(*in_pax, ("GNU.sparse.name", f"{TOP}/s"),
                           ("GNU.sparse.realsize", "10")),
                       file(f"{TOP}/fine", padded(text) + b"evil\nevil\n")),
                   "damaged|truncated|more bytes", code=None)
    pairs = 4 << 20
    body = b"%d\n" % pairs + b"0\n0\n" * pairs
    yield Case("pax-sparse-map-bomb", packed(tar(pax(*in_pax, ("GNU.sparse.name", f"{TOP}/s"),
                                                     ("GNU.sparse.realsize", "10")),
                                                 file(f"{TOP}/fine", body))),
               "header|100 times")
    yield Case("pax-attributes", tar(pax(("SCHILY.xattr.security.capability", "x" * 20),
                                         ("SCHILY.xattr.user.evil", "1"),
                                         ("SCHILY.acl.access", "user::rwx,group::rwx,other::rwx"),
                                         ("SCHILY.fflags", "sappnd,schg")), fine),
               holds={"fine": b"evil\n"})


# ---- links ----


def link_cases(outside):
    rows = [
        ("absolute", f"{TOP}/out", outside, "absolute path"),
        ("root", f"{TOP}/out", "/", "absolute path"),
        ("up", f"{TOP}/out", "..", "out of the tree"),
        ("up-two", f"{TOP}/out", "../../outside", "out of the tree"),
        ("up-from-below", f"{TOP}/bin/out", "../../outside", "out of the tree"),
        ("down-and-up", f"{TOP}/out", "bin/../../../outside", r"'\.\.' behind"),
        ("dot-and-up", f"{TOP}/out", "./../../outside", r"'\.\.' behind"),
        ("nothing", f"{TOP}/out", "", "links to nothing"),
        ("newline", f"{TOP}/out", "a\nb", "control character"),
        ("proc", f"{TOP}/out", "/proc/self/root/etc/passwd", "absolute path"),
        ("in-place-of-the-top", f"{TOP}", "/etc", "top folder, and no directory"),
        ("in-place-of-a-folder", f"{TOP}/bin", "../outside", "out of the tree"),
        ("in-place-of-a-folder-within", f"{TOP}/bin", "app", "twice"),
        ("in-place-of-a-file", f"{TOP}/README.txt", "bin", "twice"),
    ]
    for name, path, target, refused in rows:
        yield Case(f"link-{name}", tar(symbolic(path, target)), refused)
    yield Case("link-bad-utf8", tar(symbolic(f"{TOP}/out", b"\xff\xfe")), "not UTF-8|control")
    yield Case("link-long", tar(gnu_long("K", "t" * 5000), symbolic(f"{TOP}/out", "t")),
               "too long")
    yield Case("link-gnu-absolute", tar(gnu_long("K", outside), symbolic(f"{TOP}/out", "t")),
               "absolute path")
    through = "leads through a link"
    for name, target in (("out", "../outside"), ("absolute", outside)):
        yield Case(f"link-then-file-{name}",
                   tar(symbolic(f"{TOP}/door", target), file(f"{TOP}/door/evil")), "door")
    yield Case("link-then-file-within", tar(symbolic(f"{TOP}/door", "bin"),
                                            file(f"{TOP}/door/evil")), through)
    yield Case("link-then-folder-through-it", tar(symbolic(f"{TOP}/door", "bin"),
                                                  folder(f"{TOP}/door/evil/")), through)
    yield Case("link-then-folder-of-its-name", tar(symbolic(f"{TOP}/door", "bin"),
                                                   folder(f"{TOP}/door/", mode=0o777)), through)
    yield Case("link-then-file-of-its-name", tar(symbolic(f"{TOP}/door", "new"),
                                                 file(f"{TOP}/door")), "twice")
    yield Case("link-then-link-through-it", tar(symbolic(f"{TOP}/door", "bin"),
                                                symbolic(f"{TOP}/door/x", "y")), through)
    yield Case("link-then-hard-link-through-it",
               tar(symbolic(f"{TOP}/door", "bin"),
                   hard(f"{TOP}/x", f"{TOP}/door/start-bitbucket.sh")), through)
    yield Case("link-chain-out", tar(folder(f"{TOP}/a/"), symbolic(f"{TOP}/a/b", ".."),
                                     symbolic(f"{TOP}/a/c", "b/../outside")), r"'\.\.' behind")
    yield Case("link-to-the-top", tar(folder(f"{TOP}/a/"), symbolic(f"{TOP}/a/b", "..")))
    yield Case("link-loop", tar(symbolic(f"{TOP}/a", "b"), symbolic(f"{TOP}/b", "a")))
    yield Case("link-dangling", tar(symbolic(f"{TOP}/a", "missing")))
    yield Case("link-harmless", tar(symbolic(f"{TOP}/a", "README.txt")),
               holds={"a": good_files()["README.txt"]})


def hard_link_cases(outside):
    rows = [
        ("absolute", f"{outside}/file", "outside the tree"),
        ("passwd", "/etc/passwd", "outside the tree"),
        ("up", f"{TOP}/../../outside/file", "outside the tree"),
        ("elsewhere", "outside/file", "outside the tree"),
        ("top", TOP, "outside the tree"),
        ("folder", f"{TOP}/bin", "something else than a file"),
        ("missing", f"{TOP}/missing", "does not have before"),
        ("itself", f"{TOP}/out", "does not have before"),
        ("empty", "", "outside the tree|neither a file"),
    ]
    for name, target, refused in rows:
        yield Case(f"hard-link-{name}", tar(hard(f"{TOP}/out", target)), refused)
    yield Case("hard-link-to-link", tar(symbolic(f"{TOP}/door", "../outside/file"),
                                        hard(f"{TOP}/out", f"{TOP}/door")), "out of the tree")
    yield Case("hard-link-to-link-within", tar(symbolic(f"{TOP}/door", "README.txt"),
                                               hard(f"{TOP}/out", f"{TOP}/door")),
               "something else than a file")
    yield Case("hard-link-in-place-of-the-top", tar(hard(TOP, f"{TOP}/README.txt")),
               "top folder, and no directory")
    yield Case("hard-link-with-contents", tar(header(f"{TOP}/out", "1", size=5,
                                                     link=f"{TOP}/README.txt") + padded(b"evil\n")),
               "contents of its own|damaged")
    yield Case("hard-link-then-file", tar(hard(f"{TOP}/out", f"{TOP}/README.txt"),
                                          file(f"{TOP}/out")), "twice")
    yield Case("hard-link-harmless", tar(hard(f"{TOP}/out", f"{TOP}/README.txt")),
               holds={"out": good_files()["README.txt"]})


# ---- types, modes, twice, case ----


def kind_cases(_outside):
    refused = "neither a file"
    for name, kind, device in (("null", "3", (1, 3)), ("memory", "3", (1, 1)),
                               ("disk", "4", (8, 0)), ("fifo", "6", (0, 0)),
                               ("huge-numbers", "3", (0o7777777, 0o7777777))):
        yield Case(f"device-{name}", tar(header(f"{TOP}/device", kind, device=device)), refused)
    yield Case("device-in-place-of-the-top", tar(header(TOP, "3", device=(1, 3))), "top folder")
    for kind in "MVAX":
        yield Case(f"type-{kind}", tar(header(f"{TOP}/odd", kind)),
                   f"{refused}|damaged|truncated|behind the end")
    for kind in "DNIZ\xff":  # POSIX: what is not known is a regular file
        yield Case(f"type-{ord(kind):x}", tar(header(f"{TOP}/odd", kind.encode("latin-1"))))
    yield Case("type-contiguous", tar(file(f"{TOP}/x", kind="7")), holds={"x": b"evil\n"})
    yield Case("type-of-old", tar(file(f"{TOP}/x", kind="\0")), holds={"x": b"evil\n"})
    for name, mode in (("setuid", 0o4755), ("setgid", 0o2755), ("sticky", 0o1777),
                       ("all", 0o7777), ("none", 0), ("beyond", 0o177777)):
        yield Case(f"mode-{name}", tar(file(f"{TOP}/x", mode=mode)), holds={"x": b"evil\n"})
        yield Case(f"mode-folder-{name}", tar(folder(f"{TOP}/x/", mode=mode),
                                              file(f"{TOP}/x/y")), holds={"x/y": b"evil\n"})
    yield Case("mode-of-the-top", folder(f"{TOP}/", mode=0o7777) + tar())
    yield Case("mode-negative", tar(file(f"{TOP}/x", fields=[(100, base256(-1, 8))])),
               holds={"x": b"evil\n"})
    yield Case("owner-huge", tar(file(f"{TOP}/x", fields=[(108, base256(1 << 40, 8))])),
               holds={"x": b"evil\n"})
    for name, seconds in (("before-all", -(1 << 60)), ("after-all", 1 << 60), ("negative", -1)):
        yield Case(f"time-{name}", tar(file(f"{TOP}/x", fields=[(136, base256(seconds, 12))])),
                   holds={"x": b"evil\n"})
    yield Case("twice-file", tar(file(f"{TOP}/x"), file(f"{TOP}/x", b"other\n")), "twice")
    yield Case("twice-script", tar(file(f"{TOP}/bin/start-bitbucket.sh")), "twice")
    yield Case("twice-link", tar(symbolic(f"{TOP}/x", "a"), symbolic(f"{TOP}/x", "b")), "twice")
    yield Case("twice-folder", tar(folder(f"{TOP}/x/"), folder(f"{TOP}/x/")))
    yield Case("twice-file-then-folder", tar(file(f"{TOP}/x"), folder(f"{TOP}/x/")),
               "through a link or a file|twice")
    yield Case("twice-folder-then-file", tar(folder(f"{TOP}/x/"), file(f"{TOP}/x")), "twice")
    yield Case("twice-file-then-below", tar(file(f"{TOP}/x"), file(f"{TOP}/x/y")),
               "through a link or a file")
    yield Case("case-file", tar(file(f"{TOP}/readme.TXT")), holds={"readme.TXT": b"evil\n"})
    yield Case("case-folder", tar(file(f"{TOP}/BIN/start-bitbucket.sh")),
               holds={"BIN/start-bitbucket.sh": b"evil\n",
                      "bin/start-bitbucket.sh": b"#!/bin/sh\n"})
    yield Case("case-link", tar(symbolic(f"{TOP}/Bin", "../outside")), "out of the tree")
    yield Case("case-composed", tar(file(f"{TOP}/caf\xe9"), file(f"{TOP}/cafe\u0301", b"2\n")),
               holds={"caf\xe9": b"evil\n", "cafe\u0301": b"2\n"})


# ---- headers that lie, bombs ----


def header_cases(_outside):
    damaged = "damaged|truncated"
    fine = (f"{TOP}/fine",)
    yield Case("sum-wrong", tar(header(*fine, checksum=b"000001\0 ")), damaged)
    yield Case("sum-empty", tar(header(*fine, checksum=bytes(8))), damaged)
    yield Case("sum-text", tar(header(*fine, checksum=b"evil!!!!")), damaged)
    yield Case("sum-wrong-at-first", header(f"{TOP}/", "5", checksum=b"000001\0 ") + tar(), damaged)
    broken = bytearray(tar())
    broken[3 * BLOCK + 2] ^= 1
    yield Case("sum-of-a-flipped-bit", bytes(broken), damaged)
    for name, size, code in (("huge", base256(1 << 60, 12), None),
                             ("largest", base256((1 << 63) - 1, 12), None),
                             ("beyond", base256(1 << 80, 12), None),
                             ("negative", base256(-1, 12), None),
                             ("most-negative", base256(-(1 << 63), 12), None),
                             ("octal-largest", b"777777777777", None),
                             ("text", b"evil evil\0\0\0", None),
                             ("past-the-end", octal(100000, 12), "integrity")):
        yield Case(f"size-{name}", tar(header(*fine, fields=[(124, size)]) + padded(b"evil\n")),
                   f"{damaged}|may be used|usable|needed|header", code=code)
    yield Case("size-of-a-folder", tar(folder(f"{TOP}/x/", fields=[(124, octal(512, 12))]),
                                       padded(b"evil\n"), file(f"{TOP}/y")),
               "has contents|damaged")
    yield Case("size-of-a-link", tar(header(f"{TOP}/x", "2", size=512, link="bin"),
                                     padded(b"evil\n"), file(f"{TOP}/y")), damaged)
    yield Case("sparse", tar(sparse(0, 5, 10)), holds={"s": b"evil\n" + bytes(5)})
    yield Case("sparse-huge", tar(sparse(0, 5, 1 << 50)), "may be used", code="full")
    yield Case("sparse-largest", tar(sparse(0, 5, (1 << 63) - 1)), "may be used", code="full")
    yield Case("sparse-negative", tar(sparse(0, 5, -10)), "may be used|damaged", code=None)
    yield Case("sparse-offset-huge", tar(sparse(1 << 60, 5, 10)), "more bytes|damaged")
    yield Case("sparse-offset-negative", tar(sparse(-10, 5, 10)), "more bytes|damaged")
    more = octal(0, 12) * 42 + b"\1" + bytes(7)
    yield Case("sparse-map-bomb", packed(tar(sparse(0, 0, 10, b"\1"), more * 40000)),
               "header of an entry|100 times")
    yield Case("sparse-map-cut", release() + sparse(0, 0, 10, b"\1") + more, damaged)


def stream_of_zeros(mebibytes):
    """Raw deflate of one MiB again and again: what ends with a full flush can be repeated."""
    one = zlib.compressobj(9, zlib.DEFLATED, -15)
    block = one.compress(bytes(1 << 20)) + one.flush(zlib.Z_FULL_FLUSH)
    return block * mebibytes


def bomb(members, mebibytes):
    """gzip of these members and so many MiB of zeros; what checks its end is never reached."""
    head = zlib.compressobj(9, zlib.DEFLATED, -15)
    return (b"\x1f\x8b\x08" + bytes(7) + head.compress(members) + head.flush(zlib.Z_FULL_FLUSH)
            + stream_of_zeros(mebibytes) + b"\3\0" + struct.pack("<II", 0, mebibytes << 20))


def bomb_cases(_outside):
    ratio = "100 times"
    size = 3 << 30
    # Where there is no room for what the header says, that comes first.
    no_room = f"{ratio}|may be used"
    yield Case("bomb-zeros", bomb(release() + header(f"{TOP}/zeros", size=size), size >> 20),
               no_room, code=None)
    yield Case("bomb-zeros-behind-the-end", bomb(tar(), 3000), ratio)
    yield Case("bomb-zeros-at-once", bomb(b"", 1000), f"{ratio}|empty")
    one = gzip.compress(bytes(16 << 20), 9, mtime=0)
    yield Case("bomb-of-members", packed(release() + header(f"{TOP}/zeros", size=size)) + one * 192,
               no_room, code=None)
    yield Case("bomb-of-empty-members", packed(tar()) + gzip.compress(b"", mtime=0) * 500_000)
    folders = zlib.compressobj(9, zlib.DEFLATED, -15)
    again = folders.compress(folder(f"{TOP}/x/") * 2048) + folders.flush(zlib.Z_FULL_FLUSH)
    yield Case("bomb-of-entries", b"\x1f\x8b\x08" + bytes(7) + again * 1000, f"{ratio}|500,000")
    heads = zlib.compressobj(9, zlib.DEFLATED, -15)
    again = heads.compress(pax(("comment", "x" * 900_000))) + heads.flush(zlib.Z_FULL_FLUSH)
    yield Case("bomb-of-headers", b"\x1f\x8b\x08" + bytes(7) + again * 1000,
               f"{ratio}|header|damaged")
    yield Case("bomb-within", packed(tar(file(f"{TOP}/inner.gz", bomb(tar(), 500)))),
               holds={"inner.gz": bomb(tar(), 500)})
    deep = "".join(f"{'d' * 10}/" for _ in range(60))
    yield Case("bomb-of-depth", packed(tar(*(pax(("path", f"{TOP}/{n}/{deep}f")) + file("f", b"")
                                             for n in range(30)))))


# ---- the whole ----


def whole_cases(_outside):
    good = tar()
    zipped = packed(good)
    damaged = "damaged|truncated|empty"
    whole = hashlib.sha256(good).hexdigest()
    for size in range(0, len(good), BLOCK):
        if size < len(good) - BLOCK:
            yield Case(f"cut-tar-{size}", good[:size], f"{damaged}|missing")
            yield Case(f"cut-inside-gzip-{size}", packed(good[:size]), f"{damaged}|missing",
                       sha256="")
        yield Case(f"cut-tar-of-known-hash-{size}", good[:size], f"{damaged}|hash is", whole)
        yield Case(f"cut-within-a-block-{size}", packed(good[:size + 100]), f"{damaged}|missing",
                   sha256="")
    for size in range(0, len(zipped), 64):
        yield Case(f"cut-gzip-{size}", zipped[:size], f"{damaged}|needs a hash", sha256="")
    stored = gzip.compress(good, 0, mtime=0)
    for size in range(0, len(stored), BLOCK):
        yield Case(f"cut-stored-gzip-{size}", stored[:size], f"{damaged}|needs a hash", sha256="")
    yield Case("cut-last-byte", zipped[:-1], damaged, sha256="")
    yield Case("tar-without-a-hash", good, "needs a hash", sha256="")
    yield Case("hash-of-another", good, "hash is", sha256="0" * 64)
    yield Case("members-two", packed(good[:5000]) + packed(good[5000:]),
               holds={"README.txt": good_files()["README.txt"]}, sha256="")
    yield Case("members-two-whole-releases", zipped + zipped, "behind the end", sha256="")
    yield Case("members-second-cut", packed(good[:5000]) + packed(good[5000:])[:-9], damaged,
               sha256="")
    yield Case("members-second-is-no-gzip", packed(good[:5000]) + good[5000:], damaged, sha256="")
    yield Case("rubbish-behind-gzip", zipped + b"rubbish", damaged, sha256="")
    yield Case("rubbish-zeros-behind-gzip", zipped + bytes(512), damaged, sha256="")
    yield Case("rubbish-behind-tar", good + b"rubbish" * 100, "behind the end")
    yield Case("rubbish-behind-tar-in-gzip", packed(good + b"rubbish"), "behind the end", sha256="")
    yield Case("rubbish-second-release", packed(good + good), "behind the end", sha256="")
    yield Case("rubbish-before", b"rubbish!" * 64 + good, damaged)
    yield Case("zeros-behind-tar", packed(good + bytes(20 * BLOCK)), sha256="",
               holds={"README.txt": good_files()["README.txt"]})
    yield Case("zero-block-alone", packed(release() + bytes(BLOCK) + file(f"{TOP}/x") + END),
               f"{damaged}|behind the end", sha256="")
    flipped = bytearray(zipped)
    flipped[-6] ^= 0x10
    yield Case("gzip-sum-wrong", bytes(flipped), damaged, sha256="")
    flipped = bytearray(zipped)
    flipped[-1] ^= 0x10
    yield Case("gzip-length-wrong", bytes(flipped), f"{damaged}|needed", sha256="", code=None)
    yield Case("gzip-twice", packed(zipped), damaged, sha256="")
    yield Case("gzip-other-method", b"\x1f\x8b\x07" + zipped[3:], damaged, sha256="")
    yield Case("gzip-reserved-flags", zipped[:3] + b"\xe0" + zipped[4:], damaged, sha256="")
    yield Case("gzip-endless-name", zipped[:3] + b"\x08" + zipped[4:10] + b"n" * (1 << 20), damaged,
               sha256="")
    for name, magic in (("bzip2", b"BZh9"), ("xz", b"\xfd7zXZ\0"), ("zip", b"PK\3\4"),
                        ("zstd", b"(\xb5/\xfd"), ("compress", b"\x1f\x9d"), ("7z", b"7z\xbc\xaf"),
                        ("cpio", b"070701"), ("ar", b"!<arch>\n"), ("elf", b"\x7fELF")):
        yield Case(f"other-{name}", magic + bytes(5000), damaged)
    yield Case("other-text", b"#!/bin/sh\necho\n" * 100, damaged)
    yield Case("other-empty", b"", damaged)
    yield Case("other-end-alone", END, damaged)
    yield Case("other-gzip-of-nothing", packed(b""), damaged, sha256="")
    yield Case("root-wrong", release("elsewhere") + END, "top folder of this version")
    yield Case("root-missing", b"".join(file(path, content)
                                        for path, content in good_files().items()) + END,
               "top folder of this version")
    yield Case("root-two", tar(release("atlassian-bitbucket-7.9.5")), "top folder of this version")
    yield Case("root-alone", folder(f"{TOP}/") + END, "missing")
    yield Case("version-wrong-inside", release(version="7.9.3") + END, "version inside is not")
    yield Case("version-missing-inside", release(version="") + END, "version inside is not")
    for path in list(good_files())[:3]:
        yield Case(f"without-{path.rpartition('/')[2]}", release(left_out=path) + END,
                   "is missing")
    for name, member in (("link", symbolic(f"{TOP}/bin/start-bitbucket.sh", "stop-bitbucket.sh")),
                         ("folder", folder(f"{TOP}/bin/start-bitbucket.sh/"))):
        yield Case(f"script-as-a-{name}", release(left_out="bin/start-bitbucket.sh") + member + END,
                   "not an executable file")
    yield Case("home-script-as-a-link", release(left_out="bin/set-bitbucket-home.sh")
               + symbolic(f"{TOP}/bin/set-bitbucket-home.sh", "start-bitbucket.sh") + END,
               "not a regular file")
    yield Case("version-file-as-a-link", release(left_out=POM)
               + symbolic(f"{TOP}/{POM}", "other") + END, "pom.properties")
    yield Case("home-script-huge", packed(release(left_out="bin/set-bitbucket-home.sh")
                                          + file(f"{TOP}/bin/set-bitbucket-home.sh",
                                                 b"#\n" * (2 << 20)) + END),
               "more than 65536 bytes")


SOURCES = (name_cases, long_name_cases, pax_cases, link_cases, hard_link_cases, kind_cases,
           header_cases, bomb_cases, whole_cases)


def cases(outside):
    for source in SOURCES:
        yield from source(outside)
