"""The store of features in a file: whatever happens to it, no row is ever wrong."""

import hashlib
import os
import resource
import sqlite3
import subprocess
import sys
import warnings
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest

from sktransfer._utils import store_database, store_file
from sktransfer._utils.store_database import is_ours
from sktransfer._utils.store_file import FileStore
from sktransfer.exceptions import FeatureCacheWarning

_NOBODY = 65534


def row_of(key):
    """Return numbers that only this key has."""
    return np.frombuffer(hashlib.shake_256(key).digest(400), "<u4").astype(np.float32)


def rows_of(numbers):
    """Return rows by keys made of numbers."""
    keys = [hashlib.sha256(b"%d" % number).digest() for number in numbers]
    return {key: row_of(key) for key in keys}


def assert_right(found):
    for key, row in found.items():
        assert row.dtype == np.float32
        assert np.array_equal(row, row_of(key))


@pytest.fixture
def path(tmp_path):
    return tmp_path / "features.db"


@pytest.fixture
def filled(path):
    """Return the path of a file with 300 rows."""
    with FileStore(path) as store:
        store.put(rows_of(range(300)))
    return path


def _get(path, numbers):
    with FileStore(path) as store:
        return store.get(rows_of(numbers))


def _put_and_get(path, numbers):
    with FileStore(path) as store:
        store.put(rows_of(numbers))
        return store.get(rows_of(numbers))


def _silent_get(path, numbers):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return _get(path, numbers)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_rows_come_out_as_they_were_put_in(path, dtype):
    row = np.random.default_rng(0).normal(size=50).astype(dtype)
    with FileStore(path) as store:
        store.put({b"key": row})
        assert store.get([b"key", b"other"])[b"key"].dtype == dtype
    with FileStore(str(path)) as store:
        assert store.get([b"key"])[b"key"].tobytes() == row.tobytes()
    assert not path.with_name(path.name + "-wal").exists()


def test_many_rows(path):
    rows = rows_of(range(2500))
    with FileStore(path) as store:
        store.put(rows)
        found = store.get(rows)
    assert found.keys() == rows.keys()
    assert_right(found)


def test_info_and_clear(path):
    assert FileStore(path).info()[:2] == (0, 0)
    FileStore(path).clear()
    assert not path.exists()
    with FileStore(path) as store:
        store.put(rows_of(range(300)))
    info = FileStore(path).info()
    assert info.n_rows == 300
    assert 300 * 400 < info.n_bytes <= path.stat().st_size
    FileStore(path).clear()
    assert FileStore(path).info().n_rows == 0
    assert path.stat().st_size < info.n_bytes


def test_the_file_stays_small_and_keeps_what_is_used(path, monkeypatch):
    monkeypatch.setattr(store_file, "_USE_INTERVAL", -1)
    limit = 500_000
    for number in range(40):
        monkeypatch.setattr(store_file.time, "time", lambda number=number: number)
        with FileStore(path, limit) as store:
            store.put(rows_of(range(100 * number, 100 * (number + 1))))
            store.get(rows_of(range(10)))
    assert FileStore(path).info().n_bytes <= limit
    assert path.stat().st_size <= 1.2 * limit
    assert len(_silent_get(path, range(10))) == 10
    assert len(_silent_get(path, range(3900, 4000))) == 100
    assert len(_silent_get(path, range(10, 2000))) == 0


def test_a_use_is_noted_once_an_hour(filled, monkeypatch):
    noted = []
    monkeypatch.setattr(FileStore, "_note_use", lambda self, keys: noted.append(keys))
    _get(filled, range(3))
    now = store_file.time.time()
    monkeypatch.setattr(store_file.time, "time", lambda: now + 3700)
    _get(filled, range(3))
    assert [len(keys) for keys in noted] == [0, 3]


