"""What code writes as it runs, such as a count of its calls or its last result.

Such records can be read by the code like its settings, but do not tell it from others.
"""

from weakref import WeakKeyDictionary

# From what holds records to the digest that each had when it was first seen; None for
# those that were not there. Records stay what they are as long as their holder lives.
_FIRST: WeakKeyDictionary = WeakKeyDictionary()


class Records:
    """Finds the records among the data that are described, once more, after calls.

    Data go by what holds them (a function, class or other object) and a path of names.

    Parameters
    ----------
    before : Records, optional
        Those of the description before the calls: data that differ now are records.
    """

    def __init__(self, before=None):
        self._before = before
        self._names = {}
        self._digests = {}

    def without_added(self, holder, path, names):
        """Return the names at `path` that were there before any call."""
        key = id(holder), path
        if self._before is not None and key in self._before._names:
            for name in names - self._before._names[key]:
                _FIRST.setdefault(holder, {})[*path, name] = None
        known = _FIRST.get(holder, {})
        names = {name for name in names if known.get((*path, name), True)}
        self._names[key] = names
        return names

    def first(self, holder, path, digest):
        """Return the digest that data had when they were seen first, or `digest`."""
        key = id(holder), path
        digest = _FIRST.get(holder, {}).get(path) or digest
        if self._before is not None and key in self._before._digests:
            before = self._before._digests[key]
            if digest != before:
                digest = _FIRST.setdefault(holder, {})[path] = before
        self._digests[key] = digest
        return digest
