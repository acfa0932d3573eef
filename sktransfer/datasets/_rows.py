"""Rows of any kind, joined."""

import os
from importlib import import_module

import numpy as np
from PIL.Image import Image
from scipy.sparse import issparse

_FRAMES = ("pandas", "polars")


def n_rows(X):
    """Return the number of rows."""
    return X.shape[0] if hasattr(X, "shape") else len(X)


def join_rows(X_source, X_target):
    """Return both sets of rows, one after the other."""
    _check_some_rows("X_source", X_source)
    _check_some_rows("X_target", X_target)
    kind, source = _as_rows("X_source", X_source)
    kind_target, target = _as_rows("X_target", X_target)
    if kind != kind_target:
        raise ValueError(
            f"X_source holds {kind} and X_target holds {kind_target}. Pass both in "
            "the same form."
        )
    frame = _frame_kind(X_source)
    if frame and frame == _frame_kind(X_target):
        return _join_frames(X_source, X_target, frame)
    if kind == "PIL images":
        return [*source, *target]
    _check_shapes(source, target)
    return np.concatenate([source, target])


def _check_some_rows(name, X):
    """Check that X is a sequence of rows."""
    if issparse(X):
        raise TypeError(f"{name} is sparse; pass {name}.toarray().")
    if isinstance(X, str):
        raise ValueError(f"{name} is a single string; pass a list of them.")
    if not hasattr(X, "__len__") or len(X) == 0:
        raise ValueError(f"{name} must hold at least one row; got {X!r}.")


def _frame_kind(X):
    """Return ("pandas", "DataFrame") or the like, None for anything else."""
    module = type(X).__module__.partition(".")[0]
    return (module, type(X).__name__) if module in _FRAMES else None


def _join_frames(X_source, X_target, frame):
    """Return two frames of one library as one."""
    library, kind = frame
    if kind == "DataFrame" and set(X_source.columns) != set(X_target.columns):
        odd = sorted(map(str, set(X_source.columns) ^ set(X_target.columns)))
        raise ValueError(
            f"X_source and X_target differ in the columns {', '.join(odd)}. Keep the "
            "columns that both have."
        )
    if library == "pandas":
        return import_module(library).concat([X_source, X_target], ignore_index=True)
    if kind == "DataFrame":
        X_target = X_target.select(X_source.columns)
    return import_module(library).concat([X_source, X_target])


def _as_rows(name, X):
    """Return what kind of rows X holds, in words, and the rows."""
    library, frame = _frame_kind(X) or ("", "")
    if frame == "DataFrame":
        return f"a {library} DataFrame", X
    if not isinstance(X, np.ndarray) or (X.dtype == object and X.ndim == 1):
        return _as_listed_rows(name, list(X))
    return _kind_of_array(X), X


def _as_listed_rows(name, rows):
    """Return the kind of a list of rows, in words, and the rows as one object."""
    kinds = {_kind_of_row(row) for row in rows}
    if len(kinds) > 1:
        raise ValueError(
            f"{name} mixes {' and '.join(sorted(kinds))}. Pass rows of one kind."
        )
    kind = kinds.pop()
    if kind == "PIL images":
        return kind, rows
    if kind == "strings":
        # an object array: in any other, each text takes the room of the longest
        return kind, np.array([os.fspath(row) for row in rows], dtype=object)
    rows = np.asarray(rows)
    return _kind_of_array(rows), rows


def _kind_of_array(X):
    """Return the kind of the rows of an array, in words."""
    if X.dtype.kind == "U" or isinstance(X.flat[0], str | os.PathLike):
        return "strings"
    if X.ndim < 3:
        return "a table"
    return {"f": "images as floats", "b": "images as booleans"}.get(
        X.dtype.kind, "images as integers"
    )


def _kind_of_row(row):
    """Return the kind of one element of a list, in words."""
    if isinstance(row, Image):
        return "PIL images"
    return "strings" if isinstance(row, str | os.PathLike) else "arrays"


def _check_shapes(source, target):
    """Check that rows of `source` and `target` have the same shape."""
    if source.shape[1:] != target.shape[1:]:
        raise ValueError(
            f"Rows of X_source have the shape {source.shape[1:]}, rows of X_target "
            f"{target.shape[1:]}. Bring both to one shape; images of differing sizes "
            "can be given as paths or PIL images."
        )
