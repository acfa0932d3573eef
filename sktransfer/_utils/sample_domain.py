"""What `sample_domain` says of each row: its domain, and whether its label counts."""

from typing import NamedTuple

import numpy as np
from sklearn.utils import _safe_indexing, column_or_1d


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
    wrong = np.ones(n_rows, dtype=bool)
    if domains.dtype.kind in "iuf":
        wrong = ~np.isfinite(domains) | (domains != np.trunc(domains))
    if wrong.any():
        row = int(wrong.argmax())
        raise ValueError(
            "sample_domain must hold one whole number per row, such as 1 for a "
            "labelled row of domain 1 and -2 for an unlabelled row of domain 2; got "
            f"{domains.dtype} values, {domains.tolist()[row]!r} in row {row}."
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


class Domains(NamedTuple):
    """The domain of each row and the part it plays.

    Attributes
    ----------
    domain : ndarray of int
        Number of the domain.
    labelled, target : ndarray of bool
        Whether the label counts; whether the row is of the target.
    """

    domain: np.ndarray
    labelled: np.ndarray
    target: np.ndarray

    def take(self, rows):
        """Return the domains of these rows."""
        return Domains(*(values[rows] for values in self))


def read_domains(sample_domain, n_samples, target_domain=None):
    """Return the `Domains` of the rows.

    Without `sample_domain` all are labelled source rows. Otherwise a domain with an
    unlabelled row is the target, or else the one called `target_domain`.
    """
    if sample_domain is None:
        if target_domain is not None:
            raise ValueError(
                f"target_domain={target_domain} needs sample_domain, the domain of "
                "each row: pass it to fit."
            )
        ones = np.ones(n_samples, dtype=np.int64)
        return Domains(ones, ones > 0, ones < 0)
    sample_domain = check_sample_domain(sample_domain, n_samples)
    domain, labelled = np.abs(sample_domain), sample_domain >= 0
    if target_domain is not None:
        _check_target_domain(target_domain, domain, np.unique(domain[~labelled]))
    return Domains(domain, labelled, target_mask(sample_domain, target_domain))


def _check_target_domain(target_domain, domain, unlabelled):
    if target_domain not in domain:
        raise ValueError(
            f"target_domain={target_domain}, but sample_domain holds the domains "
            f"{np.unique(domain).tolist()}: name one of them."
        )
    others = [name for name in unlabelled.tolist() if name != target_domain]
    if others:
        raise ValueError(
            f"target_domain={target_domain}, but domain {others[0]} has unlabelled "
            "rows too. Drop them, or leave target_domain=None to take both for target."
        )


def select_labelled(sample_domain, n_rows, *tables):
    """Return of each table (None stays None) the rows whose label counts.

    Raises
    ------
    ValueError
        If there is none.
    """
    rows = np.flatnonzero(check_sample_domain(sample_domain, n_rows) >= 0)
    if not len(rows):
        raise ValueError(
            "sample_domain is negative for every row: there is no label to score by. "
            "Score without labels, by sktransfer.metrics.get_adaptation_scorer and "
            "folds of sktransfer.selection.TargetKFold."
        )
    return [None if t is None else _safe_indexing(t, rows) for t in tables]
