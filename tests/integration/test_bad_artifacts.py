# SPDX-License-Identifier: Apache-2.0
"""Artifacts that must not be staged: the upgrade has failed before any node was drained."""

import gzip
import io
import os
import re
import shutil
import tarfile

import pytest

import standin
from processes import run, wait_until, write_file

VERSION = "7.9.4"
TRIAL_OPTIONS = {"drops_customisations": True}  # or plans would find most of these
TOP = f"atlassian-bitbucket-{VERSION}"


@pytest.fixture
def trial(shared_trial):
    """As it was found, and left."""
    shared_trial.mark()
    shutil.rmtree(os.path.join(shared_trial.folder, "artifacts"), ignore_errors=True)
    yield shared_trial
    for node in shared_trial.nodes:
        shutil.rmtree(os.path.join(node.releases, f".staging-{VERSION}"), ignore_errors=True)
    assert shared_trial.lb.in_rotation() == 3
    for node in shared_trial.nodes:
        assert shared_trial.runs(node.name) == []
    assert shared_trial.linked() == ["7.9.0"] * 3
    assert shared_trial.cluster_states() == "STABLE"


def assert_fails(trial, artifact, *patterns, **fields):
    """It ends in stage, for a reason that has these words, on a node that keeps nothing of it."""
    trial.upgrade(VERSION, artifact=artifact, **fields)
    upgrade = trial.ended("failed")
    reason = upgrade["reason"]["message"]
    node = re.match("stage: node (bb[123]): stage: ", reason)
    assert node, reason
    for pattern in patterns:
        assert re.search(pattern, reason), reason
    assert os.listdir(trial.node(node[1]).releases) == ["7.9.0"]
    assert not upgrade["upgrade_mode"]


def link(name, target, kind=tarfile.SYMTYPE):
    member = tarfile.TarInfo(name)
    member.type, member.linkname = kind, target
    return member, b""


def file(name, content=b"evil\n"):
    member = tarfile.TarInfo(name)
    member.size = len(content)
    return member, content


def with_members(trial, *added):
    """A good release with more members at its end."""
    bad = os.path.join(trial.folder, "artifacts", "bad.tar.gz")
    with tarfile.open(trial.release(VERSION)) as good, tarfile.open(bad, "w:gz") as out:
        for member in good:
            out.addfile(member, good.extractfile(member) if member.isreg() else None)
        for member, content in added:
            out.addfile(member, io.BytesIO(content))
    return bad


def test_truncated_artifact(trial):
    path = trial.release(VERSION)
    os.truncate(path, os.path.getsize(path) // 2)
    assert_fails(trial, path, "truncated|damaged")


def test_artifact_cut_within_its_last_bytes(begin):
    """All files are there; only gzip's own check is missing."""
    trial = begin(**TRIAL_OPTIONS)
    path = trial.release(VERSION)
    os.truncate(path, os.path.getsize(path) - 6)
    assert_fails(trial, path, "truncated|damaged")
    trial.assert_untouched()


def test_artifact_with_wrong_bytes_that_still_unpack(begin):
    """In a file that does not compress, and so without a hash gzip's own check alone shows it."""
    trial = begin(**TRIAL_OPTIONS)
    path = trial.release(VERSION)
    with gzip.open(path) as release:
        plain = release.read()
    jar = next(plain[at:at + 64] for at in range(512, len(plain), 512) if plain[at:at + 2] == b"PK")
    with gzip.open(path, "wb", compresslevel=0) as out:
        out.write(plain)
    with open(path, "r+b") as release:
        release.seek(release.read().index(jar) + 32)
        release.write(b"damaged")
    assert_fails(trial, path, "truncated|damaged|CRC")
    trial.assert_untouched()


def test_artifact_of_another_hash(trial):
    path = trial.release(VERSION)
    assert_fails(trial, path, "hash is .*expected 0{64}", sha256="0" * 64)


@pytest.mark.parametrize("member", [
    file(f"{TOP}/../../evil"), file("../evil"), file(f"{TOP}/bin/../../../evil"),
], ids=["over-the-top", "at-once", "deep"])
def test_name_that_leads_upwards(trial, member):
    assert_fails(trial, with_members(trial, member), r"\.\.")
    assert not os.path.exists(os.path.join(trial.node("bb1").folder, "evil"))


def test_absolute_name(trial):
    evil = os.path.join(trial.folder, "evil")
    assert_fails(trial, with_members(trial, file(evil)), "absolute|evil")
    assert not os.path.exists(evil)


@pytest.mark.parametrize("target", ["../../../../../../etc/passwd", "/etc/passwd", "../../home"])
@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE], ids=["symbolic", "hard"])
def test_link_out_of_the_tree(trial, kind, target):
    assert_fails(trial, with_members(trial, link(f"{TOP}/bin/way-out", target, kind)), "way-out")


def test_file_written_through_a_link(trial):
    home = trial.node("bb1").home
    bad = with_members(trial, link(f"{TOP}/door", home), file(f"{TOP}/door/evil"))
    assert_fails(trial, bad, "door")
    assert not os.path.exists(os.path.join(home, "evil"))


def test_link_that_replaces_a_directory(trial):
    bad = with_members(trial, link(f"{TOP}/bin", trial.folder), file(f"{TOP}/bin/evil"))
    assert_fails(trial, bad, "bin")
    assert not os.path.exists(os.path.join(trial.folder, "evil"))


