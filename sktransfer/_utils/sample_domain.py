"""What `sample_domain` says of each row: its domain, and whether its label counts."""

import numpy as np
from sklearn.utils import column_or_1d


def check_sample_domain(sample_domain, n_rows):
    """Return `sample_domain` as int64 (n_rows,).

    Raises
    ------
    ValueError
        If it is not one whole number per row.
    """
    shape = np.shape(sample_domain)
    if len(shape) != 1 and shape[1:] != (1,):
        raise ValueError(
            "sample_domain must be a 1d array, one whole number per row, but has shape "
            f"{shape}."
        )
    domains = column_or_1d(sample_domain)
    if len(domains) != n_rows:
        raise ValueError(f"sample_domain has {len(domains)} values for {n_rows} rows.")
    whole = domains.dtype.kind in "iuf" and np.isfinite(domains).all()
    if not whole or (domains != np.trunc(domains)).any():
        raise ValueError(
            "sample_domain must hold one whole number per row, such as 1 for a "
            "labelled row of domain 1 and -2 for an unlabelled row of domain 2; got "
            f"{domains.dtype} values."
        )
    return domains.astype(np.int64)


def target_mask(sample_domain, target_domain=None):
    """Return which rows are the target's.

    Parameters
    ----------
    sample_domain : ndarray of int64, shape (n_rows,)
        Absolute value: the domain. Negative: the label of the row does not count.
    target_domain : int, default=None
        The target. By default every domain that has unlabelled rows.

    Returns
    -------
    mask : ndarray of bool, shape (n_rows,)
        True for the labelled rows of the target as well.
    """
    domains = np.abs(sample_domain)
    if target_domain is not None:
        return domains == target_domain
    return np.isin(domains, domains[sample_domain < 0])
