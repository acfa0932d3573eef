"""What is in image files, as bytes: what tells them apart."""

import os
import time
from collections import OrderedDict
from threading import Lock

from .._utils.describe import digest
from .decode import read_content

# From a path to the state of the file and the digest of its content.
_DIGESTS: OrderedDict = OrderedDict()
_MAX_DIGESTS = 50_000
_LOCK = Lock()

# A file may change twice within a tick of its clock, which is two seconds at the worst.
_TICK = 2_000_000_000  # nanoseconds


def content_digest(content):
    """Return what tells a content from others, bytes."""
    return digest("file", content)


def file_digest(path, row):
    """Return what tells the content of a file from others; raise as `decode` does.

    A file is read again only if it changed since: the system notes the time of every
    change in it, and, other than that of the last edit, nobody can set that time.
    """
    before, state = time.time_ns(), _state(path)
    with _LOCK:
        known, found = _DIGESTS.get(path, (None, None))
    if known is not None and known == state:
        return found
    found = content_digest(read_content(path, row))
    if state is not None and before - max(state[-2:]) > _TICK:
        _remember(path, state, found)
    return found


def _state(path):
    """Return what changes whenever the file does; None if no such thing is known."""
    if os.name != "posix":  # elsewhere, it is the time of creation
        return None
    try:
        status = os.stat(path)
    except (OSError, ValueError):
        return None
    place, times = (
        (status.st_dev, status.st_ino),
        (status.st_mtime_ns, status.st_ctime_ns),
    )
    return *place, status.st_size, *times


def _remember(path, state, found):
    with _LOCK:
        _DIGESTS[path] = state, found
        _DIGESTS.move_to_end(path)
        if len(_DIGESTS) > _MAX_DIGESTS:
            _DIGESTS.popitem(last=False)
