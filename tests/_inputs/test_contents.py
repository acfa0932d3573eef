"""Digests of files: those of what is in them now, read again only if they changed."""

import os
from collections import OrderedDict

import pytest

from sktransfer._inputs import contents, lazy, read_images
from sktransfer._inputs.contents import content_digest, file_digest
from sktransfer._inputs.decode import read_content
from sktransfer._utils import files

_AGE = 10_000_000_000


@pytest.fixture
def reads(monkeypatch):
    """Return a list of the paths that are read, of files that seem to be old."""
    paths, read = [], contents.read_content

    def counting(path, row):
        paths.append(path)
        return read(path, row)

    monkeypatch.setattr(contents, "read_content", counting)
    monkeypatch.setattr(files, "_TICK", -_AGE)
    monkeypatch.setattr(contents, "_DIGESTS", OrderedDict())
    return paths


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "image.png"
    path.write_bytes(b"content")
    return str(path)


def test_a_file_is_read_once(path, reads):
    assert file_digest(path, 0) == content_digest(b"content")
    assert file_digest(path, 0) == content_digest(b"content")
    assert reads == [path]


def _rewritten(path):
    with open(path, "wb") as file:
        file.write(b"CONTENT")


def _rewritten_unseen(path):
    """Write, and set the time of the edit to that of before."""
    status = os.stat(path)
    _rewritten(path)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def _replaced(path):
    status = os.stat(path)
    with open(path + "2", "wb") as file:
        file.write(b"CONTENT")
    os.utime(path + "2", ns=(status.st_atime_ns, status.st_mtime_ns))
    os.replace(path + "2", path)


@pytest.mark.parametrize("change", [_rewritten, _rewritten_unseen, _replaced])
def test_a_file_that_changed_is_read_again(change, path, reads):
    file_digest(path, 0)
    tick = os.stat(path).st_ctime_ns
    while os.stat(path).st_ctime_ns == tick:  # of the clock of the file system
        change(path)
    assert file_digest(path, 0) == content_digest(b"CONTENT")
    assert len(reads) == 2


def test_a_file_that_has_just_changed_may_do_so_again(path, reads, monkeypatch):
    monkeypatch.setattr(files, "_TICK", _AGE)
    for content in (b"content", b"CONTENT", b"cOnTeNt"):
        with open(path, "wb") as file:
            file.write(content)
        assert file_digest(path, 0) == content_digest(content)
    assert len(reads) == 3


def test_elsewhere_than_on_posix_nothing_is_remembered(path, reads, monkeypatch):
    monkeypatch.setattr(files.os, "name", "nt")
    for _ in range(2):
        assert file_digest(path, 0) == content_digest(b"content")
    assert len(reads) == 2


def test_few_are_remembered(tmp_path, reads, monkeypatch):
    monkeypatch.setattr(contents, "_MAX_DIGESTS", 3)
    paths = [str(tmp_path / str(number)) for number in range(5)]
    for name in paths:
        with open(name, "w") as file:
            file.write(name)
    for name in [*paths, paths[4], paths[0]]:
        file_digest(name, 0)
    assert reads == [*paths, paths[0]]
    assert len(contents._DIGESTS) <= 3


def test_a_file_that_is_gone(path, reads):
    file_digest(path, 0)
    os.remove(path)
    with pytest.raises(FileNotFoundError, match=r"Row 7 .*image\.png"):
        file_digest(path, 7)
    with pytest.raises(FileNotFoundError, match=r"Row 0 .*image\.png"):
        read_images([path]).digest(0)


def test_a_link_that_led_elsewhere_while_it_was_read(path, reads, monkeypatch):
    other, link = path + "2", path + "-link"
    with open(other, "wb") as file:
        file.write(b"CONTENT")
    os.symlink(other, link)
    rows = read_images([link])
    assert rows.digest(0) == content_digest(b"CONTENT")

    def lead(target):
        os.unlink(link)
        os.symlink(target, link)

    def reading(*args):
        lead(path)
        read = read_content(*args)
        lead(other)
        return read

    monkeypatch.setattr(lazy, "read_content", reading)
    (part,) = rows.parts()
    assert part.digest(0) == content_digest(b"content")


def test_contents_in_memory_are_not_hashed_again(path, reads, monkeypatch):
    rows = read_images([path])
    digest = rows.digest(0)
    hashed = []
    monkeypatch.setattr(lazy, "content_digest", hashed.append)
    (part,) = rows.parts()
    assert part.digest(0) == part.take([0]).digest(0) == digest
    assert not hashed


@pytest.mark.parametrize("change", [_rewritten, _rewritten_unseen, _replaced])
def test_contents_that_changed_since_have_a_digest_of_their_own(change, path, reads):
    rows = read_images([path])
    assert rows.digest(0) == content_digest(b"content")
    tick = os.stat(path).st_ctime_ns
    while os.stat(path).st_ctime_ns == tick:
        change(path)
    (part,) = rows.parts()
    assert part.digest(0) == content_digest(b"CONTENT")
