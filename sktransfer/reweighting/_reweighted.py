"""Any estimator, fitted on source rows that are weighted to stand for the target."""

from sklearn.base import _fit_context
from sklearn.utils.metaestimators import available_if

from .._utils.fitting import restores_on_failure
from ._estimator import DomainRowsClassifier, DomainRowsRegressor
from ._weighted import Reweighted


def _learner_has(method):
    """Return a check that the (fitted) estimator has `method`."""

    def check(self):
        learner = getattr(self, "estimator_", self.estimator)
        getattr(self._default() if learner is None else learner, method)
        return True

    return check


class ReweightedClassifier(Reweighted, DomainRowsClassifier):
    """Classify target rows by source rows that are weighted to stand for them.

    Where source and target differ in how often each kind of row comes, but not in what
    a row's class is (covariate shift), a source row should count as much as its kind is
    more frequent in the target than in the source: by the ratio of the densities. It is
    estimated from the rows alone; any classifier that takes `sample_weight` then learns
    from the weighted rows.

    Parameters
    ----------
    estimator : classifier, default=None
        What is fitted; `fit` must take `sample_weight`. Of a Pipeline the last step
        gets the weights, a search hands them to its candidates. None: a logistic
        regression.
    weighting : str, InstanceWeighting or None, default="logistic"
        How to estimate the ratio of densities, by name or as an object of
        :mod:`sktransfer.reweighting`: "logistic", "kliep", "kmm", "ulsif". None: all
        labelled rows count alike, as they should after
        :class:`~sktransfer.alignment.DomainAligner`.
    max_weight : float, "auto" or None, default="auto"
        Where weights, whose mean is 1, are cut, so that no row decides alone. "auto" is
        the square root of the number of source rows: the variance of weighted means
        stays bounded, and what the cut changes vanishes with more rows [1]_. None: no
        cut. Scaled to a mean of 1 again, the largest weight may lie above the cut.
    target_domain : int, default=None
        The target, where `sample_domain` does not say so by unlabelled rows.

    Attributes
    ----------
    estimator_ : classifier
        The fitted classifier.
    classes_ : ndarray of shape (n_classes,)
        Class labels, of labelled rows alone.
    weights_ : ndarray of shape (n_samples,)
        Weight of each row of `fit`: the clipped ratio for source rows, with a mean of
        1; 1 for labelled and 0 for unlabelled target rows. `sample_weight` is not in
        it.
    effective_sample_size_ : float
        How many equally weighted rows would tell as much as the weighted source rows:
        ``sum(w)**2 / sum(w**2)``.
    n_features_in_ : int
        Number of columns.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Column names, for DataFrames with string names only.

    See Also
    --------
    TrAdaBoostClassifier : Where a few target rows are labelled.
    sktransfer.alignment.DomainAligner : Where the domains do not overlap.
    sktransfer.datasets.pack_domains : Make `X`, `y` and `sample_domain`.

    Notes
    -----
    Labelled target rows train too, with weight 1. Without a target, and without a
    source, this is supervised training on all labelled rows.

    `effective_sample_size_` falls as the domains move apart, but where they do not
    overlap at all the weights get even again: see
    :func:`~sktransfer.metrics.proxy_a_distance`, which is near 2 there.

    Weights help where the model is too simple to be right everywhere; one that fits all
    source rows well has little to gain and loses rows.

    References
    ----------
    .. [1] E. L. Ionides. Truncated importance sampling. Journal of Computational and
       Graphical Statistics 2008.
    .. [2] H. Shimodaira. Improving predictive inference under covariate shift by
       weighting the log-likelihood function. Journal of Statistical Planning and
       Inference 2000.

    Examples
    --------
    A straight boundary cannot follow a curved one; weights make it right where the
    target is:

    >>> from sktransfer import ReweightedClassifier
    >>> from sktransfer.datasets import make_shifted_classification, pack_domains
    >>> data = make_shifted_classification(3000, 2, n_informative=2, random_state=4)
    >>> X, y, sample_domain = pack_domains(data.X_source, data.y_source, data.X_target)
    >>> for weighting in (None, "logistic"):
    ...     model = ReweightedClassifier(weighting=weighting)
    ...     model = model.fit(X, y, sample_domain=sample_domain)
    ...     score = model.score(data.X_target, data.y_target)
    ...     print(f"{score:.2f} by {model.effective_sample_size_:.0f} rows")
    0.70 by 3000 rows
    0.95 by 178 rows
    """

    __metadata_request__predict_proba = {"sample_domain": True}
    __metadata_request__decision_function = {"sample_domain": True}

    @restores_on_failure
    @_fit_context(prefer_skip_nested_validation=False)
    def fit(self, X, y, sample_domain=None, sample_weight=None):
        """Weight the source rows and fit the estimator.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows of all domains: a table of numbers, or features of a backbone.
        y : array-like of shape (n_samples,)
            Labels. Of unlabelled rows they are ignored and may be anything.
        sample_domain : array-like of int of shape (n_samples,), default=None
            Its absolute value is the domain of a row; a negative sign says that the
            label does not count: 1 for a labelled row of domain 1, -2 for an
            unlabelled row of domain 2. A domain with unlabelled rows is the target.
        sample_weight : array-like of shape (n_samples,), default=None
            How often each row counts; rows of weight zero are left out.

        Returns
        -------
        self : object
            The fitted estimator.

        Raises
        ------
        TypeError
            If the estimator takes no `sample_weight`, or is a regressor.
        ValueError
            If no row is labelled, or a domain has but one row.
        """
        self._fit(X, y, sample_domain, sample_weight)
        self.classes_ = self.estimator_.classes_
        return self

    @available_if(_learner_has("predict_proba"))
    def predict_proba(self, X, sample_domain=None):
        """Estimate the probability of each class.

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
        return self.estimator_.predict_proba(X)

    @available_if(_learner_has("decision_function"))
    def decision_function(self, X, sample_domain=None):
        """Compute the scores of the classes.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows.
        sample_domain : ignored
            Taken for the sake of metadata routing.

        Returns
        -------
        ndarray of shape (n_samples, n_classes), or (n_samples,) for two classes
            Scores, as the estimator has them.
        """
        X = self._validated(X)
        return self.estimator_.decision_function(X)

    @staticmethod
    def _default():
        from sklearn.linear_model import LogisticRegression  # slow to import

        return LogisticRegression(max_iter=1000)


class ReweightedRegressor(Reweighted, DomainRowsRegressor):
    """Predict values of target rows by source rows weighted to stand for them.

    A source row counts as much as its kind is more frequent in the target than in the
    source, by the ratio of the densities, which is estimated from the rows alone; any
    regressor that takes `sample_weight` then learns from the weighted rows.

    Parameters
    ----------
    estimator : regressor, default=None
        What is fitted; `fit` must take `sample_weight`. Of a Pipeline the last step
        gets the weights, a search hands them to its candidates. None: a ridge
        regression.
    weighting : str, InstanceWeighting or None, default="logistic"
        How to estimate the ratio of densities, by name or as an object of
        :mod:`sktransfer.reweighting`: "logistic", "kliep", "kmm", "ulsif". None: all
        labelled rows count alike, as they should after
        :class:`~sktransfer.alignment.DomainAligner`.
    max_weight : float, "auto" or None, default="auto"
        Where weights, whose mean is 1, are cut, so that no row decides alone; "auto" is
        the square root of the number of source rows [1]_, None no cut. Scaled to a mean
        of 1 again, the largest weight may lie above the cut.
    target_domain : int, default=None
        The target, where `sample_domain` does not say so by unlabelled rows.

    Attributes
    ----------
    estimator_ : regressor
        The fitted regressor.
    weights_ : ndarray of shape (n_samples,)
        Weight of each row of `fit`: the clipped ratio for source rows, with a mean of
        1; 1 for labelled and 0 for unlabelled target rows. `sample_weight` is not in
        it.
    effective_sample_size_ : float
        How many equally weighted rows would tell as much as the weighted source rows:
        ``sum(w)**2 / sum(w**2)``.
    n_features_in_ : int
        Number of columns.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Column names, for DataFrames with string names only.

    See Also
    --------
    ReweightedClassifier : The same for classes; more is said there.
    TrAdaBoostRegressor : Where values of a few target rows are known.

    References
    ----------
    .. [1] E. L. Ionides. Truncated importance sampling. Journal of Computational and
       Graphical Statistics 2008.

    Examples
    --------
    A straight line through part of a curve:

    >>> import numpy as np
    >>> from sktransfer import ReweightedRegressor
    >>> rng = np.random.default_rng(0)
    >>> X = np.concatenate([rng.normal(0, 1, 500), rng.normal(1, 0.5, 500)])[:, None]
    >>> y = X.ravel() ** 2
    >>> sample_domain = np.repeat([1, -2], 500)
    >>> for weighting in (None, "kliep"):
    ...     model = ReweightedRegressor(weighting=weighting)
    ...     model = model.fit(X, y, sample_domain=sample_domain)
    ...     print(f"{model.score(X[500:], y[500:]):.2f}")
    -0.33
    0.89
    """

    @restores_on_failure
    @_fit_context(prefer_skip_nested_validation=False)
    def fit(self, X, y, sample_domain=None, sample_weight=None):
        """Weight the source rows and fit the estimator.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows of all domains: a table of numbers, or features of a backbone.
        y : array-like of shape (n_samples,)
            Values. Of unlabelled rows they are ignored and may be anything.
        sample_domain : array-like of int of shape (n_samples,), default=None
            Its absolute value is the domain of a row; a negative sign says that the
            value does not count: 1 for a labelled row of domain 1, -2 for an
            unlabelled row of domain 2. A domain with unlabelled rows is the target.
        sample_weight : array-like of shape (n_samples,), default=None
            How often each row counts; rows of weight zero are left out.

        Returns
        -------
        self : object
            The fitted estimator.

        Raises
        ------
        TypeError
            If the estimator takes no `sample_weight`, or is a classifier.
        ValueError
            If no row is labelled, or a domain has but one row.
        """
        return self._fit(X, y, sample_domain, sample_weight)

    @staticmethod
    def _default():
        from sklearn.linear_model import Ridge  # slow to import

        return Ridge()
