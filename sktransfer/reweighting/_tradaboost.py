"""TrAdaBoost."""

import math

import numpy as np
from sklearn.base import _fit_context

from .._utils.fitting import restores_on_failure
from ._boosting import TrAdaBoost
from ._estimator import DomainRowsClassifier


class TrAdaBoostClassifier(TrAdaBoost, DomainRowsClassifier):
    """Boosting that learns which source rows serve the target, from a few labels there.

    In each round a classifier learns from all labelled rows by their weights. Target
    rows that it has wrong gain weight, as in AdaBoost; source rows that it has wrong
    lose weight, by a factor that is the same in all rounds: they contradict the target.
    The classifiers from round ``ceil(n_estimators / 2)`` on vote [1]_.

    Parameters
    ----------
    estimator : classifier, default=None
        What is boosted; `fit` must take `sample_weight`. Of a Pipeline the last step
        gets the weights. None: a logistic regression.
    n_estimators : int, default=10
        Number of rounds. More rounds discount the source further in all, though less
        in each.
    target_domain : int, default=None
        The target, where all its rows are labelled; `sample_domain` says so by
        unlabelled rows otherwise, which are left out.

    Attributes
    ----------
    estimators_ : list of classifier
        Of each round.
    estimator_errors_ : ndarray of shape (n_rounds,)
        Weighted error of each on the target rows.
    estimator_weights_ : ndarray of shape (n_rounds,)
        The vote of each, 0 in the rounds before. If none had one, the last one votes.
    weights_ : ndarray of shape (n_samples,)
        Weight of each row of `fit` after the last round; their sum is that of the
        labelled rows' `sample_weight`.
    classes_ : ndarray of shape (n_classes,)
        Class labels, of labelled rows alone.
    n_features_in_ : int
        Number of columns.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Column names, for DataFrames with string names only.

    See Also
    --------
    ReweightedClassifier : Where no target row is labelled.
    DomainAdaptClassifier : Has ``method="joint"`` for nets.

    Notes
    -----
    With ε the error on the target, of K classes and n source rows in N rounds, a wrong
    target row gains the factor ``(1 - ε) / ε * (K - 1)``, whose logarithm is the vote;
    a wrong source row is divided by ``1 + sqrt(2 log(n) / N)``. For two classes this is
    the published algorithm; for more the vote is that of SAMME [2]_, as in [3]_. An
    error below 0.001 counts as 0.001. A round no better than chance has no vote and
    leaves the target rows' weights; the source rows are discounted all the same.

    By default every row starts with the same weight, so that a large source rules the
    first rounds, and a classifier that gets all source rows right learns nothing of
    which of them to discount. There, let both domains weigh the same, by
    ``sample_weight=np.where(sample_domain == 2, n_source / n_target, 1)``.

    Without a target this is supervised training of one classifier; without source rows
    it is AdaBoost whose first rounds have no vote.

    References
    ----------
    .. [1] W. Dai, Q. Yang, G.-R. Xue, Y. Yu. Boosting for transfer learning. ICML 2007.
    .. [2] J. Zhu, H. Zou, S. Rosset, T. Hastie. Multi-class AdaBoost. Statistics and
       Its Interface 2009.
    .. [3] H. He, K. Khoshelham, C. Fraser. A multiclass TrAdaBoost transfer learning
       algorithm for the classification of mobile lidar data. ISPRS Journal of
       Photogrammetry and Remote Sensing 2020.

    Examples
    --------
    Half of the source follows a rule that does not hold in the target, where twenty
    rows are labelled:

    >>> import numpy as np
    >>> from sktransfer import TrAdaBoostClassifier
    >>> X = np.random.default_rng(0).normal(size=(520, 5))
    >>> y = (X[:, 0] > 0).astype(int)
    >>> y[:200] = X[:200, 1] > 0
    >>> sample_domain = np.repeat([1, 2, -2], [400, 20, 100])
    >>> model = TrAdaBoostClassifier().fit(X, y, sample_domain=sample_domain)
    >>> print(f"{model.score(X[420:], y[420:]):.2f}")
    0.94
    >>> print(model.weights_[:200].sum() < 0.7 * model.weights_[200:400].sum())
    True
    """

    __metadata_request__predict_proba = {"sample_domain": True}

    @restores_on_failure
    @_fit_context(prefer_skip_nested_validation=False)
    def fit(self, X, y, sample_domain=None, sample_weight=None):
        """Boost the estimator on source and labelled target rows.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows of all domains: a table of numbers, or features of a backbone.
        y : array-like of shape (n_samples,)
            Labels. Of unlabelled rows they are ignored and may be anything.
        sample_domain : array-like of int of shape (n_samples,), default=None
            Its absolute value is the domain of a row; a negative sign says that the
            label does not count: 1 for a labelled row of domain 1, 2 for a labelled and
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
            If the estimator takes no `sample_weight`, or is a regressor.
        ValueError
            If no row is labelled, or none of the target.
        """
        return self._fit(X, y, sample_domain, sample_weight)

    def predict(self, X, sample_domain=None):
        """Predict the class that has most votes.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows.
        sample_domain : ignored
            Taken for the sake of metadata routing.

        Returns
        -------
        ndarray of shape (n_samples,)
            Labels of `classes_`.
        """
        proba = self.predict_proba(X)
        return self.classes_[proba.argmax(axis=1)]

    def predict_proba(self, X, sample_domain=None):
        """Return the share of the votes that each class has.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows.
        sample_domain : ignored
            Taken for the sake of metadata routing.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            Columns in the order of `classes_`; each row sums to 1.
        """
        X = self._validated(X)
        votes = np.zeros((len(X), len(self.classes_)))
        for learner, vote in self._voters():
            votes += vote * (learner.predict(X)[:, None] == self.classes_)
        return votes / votes.sum(axis=1, keepdims=True)

    def _start(self, y):
        self.classes_ = np.unique(y)

    @staticmethod
    def _misfit_of(y):
        return lambda predicted: (predicted != y).astype(np.float64)

    def _vote_of(self, error):
        n_classes = len(self.classes_)
        if error >= 1 - 1 / n_classes:
            return 0.0
        return math.log((1 - error) / error) + math.log(n_classes - 1)

    @staticmethod
    def _default():
        from sklearn.linear_model import LogisticRegression  # slow to import

        return LogisticRegression(max_iter=1000)
