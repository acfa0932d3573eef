"""How an `X` of images is laid out, to lay other images out alike."""

from dataclasses import dataclass

import numpy as np
import torch
from torchvision.transforms.v2 import functional as F

from .arrays import channel_axis
from .kinds import as_array, column_of


@dataclass(frozen=True)
class Layout:
    """Shape, axes and scale of images.

    Parameters
    ----------
    size : (h, w) or None
        None: whatever size comes.
    channels : {"last", "first", "none"}
        Where they are; "none": grey images (n, h, w).
    n_channels : int
        1, 3 or 4.
    flat : bool
        Whether an image is a row of numbers.
    floats : bool
        Whether values are 0-1 and not 0-255.
    """

    size: tuple | None = None
    channels: str = "last"
    n_channels: int = 3
    flat: bool = False
    floats: bool = False

    @classmethod
    def of(cls, X, input_shape, n_channels):
        """Return the layout of `X`; files and PIL images become (n, h, w, 3)."""
        if column_of(X) is not None:
            return cls()
        array = as_array(X)
        flat = array.ndim == 2
        shape = (len(array), *input_shape) if flat else array.shape
        if len(shape) == 3:
            channels, size = "none", shape[1:]
        elif channel_axis(shape) == 3:
            channels, size = "last", shape[1:3]
        else:
            channels, size = "first", shape[2:]
        floats = array.dtype.kind == "f"
        return cls(tuple(map(int, size)), channels, n_channels, flat, floats)

    def lay_out(self, images):
        """Return images (n, c, h, w) in 0-1, a tensor, as an array of this layout."""
        if self.size is not None and tuple(images.shape[-2:]) != self.size:
            images = F.resize(images, list(self.size), antialias=True)
        array = self._own_channels(images.clamp(0, 1)).numpy()
        if not self.floats:
            array = np.rint(255 * array).astype(np.uint8)
        if self.channels == "none":
            array = array[:, 0]
        elif self.channels == "last":
            array = np.moveaxis(array, 1, -1)
        return array.reshape(len(array), -1) if self.flat else array

    def _own_channels(self, images):
        """Return grey images of colour ones, and opaque ones where there was alpha."""
        if self.n_channels == 1:
            return images.mean(1, keepdim=True)
        if self.n_channels > images.shape[1]:
            return torch.cat([images, torch.ones_like(images[:, :1])], dim=1)
        return images
