"""Rows of features by key, in an SQLite file that processes share.

Whatever happens to the file, a row that comes out is the row that was put in: each
carries a checksum. Where the file fails, there are no rows, and a warning.
"""

import hashlib
import sqlite3
import time
import warnings
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import numpy as np

from ..exceptions import FeatureCacheWarning
from .store import CacheInfo
from .store_database import connect, is_ours, n_bytes, transaction, value

MAX_BYTES = 10 * 2**30

_USE_INTERVAL = 3600  # seconds between two notes that a row is used

_KEYS_AT_ONCE = 500
_CURE = (
    "It must be a feature cache, whole, in a folder that can be written, with space "
    "left on a local disk"
)
_DAMAGE = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}

# A record is a checksum, the dtype and the numbers.
_DTYPES = (b"<f4", b"<f8")
_CHECKSUM_SIZE = 16
_HEADER_SIZE = _CHECKSUM_SIZE + 3


class FileStore:
    """Rows of features in a file; open it as a context manager, in one thread.

    Parameters
    ----------
    path : str or Path
        Created if there is none; its folder must exist, on a local disk.
    max_bytes : int, default=10 * 2**30
        About how large the file may get; rows not used for longest leave it.
    """

    def __init__(self, path, max_bytes=MAX_BYTES):
        self._path = Path(path).expanduser().absolute()
        self._max_bytes = max_bytes
        self._connection = None

    def __enter__(self):
        with self._giving_up():
            self._connection = connect(self._path)
        return self

    def __exit__(self, *error):
        self._close()

    def get(self, keys):
        """Return the rows known, a dict from key to array; they are read-only."""
        records = []
        with self._giving_up():
            records = self._select(list(keys))
        found = {key: _unpack(key, record) for key, record, _ in records}
        sound = {key: row for key, row in found.items() if row is not None}
        if n_altered := len(found) - len(sound):
            self._warn(f"holds {n_altered} rows that were altered; they are replaced")
        self._note_use([key for key, _, is_long_ago in records if is_long_ago])
        return sound

    def put(self, rows):
        """Keep each row of the dict `rows`, in one transaction."""
        if self._connection is None:
            return
        now = int(time.time())
        records = [(key, _pack(key, row), now) for key, row in rows.items()]
        with self._giving_up(), transaction(self._connection):
            self._connection.executemany(
                "INSERT OR REPLACE INTO features (key, record, used) VALUES (?, ?, ?)",
                records,
            )
            _evict(self._connection, self._max_bytes)

    def info(self):
        """Return a `CacheInfo`; of no rows where there is no file."""
        if not self._path.exists():
            return CacheInfo(0, 0, self._max_bytes)
        try:
            with closing(connect(self._path)) as connection:
                n_rows = value(connection, "SELECT COUNT(*) FROM features")
                return CacheInfo(n_rows, n_bytes(connection), self._max_bytes)
        except sqlite3.Error as error:
            raise self._error(error) from error

    def clear(self):
        """Forget every row; a damaged file is removed."""
        if not self._path.exists():
            return
        try:
            with closing(connect(self._path)) as connection:
                connection.execute("DELETE FROM features")
                connection.execute("VACUUM")
        except sqlite3.Error as error:
            code = getattr(error, "sqlite_errorcode", 0) & 0xFF
            if code not in _DAMAGE or not is_ours(self._path):
                raise self._error(error) from error
            for suffix in ("-wal", "-shm", ""):
                Path(f"{self._path}{suffix}").unlink(missing_ok=True)

    def _select(self, keys):
        """Return key, record and whether the last use is long ago, of rows known."""
        records = []
        if self._connection is None:
            return records
        recent = int(time.time()) - _USE_INTERVAL
        for start in range(0, len(keys), _KEYS_AT_ONCE):
            some = keys[start : start + _KEYS_AT_ONCE]
            marks = ", ".join("?" * len(some))
            records += self._connection.execute(
                f"SELECT key, record, used < ? FROM features WHERE key IN ({marks})",
                (recent, *some),
            )
        return records

    def _note_use(self, keys):
        """Note that rows are used; where that fails, no row is lost."""
        if not keys or self._connection is None:
            return
        now = int(time.time())
        with suppress(sqlite3.Error), transaction(self._connection):
            self._connection.executemany(
                "UPDATE features SET used = ? WHERE key = ?",
                [(now, key) for key in keys],
            )

    @contextmanager
    def _giving_up(self):
        """Warn and do without the file if it fails inside the block."""
        try:
            yield
        except sqlite3.Error as error:
            self._warn(f"cannot be used: {self._reason(error)}. {_CURE}")
            self._close()

    def _warn(self, what):
        text = (
            f"The feature cache {str(self._path)!r} {what}. What it lacks is computed."
        )
        warnings.warn(text, FeatureCacheWarning, stacklevel=2)

    def _error(self, error):
        reason = self._reason(error)
        return ValueError(
            f"cache={str(self._path)!r} cannot be used: {reason}. {_CURE}"
        )

    def _reason(self, error):
        if not self._path.parent.is_dir():
            return f"there is no folder {str(self._path.parent)!r}"
        return "it is a folder" if self._path.is_dir() else error

    def _close(self):
        if self._connection is not None:
            with suppress(sqlite3.Error):
                self._connection.close()
        self._connection = None


def _evict(connection, max_bytes):
    """Delete a tenth of the rows, those not used for longest, until there is room."""
    while n_bytes(connection) > max_bytes:
        n_rows = value(connection, "SELECT COUNT(*) FROM features")
        if not n_rows:
            return
        connection.execute(
            "DELETE FROM features WHERE id IN "
            "(SELECT id FROM features ORDER BY used, id LIMIT ?)",
            (1 + n_rows // 10,),
        )


def _pack(key, row):
    numbers = row.astype(row.dtype.newbyteorder("<"), copy=False)
    content = numbers.dtype.str.encode() + numbers.tobytes()
    return _checksum(key, content) + content


def _unpack(key, record):
    """Return the row of a record, or None if this is not the record of `key`."""
    content = record[_CHECKSUM_SIZE:] if isinstance(record, bytes) else b""
    if not content or record[:_CHECKSUM_SIZE] != _checksum(key, content):
        return None
    dtype = content[:3]
    return (
        np.frombuffer(content, dtype.decode(), offset=3) if dtype in _DTYPES else None
    )


def _checksum(key, content):
    return hashlib.blake2b(key + content, digest_size=_CHECKSUM_SIZE).digest()
