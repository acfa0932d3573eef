"""Alignment of means and covariances."""

from numbers import Real

import numpy as np
from sklearn.covariance import empirical_covariance, ledoit_wolf, shrunk_covariance
from sklearn.preprocessing import StandardScaler
from sklearn.utils._param_validation import Interval, StrOptions

from ._base import AlignmentMethod


class CORAL(AlignmentMethod):
    """Correlation alignment: give source rows the target's mean and covariance.

    A source row x becomes ``(x - mean_s) @ C_s**-1/2 @ C_t**1/2 + mean_t``; target rows
    stay as they are. (The paper standardises both domains beforehand instead of moving
    the mean.)

    Parameters
    ----------
    shrinkage : float between 0 and 1 or "auto", default="auto"
        How far the correlations of each domain are drawn to zero, which keeps the
        inverse tame. "auto" is the estimate of Ledoit and Wolf [2]_; with 0 the
        covariances match exactly, in the directions in which the source varies.

    Attributes
    ----------
    mean_source_, mean_target_ : ndarray of shape (n_features,)
        Means of the rows.
    matrix_ : ndarray of shape (n_features, n_features)
        What centred source rows are multiplied with.

    References
    ----------
    .. [1] B. Sun, J. Feng, K. Saenko. Return of frustratingly easy domain adaptation.
       AAAI 2016.
    .. [2] O. Ledoit, M. Wolf. A well-conditioned estimator for large-dimensional
       covariance matrices. Journal of Multivariate Analysis 2004.

    Examples
    --------
    >>> import numpy as np
    >>> from sktransfer.alignment import CORAL
    >>> X_source, X_target = np.array([[0.0], [2.0]]), np.array([[10.0], [20.0]])
    >>> CORAL(shrinkage=0).fit(X_source, X_target).map_source(X_source).ravel()
    array([10., 20.])
    """

    _parameter_constraints = {
        "shrinkage": [Interval(Real, 0, 1, closed="both"), StrOptions({"auto"})]
    }

    def __init__(self, shrinkage="auto"):
        self.shrinkage = shrinkage

    def fit(self, X_source, X_target, y_source=None):
        """Learn means and covariances of both domains."""
        self.mean_source_, self.mean_target_ = X_source.mean(0), X_target.mean(0)
        whiten = _power(_covariance(X_source, self.shrinkage), -0.5)
        color = _power(_covariance(X_target, self.shrinkage), 0.5)
        self.matrix_ = whiten @ color
        return self

    def map_source(self, X):
        """Return source rows with the target's mean and covariance."""
        return (X - self.mean_source_) @ self.matrix_ + self.mean_target_


def _covariance(X, shrinkage):
    """Return the covariance of `X`, its correlations shrunk."""
    scaler = StandardScaler().fit(X)
    Z = scaler.transform(X)
    if shrinkage == "auto":
        correlation = ledoit_wolf(Z)[0]
    else:
        correlation = shrunk_covariance(empirical_covariance(Z), shrinkage)
    return scaler.scale_[:, None] * correlation * scaler.scale_


def _power(C, exponent):
    """Return a power of the symmetric matrix `C`, on the directions that it has."""
    values, vectors = np.linalg.eigh(C)
    kept = values > len(values) * np.finfo(np.float64).eps * values.max()
    return (vectors[:, kept] * values[kept] ** exponent) @ vectors[:, kept].T
