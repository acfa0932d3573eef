"""Files that are either whole or absent."""

import os
import tempfile
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def atomic_path(path):
    """Yield a temporary path beside `path` that replaces it if all went well."""
    path = Path(path)
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".writing-") as folder:
        temporary = Path(folder) / path.name
        temporary.touch()
        mode = temporary.stat().st_mode  # of any new file; safetensors' are private
        yield temporary
        temporary.chmod(mode)
        os.replace(temporary, path)
