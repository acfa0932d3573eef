"""Rows of features by key, in the memory of this process."""

from collections import OrderedDict
from threading import Lock
from typing import NamedTuple

MAX_BYTES = 2**30

# What a key, a NumPy array of one row and their places in a dict take.
_OVERHEAD = 300


class CacheInfo(NamedTuple):
    """What a store of features holds: rows, bytes, and the most bytes it may hold."""

    n_rows: int
    n_bytes: int
    max_bytes: int


class MemoryStore:
    """Rows of features; those not used for longest leave when there are too many.

    Parameters
    ----------
    max_bytes : int, default=2**30
        Bytes that all rows may take.
    """

    def __init__(self, max_bytes=MAX_BYTES):
        self._max_bytes = max_bytes
        self._lock = Lock()
        self._rows = OrderedDict()
        self._n_bytes = 0

    def __enter__(self):
        return self

    def __exit__(self, *error):
        pass

    def get(self, keys):
        """Return the rows known, a dict from key to array; they are read-only."""
        with self._lock:
            found = {key: self._rows[key] for key in keys if key in self._rows}
            for key in found:
                self._rows.move_to_end(key)
        return found

    def put(self, rows):
        """Keep a copy of each row of the dict `rows`."""
        with self._lock:
            for key, row in rows.items():
                self._drop(self._rows.pop(key, None))
                row = row.copy()
                row.flags.writeable = False
                self._rows[key] = row
                self._n_bytes += row.nbytes + _OVERHEAD
            while self._n_bytes > self._max_bytes:
                self._drop(self._rows.popitem(last=False)[1])

    def info(self):
        """Return a `CacheInfo`."""
        with self._lock:
            return CacheInfo(len(self._rows), self._n_bytes, self._max_bytes)

    def clear(self):
        """Forget every row."""
        with self._lock:
            self._rows.clear()
            self._n_bytes = 0

    def _drop(self, row):
        if row is not None:
            self._n_bytes -= row.nbytes + _OVERHEAD


_IN_PROCESS = MemoryStore()


def open_store(cache):
    """Return the store that the parameter `cache` names, a context manager.

    Parameters
    ----------
    cache : True, str or Path
        The store of this process, or the file of one that processes share.
    """
    if cache is True:
        return _IN_PROCESS
    from .store_file import FileStore

    return FileStore(cache)
