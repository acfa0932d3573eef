"""Fingerprints of networks: equal for those that compute the same features."""

import hashlib
import zlib
from functools import cache

import torch
from torch import nn
from torch.utils.weak import WeakTensorKeyDictionary

from .._utils.describe import Describer, NotDescribableError, digest
from .._utils.released import is_released
from ._backbone import Backbone

# What a forward pass in evaluation mode does not use.
_NOT_USED = {"training", "_compiled_call_impl", "_non_persistent_buffers_set"}
_NOT_USED |= {"_is_full_backward_hook", "_backward_hooks", "_backward_pre_hooks"}
_NOT_USED |= {"_state_dict_hooks", "_state_dict_pre_hooks"}
_NOT_USED |= {"_load_state_dict_pre_hooks", "_load_state_dict_post_hooks"}
# By numbers that count the hooks of all modules.
_HOOKS = ("_forward_pre_hooks", "_forward_hooks")
_BY_NUMBER = {*_HOOKS, *(name + "_with_kwargs" for name in _HOOKS)}
_BY_NUMBER |= {"_forward_hooks_always_called"}
_LEFT_OUT = _NOT_USED | _BY_NUMBER
_OWN = ("_parameters", "_buffers", "_modules")
# Of a Backbone: labels, and the order of numbers in memory.
_LABELS = {"name", "weights", "pretrained", "memory_format"}

# Bytes of a tensor that is hashed each time.
_SMALL = 2**14
# From a tensor to a dict of its digest by its state; copies may share that dict.
_KNOWN = WeakTensorKeyDictionary()


class NetDescriber(Describer):
    """Describes networks; large tensors are hashed once, and again if they changed.

    Parameters
    ----------
    before : NetDescriber, optional
        It has described the same network before passes through it: what those changed,
        weights and buffers apart, are records.
    """

    def __init__(self, before=None):
        super().__init__(before)
        self._is_released = cache(is_released)

    def fingerprint(self, network):
        """Return the digest (bytes) of what decides on the features of a network.

        Raises
        ------
        NotDescribableError
            If something in the network cannot be described, such as compiled code.
        """
        try:
            return self.all(network, *hooks_of_all())
        except NotDescribableError:
            raise
        # Objects may raise nearly anything when they are looked into.
        except Exception as error:
            name = type(network).__name__
            raise NotDescribableError(
                f"looking into {name} failed ({error})"
            ) from error

    def rules(self):
        """Return the rules for objects of torch, before those for others."""
        return (
            (torch.jit.ScriptModule, _refuse),
            (nn.Module, self._module),
            (torch.Tensor, self._tensor),
            (torch.fx.Graph, self._graph),
            ((torch.memory_format, torch.layout), lambda value: self.of(str(value))),
            *super().rules(),
        )

    def _module(self, module):
        left_out = _LEFT_OUT
        if isinstance(module, Backbone):
            left_out = left_out | _LABELS
        if isinstance(module, torch.fx.GraphModule):
            left_out = left_out | {"meta"}
        hooks = [
            (hook, number in getattr(module, name + "_with_kwargs"))
            for name in _HOOKS
            for number, hook in getattr(module, name).items()
        ]
        # a class from a package may have been given another forward
        about = [type(module), type(module).forward, hooks]
        state = {k: v for k, v in vars(module).items() if k not in left_out}
        for parts in [state.pop(name) for name in _OWN]:
            about += [tuple(parts), *parts.values()]
        if self._is_released(type(module)):
            return self.all(*about, *state, *state.values(), kind="module")
        return digest("own", self.all(*about), self.all_held(module, state))

    def _graph(self, graph):
        code = graph.python_code("self")
        return self.all(code.src, code.globals, kind="graph")

    def _tensor(self, tensor):
        axes = _axes(tensor)
        about = f"{tensor.dtype} {(*tensor.shape,)} {axes}".encode()
        return digest("tensor", self.of(type(tensor)), about, _content(tensor, axes))


def hooks_of_all():
    """Return two lists: hooks that run before any module, and after any."""
    of_all = nn.modules.module
    hooks = (of_all._global_forward_pre_hooks, of_all._global_forward_hooks)
    return [[*numbered.values()] for numbered in hooks]


def _refuse(module):
    raise NotDescribableError(f"{type(module).__name__} is compiled code")


def share_digest(tensor, known):
    """Let copies of one tensor share `known`, a dict: one of them is hashed."""
    _KNOWN[tensor] = known


def _content(tensor, axes):
    """Return the digest of the numbers, which are hashed again only if they changed."""
    numbers = _numbers(tensor, axes)
    if numbers.nbytes < _SMALL or tensor.is_inference():
        return _hashed(numbers)
    # Versions alone do not tell: fused optimizers and `tensor.data` do not count.
    # A checksum takes a third of the time of a digest.
    state = (tensor._version, zlib.crc32(numbers))
    known = _KNOWN.setdefault(tensor, {})
    if state not in known:
        # what others share stays theirs
        known = _KNOWN[tensor] = {} if known else known
        known[state] = _hashed(numbers)
    return known[state]


def _axes(tensor):
    """Return the axes in their order in memory; that of length one is arbitrary."""
    strides = zip(tensor.stride(), tensor.shape, strict=True)
    strides = [stride if length > 1 else 0 for stride, length in strides]
    return sorted(range(tensor.ndim), key=strides.__getitem__, reverse=True)


def _hashed(numbers):
    return hashlib.sha256(numbers).digest()


def _numbers(tensor, axes):
    """Return the numbers in their order in memory, as bytes: most need no copy."""
    try:
        tensor = tensor.detach()
        if not tensor.is_contiguous():
            tensor = tensor.permute(axes)
        return tensor.reshape(-1).contiguous().cpu().view(torch.uint8).numpy()
    except (RuntimeError, TypeError) as error:
        raise NotDescribableError(
            f"a tensor of layout {tensor.layout} on {tensor.device} cannot be read"
        ) from error
