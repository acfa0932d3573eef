"""Tables and images that are in memory as one array."""

from math import prod

import numpy as np
import torch

from .._utils.describe import array_digest
from .kinds import as_array

CHANNELS = (1, 3, 4)

# How far rounding may push floats out of 0 to 1, as in float32(1 / 255) * 255.
_ROUNDING = 1e-5


class Table:
    """A table in memory.

    Parameters
    ----------
    array : ndarray of shape (n, n_columns), float32 or float64
    """

    kind = "table"
    in_memory = True

    def __init__(self, array):
        self.array = array

    def __len__(self):
        return len(self.array)

    def take(self, indices):
        """Return the table of the rows `indices`."""
        return Table(self.array[indices])

    def parts(self):
        """Yield the table, at once: it is in memory."""
        yield self

    def digest(self, index):
        """Return what tells row `index` from others, bytes."""
        return array_digest("table", self.array[index])

    def tensor(self):
        """Return all rows, in the memory of the array where torch can use it."""
        return _as_tensor(self.array)


class ImageArray:
    """Images of one size, in memory.

    Parameters
    ----------
    images : ndarray of shape (n, c, h, w)
        uint8, or float32 in 0 to 1; c is 1, 3 or 4.
    """

    kind = "images"
    in_memory = True

    def __init__(self, images):
        self.images = images

    def __len__(self):
        return len(self.images)

    @property
    def channels(self):
        """Number of channels: 1 (grey), 3 (colour) or 4 (colour and alpha)."""
        return self.images.shape[1]

    def take(self, indices):
        """Return the images of the rows `indices`."""
        return ImageArray(self.images[indices])

    def parts(self):
        """Yield the images, at once: they are in memory."""
        yield self

    def digest(self, index):
        """Return what tells the pixels of image `index` from others, bytes."""
        # most arrays have the channels last: that order needs no copy
        return array_digest("images", np.moveaxis(self.images[index], 0, -1))

    def sized(self, preprocessing):
        """Return `preprocessing`: images of one size need no common one."""
        return preprocessing

    def tensor(self):
        """Return all images, in the memory of the array where torch can use it."""
        return _as_tensor(self.images)

    def sample(self, index):
        """Return a copy of image `index`, of shape (c, h, w), free to be changed."""
        return torch.from_numpy(self.images[index].copy())

    def batch(self, indices, preprocessing, n_views=1):
        """Return `n_views` tensors (b, c, H, W) of the size of the crop."""
        return preprocessing.views(_as_tensor(self.images[indices]), n_views)


def read_array(X, input_shape=None):
    """Return the images of array-like `X`, without a copy where possible."""
    array = as_array(X)
    if array.dtype.kind not in "buif":
        raise TypeError(
            f"Images must be numbers, but X has dtype {array.dtype}: pass "
            "X.astype('uint8') for values 0-255, X.astype('float32') for 0-1."
        )
    if 0 in array.shape:
        raise ValueError(
            f"X has shape {array.shape}: at least one image of at least one pixel is "
            "needed."
        )
    if input_shape is not None:
        array = _unflatten(array, input_shape)
    return ImageArray(_as_pixels(_channels_first(array)))


def _unflatten(array, input_shape):
    """Return flat images, one a row, as (n, h, w) or (n, h, w, c)."""
    shape = _check_input_shape(input_shape)
    if array.shape[1] != prod(shape):
        raise ValueError(
            f"input_shape={input_shape!r} asks for {prod(shape)} columns, but X has "
            f"{array.shape[1]}: a row holds the pixels of one image."
        )
    return array.reshape(len(array), *shape)


def _check_input_shape(input_shape):
    valid = (
        isinstance(input_shape, (tuple, list))
        and len(input_shape) in (2, 3)
        and all(isinstance(s, (int, np.integer)) and s > 0 for s in input_shape)
        and (len(input_shape) == 2 or input_shape[2] in CHANNELS)
    )
    if not valid:
        raise ValueError(
            f"input_shape={input_shape!r} must be (h, w) or (h, w, c) of positive "
            "integers, with c 1, 3 or 4."
        )
    return tuple(int(side) for side in input_shape)


def _channels_first(array):
    """Return a view of shape (n, c, h, w)."""
    if array.ndim == 3:
        return array[:, None]
    return np.moveaxis(array, channel_axis(array.shape), 1)


def channel_axis(shape):
    """Return which axis of (n, h, w, c) or (n, c, h, w) is the channels."""
    for axis in (3, 1):
        if shape[axis] in CHANNELS:
            return axis
    raise ValueError(
        f"X has shape {shape}: the last axis (channels last) or the second "
        "(channels first) must have length 1, 3 or 4."
    )


def _as_pixels(images):
    """Return `images` as uint8, or as float32 in 0 to 1."""
    if images.dtype == np.uint8:
        return images
    if images.dtype.kind == "b":
        return images * np.uint8(255)
    if images.dtype.kind == "f":
        _check_floats(images)
        return images.astype(np.float32, copy=False)
    if images.min() < 0 or images.max() > 255:
        _raise_out_of_range(
            images,
            (images < 0) | (images > 255),
            "Integer images must lie in 0 to 255",
            "scale them, e.g. 16 bits by (X // 256).astype('uint8')",
        )
    return images.astype(np.uint8)


def _check_floats(images):
    low, high = images.min(), images.max()
    if np.isfinite(low) and np.isfinite(high):
        if low < -_ROUNDING or high > 1 + _ROUNDING:
            _raise_out_of_range(
                images,
                (images < -_ROUNDING) | (images > 1 + _ROUNDING),
                "Float images must lie in 0 to 1",
                "divide by 255 if they are 0-255 (X / 255); do not normalise them, "
                "the backbone does",
            )
        return
    row = _first_row(~np.isfinite(images))
    raise ValueError(
        f"Row {row} of X contains NaN or infinity: drop the image or fill the pixels, "
        "e.g. with np.nan_to_num."
    )


def _raise_out_of_range(images, outside, rule, cure):
    raise ValueError(
        f"{rule}, but X holds values from {images.min():g} to {images.max():g}, "
        f"first in row {_first_row(outside)}: {cure}."
    )


def _first_row(mask):
    return int(mask.reshape(len(mask), -1).any(axis=1).argmax())


def _as_tensor(array):
    """Return `array` as a tensor, copied only if torch cannot use its memory."""
    strides_fit = all(s >= 0 and s % array.itemsize == 0 for s in array.strides)
    if not (array.flags.writeable and strides_fit):
        array = array.copy(order="K")
    return torch.from_numpy(array)
