"""Whatever happens to a file of features, no row is ever wrong."""

import os
import resource
import sqlite3
import warnings
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest

from sktransfer._utils import store_database
from sktransfer._utils.store_database import is_ours
from sktransfer._utils.store_file import FileStore
from sktransfer.exceptions import FeatureCacheWarning

from .rows import assert_right, get_rows, get_silently, put_and_get, row_of, rows_of

_NOBODY = 65534


@pytest.mark.parametrize("damage", ["one bit", "key of another", "cut", "text", "null"])
def test_an_altered_row_is_computed_anew(filled, damage):
    key, other = rows_of([0, 1])
    with closing(sqlite3.connect(filled)) as connection:
        select = "SELECT record FROM features WHERE key = ?"
        ((record,),) = connection.execute(select, [key])
        bad = {
            "one bit": record[:-1] + bytes([record[-1] ^ 1]),
            "key of another": connection.execute(select, [other]).fetchone()[0],
            "cut": record[:-4],
            "text": "numbers",
            "null": b"",
        }[damage]
        connection.execute("UPDATE features SET record = ? WHERE key = ?", [bad, key])
        connection.commit()
    with FileStore(filled) as store:
        with pytest.warns(FeatureCacheWarning, match="1 rows that were altered"):
            found = store.get([key, other])
        assert found.keys() == {other}
        store.put({key: row_of(key)})
    assert_right(get_silently(filled, [0, 1]))


@pytest.mark.parametrize("seed", range(40))
def test_random_bytes(filled, seed):
    rng = np.random.default_rng(seed)
    content = bytearray(filled.read_bytes())
    n_bytes = int(10 ** rng.uniform(0, 4))
    start = 0 if seed % 4 == 0 else rng.integers(len(content) - n_bytes)
    content[start : start + n_bytes] = rng.bytes(n_bytes)
    filled.write_bytes(content)
    _check_usable_or_silent(filled)


@pytest.mark.parametrize("share", [0, 0.001, 0.01, 0.1, 0.5, 0.9, 0.999])
def test_a_truncated_file(filled, share):
    os.truncate(filled, int(share * filled.stat().st_size))
    _check_usable_or_silent(filled)


def _check_usable_or_silent(path):
    """Check that rows are right or missing, before and after writing; warnings pass."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.simplefilter("ignore", FeatureCacheWarning)
        for _ in range(2):
            with FileStore(path) as store:
                assert_right(store.get(rows_of(range(300))))
                store.put(rows_of(range(200, 400)))
                assert_right(store.get(rows_of(range(400))))
        if _is_cleared(path):
            assert FileStore(path).info().n_rows == 0


def _is_cleared(path):
    """Clear the file; it may be no longer known for a cache."""
    try:
        FileStore(path).clear()
    except ValueError:
        assert not is_ours(path)
        return False
    return True


def test_a_damaged_file_is_told_of_and_cleared(filled):
    with open(filled, "r+b") as file:
        file.seek(100)
        file.write(os.urandom(60_000))
    with pytest.warns(FeatureCacheWarning, match=r"features\.db.*cannot be used"):
        assert get_rows(filled, range(300)) == {}
    with pytest.raises(ValueError, match="cannot be used"):
        FileStore(filled).info()
    FileStore(filled).clear()
    assert get_silently(filled, range(300)) == {}


@pytest.mark.parametrize(
    ("path", "reason"),
    [("missing/features.db", "there is no folder '.*missing'"), ("", "is a folder")],
)
def test_a_path_without_room_for_a_file_is_told(tmp_path, path, reason):
    with (
        pytest.warns(FeatureCacheWarning, match=reason),
        FileStore(tmp_path / path) as s,
    ):
        s.put(rows_of([1]))


@pytest.mark.parametrize("content", [b"a thesis, in no second copy", os.urandom(9000)])
def test_another_file_is_left_alone(path, content):
    path.write_bytes(content)
    with (
        pytest.warns(FeatureCacheWarning, match="cannot be used"),
        FileStore(path) as s,
    ):
        s.put(rows_of([1]))
    with pytest.raises(ValueError, match="cannot be used"):
        FileStore(path).clear()
    assert path.read_bytes() == content


def test_another_database_is_left_alone(path):
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE features (key TEXT, record TEXT)")
    before = path.read_bytes()
    with pytest.warns(FeatureCacheWarning, match="database of something else"):
        assert get_rows(path, [1]) == {}
    with pytest.raises(ValueError, match="database of something else"):
        FileStore(path).clear()
    assert path.read_bytes() == before


def test_an_older_layout_is_replaced(path):
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE features (name TEXT, numbers BLOB)")
        connection.execute("INSERT INTO features VALUES ('old', x'00')")
        connection.execute(f"PRAGMA application_id = {store_database._APPLICATION_ID}")
        connection.commit()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with FileStore(path) as store:
            assert store.get(rows_of([1])) == {}
            store.put(rows_of([1]))
    assert len(get_silently(path, [1])) == 1


def _put_six_times(store):
    for start in range(300, 900, 100):
        store.put(rows_of(range(start, start + 100)))
    assert_right(store.get(rows_of(range(900))))


def test_a_full_disk(filled):
    size = filled.stat().st_size
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    with FileStore(filled) as store:
        resource.setrlimit(resource.RLIMIT_FSIZE, (size + 20_000, limits[1]))
        try:
            with pytest.warns(FeatureCacheWarning, match="cannot be used") as caught:
                _put_six_times(store)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert len(caught) == 1
    assert len(get_silently(filled, range(300))) == 300
    assert_right(get_silently(filled, range(900)))


@pytest.mark.parametrize("where", ["missing/features.db", ".", "file/features.db"])
def test_no_such_folder(tmp_path, where):
    (tmp_path / "file").touch()
    with pytest.warns(FeatureCacheWarning, match="cannot be used") as caught:
        found = put_and_get(tmp_path / where, range(10))
    assert found == {}
    assert len(caught) == 1


@contextmanager
def _readable_only(folder):
    """Take the right to write into the folder away, from root as well."""
    Path(folder).chmod(0o555)
    is_root = os.geteuid() == 0
    if is_root:
        os.seteuid(_NOBODY)
    try:
        yield
    finally:
        if is_root:
            os.seteuid(0)
        Path(folder).chmod(0o755)


@pytest.mark.parametrize("exists", [False, True])
def test_a_read_only_folder(exists):
    with TemporaryDirectory() as folder:
        path = Path(folder) / "features.db"
        if exists:
            with FileStore(path) as store:
                store.put(rows_of(range(9)))
        warns = pytest.warns(FeatureCacheWarning, match="cannot be used")
        with _readable_only(folder), warns:
            assert_right(put_and_get(path, range(10)))
        if exists:
            assert len(get_silently(path, range(9))) == 9


def test_a_writer_that_does_not_end(filled, monkeypatch):
    monkeypatch.setattr(store_database, "_TIMEOUT", 0.05)
    with closing(sqlite3.connect(filled, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with FileStore(filled) as store:
            assert len(store.get(rows_of(range(300)))) == 300
            with pytest.warns(FeatureCacheWarning, match="locked"):
                store.put(rows_of([300]))
        other.execute("ROLLBACK")
    assert len(get_silently(filled, range(301))) == 300
