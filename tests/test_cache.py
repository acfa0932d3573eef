"""What caches hold, and how they are emptied."""

import subprocess
import sys

import numpy as np
import pytest

from sktransfer._utils.store import open_store
from sktransfer.cache import cache_info, clear_cache


@pytest.mark.parametrize("where", [True, "str", "path"])
def test_info_and_clear(where, tmp_path):
    path = tmp_path / "features.db"
    cache = {"str": str(path), "path": path}.get(where, True)
    clear_cache(cache)
    with open_store(cache) as store:
        store.put({b"key": np.ones(5, np.float32)})
    info = cache_info(cache)
    assert info.n_rows == 1
    assert 20 <= info.n_bytes <= info.max_bytes
    clear_cache(cache)
    assert cache_info(cache).n_rows == 0


def test_the_home_of_the_user_may_be_a_tilde(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    with open_store("~/features.db") as store:
        store.put({b"key": np.ones(5, np.float32)})
    assert cache_info(tmp_path / "features.db").n_rows == 1
    assert cache_info("~/features.db").n_rows == 1


@pytest.mark.parametrize("function", [cache_info, clear_cache])
@pytest.mark.parametrize("cache", [None, False, 5])
def test_what_is_no_cache(function, cache):
    with pytest.raises(TypeError, match=rf"cache={cache} must be True"):
        function(cache)


@pytest.mark.parametrize("function", [cache_info, clear_cache])
def test_a_file_of_something_else(function, tmp_path):
    path = tmp_path / "thesis.txt"
    path.write_text("in no second copy")
    with pytest.raises(ValueError, match=r"thesis\.txt.*must be a feature cache"):
        function(path)
    assert path.read_text() == "in no second copy"


def test_nothing_of_torch_is_imported():
    code = (
        "import sys, sktransfer.cache as c; c.cache_info(True); c.cache_info('no.db')"
    )
    done = subprocess.run(
        [sys.executable, "-c", code + "; assert 'torch' not in sys.modules"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
