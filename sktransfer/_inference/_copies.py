"""Copies of backbones for inference: one of each backbone, kept while that lives.

A copy shares its tensors with the backbone, except for those that are folded, packed or
cast; it is made anew once the backbone has other modules, settings or weights.
"""

import copy
import threading
from operator import is_
from weakref import WeakKeyDictionary

import torch
from torch import nn

from ..backbones._fingerprint import hooks_of_all
from ._compiled import CompiledNetwork
from ._fusion import fuse, is_known
from ._networks import Network
from ._streams import limited_threads, split_threads

_COPIES = WeakKeyDictionary()
_LOCK = threading.Lock()

# Their products of large matrices use all threads well, and cannot be kept to one.
_DENSE = (nn.Linear, nn.MultiheadAttention)

# Attributes of these types may be equal without being the same object.
_PLAIN = {bool, int, float, str, tuple, type(None)}


def can_be_copied(backbone):
    """Whether a copy of `backbone` in eval mode is sure to compute what it does.

    Hooks and methods that were put on a module may belong to this very one, as may
    what a module of the user's holds besides parameters: it is shared with the copy.
    Hooks on all modules would miss those that are fused.
    """
    return not any(hooks_of_all()) and not any(
        module._forward_hooks
        or module._forward_pre_hooks
        or "forward" in vars(module)
        or not (is_known(module) or _is_in_eval_mode(module))
        for module in backbone.modules()
    )


def copied_network(backbone, dtype=None, compile=False):
    """Return what computes the features of `backbone`, faster, from a copy.

    Parameters
    ----------
    backbone : Backbone
        For which `can_be_copied` is true. It is not changed.
    dtype : torch.dtype, optional
        In which convolutions and dense layers compute, under autocast.
    compile : bool, default=False
        Whether torch is to compile the copy.

    Returns
    -------
    Network
        The same one to every caller, in any thread, until `backbone` changes.
    """
    kind = (dtype, compile)
    with _LOCK:
        kept = _COPIES.get(backbone)
        if kept is None or not kept.is_of(backbone, kind):
            kept = _COPIES[backbone] = _Copy(backbone, kind)
        return kept.network


class _Copy:
    """A copy for inference, and what it was made from."""

    def __init__(self, backbone, kind):
        self.kind = kind
        self.sources, self.settings = _sources(backbone), _settings(backbone)
        self.network, self.changed = _network(_sharing_tensors(backbone), *kind)
        self.fingerprint = _fingerprint(self.changed)

    def is_of(self, backbone, kind):
        """Whether it is of this kind, and of `backbone` as that is now."""
        sources = _sources(backbone)
        return (
            kind == self.kind
            and len(sources) == len(self.sources)
            and all(map(is_, sources, self.sources))
            and _settings(backbone) == self.settings
            and _are_equal(_fingerprint(self.changed), self.fingerprint)
        )


def _network(backbone, dtype, compile):
    """Return the network of a copy, changed in place, and the tensors it has copied."""
    in_streams = all(is_known(m) and type(m) not in _DENSE for m in backbone.modules())
    # how weights are packed depends on how many threads are to use them
    with limited_threads(split_threads()[1] if in_streams else None):
        # oneDNN's activations make 0 of NaN: it should come to light
        pack = not compile and _is_finite(backbone)
        changed = fuse(backbone.eval(), dtype, pack)
    if compile:  # which makes constants of all weights
        changed = [*backbone.parameters(), *backbone.buffers(), *changed]
        return CompiledNetwork(backbone, in_streams), changed
    return Network(backbone, in_streams), changed


def _is_finite(backbone):
    tensors = (*backbone.parameters(), *backbone.buffers())
    return all(t.detach().sum().isfinite() for t in tensors)


def _sources(backbone):
    """Return all that a backbone is made of; not itself, which is to be freed."""
    parts = [*backbone.modules()][1:]
    held = [value for value in _attributes(parts) if type(value) not in _PLAIN]
    tensors = (*backbone.parameters(), *backbone.buffers())
    return [*parts, *held, *tensors, backbone.preprocessing]


def _settings(backbone):
    """Return the settings of the modules that a copy has for its own, in a list."""
    parts = [*backbone.modules()][1:]
    return [value for value in _attributes(parts) if type(value) in _PLAIN]


def _attributes(modules):
    """Yield the attributes of the modules that a copy has for its own."""
    for module in modules:
        if is_known(module):
            yield from (v for k, v in vars(module).items() if k != "training")


def _sharing_tensors(backbone):
    """Return a copy whose tensors and unknown modules are those of `backbone`."""
    unknown = (m for m in backbone.modules() if not is_known(m))
    shared = [*backbone.parameters(), *backbone.buffers(), *unknown]
    return copy.deepcopy(backbone, {id(part): part for part in shared})


@torch.no_grad()
def _fingerprint(tensors):
    """Return a vector that changes if the values of `tensors` do.

    Their version counters would not tell of what is done through `tensor.data`.
    """
    return torch.cat(list(map(_projected, tensors))) if tensors else torch.empty(0)


def _projected(tensor):
    """Return the rows of a tensor times a vector, and a vector as it is."""
    if tensor.ndim < 2:
        return tensor.reshape(-1)
    if not tensor.is_contiguous() and tensor.ndim == 4:
        tensor = tensor.permute(0, 2, 3, 1)  # channels last lie so
    rows = tensor.flatten(1)
    rows = rows if rows.dtype == torch.float64 else rows.float()
    return rows @ torch.arange(1, 1 + rows.shape[1]).to(rows).sqrt()


def _are_equal(one, other):
    return one.device == other.device and torch.equal(one, other)


def _is_in_eval_mode(module):
    return not any(part.training for part in module.modules())
