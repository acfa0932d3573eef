"""The pretrained backbone that was loaded last: a search loads it for every fit."""

import copy
import io
import pickle
from itertools import starmap
from pathlib import Path
from threading import Lock
from types import FunctionType
from weakref import WeakKeyDictionary, ref

import torch
from torchvision.models import get_model_weights

from .._utils.files import settled_state
from .._utils.released import is_released
from ._files import is_backbone_file
from ._fingerprint import NetDescriber, hooks_of_all, share_digest
from ._layout import lay_out
from ._load import load_backbone
from ._registry import is_of_user, torchvision_names

_MAX_BYTES = 2**27
_LAST: dict = {}
# From a copy to a reference to what it is a copy of: that is freed with `_LAST`.
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

    None if it has to be described all the same: it is no copy of what was loaded last,
    or code of the user's, which may change meanwhile, has a part in it.
    """
    origin = _ORIGINS.get(backbone)
    kept = None if origin is None else origin()
    return None if kept is None or any(hooks_of_all()) else kept.fingerprint()


class _Kept:
    """A network, pickled but for its tensors: copied far faster than by `deepcopy`."""

    def __init__(self, network):
        file = io.BytesIO()
        pickler = _TensorsApart(file)
        pickler.dump(network)
        self._pickle, self._tensors = file.getvalue(), pickler.tensors
        self._digests = {key: {} for key in self._tensors}
        kinds = {type(module) for module in network.modules()}
        self._forwards = {kind: kind.forward for kind in kinds}
        self._fingerprint = None

    def copy(self):
        """Return a copy of the network as it was."""
        tensors = copy.deepcopy(self._tensors)
        for key, tensor in tensors.items():
            share_digest(tensor, self._digests[key])
        unpickler = pickle.Unpickler(io.BytesIO(self._pickle))
        unpickler.persistent_load = tensors.__getitem__
        network = unpickler.load()
        _ORIGINS[network] = ref(self)
        return network

    def fingerprint(self):
        """Return the fingerprint of each of its copies as it was made, None if unsure.

        Other code than that of packages may do something else from call to call.
        """
        if not all(starmap(_is_still_released, self._forwards.items())):
            return None
        if self._fingerprint is None:
            self._fingerprint = NetDescriber().fingerprint(self.copy())
        return self._fingerprint


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


def _is_still_released(kind, forward):
    """Whether a class is a package's, and the forward it had, and has, is so, too."""
    # a class from a package may have been given another forward
    is_same = kind.forward is forward and isinstance(forward, FunctionType)
    return is_same and is_released(kind) and is_released(forward)


def _key(name, weights, options):
    """Return what decides on the backbone, or None if that is not a file alone."""
    file = _file(name, weights)
    state = None if file is None else settled_state(file)
    how = (repr(sorted(options.items())), torch.get_default_dtype())
    return state and (str(name), str(file), state, *how)


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
