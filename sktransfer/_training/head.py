"""The head: from features to outputs."""

from itertools import pairwise

import torch
from torch import nn

from ..backbones._tables import Standardize

# A feature may leave the range it had in training by so much.
_MARGIN = 2.0


class ScaledFeatures(Standardize):
    """Standardised features, kept within twice the range they had in training.

    Some features of images and texts are dead but for a row of the training data:
    without a limit, a row in which one is alive would get any output at all. Those of
    tables go on without end, as columns do.
    """

    def __init__(self, n_features):
        super().__init__(n_features)
        self.register_buffer("limit", torch.full((n_features,), torch.inf))

    def forward(self, features):
        """Return the features (n, n_features) on a common scale."""
        return super().forward(features).clamp(-self.limit, self.limit)

    @torch.no_grad()
    def fit_(self, X, sample_weight=None):
        """Take mean, scale and limits from the rows of `X`."""
        super().fit_(X, sample_weight)
        z = Standardize.forward(self, torch.as_tensor(X).to(self.mean))
        self.limit.copy_(_MARGIN * z.abs().amax(0))
        return self


def build_head(head, backbone, n_outputs, dtype, standardizes=False):
    """Return a linear head, or one with hidden layers of the sizes in `head`.

    `standardizes`: features of a pretrained backbone are brought to a common scale
    first, so that one learning rate suits them all.
    """
    n_features = backbone.n_features
    sizes = [n_features, *(() if head == "linear" else head)]
    scale = Standardize if backbone.modality == "table" else ScaledFeatures
    layers = [scale(n_features).to(dtype)] if standardizes else []
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
