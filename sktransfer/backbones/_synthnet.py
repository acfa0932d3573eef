"""The network for images that is taken when none is named."""

from .._utils.preprocessing import ImagePreprocessing
from ._backbone import Backbone
from ._smallnet import residual_stages

_WIDTHS = (32, 64, 128, 256)


def synthnet():
    """Return the network whose weights come with the package, 1.2 million parameters.

    Its first convolution halves the image, so that it costs no more than "smallnet"
    with half as many channels. It takes images from one pixel up; in-memory ones keep
    their size.
    """
    preprocessing = ImagePreprocessing(
        resize=144, crop=(128, 128), mean=(0.5,) * 3, std=(0.25,) * 3, flexible=True
    )
    return Backbone(
        residual_stages(_WIDTHS, kernel_size=5, stride=2),
        name="synthnet",
        width=_WIDTHS[-1],
        preprocessing=preprocessing,
    )
