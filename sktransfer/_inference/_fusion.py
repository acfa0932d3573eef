"""Batch norms and activations, fused into the convolutions before them.

What follows what is read off containers whose `forward` is known. Everything else is
left alone: a module of the user's, or one that runs traced code, may do anything with
its children.
"""

import copy
from itertools import takewhile

import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from ..backbones._norm import WeightedBatchNorm2d
from ._packed import PackedConv2d, can_pack, is_activation

_KNOWN = (
    "sktransfer.backbones.",
    "torch.nn.modules.",
    "torchvision.models.",
    "torchvision.ops.",
)

# Children that a forward method calls one right after the other, the output of each
# going to the next alone.
_CHAINS: dict[str, list[tuple[str, ...]]] = {
    "torchvision.models.resnet.BasicBlock": [("conv1", "bn1"), ("conv2", "bn2")],
    "torchvision.models.resnet.Bottleneck": [
        ("conv1", "bn1"),
        ("conv2", "bn2"),
        ("conv3", "bn3"),
    ],
    "torchvision.models.densenet._DenseLayer": [("conv1", "norm2", "relu2")],
    "torchvision.models.googlenet.BasicConv2d": [("conv", "bn")],
    "torchvision.models.inception.BasicConv2d": [("conv", "bn")],
    "torchvision.ops.misc.SqueezeExcitation": [
        ("fc1", "activation"),
        ("fc2", "scale_activation"),
    ],
}


def is_known(module):
    """Whether it is known what a module of this class does with its children."""
    kind = type(module)
    # a class may have been given another forward, which may have taken its name
    names = getattr(kind.forward, "__globals__", {})
    homes = (kind.__module__, names.get("__name__", ""))
    return all(home.startswith(_KNOWN) for home in homes)


def known_modules(module):
    """Return the modules in `module` that nothing unknown can get hold of."""
    modules = list(module.modules())
    unknown = [m for top in modules if not is_known(top) for m in top.modules()]
    hidden = set(map(id, unknown))
    return [m for m in modules if id(m) not in hidden]


@torch.no_grad()
def fuse(module, dtype=None, pack=True):
    """Fuse what can be fused in `module`, in place, leaving its tensors alone.

    Parameters
    ----------
    module : nn.Module
        In eval mode, without hooks.
    dtype : torch.dtype, optional
        Of the weights of convolutions and dense layers; None keeps theirs.
    pack : bool, default=True
        Whether to pack convolutions for oneDNN where that is possible.

    Returns
    -------
    list of Tensor
        The parameters and buffers that `module` now holds copies of.
    """
    copied = []
    for parent in known_modules(module):
        for chain in _chains(parent):
            copied.extend(_fuse_chain(parent, chain, dtype, pack))
        for name, child in parent.named_children():
            if type(child) is nn.Linear and _is_to_cast(child, dtype):
                copied += _tensors(child)
                parent._modules[name] = _cast(child, dtype)
    return copied


def _chains(parent):
    """Return tuples of names of children that are called one right after the other."""
    names = tuple(parent._modules)
    if type(parent).forward is nn.Sequential.forward:
        return [names]
    kind = type(parent)
    chains = _CHAINS.get(f"{kind.__module__}.{kind.__qualname__}", [])
    chained = {name for chain in chains for name in chain}
    return [*chains, *((name,) for name in names if name not in chained)]


def _fuse_chain(parent, names, dtype, pack):
    """Fuse each convolution of a chain with what follows it."""
    children, copied = parent._modules, []
    for start, name in enumerate(names):
        run = [*takewhile(lambda name: is_known(children[name]), names[start:])]
        if not run or not _is_plain(children[name]):
            continue
        fused, n_fused = _fused([children[n] for n in run], dtype, pack)
        for module_name in run[:n_fused]:
            copied += _tensors(children[module_name])
            children[module_name] = nn.Identity()
        children[name] = fused
    return copied


def _fused(run, dtype, pack):
    """Return what replaces the convolution a run begins with, and how much of the run.

    Zero modules are replaced where nothing is gained.
    """
    conv, *others = run
    fused, n_fused = conv, 0
    if others and _can_fold(conv, others[0]):
        fused, n_fused = fuse_conv_bn_eval(conv, others[0]), 2
    if _is_to_cast(fused, dtype):
        fused, n_fused = _cast(fused, dtype), n_fused or 1
    if pack and can_pack(fused):
        n_fused = n_fused or 1
        activation = nn.Identity()
        if n_fused < len(run) and is_activation(run[n_fused]):
            activation = run[n_fused]
            n_fused += 1
        fused = PackedConv2d(fused, activation)
    return fused, n_fused


def _is_plain(conv):
    """Whether `conv` computes what `nn.Conv2d` does, with weights of its own."""
    return type(conv) is nn.Conv2d and type(conv.weight) is nn.Parameter


def _can_fold(conv, norm):
    """Whether `norm` is an affine map of each channel that `conv` puts out."""
    return (
        type(norm) in (nn.BatchNorm2d, WeightedBatchNorm2d)
        and norm.running_mean is not None  # else it takes those of the batch
        and norm.num_features == conv.out_channels
    )


def _is_to_cast(layer, dtype):
    """Whether autocast would cast the weights of `layer` at every call."""
    return dtype is not None and layer.weight.dtype == torch.float32


def _cast(layer, dtype):
    return copy.deepcopy(layer).to(dtype)


def _tensors(module):
    return [*module.parameters(), *module.buffers()]
