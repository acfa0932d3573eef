"""From whatever form of images to rows that are batched alike."""

import os

import numpy as np

from .arrays import read_array
from .kinds import column_of, kind_of
from .lazy import ImagePaths, PILImages


def read_images(X, input_shape=None):
    """Return `X` as `ImageArray`, `ImagePaths` or `PILImages`.

    Parameters
    ----------
    X : array-like
        Images of any form; files are not opened yet.
    input_shape : (h, w) or (h, w, c), optional
        The shape of one image, if `X` holds flat images as rows.

    Raises
    ------
    TypeError or ValueError
        If `X` does not hold images, naming the row where there is one.
    """
    kind = kind_of(X, input_shape, modality="image")
    if kind == "images":
        return read_array(X, input_shape)
    rows = column_of(X)
    if kind == "paths":
        return ImagePaths(np.array([_path(row, i) for i, row in enumerate(rows)]))
    return PILImages(_object_array(rows))


def _object_array(rows):
    """Return an array of PIL images, which NumPy itself would turn into pixels."""
    array = np.empty(len(rows), dtype=object)
    for index, row in enumerate(rows):
        array[index] = row
    return array


def _path(row, index):
    path = os.fspath(row)
    if not isinstance(path, str) or not path:
        raise ValueError(
            f"Row {index} of X is {row!r}: a path must be a non-empty str."
        )
    return path
