"""Classifiers that scorers and splitters meet in the tests; they know no torch."""

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.linear_model import LogisticRegression


class SourceOnly(ClassifierMixin, BaseEstimator):
    """Logistic regression on the rows whose label counts."""

    __metadata_request__fit = {"sample_domain": True}

    def __init__(self, C=1.0):
        self.C = C

    def fit(self, X, y, sample_domain=None):
        X, y = np.asarray(X), np.asarray(y)
        labelled = np.ones(len(y), bool) if sample_domain is None else sample_domain > 0
        self.n_rows_ = len(y)
        self.model_ = LogisticRegression(C=self.C).fit(X[labelled], y[labelled])
        self.classes_ = self.model_.classes_
        return self

    def predict(self, X):
        return self.model_.predict(X)

    def predict_proba(self, X):
        return self.model_.predict_proba(np.asarray(X))

    def features(self, X):
        return 10 * np.asarray(X, dtype=float)


class Given(ClassifierMixin, BaseEstimator):
    """Looks up the probabilities of row i in its table: X holds the row numbers."""

    def __init__(self, proba, classes=(0, 1)):
        self.proba = proba
        self.classes = classes

    def fit(self, X, y=None):
        return self

    @property
    def classes_(self):
        return np.asarray(self.classes)

    def predict_proba(self, X):
        return np.asarray(self.proba)[np.asarray(X).ravel().astype(int)]

    def __sklearn_is_fitted__(self):
        return True


class Rule(BaseEstimator):
    """Predicts class `rule(X)`, of `n_classes`, for certain."""

    def __init__(self, rule, n_classes=2):
        self.rule = rule
        self.n_classes = n_classes

    def fit(self, X, y=None):
        return self

    @property
    def classes_(self):
        return np.arange(self.n_classes)

    def predict_proba(self, X):
        self.seen_ = X
        return np.eye(self.n_classes)[np.asarray(self.rule(X)).astype(int)]

    def __sklearn_is_fitted__(self):
        return True


def make_domains(n=60, seed=0):
    """Return X, y and sample_domain of a target whose classes lie one unit higher."""
    rng = np.random.default_rng(seed)
    y = rng.integers(2, size=2 * n)
    X = rng.normal(size=(2 * n, 3)) + 3 * y[:, None]
    X[n:] += 1
    sample_domain = np.repeat([1, -2], n)
    return X, np.where(sample_domain > 0, y, -1), sample_domain
