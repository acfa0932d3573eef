"""The classes of a classifier: found, compared and weighted."""

import numpy as np
from sklearn.utils import compute_class_weight


def classes_of(labels):
    """Return the sorted classes; there must be two."""
    classes = np.unique(labels)
    if len(classes) < 2:
        raise ValueError(
            "A classifier needs rows of at least 2 classes, but y has one class, "
            f"{classes.tolist()} (rows of sample_weight zero do not count). Add rows "
            "of another class."
        )
    return classes


def check_of_one_kind(y):
    """Refuse objects that are missing, or that cannot be put in order."""
    from .._inputs.kinds import is_missing

    if y.dtype != object:
        return
    for row, label in enumerate(y):
        if is_missing(label):
            raise ValueError(
                f"Row {row} of y is missing ({label!r}): drop the row or fill in a "
                "label."
            )
    try:
        np.unique(y)
    except TypeError as error:
        kinds = sorted({type(label).__name__ for label in y})
        raise TypeError(
            f"y mixes labels of the types {', '.join(kinds)}: convert them to one, "
            "such as [str(label) for label in y]."
        ) from error


def check_same_classes(announced, classes):
    """Refuse other classes than those of the first call of `partial_fit`."""
    if not np.array_equal(np.unique(announced), classes):
        raise ValueError(
            f"classes={announced!r} differ from those of the first call, {classes}. "
            "Leave classes=None, or call fit."
        )


def check_labels(y, classes):
    """Refuse labels that are no class."""
    unknown = np.setdiff1d(y, classes)
    if len(unknown):
        raise ValueError(
            f"y has labels that are not among the classes {classes}: {unknown}. Drop "
            "their rows, or start from all labels: with warm_start=False, without "
            "`source`, and in partial_fit with all in `classes`."
        )


def weights_of_classes(class_weight, classes, y, sample_weight):
    """Return the weight of each class, or None."""
    if class_weight is None:
        return None
    missing = np.setdiff1d(classes, y)
    if class_weight == "balanced" and len(missing):
        raise ValueError(
            "class_weight='balanced' needs rows of every class, but there is none of "
            f"{missing.tolist()}. Add rows, or pass a dict or sample_weight."
        )
    weights = compute_class_weight(
        class_weight, classes=classes, y=y, sample_weight=sample_weight
    )
    if not np.all(weights > 0):
        raise ValueError(
            f"class_weight={class_weight!r} must hold positive numbers: leave out the "
            "rows of a class that should not count."
        )
    return weights
