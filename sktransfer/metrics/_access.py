"""What scorers ask of a fitted estimator, known by its methods alone."""

import numpy as np
from scipy.sparse import issparse
from sklearn.pipeline import Pipeline


def final_step(estimator, X):
    """Return the last step of a pipeline, and `X` as it reaches that step."""
    while isinstance(estimator, Pipeline):
        if len(estimator) > 1:
            X = estimator[:-1].transform(X)
        estimator = estimator[-1]
    return estimator, X


def probabilities(estimator, X):
    """Return ``estimator.predict_proba(X)`` in float64, (n_rows, n_classes)."""
    if not hasattr(estimator, "predict_proba"):
        raise TypeError(
            f"{type(estimator).__name__} has no predict_proba, from which adaptation "
            "scorers compute. Take a classifier that has one, or wrap it in a "
            "CalibratedClassifierCV."
        )
    return np.asarray(estimator.predict_proba(X), dtype=np.float64)


def features(estimator, X):
    """Return what the classifier sees of `X`, in float64 (n_rows, n_features).

    That is ``features(X)`` of the estimator or of the last step of a pipeline; without
    such a method, what reaches that step.
    """
    step, X = final_step(estimator, X)
    if callable(getattr(step, "features", None)):
        X = step.features(X)
    values = numeric_array(X.toarray() if issparse(X) else X)
    return values.reshape(len(values), -1).astype(np.float64)


def numeric_array(X):
    """Return `X`, rows of numbers, as an array; TypeError if it holds other things."""
    try:
        values = np.asarray(X)
        if values.dtype == object:  # mixed columns of a DataFrame
            values = values.astype(np.float64)
    except (TypeError, ValueError):
        values = np.empty(0, dtype=object)
    if values.dtype.kind not in "biuf":
        raise TypeError(
            "This score computes with the numbers in X, and X does not hold numbers in "
            'rows of equal shape. Pass an array, or take a score of predictions: "im" '
            'or "bnm".'
        )
    return values
