"""Features that are computed once for each distinct row, whoever asks for them."""

import random
import warnings
from contextlib import suppress
from itertools import islice

import numpy as np
import PIL
import torch
import torchvision
from PIL import ImageFile

from .._utils.describe import NotDescribableError, digest
from .._utils.device import autocast_dtype
from .._utils.store import open_store
from ..backbones._fingerprint import NetDescriber
from ..backbones._recent import fingerprint_as_loaded
from ..exceptions import FeatureCacheWarning
from ._features import compute_features

# To be raised whenever the same rows and backbone give other features than before.
_RECIPE = 1

# Memory holds so many batches of files. Processes at the same work take smaller steps,
# in an order of their own, and look into the cache before each: they share the work.
_MAX_BATCHES = 8
_STEPS = 8
_MIN_ROWS = 32


def cached_features(backbone, inputs, cache, *, batch_size, as_loaded=False, **options):
    """Return what `compute_features` does, of distinct rows not in `cache` only.

    Parameters
    ----------
    backbone, inputs, batch_size, **options : as of `compute_features`
    cache : True, str, Path or None
        The cache of this process, a file, or none: everything is computed.
    as_loaded : bool, default=False
        Whether nothing can have changed `backbone` since it was loaded.

    Returns
    -------
    ndarray of shape (n, n_features)
    """

    def compute(rows):
        return compute_features(backbone, rows, batch_size=batch_size, **options)

    if isinstance(cache, np.bool_):
        cache = bool(cache)
    if cache is None or cache is False:
        return compute(inputs)
    describer = NetDescriber()
    try:
        known = fingerprint_as_loaded(backbone) if as_loaded else None
        identity = known or describer.fingerprint(backbone)
    except NotDescribableError as error:
        _warn(backbone.name, error)
        return compute(inputs)
    recipe = digest("recipe", identity, _settings(backbone.modality, **options))
    features, n_computed = None, 0
    with open_store(cache) as store:
        for rows in _steps(len(inputs), batch_size, alone=cache is True):
            found, n_new = _found_or_computed(inputs.take(rows), recipe, store, compute)
            if features is None:
                features = np.empty((len(inputs), found.shape[1]), found.dtype)
            features[rows] = found
            n_computed += n_new
    # the passes may have left records in the backbone, but none in released code
    if n_computed and known is None:
        with suppress(NotDescribableError):
            NetDescriber(before=describer).fingerprint(backbone)
    return features


def _settings(
    modality, *, device, precision="auto", layers=None, num_workers=None, **how
):
    """Return all that decides on features but the backbone and the row, bytes."""
    backends = torch.backends
    products = (backends.cuda.matmul, backends.mkldnn.matmul)
    convolutions = (backends.cudnn.conv, backends.mkldnn.conv)
    about = (
        _RECIPE,
        [module.__version__ for module in (torch, torchvision, PIL)],
        ImageFile.LOAD_TRUNCATED_IMAGES,
        device.type,
        [kind.fp32_precision for kind in (*products, *convolutions)],
        autocast_dtype(precision, device, modality),
        layers and [str(layer) for layer in layers],
        sorted(how.items()),
    )
    return repr(about).encode()


def _steps(n, batch_size, alone):
    """Yield slices of `n` rows, in random order."""
    n_rows = _MAX_BATCHES * batch_size
    if not alone:
        n_rows = min(n_rows, max(_MIN_ROWS, n // _STEPS))
    starts = range(0, n, n_rows)
    for start in random.Random().sample(starts, len(starts)):
        yield slice(start, start + n_rows)


def _found_or_computed(rows, recipe, store, compute):
    """Return the features of `rows`, and how many had to be computed and stored."""
    keys = _keys(rows, recipe)
    known = store.get(set(keys))
    unknown = {key: i for i, key in reversed([*enumerate(keys)]) if key not in known}
    if unknown:
        first = sorted(unknown.values())
        waiting = iter([keys[i] for i in first])
        for part in rows.take(first).parts():
            computed = compute(part)
            # by now files are read; they may have changed since they got their keys
            store.put(dict(zip(_keys(part, recipe), computed, strict=True)))
            known.update(zip(islice(waiting, len(part)), computed, strict=True))
    return np.stack([known[key] for key in keys]), len(unknown)


def _keys(rows, recipe):
    return [digest("row", recipe, rows.digest(i)) for i in range(len(rows))]


def _warn(name, reason):
    warnings.warn(
        f"The features of the backbone {name!r} are not cached: {reason}, so that it "
        "cannot be told from others. Leave cache=None, or keep such objects out of it.",
        FeatureCacheWarning,
        stacklevel=3,
    )
