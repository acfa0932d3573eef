"""Checks of parameters and weights that scikit-learn's constraints can't express."""

from numbers import Integral, Real

import numpy as np
from sklearn.utils.validation import _check_sample_weight


def check_training_parameters(estimator):
    """Check the parameters of `estimator` one by one."""
    check_head(estimator.head)
    check_lr_ratio(estimator.backbone_lr_ratio)
    check_object("loss", estimator.loss)
    check_object("regularizer", getattr(estimator, "regularizer", None))


def check_head(head):
    """Refuse a head that is neither "linear" nor sizes of layers."""
    sizes = [] if isinstance(head, str) else head
    valid = all(isinstance(s, Integral) and s > 0 and s is not True for s in sizes)
    if not valid or len(head) == 0:
        raise ValueError(
            f"head={head!r} must be 'linear' or a tuple of positive integers, the "
            "sizes of hidden layers, such as (1024,)."
        )


def check_lr_ratio(ratio):
    """Refuse a pair of learning rates that has no geometric sequence between."""
    if not isinstance(ratio, tuple):
        return
    if len(ratio) != 2 or not all(isinstance(r, Real) and r > 0 for r in ratio):
        raise ValueError(
            f"backbone_lr_ratio={ratio!r} must be a number or a pair of positive "
            "numbers, for the first and the last stage, such as (0.01, 0.1)."
        )


def check_object(name, value):
    """Refuse a class in place of an instance, and wrong parameters of an instance."""
    if isinstance(value, type):
        raise TypeError(
            f"{name}={value.__name__} is a class: pass an instance, {value.__name__}()."
        )
    if hasattr(value, "_parameter_constraints"):
        value._validate_params()


def check_image_parameters_unused(estimator, kind):
    """Refuse parameters of images where `X` is of another kind, "table" or "text"."""
    what = {"table": "is a table", "text": "holds texts"}[kind]
    for name, unused in (("image_size", None), ("n_views", 1), ("augment", None)):
        value = getattr(estimator, name, unused)
        if value is not unused and value != unused:
            raise ValueError(
                f"{name}={value!r} is for images, but X {what}. Leave "
                f"{name}={unused!r}."
            )


def check_stages(estimator, n_stages):
    """Refuse to train more stages than there are."""
    wanted = estimator.n_trainable_stages
    if estimator.strategy == "partial" and wanted > n_stages:
        raise ValueError(
            f"n_trainable_stages={wanted}, but the backbone has {n_stages} stages. Use "
            "at most that, or strategy='full'."
        )


def check_finite(features, backbone):
    """Refuse features (n, d) of which no head can make anything."""
    if np.isfinite(features.min()) and np.isfinite(features.max()):
        return
    n_rows = (~np.isfinite(features)).any(axis=1).sum()
    raise ValueError(
        f"The features of the backbone {backbone.name!r} are NaN or infinite for "
        f"{n_rows} of {len(features)} rows. Look for NaN in its weights and extreme "
        "values in X, or pass precision='float32' if it computes in 16 bits."
    )


def check_weight(sample_weight, n_samples):
    """Return `sample_weight` as an array, or None; it must not be zero throughout."""
    if sample_weight is None:
        return None
    weight = _check_sample_weight(
        sample_weight, np.empty((n_samples, 1)), ensure_non_negative=True
    )
    if not weight.any():
        raise ValueError(
            "sample_weight is zero for every row; at least one weight must be positive."
        )
    return weight
