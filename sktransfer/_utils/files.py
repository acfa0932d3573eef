"""Files that are either whole or absent, and whether they changed."""

import os
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

# A file may change twice within a tick of its clock, which is two seconds at the worst.
_TICK = 2_000_000_000  # nanoseconds


def settled_state(path):
    """Return what differs whenever the file does, or None if that is not sure.

    `path` may be the number of an open file, too.

    The system notes the time of every change in a file, and, other than that of the
    last edit, nobody can set that time.
    """
    if os.name != "posix":  # elsewhere, it is the time of creation
        return None
    try:
        status = os.stat(path)
    except (OSError, ValueError):
        return None
    times = (status.st_mtime_ns, status.st_ctime_ns)
    if time.time_ns() - max(times) < _TICK:
        return None
    return status.st_dev, status.st_ino, status.st_size, *times


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
