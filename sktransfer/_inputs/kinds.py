"""Which kind of input `X` is, judged by its form alone: no file is opened."""

import os

import numpy as np
from PIL import Image
from scipy.sparse import issparse

_SINGLE = (str, bytes, os.PathLike, Image.Image)


def kind_of(X, input_shape=None, modality=None):
    """Return "table", "images", "paths", "pil" or "text".

    Parameters
    ----------
    X : array-like
        What the user passed.
    input_shape : (h, w) or (h, w, c), optional
        The shape of one image, if `X` holds flat images as rows.
    modality : {"table", "image", "text"}, optional
        What the backbone takes; None: anything. Strings are texts for a backbone that
        takes texts, and paths for others.

    Raises
    ------
    TypeError or ValueError
        If `X` is no kind of input, or not of the kind the backbone takes. What is
        wrong inside a table is left to scikit-learn's own validation.
    """
    if modality == "text":
        _refuse_input_shape(input_shape, "the backbone takes texts")
        return "text"
    rows = column_of(X)
    if rows is not None:
        kind = _column_kind(rows)
        _refuse_input_shape(input_shape, f"X holds {_NAMES[kind]}")
    else:
        kind = _array_kind(X, input_shape)
    if modality == "table" and kind != "table":
        raise ValueError(
            f"X holds {_NAMES[kind]}, but the backbone takes tables: 2-D numeric "
            "arrays. Pass an image backbone, or backbone='auto'."
        )
    if modality == "image" and kind == "table":
        _raise_not_images(X)
    return kind


def column_of(X):
    """Return the rows of `X` if they are strings, paths or PIL images, else None."""
    if isinstance(X, _SINGLE):
        _raise_single(X)
    if isinstance(X, (list, tuple)):
        if any(isinstance(row, _SINGLE) for row in X):
            return X
        X = as_array(X)
    if issparse(X) or (hasattr(X, "columns") and X.shape[1] != 1):
        return None
    array = as_array(X)
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 1 or array.dtype.kind not in "OSTU":
        return None
    return array if any(isinstance(row, _SINGLE) for row in array) else None


def _raise_single(X):
    if isinstance(X, (str, os.PathLike)) and os.path.isdir(X):
        raise TypeError(
            f"X is the folder {os.fspath(X)!r}, not a collection of rows: pass the "
            "paths and labels that sktransfer.datasets.load_image_folder(X, "
            "return_X_y=True) returns."
        )
    raise TypeError(
        f"X is a single {type(X).__name__}, not a collection of rows: pass [X]."
    )


def as_array(X):
    """Return `X` as a NumPy array, without copying where it is one."""
    try:
        return np.asarray(X)
    except ValueError as error:
        raise ValueError(
            f"The rows of X differ in shape ({error}). Images of differing sizes are "
            "passed as a list of file paths or of PIL images."
        ) from error


_NAMES = {
    "table": "a table",
    "images": "an array of images",
    "paths": "paths to image files",
    "pil": "PIL images",
}


def _column_kind(rows):
    """Return the kind that every row is of."""
    if isinstance(rows, np.ndarray) and rows.dtype.kind in "TU":
        return "paths"
    kinds = [_row_kind(row, index) for index, row in enumerate(rows)]
    other = next((i for i, kind in enumerate(kinds) if kind != kinds[0]), None)
    if other is not None:
        raise TypeError(
            f"X mixes {_NAMES[kinds[0]]} (row 0) and {_NAMES[kinds[other]]} "
            f"(row {other}): pass one kind, e.g. PIL.Image.open(path) for each path."
        )
    return kinds[0]


def _row_kind(row, index):
    if isinstance(row, Image.Image):
        return "pil"
    if isinstance(row, (str, os.PathLike)):
        return "paths"
    if isinstance(row, bytes):
        raise TypeError(
            f"Row {index} of X holds bytes. For encoded images pass "
            "PIL.Image.open(io.BytesIO(data)), for paths pass str."
        )
    if is_missing(row):
        raise ValueError(
            f"Row {index} of X is missing ({row!r}): drop the row or fill in a path."
        )
    value = " ".join(repr(row).split())[:40]
    raise TypeError(
        f"Row {index} of X is {value} of type {type(row).__name__}, among rows that "
        "are paths or PIL images: every row must be one."
    )


def is_missing(row):
    nan = isinstance(row, float) and row != row
    return nan or row is None or type(row).__name__ == "NAType"


def _array_kind(X, input_shape):
    """Return the kind of numeric `X`, by its number of dimensions."""
    shape = tuple(X.shape) if hasattr(X, "shape") else as_array(X).shape
    if len(shape) > 4:
        raise ValueError(
            f"X has shape {shape}: images are (n, h, w), (n, h, w, c) or "
            "(n, c, h, w), tables (n, n_columns)."
        )
    if len(shape) > 2:
        _refuse_input_shape(input_shape, f"X has shape {shape}")
        return "images"
    if input_shape is None:
        return "table"
    if len(shape) < 2 or issparse(X):
        _raise_not_images(X)
    return "images"


def _refuse_input_shape(input_shape, what):
    if input_shape is not None:
        raise ValueError(
            f"input_shape={input_shape!r} is for flat images, one row of a 2-D array "
            f"each, but {what}: leave input_shape=None."
        )


def _raise_not_images(X):
    """Raise the error for a table where images are needed."""
    if issparse(X):
        raise TypeError("Sparse X cannot hold images: pass X.toarray().")
    if hasattr(X, "columns"):
        raise ValueError(
            f"X is a DataFrame of {X.shape[1]} columns, but the backbone takes "
            "images: pass the one column of paths (see ColumnTransformer for the "
            "others), or input_shape=(h, w) if each row is a flat image."
        )
    array = as_array(X)
    if array.size == 0:
        raise ValueError(
            f"X of shape {array.shape} is empty: at least one image is needed."
        )
    if array.ndim < 2:
        raise ValueError(
            f"Expected images, got an array of shape {array.shape} and dtype "
            f"{array.dtype}. Reshape your data: one image is X.reshape(1, h, w)."
        )
    raise ValueError(
        f"X is 2-D, of shape {array.shape}, but the backbone takes images: pass "
        "input_shape=(h, w) or (h, w, c) if each row is a flat image, else an array "
        "(n, h, w, c), paths or PIL images; for a table take backbone='mlp'."
    )
