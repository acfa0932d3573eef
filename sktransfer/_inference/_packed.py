"""Convolutions that oneDNN computes with packed weights and a fused activation."""

import platform
from functools import lru_cache

import torch
from torch import nn

# How oneDNN's operator calls the activations: name, scalars, algorithm.
_ACTIVATIONS = {
    nn.Identity: ("none", [], ""),
    nn.ReLU: ("relu", [], ""),
    nn.ReLU6: ("hardtanh", [0.0, 6.0], ""),
    nn.Sigmoid: ("sigmoid", [], ""),
    nn.SiLU: ("swish", [], ""),
    nn.Hardsigmoid: ("hardsigmoid", [], ""),
    nn.Hardswish: ("hardswish", [], ""),
}
_DTYPES = (torch.float32, torch.bfloat16)


class PackedConv2d(nn.Module):
    """A convolution and its activation in one step, for inference on the CPU.

    Its weights lie as the kernel wants them, which `nn.Conv2d` arranges anew at every
    call; and the activation costs no second pass over memory.

    Parameters
    ----------
    conv : nn.Conv2d
        For which, with `activation`, `can_pack` is true.
    activation : nn.Module
        What follows it; `nn.Identity()` for nothing.
    """

    def __init__(self, conv, activation):
        super().__init__()
        geometry = (conv.padding, conv.stride, conv.dilation, conv.groups)
        self.dtype = conv.weight.dtype
        self.bias = None if conv.bias is None else conv.bias.detach()
        self.weight = torch.ops.mkldnn._reorder_convolution_weight(
            conv.weight.detach(), *geometry
        )
        self.settings = (*geometry, *_ACTIVATIONS[type(activation)])

    def forward(self, x):
        """Return the activations (n, c_out, h_out, w_out)."""
        return torch.ops.mkldnn._convolution_pointwise(
            x.to(self.dtype), self.weight, self.bias, *self.settings
        )


def is_activation(module):
    """Whether oneDNN can fuse `module` into the convolution before it."""
    return type(module) in _ACTIVATIONS


def can_pack(conv):
    """Whether the packed form of `conv` exists and is known to be right here."""
    weight = conv.weight
    return (
        weight.device.type == "cpu"
        and weight.dtype in _DTYPES
        and conv.padding_mode == "zeros"
        and not isinstance(conv.padding, str)
        and _works(weight.dtype)
    )


@lru_cache
def _works(dtype):
    """Whether the operators, which torch keeps to itself, compute what they should.

    The order of their arguments and the meaning of a name could change with torch.
    """
    if platform.machine().lower() not in ("x86_64", "amd64"):
        return False  # elsewhere other kernels are behind them, and no faster
    try:
        return all(_is_right(activation(), dtype) for activation in _ACTIVATIONS)
    except (AttributeError, RuntimeError, TypeError):
        return False


def _is_right(activation, dtype):
    generator = torch.Generator().manual_seed(0)
    x = 4 * torch.randn(2, 4, 7, 6, generator=generator).to(dtype)
    for groups in (1, 2):
        sizes = (4, 6, (3, 2), (2, 1), (1, 0), 1, groups)
        conv = nn.utils.skip_init(nn.Conv2d, *sizes)  # draws no random numbers
        for parameter in conv.parameters():
            parameter.data = torch.randn(parameter.shape, generator=generator)
        conv = conv.to(dtype)
        expected = activation(conv(x))
        found = PackedConv2d(conv, activation)(x)
        tolerance = 1e-5 if dtype == torch.float32 else 0.02
        if not torch.allclose(found, expected, rtol=tolerance, atol=tolerance):
            return False
    return True
