"""Rows to keep in a file, which their keys tell apart, and their way there and back."""

import hashlib
import warnings

import numpy as np

from sktransfer._utils.store_file import FileStore


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


def get_rows(path, numbers):
    with FileStore(path) as store:
        return store.get(rows_of(numbers))


def put_and_get(path, numbers):
    with FileStore(path) as store:
        store.put(rows_of(numbers))
        return store.get(rows_of(numbers))


def get_silently(path, numbers):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return get_rows(path, numbers)
