"""What all methods of alignment share."""

from sklearn.base import BaseEstimator


class AlignmentMethod(BaseEstimator):
    """Base of the methods of `DomainAligner`.

    A subclass defines `fit` and `map_source`, and where target rows move too,
    `map_target`; it sets `keeps_columns` to False if the columns that come out are
    others than those that went in.

    Examples
    --------
    >>> import numpy as np
    >>> from sktransfer.alignment import AlignmentMethod, DomainAligner
    >>> class Shift(AlignmentMethod):
    ...     def fit(self, X_source, X_target, y_source=None):
    ...         self.shift_ = X_target.mean(axis=0) - X_source.mean(axis=0)
    ...         return self
    ...
    ...     def map_source(self, X):
    ...         return X + self.shift_
    >>> X, sample_domain = [[0.0], [1.0], [5.0], [6.0]], [1, 1, -2, -2]
    >>> DomainAligner(Shift()).fit_transform(X, sample_domain=sample_domain).ravel()
    array([5., 6., 5., 6.])
    """

    keeps_columns = True
    _parameter_constraints = {}

    def fit(self, X_source, X_target, y_source=None):
        """Learn the maps from rows of both domains, and maybe labels of the source."""
        raise NotImplementedError

    def map_source(self, X):
        """Return source rows, in float64, as they look in the target."""
        raise NotImplementedError

    def map_target(self, X):
        """Return target rows, in float64, in the space that source rows are mapped to.

        That is their own unless overridden.
        """
        return X
