"""The store of features in memory: what is put in comes out, bounded, in any thread."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from sktransfer._utils.store import MemoryStore, open_store
from sktransfer._utils.store_file import FileStore


def _rows(numbers, width=8, dtype=np.float32):
    return {b"%d" % number: np.full(width, number, dtype) for number in numbers}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_rows_come_out_as_they_were_put_in(dtype):
    store = MemoryStore()
    rows = _rows(range(5), dtype=dtype)
    store.put(rows)
    found = store.get([b"1", b"4", b"9"])
    assert found.keys() == {b"1", b"4"}
    for key, row in found.items():
        assert row.dtype == dtype
        assert np.array_equal(row, rows[key])


def test_rows_are_copies_that_nobody_can_change():
    store, batch = MemoryStore(), np.ones((2, 3), np.float32)
    store.put({b"first": batch[0]})
    batch[:] = 7
    row = store.get([b"first"])[b"first"]
    assert row.tolist() == [1, 1, 1]
    assert row.base is None, "a view would keep the whole batch"
    with pytest.raises(ValueError, match="read-only"):
        row[0] = 2


def test_rows_not_used_for_longest_leave():
    store = MemoryStore()
    store.put(_rows(range(1)))
    store = MemoryStore(max_bytes=3 * store.info().n_bytes)
    store.put(_rows(range(3)))
    store.get([b"0"])
    store.put(_rows([3, 4]))
    assert store.get([b"%d" % i for i in range(5)]).keys() == {b"0", b"3", b"4"}
    assert store.info().n_bytes <= store.info().max_bytes


def test_a_row_put_twice_counts_once():
    once, twice = MemoryStore(), MemoryStore()
    once.put(_rows([1]))
    for _ in range(2):
        twice.put(_rows([1]))
    assert twice.info() == once.info()
    twice.clear()
    assert twice.info()[:2] == (0, 0)


def test_threads():
    store = MemoryStore(max_bytes=20_000)

    def work(seed):
        for number in np.random.default_rng(seed).integers(100, size=500):
            store.put(_rows([number]))
            for key, row in store.get(_rows(range(number, number + 5))).items():
                assert (row == int(key)).all()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))
    info = store.info()
    store.put(_rows([1000]))
    assert 0 < info.n_bytes <= 20_000
    assert info.n_bytes % info.n_rows == 0, "rows of one size"


def test_open_store(tmp_path):
    assert open_store(True) is open_store(True)
    assert isinstance(open_store(str(tmp_path / "file.db")), FileStore)
    assert isinstance(open_store(tmp_path / "file.db"), FileStore)
