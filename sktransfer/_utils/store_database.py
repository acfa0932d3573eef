"""The SQLite file that holds features: its layout, connections and transactions."""

import sqlite3
import time
from contextlib import contextmanager, suppress

# Both are in the header of the file. Another layout of the table is another version.
_APPLICATION_ID = 0x534B5446
_VERSION = 1
_TABLE = """
CREATE TABLE features (
    id INTEGER PRIMARY KEY,
    key BLOB UNIQUE NOT NULL,
    record BLOB NOT NULL,
    used INTEGER NOT NULL
)"""
_INDEX = "CREATE INDEX by_use ON features (used)"
_PAGE_SIZE = 16384  # one row of 2000 floats leaves half of a smaller page empty

_TIMEOUT = 10  # seconds to wait for a process that writes


def connect(path):
    """Return a connection to the file, which has its table."""
    connection = sqlite3.connect(path, timeout=_TIMEOUT, isolation_level=None)
    try:
        connection.execute("PRAGMA trusted_schema = OFF")
        connection.execute("PRAGMA synchronous = NORMAL")  # safe, with WAL
        if not _is_current(connection):
            _create(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def _create(connection):
    """Make the table, in place of one of another version."""
    connection.execute(f"PRAGMA page_size = {_PAGE_SIZE}")
    _write_ahead(connection)
    with transaction(connection):
        if _is_current(connection):  # by now, thanks to another process
            return
        connection.execute("DROP TABLE IF EXISTS features")
        connection.execute(_TABLE)
        connection.execute(_INDEX)
        connection.execute(f"PRAGMA application_id = {_APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {_VERSION}")


def _write_ahead(connection):
    """Let readers and a writer not wait for each other, nor commits for the disk."""
    give_up = time.monotonic() + _TIMEOUT
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            # for this lock alone, SQLite does not wait by itself
            busy = error.sqlite_errorcode == sqlite3.SQLITE_BUSY
            if not busy or time.monotonic() > give_up:
                raise
            time.sleep(0.01)


def _is_current(connection):
    """Whether the table is there; a database of something else is an error."""
    # counted first: another process may write tables and owner, at once, meanwhile
    n_tables = value(connection, "SELECT COUNT(*) FROM sqlite_master")
    owner = value(connection, "PRAGMA application_id")
    if owner == _APPLICATION_ID:
        return value(connection, "PRAGMA user_version") == _VERSION
    if owner or n_tables:
        raise sqlite3.DatabaseError("it is a database of something else")
    return False


@contextmanager
def transaction(connection):
    """Commit what is done inside the block, as a whole or, if it fails, not at all."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        with suppress(sqlite3.Error):
            connection.execute("ROLLBACK")
        raise


def n_bytes(connection):
    """Return how many bytes of the file are in use."""
    pages = value(connection, "PRAGMA page_count")
    free = value(connection, "PRAGMA freelist_count")
    return (pages - free) * value(connection, "PRAGMA page_size")


def value(connection, query):
    """Return the one value that a query asks for."""
    return connection.execute(query).fetchone()[0]


def is_ours(path):
    """Whether the header says so, whatever the rest of the file is."""
    with open(path, "rb") as file:
        header = file.read(72)
    return header.startswith(b"SQLite format 3\0") and header[68:] == (
        _APPLICATION_ID.to_bytes(4, "big")
    )
