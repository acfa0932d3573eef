"""Fingerprints of networks: equal for those that compute the same features."""

import hashlib

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

# Numbers in a tensor that is hashed each time; numbers projected onto one.
_SMALL = 2**18
_BLOCK = 1024
# From a tensor to its state and its digest.
_TENSORS = WeakTensorKeyDictionary()


class NetDescriber(Describer):
    """Describes networks; large tensors are hashed once, and again when they changed.

    Parameters
    ----------
    before : NetDescriber, optional
        It has described the same network before passes through it: what those changed,
        weights and buffers apart, are records.
    """

    def fingerprint(self, network):
        """Return the digest (bytes) of what decides on the features of a network.

        Raises
        ------
        NotDescribableError
            If something in the network cannot be described, such as compiled code.
        """
        of_all = nn.modules.module
        hooks = (of_all._global_forward_pre_hooks, of_all._global_forward_hooks)
        try:
            return self.all(network, *(list(h.values()) for h in hooks))
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
        about = self.all(type(module), type(module).forward, hooks)
        state = {k: v for k, v in vars(module).items() if k not in left_out}
        if is_released(type(module)):
            return digest("module", about, self.of(state))
        own = self.all(*(state.pop(name) for name in _OWN))
        return digest("module", about, own, self.all_held(module, state))

    def _graph(self, graph):
        code = graph.python_code("self")
        return self.all(code.src, code.globals, kind="graph")

    def _tensor(self, tensor):
        about = (str(tensor.dtype), tuple(tensor.shape), _axes(tensor))
        return digest("tensor", self.all(type(tensor), *about), _content(tensor))


def _refuse(module):
    raise NotDescribableError(f"{type(module).__name__} is compiled code")


def _content(tensor):
    """Return the digest of the numbers, which are hashed again only if they changed."""
    if (
        tensor.numel() < _SMALL
        or tensor.dtype != torch.float32
        or tensor.is_inference()
    ):
        return _read(tensor)
    state = (tensor.data_ptr(), tensor._version, _read(_projected(tensor.detach())))
    known = _TENSORS.get(tensor)
    if known is None or known[0] != state:
        known = _TENSORS[tensor] = (state, _read(tensor))
    return known[1]


def _projected(tensor):
    """Return few numbers that change with any of the many: faster than to hash those.

    Versions alone do not tell: fused optimizers and ``tensor.data`` do not count.
    """
    flat = _flat(tensor)
    n_whole = flat.numel() // _BLOCK * _BLOCK
    weights = torch.arange(1, 1 + _BLOCK, device=tensor.device).sqrt()
    return torch.cat([flat[:n_whole].view(-1, _BLOCK) @ weights, flat[n_whole:]])


def _flat(tensor):
    """Return the numbers in their order in memory: most tensors need no copy."""
    return tensor.permute(_axes(tensor)).reshape(-1).contiguous()


def _axes(tensor):
    """Return the axes in their order in memory; that of length one is arbitrary."""
    strides = zip(tensor.stride(), tensor.shape, strict=True)
    strides = [stride if length > 1 else 0 for stride, length in strides]
    return sorted(range(tensor.ndim), key=strides.__getitem__, reverse=True)


def _read(tensor):
    try:
        numbers = _flat(tensor.detach()).cpu().view(torch.uint8)
        return hashlib.sha256(numbers.numpy()).digest()
    except (RuntimeError, TypeError) as error:
        raise NotDescribableError(
            f"a tensor of layout {tensor.layout} on {tensor.device} cannot be read"
        ) from error
