"""The head: from features to outputs."""

from itertools import pairwise

import torch
from torch import nn

from ..backbones._tables import Standardize


def build_head(head, n_features, n_outputs, dtype, standardizes=False):
    """Return a linear head, or one with hidden layers of the sizes in `head`.

    `standardizes`: features of a pretrained backbone are brought to a common scale
    first, so that one learning rate suits them all.
    """
    sizes = [n_features, *(() if head == "linear" else head)]
    layers = [Standardize(n_features).to(dtype)] if standardizes else []
    for n_in, n_out in pairwise(sizes):
        layers += [nn.Linear(n_in, n_out, dtype=dtype), nn.ReLU()]
    layers.append(nn.Linear(sizes[-1], n_outputs, dtype=dtype))
    return layers[0] if len(layers) == 1 else nn.Sequential(*layers)


def standardization(head):
    """Return the layer that standardises the features, or None."""
    first = head[0] if isinstance(head, nn.Sequential) else None
    return first if isinstance(first, Standardize) else None


def is_linear(head):
    """Whether there is no hidden layer."""
    return not any(isinstance(layer, nn.ReLU) for layer in head.modules())


@torch.no_grad()
def put_linear_map(head, weight, bias):
    """Make a linear head the map ``weight @ features + bias`` of raw features."""
    scale = standardization(head)
    layer = head if scale is None else head[1]
    weight, bias = torch.from_numpy(weight), torch.from_numpy(bias)
    if scale is not None:
        bias = bias + weight @ scale.mean.cpu().double()
        weight = weight * scale.scale.cpu().double()
    layer.weight.copy_(weight)
    layer.bias.copy_(bias)
