"""Slightly changed copies of rows, as an adapted classifier may be asked about."""

import numpy as np
from scipy.ndimage import affine_transform

from ._access import numeric_array

_CHANNELS = (1, 3, 4)
# Half widths of the uniform distributions from which an image draws.
_ROTATION = np.radians(8)
_SCALE = 0.08
_SHIFT = 0.04  # of the side of the image


class Rows:
    """Rows of numbers that are computed with and handed back as they came.

    Parameters
    ----------
    X : array-like or DataFrame of length n_rows
        A table, or images in the layouts that estimators take.
    input_shape : tuple of int, default=None
        Of images that come as the rows of a table.
    """

    def __init__(self, X, input_shape=None):
        self.X = X
        self.values = numeric_array(X)
        shape = self.values.shape
        if input_shape is not None and shape[1:] == (np.prod(input_shape),):
            shape = (len(self.values), *input_shape)
        self.is_images = len(shape) > 2
        self.dtype = np.result_type(self.values.dtype, np.float32)
        #: floats, in the shape of images or of the table
        self.numbers = self.values.astype(self.dtype).reshape(shape)

    def like(self, numbers):
        """Return `numbers` as the `X` of the estimator: its shape, container, dtype.

        Whole numbers stay so in images, where they say what the range is.
        """
        if self.is_images and self.values.dtype.kind in "biu":
            numbers = np.rint(numbers).astype(self.values.dtype)
        else:
            numbers = numbers.astype(self.dtype)
        numbers = numbers.reshape(self.values.shape)
        if not hasattr(self.X, "columns"):
            return numbers
        if hasattr(self.X, "iloc"):  # pandas
            return type(self.X)(numbers, columns=self.X.columns, index=self.X.index)
        return type(self.X)(numbers, schema=list(self.X.columns))


def weak_view(rows, noise, rng):
    """Return `rows`, an instance of `Rows`, changed so little that classes stay.

    Images are rotated (by up to 8°), scaled (8 %) and shifted (4 % of the side), each
    by numbers of its own; what comes in repeats the border. Tables get normal noise
    whose standard deviation is `noise` times that of the column.
    """
    numbers = rows.numbers
    if not rows.is_images:
        scale = noise * np.nanstd(numbers, axis=0)
        return rows.like(numbers + scale * rng.normal(size=numbers.shape))
    sides = _sides(numbers.shape)
    planes = np.moveaxis(numbers, sides, (-2, -1))
    changed = np.empty_like(planes)
    for image, out in zip(planes, changed, strict=True):
        _move(image, out, rng)
    return rows.like(np.moveaxis(changed, (-2, -1), sides))


def _sides(shape):
    """Return which axes of a batch of images are height and width."""
    if len(shape) == 4 and shape[-1] not in _CHANNELS:
        return (2, 3)
    return (1, 2)


def _move(image, out, rng):
    """Write an `image` (..., h, w), rotated, scaled and shifted at random, to `out`."""
    angle = rng.uniform(-_ROTATION, _ROTATION)
    turn = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    turn = np.multiply(turn, 1 + rng.uniform(-_SCALE, _SCALE, size=2))
    sides = np.array(image.shape[-2:])
    centre = (sides - 1) / 2
    offset = centre - turn @ centre + sides * rng.uniform(-_SHIFT, _SHIFT, size=2)
    for channel in np.ndindex(image.shape[:-2]):
        affine_transform(
            image[channel], turn, offset, output=out[channel], order=1, mode="nearest"
        )
