"""What the estimators over weighted rows share: rows in, predictions out."""

from typing import NamedTuple

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin, is_classifier
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import (
    _check_sample_weight,
    _check_y,
    check_consistent_length,
    check_is_fitted,
    validate_data,
)

from .._utils.labels import check_scorable, of_one_type
from .._utils.sample_domain import Domains, read_domains, select_labelled


class Rows(NamedTuple):
    """The rows that count.

    Attributes
    ----------
    X : ndarray of shape (n_rows, n_features)
        Of all domains.
    y : ndarray of shape (n_rows,)
        Only where ``domains.labelled`` it means anything.
    weight : ndarray of shape (n_rows,)
        The caller's, positive.
    domains : Domains
        Of the rows.
    index : ndarray of int, shape (n_rows,)
        Where each row is in what the caller passed.
    n_samples : int
        Number of rows that the caller passed.
    """

    X: np.ndarray
    y: np.ndarray
    weight: np.ndarray
    domains: Domains
    index: np.ndarray
    n_samples: int

    @property
    def source(self):
        """Return which rows are labelled ones of a source domain."""
        return self.domains.labelled & ~self.domains.target

    @property
    def labelled_target(self):
        """Return which rows are labelled ones of the target."""
        return self.domains.labelled & self.domains.target

    def for_all(self, values):
        """Return `values`, one for each row, as one for each row passed by the caller.

        Rows that do not count get zero.
        """
        scattered = np.zeros(self.n_samples)
        scattered[self.index] = values
        return scattered


class DomainRowsEstimator(BaseEstimator):
    """Takes `sample_domain` in every method, so that it can be routed everywhere."""

    __metadata_request__fit = {"sample_domain": True}
    __metadata_request__predict = {"sample_domain": True}
    __metadata_request__score = {"sample_domain": True}

    def _read(self, X, y, sample_domain, sample_weight):
        """Return the checked `Rows`; those of weight zero are left out."""
        if y is None:
            raise ValueError(
                f"{type(self).__name__} requires y to be passed, but the target y is "
                "None"
            )
        X = validate_data(self, X, dtype=[np.float64, np.float32])
        check_consistent_length(X, y)
        weight = _check_sample_weight(sample_weight, X, ensure_non_negative=True)
        if not weight.any():
            raise ValueError(
                "sample_weight is zero for every row; at least one weight must be "
                "positive."
            )
        domains = read_domains(sample_domain, len(X), self.target_domain)
        kept = np.flatnonzero(weight)
        y, domains = self._checked_labels(y, kept, domains), domains.take(kept)
        return Rows(X[kept], y[kept], weight[kept], domains, kept, len(X))

    def _checked_labels(self, y, kept, domains):
        """Return `y` in which the labels that count are checked, the others any."""
        labelled = kept[domains.labelled[kept]]
        if not len(labelled):
            raise ValueError(
                "sample_domain is negative for every row (those of sample_weight zero "
                "do not count): there is no label to learn from. Add labelled source "
                "rows, with a positive domain."
            )
        y = np.asarray(y)
        labels = _check_y(
            of_one_type(y[labelled]), y_numeric=not is_classifier(self), estimator=self
        )
        if is_classifier(self):
            check_classification_targets(labels)
        checked = np.empty(len(y), dtype=labels.dtype)
        checked[:] = labels[0]
        checked[labelled] = labels
        return checked

    def _validated(self, X):
        check_is_fitted(self)
        return validate_data(self, X, reset=False, dtype=[np.float64, np.float32])


class DomainRowsClassifier(ClassifierMixin, DomainRowsEstimator):
    """Scores by the labelled rows."""

    def score(self, X, y, sample_weight=None, sample_domain=None):
        """Compute the accuracy on labelled rows.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows.
        y : array-like of shape (n_samples,)
            Labels.
        sample_weight : array-like of shape (n_samples,), default=None
            Weight of each row.
        sample_domain : array-like of int of shape (n_samples,), default=None
            Where it is negative the row is left out, since its label does not count.

        Returns
        -------
        float
            Share of the rows whose label is predicted.

        Raises
        ------
        ValueError
            If no row is labelled, or, without `sample_domain`, if a label is no class:
            a sentinel would count as a wrong prediction.
        """
        check_is_fitted(self)
        if sample_domain is not None:
            X, sample_weight, y = select_labelled(
                sample_domain, len(y), X, sample_weight, y
            )
        y = of_one_type(np.asarray(y))
        check_scorable(y, self.classes_)
        return super().score(X, y, sample_weight)


class DomainRowsRegressor(RegressorMixin, DomainRowsEstimator):
    """Scores by the labelled rows."""

    def score(self, X, y, sample_weight=None, sample_domain=None):
        """Compute the coefficient of determination R² on labelled rows.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows.
        y : array-like of shape (n_samples,)
            True values.
        sample_weight : array-like of shape (n_samples,), default=None
            Weight of each row.
        sample_domain : array-like of int of shape (n_samples,), default=None
            Where it is negative the row is left out, since its value does not count.

        Returns
        -------
        float
            1 for perfect predictions, 0 for those of the mean.

        Raises
        ------
        ValueError
            If no row is labelled.
        """
        if sample_domain is not None:
            X, sample_weight, y = select_labelled(
                sample_domain, len(y), X, sample_weight, y
            )
        return super().score(X, y, sample_weight)
