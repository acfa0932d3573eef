"""The pretrained backbone that was loaded last: a search loads it for every fit."""

import copy
import io
import pickle
from pathlib import Path
from threading import Lock
from weakref import WeakKeyDictionary

import torch
from torchvision.models import get_model_weights

from .._utils.files import settled_state
from ._files import is_backbone_file
from ._fingerprint import NetDescriber, hooks_of_all, share_digest
from ._layout import lay_out
from ._load import load_backbone
from ._registry import is_of_user, torchvision_names

_MAX_BYTES = 2**27
_LAST: dict = {}
# From a copy to what it is a copy of.
_ORIGINS: WeakKeyDictionary = WeakKeyDictionary()
_LOCK = Lock()


def load_anew(name, weights, **options):
    """Return what `load_backbone` does, laid out; a copy if it was loaded last."""
    key = _key(name, weights, options)
    with _LOCK:
        kept = _LAST.get(key)
    if kept is not None:
        return kept.copy()
    backbone = lay_out(load_backbone(name, weights, **options))
    is_to_keep = key is not None and _n_bytes(backbone) <= _MAX_BYTES
    if not is_to_keep or is_of_user(backbone.name):
        return backbone
    kept = _Kept(backbone)
    with _LOCK:
        _LAST.clear()
        _LAST[key] = kept
    return kept.copy()


def fingerprint_as_loaded(backbone):
    """Return the fingerprint of what nothing has changed since `load_anew` made it.

    None if it has to be described all the same, as it is no copy.
    """
    origin = _ORIGINS.get(backbone)
    return None if origin is None or any(hooks_of_all()) else origin.fingerprint()


class _Kept:
    """A network, pickled but for its tensors: copied far faster than by `deepcopy`."""

    def __init__(self, network):
        file = io.BytesIO()
        pickler = _TensorsApart(file)
        pickler.dump(network)
        self._pickle, self._tensors = file.getvalue(), pickler.tensors
        self._digests = {key: {} for key in self._tensors}
        self._types = {type(module) for module in network.modules()}
        self._fingerprints = {}

    def copy(self):
        """Return a copy of the network as it was."""
        tensors = copy.deepcopy(self._tensors)
        for key, tensor in tensors.items():
            share_digest(tensor, self._digests[key])
        unpickler = pickle.Unpickler(io.BytesIO(self._pickle))
        unpickler.persistent_load = tensors.__getitem__
        network = unpickler.load()
        _ORIGINS[network] = self
        return network

    def fingerprint(self):
        """Return the fingerprint of each of its copies as it was made."""
        # a class from a package may have been given another forward
        forwards = tuple(kind.forward for kind in self._types)
        if forwards not in self._fingerprints:
            self._fingerprints[forwards] = NetDescriber().fingerprint(self.copy())
        return self._fingerprints[forwards]


class _TensorsApart(pickle.Pickler):
    """Leaves tensors out of a pickle, but for the keys they are kept by."""

    def __init__(self, file):
        super().__init__(file, pickle.HIGHEST_PROTOCOL)
        self.tensors = {}

    def persistent_id(self, value):
        """Return the key of a tensor, None for all else."""
        if not isinstance(value, torch.Tensor):
            return None
        self.tensors[id(value)] = value
        return id(value)


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
