"""The store of features in a file: what is put in comes out, bounded."""

import numpy as np
import pytest

from sktransfer._utils import store_file
from sktransfer._utils.store_file import FileStore

from .rows import assert_right, get_rows, get_silently, rows_of


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
    assert len(get_silently(path, range(10))) == 10
    assert len(get_silently(path, range(3900, 4000))) == 100
    assert len(get_silently(path, range(10, 2000))) == 0


def test_a_use_is_noted_once_an_hour(filled, monkeypatch):
    noted = []
    monkeypatch.setattr(FileStore, "_note_use", lambda self, keys: noted.append(keys))
    get_rows(filled, range(3))
    now = store_file.time.time()
    monkeypatch.setattr(store_file.time, "time", lambda: now + 3700)
    get_rows(filled, range(3))
    assert [len(keys) for keys in noted] == [0, 3]
