"""What the feature caches of estimators hold, and how to empty them."""

import os

from ._utils.store import open_store

__all__ = ["cache_info", "clear_cache"]


def cache_info(cache):
    """Return how much a feature cache holds.

    Parameters
    ----------
    cache : True, str or Path
        As the parameter `cache` of estimators: the cache of this process, or a file.

    Returns
    -------
    CacheInfo
        Tuple of `n_rows`, one for each sample and way to compute its features,
        `n_bytes` that they take, and `max_bytes` that they may take.

    Raises
    ------
    ValueError
        If the file is no feature cache, or damaged.

    See Also
    --------
    clear_cache : Forget the rows.

    Examples
    --------
    >>> from sktransfer.cache import cache_info
    >>> cache_info("no-such-file.db").n_rows
    0
    """
    return _store(cache).info()


def clear_cache(cache):
    """Forget all features in a cache.

    Parameters
    ----------
    cache : True, str or Path
        As the parameter `cache` of estimators: the cache of this process, or a file,
        which is removed if it is damaged and stays, empty, if not.

    Raises
    ------
    ValueError
        If the file is no feature cache.

    See Also
    --------
    cache_info : What there is to forget.

    Examples
    --------
    >>> from sktransfer.cache import cache_info, clear_cache
    >>> clear_cache(True)
    >>> cache_info(True).n_rows
    0
    """
    _store(cache).clear()


def _store(cache):
    if cache is not True and not isinstance(cache, (str, os.PathLike)):
        raise TypeError(
            f"cache={cache!r} must be True, for the cache of this process, or the path "
            "of a file."
        )
    return open_store(cache)
