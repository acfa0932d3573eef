"""What is in image files, as bytes: what tells them apart."""

from collections import OrderedDict
from threading import Lock

from .._utils.describe import digest
from .._utils.files import settled_state
from .decode import read_content

# From a path to the state of the file and the digest of its content.
_DIGESTS: OrderedDict = OrderedDict()
_MAX_DIGESTS = 50_000
_LOCK = Lock()


def content_digest(content):
    """Return what tells a content from others, bytes."""
    return digest("file", content)


def file_digest(path, row):
    """Return what tells the content of a file from others; raise as `decode` does.

    A file is read again only if it may have changed since.
    """
    found = known_digest(path, settled_state(path))
    if found is None:
        content, state = read_content(path, row)
        found = content_digest(content)
        if state is not None:
            _remember(path, state, found)
    return found


def known_digest(path, state):
    """Return the digest of what the file at `path` held in that state, or None."""
    with _LOCK:
        known, found = _DIGESTS.get(path, (None, None))
    return found if state is not None and state == known else None


def _remember(path, state, found):
    with _LOCK:
        _DIGESTS[path] = state, found
        _DIGESTS.move_to_end(path)
        if len(_DIGESTS) > _MAX_DIGESTS:
            _DIGESTS.popitem(last=False)
