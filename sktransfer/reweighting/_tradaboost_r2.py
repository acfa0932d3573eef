"""TrAdaBoost.R2."""

import math

import numpy as np
from sklearn.base import _fit_context

from .._utils.fitting import restores_on_failure
from ._boosting import TrAdaBoost
from ._estimator import DomainRowsRegressor


class TrAdaBoostRegressor(TrAdaBoost, DomainRowsRegressor):
    """TrAdaBoost.R2: boosting that learns which source rows serve the target.

    In each round a regressor learns from all labelled rows by their weights. Target
    rows that it misses gain weight, source rows that it misses lose weight, both by how
    far it misses them in relation to the farthest miss. The weighted median of the
    regressors from round ``ceil(n_estimators / 2)`` on predicts [1]_.

    Parameters
    ----------
    estimator : regressor, default=None
        What is boosted; `fit` must take `sample_weight`. Of a Pipeline the last step
        gets the weights. None: a ridge regression.
    n_estimators : int, default=10
        Number of rounds. More rounds discount the source further in all, though less
        in each.
    target_domain : int, default=None
        The target, where all its rows are labelled; `sample_domain` says so by
        unlabelled rows otherwise, which are left out.

    Attributes
    ----------
    estimators_ : list of regressor
        Of each round.
    estimator_errors_ : ndarray of shape (n_rounds,)
        Weighted error of each on the target rows, from 0 to 1.
    estimator_weights_ : ndarray of shape (n_rounds,)
        The weight of each in the median, 0 in the rounds before. If none had one, the
        last one predicts.
    weights_ : ndarray of shape (n_samples,)
        Weight of each row of `fit` after the last round; their sum is that of the
        labelled rows' `sample_weight`.
    n_features_in_ : int
        Number of columns.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Column names, for DataFrames with string names only.

    See Also
    --------
    ReweightedRegressor : Where no value of the target is known.

    Notes
    -----
    With ε the error on the target, of n source rows in N rounds, a target row that is
    missed by a share e of the farthest miss gains the factor ``((1 - ε) / ε)**e``, a
    source row is divided by ``(1 + sqrt(2 log(n) / N))**e``. An error below 0.001
    counts as 0.001. A round with an error of a half or more has no vote and leaves the
    target rows' weights.

    Without a target this is supervised training of one regressor.

    References
    ----------
    .. [1] D. Pardoe, P. Stone. Boosting for regression transfer. ICML 2010.

    Examples
    --------
    Half of the source follows a rule that does not hold in the target, where twenty
    values are known:

    >>> import numpy as np
    >>> from sktransfer import TrAdaBoostRegressor
    >>> X = np.random.default_rng(0).normal(size=(520, 5))
    >>> y = X[:, 0] - X[:, 1]
    >>> y[:200] = X[:200, 0] + X[:200, 1]
    >>> sample_domain = np.repeat([1, 2, -2], [400, 20, 100])
    >>> model = TrAdaBoostRegressor().fit(X, y, sample_domain=sample_domain)
    >>> print(f"{model.score(X[420:], y[420:]):.2f}")
    0.99
    """

    @restores_on_failure
    @_fit_context(prefer_skip_nested_validation=False)
    def fit(self, X, y, sample_domain=None, sample_weight=None):
        """Boost the estimator on source and labelled target rows.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows of all domains: a table of numbers, or features of a backbone.
        y : array-like of shape (n_samples,)
            Values. Of unlabelled rows they are ignored and may be anything.
        sample_domain : array-like of int of shape (n_samples,), default=None
            Its absolute value is the domain of a row; a negative sign says that the
            value does not count: 1 for a labelled row of domain 1, 2 for a labelled and
            -2 for an unlabelled row of domain 2. A domain with unlabelled rows is the
            target, or else `target_domain`.
        sample_weight : array-like of shape (n_samples,), default=None
            The weights that boosting starts from; rows of weight zero are left out.

        Returns
        -------
        self : object
            The fitted estimator.

        Raises
        ------
        TypeError
            If the estimator takes no `sample_weight`, or is a classifier.
        ValueError
            If no row is labelled, or none of the target.
        """
        return self._fit(X, y, sample_domain, sample_weight)

    def predict(self, X, sample_domain=None):
        """Predict the weighted median of the regressors.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows.
        sample_domain : ignored
            Taken for the sake of metadata routing.

        Returns
        -------
        ndarray of shape (n_samples,)
            Predicted values.
        """
        X = self._validated(X)
        learners, votes = zip(*self._voters(), strict=True)
        values = np.column_stack([learner.predict(X) for learner in learners])
        order = values.argsort(axis=1)
        below = np.array(votes)[order].cumsum(axis=1)
        median = (below >= below[:, -1:] / 2).argmax(axis=1)
        rows = np.arange(len(values))
        return values[rows, order[rows, median]]

    @staticmethod
    def _misfit_of(y):
        def misfit(predicted):
            gaps = np.abs(predicted - y)
            return gaps / max(gaps.max(), np.finfo(np.float64).tiny)

        return misfit

    @staticmethod
    def _vote_of(error):
        return math.log((1 - error) / error) if error < 0.5 else 0.0

    @staticmethod
    def _default():
        from sklearn.linear_model import Ridge  # slow to import

        return Ridge()
