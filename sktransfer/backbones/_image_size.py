"""Images of another size than an architecture was made for."""

from numbers import Integral

import torch

from .._utils.messages import first_line
from .._utils.preprocessing import ImagePreprocessing
from ._dry_run import run_on_meta


def resized_preprocessing(backbone, image_size):
    """Return the preprocessing of `backbone` with crops of `image_size`.

    Raises a ValueError if the architecture cannot take them.
    """
    if not isinstance(backbone.preprocessing, ImagePreprocessing):
        raise ValueError(
            f"image_size={image_size!r}: {backbone.name!r} takes a "
            f"{backbone.modality} as it is. Leave image_size=None."
        )
    preprocessing = backbone.preprocessing.with_image_size(_checked(image_size))
    if preprocessing.mean is not None:  # or else the number of channels is unknown
        _check_fits(backbone, preprocessing.crop, len(preprocessing.mean))
    return preprocessing


def _checked(image_size):
    """Return `image_size` as a pair of ints."""
    sides = image_size if isinstance(image_size, (tuple, list)) else [image_size] * 2
    whole = all(isinstance(s, Integral) and not isinstance(s, bool) for s in sides)
    if not whole or len(sides) != 2 or min(sides) < 1:
        raise ValueError(
            f"image_size={image_size!r} must be a number of pixels, at least 1, or a "
            "pair of them: (height, width)."
        )
    return tuple(int(side) for side in sides)


def _check_fits(backbone, size, n_channels):
    maps = torch.empty(1, n_channels, *size)
    try:
        for stage in backbone.stages:
            maps = run_on_meta(stage, maps)
    except (RuntimeError, AssertionError, ValueError) as error:
        height, width = backbone.preprocessing.crop
        reason = first_line(error)
        raise ValueError(
            f"image_size={size}: {backbone.name!r}, made for images of "
            f"{height}x{width}, cannot take this size ({reason}). Leave "
            "image_size=None, or take a convolutional backbone such as 'resnet18'."
        ) from error
