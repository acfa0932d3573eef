"""Cross-validation on the rows of the target domain."""

import numpy as np
from sklearn.model_selection import BaseCrossValidator, KFold
from sklearn.utils.validation import _num_samples

from .._utils.sample_domain import check_sample_domain, target_mask


class TargetKFold(BaseCrossValidator):
    """K folds whose test rows are all of the target domain.

    The rows of the target are cut into folds. Each of them is a test set once; the rest
    of the target, and all rows of the other domains, are then the training set. Its
    `groups` is `sample_domain`, whose absolute value is the domain of a row and whose
    sign says whether the label of the row counts; the target is every domain that has
    unlabelled (negative) rows.

    With metadata routing, ``GridSearchCV(..., cv=TargetKFold()).fit(X, y,
    sample_domain=sample_domain)`` is enough. Without, scikit-learn wants the same array
    twice: ``fit(X, y, groups=sample_domain, sample_domain=sample_domain)``.

    Parameters
    ----------
    n_splits : int, default=5
        Number of folds, at least two.
    shuffle : bool, default=False
        Whether to shuffle the target rows before they are cut. Do so where they are
        sorted, as when there are several targets one after the other.
    random_state : int, RandomState instance or None, default=None
        Shuffles; an int gives the same folds on every call.
    target_domain : int, default=None
        The target, where it cannot be told by its unlabelled rows.

    See Also
    --------
    sktransfer.metrics.get_adaptation_scorer : Scores that need no target labels.

    Examples
    --------
    >>> from sktransfer.selection import TargetKFold
    >>> X, sample_domain = [[0], [1], [2], [3], [4]], [1, 1, 1, -2, -2]
    >>> for train, test in TargetKFold(2).split(X, groups=sample_domain):
    ...     print(train, test)
    [0 1 2 4] [3]
    [0 1 2 3] [4]
    """

    __metadata_request__split = {"groups": "sample_domain"}

    def __init__(
        self, n_splits=5, *, shuffle=False, random_state=None, target_domain=None
    ):
        self.n_splits = n_splits
        self.shuffle = shuffle
        self.random_state = random_state
        self.target_domain = target_domain

    def split(self, X, y=None, groups=None):
        """Yield the indices of the training and of the test rows of each fold.

        Parameters
        ----------
        X : array-like of length n_samples
            Rows of any kind.
        y : array-like of shape (n_samples,), default=None
            Not used.
        groups : array-like of int, shape (n_samples,)
            The `sample_domain` of the rows.

        Yields
        ------
        train : ndarray of int
            All rows that are not in the test fold.
        test : ndarray of int
            Rows of the target.

        Raises
        ------
        ValueError
            If `groups` is missing or not one whole number per row, or no row or fewer
            than `n_splits` rows are the target's.
        """
        if groups is None:
            raise ValueError(
                "TargetKFold must know the domain of each row. With metadata routing "
                "(sklearn.set_config(enable_metadata_routing=True)) pass "
                "sample_domain=...; without, pass the same array as groups=... too."
            )
        yield from super().split(X, y, check_sample_domain(groups, _num_samples(X)))

    def get_n_splits(self, X=None, y=None, groups=None):
        """Return the number of folds.

        Parameters
        ----------
        X, y, groups : object, default=None
            Not used.

        Returns
        -------
        n_splits : int
            Number of folds.
        """
        return self.n_splits

    def _iter_test_indices(self, X=None, y=None, groups=None):
        """Yield the target rows of each fold."""
        rows = np.flatnonzero(target_mask(groups, self.target_domain))
        self._check_enough(rows, groups)
        folds = KFold(
            self.n_splits, shuffle=self.shuffle, random_state=self.random_state
        )
        for _, test in folds.split(rows):
            yield rows[test]

    def _check_enough(self, rows, sample_domain):
        """Raise if no fold could be cut from the target's `rows`."""
        if len(rows) == 0:
            has = np.unique(sample_domain).tolist()
            raise ValueError(
                f"No row is the target's: sample_domain holds {has}, and "
                f"target_domain is {self.target_domain}. Mark unlabelled target rows "
                "by negative numbers, or name the target as target_domain."
            )
        if len(rows) < self.n_splits:
            raise ValueError(
                f"n_splits={self.n_splits} is more than the {len(rows)} target rows."
            )
