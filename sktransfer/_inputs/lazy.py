"""Images that are decoded only when they are needed."""

from abc import ABC, abstractmethod
from dataclasses import replace

import numpy as np
import torch

from .._utils.describe import array_digest
from .contents import content_digest, file_digest, known_digest
from .decode import decode, read_content, rgb_tensor

_BYTES_AT_ONCE = 2**25  # of encoded images


class _LazyImages(ABC):
    """Rows that become RGB tensors of differing sizes one at a time."""

    in_memory = False
    channels = 3

    def __init__(self, items, rows=None):
        self._items = items
        self._rows = np.arange(len(items)) if rows is None else rows

    def __len__(self):
        return len(self._items)

    def take(self, indices):
        """Return the images of the rows `indices`."""
        return type(self)(self._items[indices], self._rows[indices])

    def sized(self, preprocessing):
        """Return `preprocessing` that brings every image to the size of the crop."""
        return replace(preprocessing, flexible=False)

    @abstractmethod
    def sample(self, index):
        """Return image `index` at its full size, as uint8 tensor (3, h, w)."""

    def batch(self, indices, preprocessing, n_views=1):
        """Return `n_views` tensors (b, 3, H, W) of the size of the crop."""
        preprocessing = self.sized(preprocessing)
        crops = [
            preprocessing.views(self.sample(i), n_views)
            for i in np.arange(len(self))[indices]
        ]
        return [torch.stack(view) for view in zip(*crops, strict=True)]


class ImagePaths(_LazyImages):
    """Image files by path.

    Parameters
    ----------
    paths : ndarray of str, of shape (n,)
        A NumPy array of fixed-width strings: forked loader processes that touch
        the reference counts of Python strings would copy them all.
    rows : ndarray of int, of shape (n,), optional
        The rows of the user's `X`, which errors name; by default 0, 1, ...
    """

    kind = "paths"

    @property
    def paths(self):
        """The paths, as an array of str."""
        return self._items

    def sample(self, index):
        """Return image `index` at its full size, as uint8 tensor (3, h, w)."""
        return decode(str(self._items[index]), int(self._rows[index]))

    def digest(self, index):
        """Return what tells the content of file `index` from others, bytes."""
        return file_digest(str(self._items[index]), int(self._rows[index]))

    def parts(self):
        """Yield the files with their contents, as many at once as memory is given."""
        start, contents, n_bytes = 0, [], 0
        for stop, (path, row) in enumerate(
            zip(self._items, self._rows, strict=True), 1
        ):
            content, state = read_content(str(path), int(row))
            contents.append((content, known_digest(str(path), state)))
            n_bytes += len(content)
            if n_bytes > _BYTES_AT_ONCE or stop == len(self):
                rows = slice(start, stop)
                yield ImageContents(self._items[rows], self._rows[rows], contents)
                start, contents, n_bytes = stop, [], 0


class ImageContents(ImagePaths):
    """Image files whose contents are in memory, not decoded yet.

    Parameters
    ----------
    paths, rows : as of `ImagePaths`
    contents : sequence of (bytes, bytes or None), of length n
        With the digest of each, if it is known.
    """

    def __init__(self, paths, rows, contents):
        super().__init__(paths, rows)
        self._contents = contents

    def take(self, indices):
        """Return the images of the rows `indices`."""
        contents = [self._contents[i] for i in np.arange(len(self))[indices]]
        return ImageContents(self._items[indices], self._rows[indices], contents)

    def sample(self, index):
        """Return image `index` at its full size, as uint8 tensor (3, h, w)."""
        path, row = str(self._items[index]), int(self._rows[index])
        return decode(path, row, self._contents[index][0])

    def digest(self, index):
        """Return what tells the content of file `index` from others, bytes."""
        content, digest = self._contents[index]
        return digest or content_digest(content)


class PILImages(_LazyImages):
    """Images that Pillow has opened.

    Parameters
    ----------
    images : ndarray of PIL images, of shape (n,)
    rows : ndarray of int, of shape (n,), optional
        The rows of the user's `X`, which errors name; by default 0, 1, ...
    """

    kind = "pil"

    @property
    def images(self):
        """The PIL images, as an array of objects."""
        return self._items

    def parts(self):
        """Yield the images, at once: they are in memory."""
        yield self

    def digest(self, index):
        """Return what tells the pixels of image `index` from others, bytes."""
        return array_digest("pil", self.sample(index).permute(1, 2, 0).numpy())

    def sample(self, index):
        """Return image `index` at its full size, as uint8 tensor (3, h, w)."""
        image = self._items[index]
        try:
            return rgb_tensor(image)
        # Decoding a damaged file raises nearly anything in Pillow.
        except Exception as error:
            raise ValueError(
                f"Row {self._rows[index]} of X, a PIL image of mode {image.mode} and "
                f"size {image.size}, cannot be read: {error}. Replace it, convert it "
                "with image.convert('RGB'), or drop the row."
            ) from error
