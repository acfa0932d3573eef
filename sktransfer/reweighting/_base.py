"""What all estimates of the ratio of two densities share."""

from typing import NamedTuple

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.preprocessing import StandardScaler
from sklearn.utils import check_array


class Sample(NamedTuple):
    """Different rows of a domain in standard units, and how often each counts."""

    rows: np.ndarray
    counts: np.ndarray

    def mean(self, values):
        """Return the mean of `values`, one or more numbers for each row."""
        return self.counts @ values / self.counts.sum()

    def take(self, indices):
        """Return some of the rows."""
        return Sample(self.rows[indices], self.counts[indices])


class InstanceWeighting(BaseEstimator):
    """Base of estimates of how much denser the target is than the source.

    A subclass defines ``_ratio(source, target)``, from two `Sample` to a number for
    each source row, up to a factor.

    Examples
    --------
    Weights by how near to the middle of the target a row is:

    >>> import numpy as np
    >>> from sktransfer.reweighting import InstanceWeighting
    >>> class Nearness(InstanceWeighting):
    ...     def _ratio(self, source, target):
    ...         gaps = source.rows - target.mean(target.rows)
    ...         return np.exp(-np.linalg.norm(gaps, axis=1))
    >>> Nearness().weights([[0.0], [4.0]], [[3.0], [5.0]]).round(1)
    array([0.2, 1.8])
    """

    _parameter_constraints = {}

    def weights(self, X_source, X_target, weight_source=None, weight_target=None):
        """Estimate the ratio of densities, target over source, at the source rows.

        Columns are first standardised by the rows of both domains. A row that comes
        twice is one row that counts twice, so that weights equal repeats.

        Parameters
        ----------
        X_source : array-like of shape (n_source, n_features)
            Rows of the source, at least two.
        X_target : array-like of shape (n_target, n_features)
            Rows of the target, at least two.
        weight_source : array-like of shape (n_source,), default=None
            How often each row of the source counts; None: once.
        weight_target : array-like of shape (n_target,), default=None
            How often each row of the target counts; None: once.

        Returns
        -------
        weights : ndarray of shape (n_source,)
            Not negative; their mean is 1.

        Raises
        ------
        ValueError
            If a domain has fewer than two rows, all target rows are the same, or no
            source row resembles the target.
        """
        self._validate_params()
        source, inverse = _merge_repeats("X_source", X_source, weight_source)
        target, _ = _merge_repeats("X_target", X_target, weight_target)
        if len(source.rows) == 1:
            return np.ones(len(inverse))
        ratio = np.maximum(self._ratio(*_standardise(source, target)), 0)
        mean = source.mean(ratio)
        if not (np.isfinite(mean) and mean > 0):
            raise ValueError(
                f"{type(self).__name__} gives every source row the weight {mean}: the "
                "domains do not overlap. Take fewer or other features, a larger "
                "bandwidth, or sktransfer.DomainAligner."
            )
        return (ratio / mean)[inverse]

    def _ratio(self, source, target):
        raise NotImplementedError


def _merge_repeats(name, X, weight):
    """Return the different rows with their counts, and which of them each row is.

    Sorted, so that neither their order nor repeats change any result.
    """
    X = check_array(X, dtype=np.float64, input_name=name)
    rows, inverse = np.unique(X, axis=0, return_inverse=True)
    if len(X) < 2 or (len(rows) < 2 and name == "X_target"):
        kind = "1 sample" if len(X) < 2 else "the same values in every row"
        raise ValueError(
            f"{name} has {kind}, but a density takes different rows of each domain."
        )
    counts = np.bincount(inverse, weight).astype(np.float64)
    # weights that add up to 1 are no numbers of rows
    return Sample(rows, counts * max(1, len(X) / counts.sum())), inverse


def _standardise(source, target):
    """Return both with columns of mean 0 and variance 1 over the rows of both."""
    scaler = StandardScaler().fit(
        np.vstack([source.rows, target.rows]),
        sample_weight=np.concatenate([source.counts, target.counts]),
    )
    return [s._replace(rows=scaler.transform(s.rows)) for s in (source, target)]