@pytest.mark.parametrize("kind", [tarfile.CHRTYPE, tarfile.FIFOTYPE], ids=["device", "fifo"])
def test_entry_that_is_neither_file_nor_link_nor_directory(trial, kind):
    member = tarfile.TarInfo(f"{TOP}/special")
    member.type, member.devmajor, member.devminor = kind, 1, 3
    assert_fails(trial, with_members(trial, (member, b"")), "special")


def test_wrong_top_folder(trial):
    path = run(os.path.join(standin.STANDIN, "make-release"), VERSION, trial.folder,
               "--top", "something-else").strip()
    assert_fails(trial, path, "something-else.*top folder of this version")


def test_second_top_folder(trial):
    assert_fails(trial, with_members(trial, file("elsewhere/file")), "elsewhere")


def test_wrong_version_inside(trial):
    path = run(os.path.join(standin.STANDIN, "make-release"), VERSION, trial.folder,
               "--inner-version", "7.9.3").strip()
    assert_fails(trial, path, "version inside is not 7.9.4")


def test_release_without_its_scripts(trial):
    bad = os.path.join(trial.folder, "artifacts", "bad.tar.gz")
    with tarfile.open(trial.release(VERSION)) as good, tarfile.open(bad, "w:gz") as out:
        for member in good:
            if not member.name.endswith("start-bitbucket.sh"):
                out.addfile(member, good.extractfile(member) if member.isreg() else None)
    assert_fails(trial, bad, "start-bitbucket.sh is missing")


@pytest.mark.parametrize("content", [b"", b"#!/bin/sh\necho no tarball\n", b"\0" * 100000,
                                     gzip.compress(b"no tarball\n" * 1000)],
                         ids=["empty", "text", "zeros", "gzip-of-text"])
def test_file_that_is_no_tarball(trial, content):
    path = os.path.join(trial.folder, "no-tarball.tar.gz")
    with open(path, "wb") as out:
        out.write(content)
    assert_fails(trial, path, "archive|tar")


def test_artifact_that_is_missing(trial):
    answer = trial.admin.ask("upgrade", to=VERSION, artifact="/nowhere/bitbucket.tar.gz")
    if answer["ok"]:
        reason = trial.ended("failed")["reason"]["message"]
        assert "/nowhere/bitbucket.tar.gz" in reason and "No such file" in reason


def test_artifact_that_is_a_directory(trial):
    found = trial.refused(VERSION, artifact=trial.folder)
    assert found and all("is not a regular file" in text for _, _, text in found), found


def test_artifact_that_differs_between_nodes(begin):
    """One path, two files: without --sha256 the first node that has staged is the measure. bb1's
    agent sees another file there, as on another host."""
    trial = begin(**TRIAL_OPTIONS)
    path = trial.release(VERSION)
    other = run(os.path.join(standin.STANDIN, "make-release"), VERSION, trial.folder,
                "--files", "3").strip()
    trial.end_agent("bb1")
    trial.start_agent(trial.node("bb1"), "unshare", "--mount", "sh", "-c",
                      'mount --bind "$1" "$2" && shift 2 && exec "$@"', "sh", other, path)
    trial.wait_plannable()
    trial.upgrade(VERSION, artifact=path)
    reason = trial.ended("failed")["reason"]
    assert re.search("node bb[123] staged SHA-256.*wanted", reason["message"]), reason
    assert "same file" in reason["hint"]
    trial.assert_untouched()


def test_what_a_cut_run_left_is_in_nobodys_way(begin):
    trial = begin(**TRIAL_OPTIONS)
    left = os.path.join(trial.node("bb1").releases, f".staging-{VERSION}")
    os.mkdir(left)
    write_file(os.path.join(left, "half"), "half")
    trial.upgrade(VERSION)
    trial.ended("done")
    assert trial.left_in_releases("7.9.0", VERSION) == set()
    trial.assert_settled(VERSION)


# ---- disks that are full ----


def mount_small_disk(trial):
    """bb2 keeps its releases on a file system of 8 MB."""
    path = trial.node("bb2").releases
    run("mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", path)
    trial.at_end.callback(run, "umount", path)


@pytest.fixture
def trial_with_small_disk(begin):
    if os.geteuid() != 0:
        pytest.skip("mounts need root")
    return begin(prepare=mount_small_disk, **TRIAL_OPTIONS)


def test_artifact_too_large_for_the_disk_is_refused_by_the_plan(trial_with_small_disk):
    trial = trial_with_small_disk
    path = run(os.path.join(standin.STANDIN, "make-release"), VERSION, trial.folder, "--files",
               "4", "--file-size", "10000000").strip()
    found = trial.refused(VERSION, ("artifact and room", "bb2", "MiB needed.*make room"),
                          artifact=path)
    assert len(found) == 1
    assert trial.left_in_releases("7.9.0") == set()
    trial.assert_untouched()


def test_archive_that_grows_beyond_the_disk_is_given_up_and_removed(trial_with_small_disk):
    """Its end says less; and what the other nodes have begun meanwhile is given up and removed as
    well."""
    trial = trial_with_small_disk
    path = with_members(trial, file(f"{TOP}/zeros", bytes(64_000_000)))
    with open(path, "r+b") as archive:
        archive.seek(-4, os.SEEK_END)
        archive.write(bytes(4))
    trial.upgrade(VERSION, artifact=path)
    upgrade = trial.ended("failed")
    assert upgrade["reason"]["code"] == "full"
    assert "node bb2: stage: " in upgrade["reason"]["message"]
    wait_until(lambda: trial.left_in_releases("7.9.0") == set(), "nothing left", 5)
    trial.assert_untouched()
