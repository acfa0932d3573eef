"""The heads that learn along: decoders and projectors."""

from itertools import pairwise
from math import ceil, log2
from numbers import Integral

from torch import nn

# Maps of about this side are what a decoder starts from, and of at most so many
# channels; each doubling of the side halves the channels, down to the fewest.
_START, _MOST, _FEWEST = 4, 128, 16


def decoder(n_features, shape):
    """Return a module from features (n, n_features) to rows (n, `*shape`)."""
    if len(shape) == 1:
        return nn.Linear(n_features, shape[0])
    return ImageDecoder(n_features, shape)


def projector(n_features, sizes):
    """Return a perceptron from features to a vector of size ``sizes[-1]``.

    Hidden layers have batch norm, without which the projections soon lie together.
    """
    if not sizes or not all(isinstance(size, Integral) and size > 0 for size in sizes):
        raise ValueError(
            f"projection={sizes!r} must be a tuple of positive integers, the sizes of "
            "the layers, such as (128, 128)."
        )
    layers = []
    for n_in, n_out in pairwise([n_features, *sizes[:-1]]):
        layers += [nn.Linear(n_in, n_out, bias=False), nn.BatchNorm1d(n_out), nn.ReLU()]
    n_in = sizes[-2] if len(sizes) > 1 else n_features
    return nn.Sequential(*layers, nn.Linear(n_in, sizes[-1]))


class ImageDecoder(nn.Sequential):
    """Small maps from the features, doubled in side by nearest neighbours until whole.

    Parameters
    ----------
    n_features : int
    shape : (c, h, w)
        Of the images.
    """

    def __init__(self, n_features, shape):
        channels, height, width = shape
        n_doublings = max(0, ceil(log2(max(height, width) / _START)))
        sides = [ceil(side / 2**n_doublings) for side in (height, width)]
        widths = [max(_MOST >> i, _FEWEST) for i in range(n_doublings + 1)]
        layers = [
            nn.Linear(n_features, widths[0] * sides[0] * sides[1]),
            nn.Unflatten(1, (widths[0], *sides)),
            nn.ReLU(),
        ]
        for n_in, n_out in pairwise(widths):
            layers += [nn.Upsample(scale_factor=2), _convolution(n_in, n_out)]
            layers.append(nn.ReLU())
        super().__init__(*layers, _convolution(widths[-1], channels))
        self.height, self.width = height, width

    def forward(self, features):
        """Return images (n, c, h, w)."""
        return super().forward(features)[..., : self.height, : self.width]


def _convolution(n_in, n_out):
    return nn.Conv2d(n_in, n_out, 3, padding=1)