# What may happen to the file


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
    assert_right(_silent_get(filled, [0, 1]))


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
        assert _get(filled, range(300)) == {}
    with pytest.raises(ValueError, match="cannot be used"):
        FileStore(filled).info()
    FileStore(filled).clear()
    assert _silent_get(filled, range(300)) == {}


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
        assert _get(path, [1]) == {}
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
    assert len(_silent_get(path, [1])) == 1


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
    assert len(_silent_get(filled, range(300))) == 300
    assert_right(_silent_get(filled, range(900)))


@pytest.mark.parametrize("where", ["missing/features.db", ".", "file/features.db"])
def test_no_such_folder(tmp_path, where):
    (tmp_path / "file").touch()
    with pytest.warns(FeatureCacheWarning, match="cannot be used") as caught:
        found = _put_and_get(tmp_path / where, range(10))
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
            assert_right(_put_and_get(path, range(10)))
        if exists:
            assert len(_silent_get(path, range(9))) == 9


def test_a_writer_that_does_not_end(filled, monkeypatch):
    monkeypatch.setattr(store_database, "_TIMEOUT", 0.05)
    with closing(sqlite3.connect(filled, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with FileStore(filled) as store:
            assert len(store.get(rows_of(range(300)))) == 300
            with pytest.warns(FeatureCacheWarning, match="locked"):
                store.put(rows_of([300]))
        other.execute("ROLLBACK")
    assert len(_silent_get(filled, range(301))) == 300


# Several processes

_KILLED_WRITERS = """
import os, random, signal, sys, time, warnings
from tests._utils.test_store_file import rows_of, assert_right
from sktransfer._utils.store_file import FileStore

path, n_kills = sys.argv[1], int(sys.argv[2])
warnings.simplefilter("error")
chance = random.Random(0)


def write_for_ever(numbers):
    try:
        while True:
            start = random.choice(numbers)
            with FileStore(path) as store:
                for start in range(start, start + 40, 8):
                    rows = rows_of(range(start, start + 8))
                    assert_right(store.get(rows))
                    store.put(rows)
    except BaseException as error:
        print(repr(error), flush=True)
    os._exit(1)


def started(numbers):
    child = os.fork()
    if not child:
        write_for_ever(numbers)
    return child


survivor = started(range(2000))
for kill in range(n_kills):
    victim = started(range(1000, 3000))
    time.sleep(chance.uniform(0, 0.04))
    os.kill(victim, signal.SIGKILL)
    assert os.WIFSIGNALED(os.waitpid(victim, 0)[1]), "it ended by itself"
    with FileStore(path) as store:
        assert_right(store.get(rows_of(range(3100))))
assert os.waitpid(survivor, os.WNOHANG) == (0, 0), "the other process ended"
os.kill(survivor, signal.SIGKILL)
os.waitpid(survivor, 0)
"""

_CREATORS = """
import os, sys, time, warnings
from tests._utils.test_store_file import rows_of
from sktransfer._utils.store_file import FileStore

warnings.simplefilter("error")
for attempt in range(10):
    path, start = f"{sys.argv[1]}{attempt}", time.time() + 0.03
    children = []
    for number in range(6):
        children.append(os.fork())
        if not children[-1]:
            time.sleep(max(0, start - time.time()))
            with FileStore(path) as store:
                store.put(rows_of([number]))
            os._exit(0)
    assert [os.waitpid(child, 0)[1] for child in children] == [0] * 6
    with FileStore(path) as store:
        assert len(store.get(rows_of(range(6)))) == 6
"""


def _run(script, *arguments):
    done = subprocess.run(
        [sys.executable, "-c", script, *map(str, arguments)],
        cwd=Path(__file__).resolve().parents[2],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert not done.stdout


def test_writers_that_are_killed(path):
    _run(_KILLED_WRITERS, path, 50)
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert FileStore(path).info().n_rows > 100
    assert_right(_silent_get(path, range(3100)))


def test_processes_that_create_the_file_at_once(path):
    _run(_CREATORS, path)
