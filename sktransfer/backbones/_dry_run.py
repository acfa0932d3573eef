"""Shapes without the work of computing values."""

from itertools import chain

import torch
from torch.func import functional_call


def run_on_meta(module, x):
    """Return what `module` makes of `x`, as a tensor with a shape but no values."""
    tensors = chain(module.named_parameters(), module.named_buffers())
    shapes = {name: tensor.to("meta") for name, tensor in tensors}
    with torch.no_grad():
        return functional_call(module, shapes, (x.to("meta"),))
