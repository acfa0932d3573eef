"""Source and target in one array, as scikit-learn's tools need them."""

from itertools import count
from numbers import Real

import numpy as np
from sklearn.utils._missing import is_pandas_na

from ._rows import join_rows, n_rows


def pack_domains(X_source, y_source, X_target, y_target=None):
    """Join source and target rows, and tell which row is which.

    Parameters
    ----------
    X_source : array, DataFrame, Series or list of length n_source
        Labelled rows, of any kind an estimator takes: table, images, paths, PIL
        images or texts.
    y_source : array-like of shape (n_source,)
        Their labels: numbers or strings.
    X_target : array, DataFrame, Series or list of length n_target
        Rows of the same kind as `X_source`.
    y_target : array-like of shape (n_target,), default=None
        Labels of target rows; None, NaN or a missing value marks an unlabelled row,
        -1 does not. By default all of them are unlabelled.

    Returns
    -------
    X : array, DataFrame, Series or list of length n_source + n_target
        The source rows, then the target rows. Lists of paths or texts become arrays;
        DataFrames get a new index.
    y : ndarray of shape (n_source + n_target,)
        Labels. Unlabelled rows hold a sentinel of the kind of `y_source` that is no
        class: -1, "unlabelled", or the next value that is free.
    sample_domain : ndarray of int64, shape (n_source + n_target,)
        1 for source rows, -2 for unlabelled and 2 for labelled target rows.

    Raises
    ------
    TypeError
        If `y_source` or `y_target` is boolean, since no third boolean could mark
        unlabelled rows, or if the two are not both numbers or both strings.
    ValueError
        If X and y differ in length, a source label is missing, or source and target
        rows are not of one kind and shape.

    Examples
    --------
    >>> from sktransfer.datasets import pack_domains
    >>> X, y, sample_domain = pack_domains(
    ...     [[0.0], [1.0]], [0, 1], [[0.5], [1.5]], [None, 1]
    ... )
    >>> y
    array([ 0,  1, -1,  1])
    >>> sample_domain
    array([ 1,  1, -2,  2])
    """
    X = join_rows(X_source, X_target)
    source, missing = _split_labels("y_source", y_source, X_source)
    if missing.any():
        raise ValueError(
            f"y_source has no label in row {np.flatnonzero(missing)[0]} "
            f"({missing.sum()} in all). Every source row needs one: drop these rows, "
            "or hand them over as rows of X_target."
        )
    if y_target is None:
        y_target = [None] * n_rows(X_target)
    target, unlabelled = _split_labels("y_target", y_target, X_target)
    labels = _join_labels(source, target)
    sample_domain = np.r_[np.ones_like(missing, int), np.where(unlabelled, -2, 2)]
    return X, _with_sentinel(labels, sample_domain < 0), sample_domain.astype(np.int64)


def _split_labels(name, y, X):
    """Return the labels that are there, and a mask of those that are missing."""
    from_list = isinstance(y, list | tuple)
    # as objects first: NumPy would turn a NaN among strings into "nan"
    y = np.array(y, dtype=object) if from_list else np.asarray(y)
    if y.ndim == 2 and y.shape[1] == 1:
        y = y.ravel()
    if y.ndim != 1:
        raise ValueError(
            f"{name} has the shape {y.shape}; it must hold one label per row. For "
            f"one-hot rows pass {name}.argmax(axis=1)."
        )
    if len(y) != n_rows(X):
        raise ValueError(
            f"{name} has {len(y)} labels for the {n_rows(X)} rows of X_{name[2:]}."
        )
    missing = np.array([_is_missing(label) for label in y], dtype=bool)
    labels = y[~missing]
    numbers = _kind_of_labels(name, labels) == "numbers"
    if labels.dtype == object and (from_list or numbers):
        labels = np.array(labels.tolist())
    return labels, missing


def _is_missing(label):
    """Whether a label is None, NaN, NaT or pandas' NA."""
    return label is None or is_pandas_na(label) or label != label


def _kind_of_labels(name, labels):
    """Return "numbers" or "strings", the kinds that have room for a sentinel."""
    kinds = {_kind_of_label(label) for label in labels}
    if "booleans" in kinds:
        raise TypeError(
            f"{name} is boolean, so no value is left to mark unlabelled rows. Pass "
            f"{name}.astype(int)."
        )
    if len(kinds) > 1 or not kinds <= {"numbers", "strings"}:
        raise TypeError(
            f"{name} holds {' and '.join(sorted(kinds))}. Labels must be all numbers "
            "or all strings."
        )
    return kinds.pop() if kinds else "numbers"


def _kind_of_label(label):
    """Return the kind of one label, in words."""
    if isinstance(label, bool | np.bool_):
        return "booleans"
    if isinstance(label, Real):
        return "numbers"
    return "strings" if isinstance(label, str) else type(label).__name__


def _join_labels(source, target):
    """Return both sets of labels, in the dtype of `source` if it can hold them."""
    if len(target) == 0:
        return source
    kinds = [
        _kind_of_labels(name, labels)
        for name, labels in (("y_source", source), ("y_target", target))
    ]
    if kinds[0] != kinds[1]:
        raise TypeError(
            f"y_source holds {kinds[0]} and y_target {kinds[1]}. Pass labels of one "
            "kind."
        )
    if kinds[0] == "numbers" and np.array_equal(target.astype(source.dtype), target):
        target = target.astype(source.dtype)
    return np.concatenate([source, target])


def _with_sentinel(labels, unlabelled):
    """Return labels for all rows: the sentinel where `unlabelled`."""
    sentinel = _sentinel(labels)
    dtype = np.result_type(labels.dtype, np.min_scalar_type(sentinel))
    y = np.full(len(unlabelled), sentinel, dtype=dtype)
    y[~unlabelled] = labels
    return y


def _sentinel(labels):
    """Return a value of the kind of `labels` that is none of them."""
    taken = set(labels.tolist())
    if isinstance(labels[0], str):
        candidates = ("unlabelled" + "_" * n for n in count())
    elif labels.dtype.kind == "u":
        candidates = count()
    else:
        candidates = count(-1, -1)
    return next(value for value in candidates if value not in taken)
