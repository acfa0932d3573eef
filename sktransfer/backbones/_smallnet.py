"""A small network for images, to train from scratch."""

from functools import partial
from itertools import pairwise

from torch import nn
from torchvision.ops import Conv2dNormActivation

from .._utils.preprocessing import ImagePreprocessing
from ._backbone import Backbone
from ._norm import WeightedBatchNorm2d

_WIDTHS = (16, 32, 64, 128)


_convolution = partial(Conv2dNormActivation, norm_layer=WeightedBatchNorm2d)


class _ResidualBlock(nn.Module):
    """Two 3x3 convolutions beside a shortcut [He et al., CVPR 2016]."""

    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.convolutions = nn.Sequential(
            _convolution(inputs, outputs, 3, stride),
            _convolution(outputs, outputs, 3, activation_layer=None),
        )
        self.shortcut = nn.Identity()
        if stride > 1:
            self.shortcut = _convolution(
                inputs, outputs, 1, stride, activation_layer=None
            )
        self.relu = nn.ReLU()

    def forward(self, x):
        """Return the maps of `x`, 1 / stride as high and wide."""
        return self.relu(self.convolutions(x) + self.shortcut(x))


def residual_stages(widths, kernel_size, stride=1):
    """Return a stage for each width; `kernel_size` and `stride` of the first layer."""
    stem = _convolution(3, widths[0], kernel_size, stride)
    stages = [nn.Sequential(stem, _ResidualBlock(widths[0], widths[0], stride=1))]
    for inputs, outputs in pairwise(widths):
        stages.append(nn.Sequential(_ResidualBlock(inputs, outputs, stride=2)))
    return stages


def smallnet(widths=_WIDTHS):
    """Return the small residual network: four stages, 0.3 million parameters.

    It takes images from one pixel up; in-memory ones keep their size.
    """
    preprocessing = ImagePreprocessing(
        resize=72, crop=(64, 64), mean=(0.5,) * 3, std=(0.25,) * 3, flexible=True
    )
    return Backbone(
        residual_stages(widths, kernel_size=3),
        name="smallnet",
        width=widths[-1],
        preprocessing=preprocessing,
    )


def smallnet_wide():
    """Return the small residual network with twice the channels."""
    return smallnet([2 * width for width in _WIDTHS])
