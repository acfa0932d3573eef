"""Files of features."""

import pytest

from sktransfer._utils.store_file import FileStore

from .rows import rows_of


@pytest.fixture
def path(tmp_path):
    return tmp_path / "features.db"


@pytest.fixture
def filled(path):
    """Return the path of a file with 300 rows."""
    with FileStore(path) as store:
        store.put(rows_of(range(300)))
    return path
