"""What transfer brought, compared with doing without."""

import numpy as np
from sklearn.utils import check_array


def transfer_gain(with_transfer, without):
    """Return the mean difference of scores with and without transfer.

    Parameters
    ----------
    with_transfer : float or array-like of shape (n_runs,)
        Scores with transfer, higher is better.
    without : float or array-like of shape (n_runs,)
        Scores without, of the same tasks, seeds or folds in the same order.

    Returns
    -------
    gain : float
        Mean of ``with_transfer - without``; below zero, transfer did harm.

    Raises
    ------
    ValueError
        If the two differ in shape, are empty, or hold NaN or infinity.

    Examples
    --------
    >>> from sktransfer.metrics import transfer_gain
    >>> print(round(transfer_gain([0.9, 0.8], [0.7, 0.7]), 3))
    0.15
    """
    after, before = _pairs(with_transfer=with_transfer, without=without)
    return float(np.mean(after - before))


def transfer_ratio(error_transfer, error_in_domain):
    """Return the mean ratio of the errors with transfer and without a shift.

    One means that transfer made up for the shift, two that twice as many errors are
    left as a model has that was trained in the target domain [1]_.

    Parameters
    ----------
    error_transfer : float or array-like of shape (n_tasks,)
        Errors on the target of models trained on another domain, 0 or more.
    error_in_domain : float or array-like of shape (n_tasks,)
        Errors on the same targets, in the same order, of a baseline trained in the
        target domain itself, above 0.

    Returns
    -------
    ratio : float
        Mean of ``error_transfer / error_in_domain``; lower is better.

    Raises
    ------
    ValueError
        If the two differ in shape, are empty, hold NaN or infinity, or an error is
        negative or an in-domain error is zero.

    References
    ----------
    .. [1] X. Glorot, A. Bordes, Y. Bengio, "Domain adaptation for large-scale sentiment
       classification: a deep learning approach", ICML, 2011.

    Examples
    --------
    >>> from sktransfer.metrics import transfer_ratio
    >>> print(transfer_ratio([0.2, 0.3], [0.1, 0.2]))
    1.75
    """
    transfer, in_domain = _pairs(
        error_transfer=error_transfer, error_in_domain=error_in_domain
    )
    if (transfer < 0).any():
        raise ValueError(f"error_transfer holds {transfer.min()}, below zero.")
    if (in_domain <= 0).any():
        raise ValueError(
            f"error_in_domain holds {in_domain.min()}; a ratio needs errors above "
            "zero: leave such tasks out, or test on more rows."
        )
    return float(np.mean(transfer / in_domain))


def _pairs(**values):
    """Return two arrays (n,) of floats, after a check that they go together."""
    first, second = (
        check_array(
            np.atleast_1d(value), dtype=np.float64, ensure_2d=False, input_name=name
        )
        for name, value in values.items()
    )
    if first.shape != second.shape:
        names = " and ".join(values)
        raise ValueError(
            f"{names} have the shapes {first.shape} and {second.shape}; they must be "
            "of the same runs, in pairs."
        )
    return first, second
