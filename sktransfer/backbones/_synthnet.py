"""The network for images that is taken when none is named."""

from torch import nn
from torch.nn import functional as F

from .._utils.preprocessing import ImagePreprocessing
from ._backbone import Backbone
from ._smallnet import residual_stages

_WIDTHS = (32, 64, 128, 256)
_SMALLEST = 32  # side in pixels: of 16, a single one is left after the last stage


def synthnet():
    """Return the network whose weights come with the package, 1.2 million parameters.

    Its first convolution halves the image, so that it costs no more than "smallnet"
    with half as many channels. It takes images from one pixel up; in-memory ones keep
    their size, but for those without a side of 32 pixels, which are enlarged.
    """
    first, *others = residual_stages(_WIDTHS, kernel_size=5, stride=2)
    preprocessing = ImagePreprocessing(
        resize=144, crop=(128, 128), mean=(0.5,) * 3, std=(0.25,) * 3, flexible=True
    )
    return Backbone(
        [_Enlarging(*first), *others],
        name="synthnet",
        width=_WIDTHS[-1],
        preprocessing=preprocessing,
    )


class _Enlarging(nn.Sequential):
    """Layers that get small images enlarged."""

    def forward(self, images):
        longer = max(images.shape[-2:])
        if longer < _SMALLEST:
            scale = _SMALLEST / longer
            images = F.interpolate(images, scale_factor=scale, mode="bilinear")
        return super().forward(images)
