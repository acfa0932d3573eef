"""The pretrained backbone that was loaded last: a search loads it for every fit."""

import copy
from pathlib import Path
from threading import Lock

import torch
from torchvision.models import get_model_weights

from .._utils.files import settled_state
from ._files import is_backbone_file
from ._load import load_backbone
from ._registry import torchvision_names

_MAX_BYTES = 2**27
_LAST: dict = {}
_LOCK = Lock()


def load_anew(name, weights, **options):
    """Return what `load_backbone` does: a copy, if that file was loaded last."""
    key = _key(name, weights, options)
    if key is None:
        return load_backbone(name, weights, **options)
    with _LOCK:
        backbone = _LAST.get(key)
    if backbone is None:
        backbone = load_backbone(name, weights, **options)
        if _n_bytes(backbone) > _MAX_BYTES:
            return backbone
        with _LOCK:
            _LAST.clear()
            _LAST[key] = backbone
    return copy.deepcopy(backbone)


def _key(name, weights, options):
    """Return what decides on the backbone, or None if that is not a file alone."""
    file = _file(name, weights)
    state = None if file is None else settled_state(file)
    return state and (str(name), str(file), state, repr(sorted(options.items())))


def _file(name, weights):
    """Return the file of the weights, if they are in one."""
    if is_backbone_file(name):
        return name
    if name not in torchvision_names() or not isinstance(weights, (str, Path)):
        return None
    published = get_model_weights(name)
    if str(weights) not in ("auto", *published.__members__):
        return weights
    published = published.DEFAULT if weights == "auto" else published[str(weights)]
    return Path(torch.hub.get_dir(), "checkpoints", Path(published.url).name)


def _n_bytes(backbone):
    return sum(p.nbytes for p in (*backbone.parameters(), *backbone.buffers()))
