"""Predictions and scores of a classifier that is told the domain of each row."""

import numpy as np
from sklearn.metrics import accuracy_score
from sklearn.utils import _safe_indexing
from sklearn.utils.validation import check_is_fitted

from .._utils.sample_domain import check_sample_domain
from ._classes import of_one_type
from ._net_classifier import NetClassifierMixin


class DomainPredictionsMixin(NetClassifierMixin):
    """Takes `sample_domain` in every method, so that it can be routed everywhere."""

    __metadata_request__fit = {"sample_domain": True}
    __metadata_request__predict = {"sample_domain": True}
    __metadata_request__predict_proba = {"sample_domain": True}
    __metadata_request__decision_function = {"sample_domain": True}
    __metadata_request__score = {"sample_domain": True}

    def predict(self, X, sample_domain=None):
        """Predict the label of each row.

        Parameters
        ----------
        X : table, images or paths
            As in `fit`.
        sample_domain : ignored
            Taken for the sake of metadata routing.

        Returns
        -------
        ndarray of shape (n_samples,)
            Labels of `classes_`.
        """
        return super().predict(X)

    def predict_proba(self, X, sample_domain=None):
        """Estimate the probability of each class.

        Parameters
        ----------
        X : table, images or paths
            As in `fit`.
        sample_domain : ignored
            Taken for the sake of metadata routing.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            Columns in the order of `classes_`; each row sums to 1.
        """
        return super().predict_proba(X)

    def decision_function(self, X, sample_domain=None):
        """Compute the logits.

        Parameters
        ----------
        X : table, images or paths
            As in `fit`.
        sample_domain : ignored
            Taken for the sake of metadata routing.

        Returns
        -------
        ndarray of shape (n_samples, n_classes), or (n_samples,) for two classes
            For two classes the difference of the logits, positive for
            ``classes_[1]``.
        """
        return super().decision_function(X)

    def score(self, X, y, sample_weight=None, sample_domain=None):
        """Compute the accuracy on labelled rows.

        Parameters
        ----------
        X : table, images or paths
            As in `fit`.
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
            domain = check_sample_domain(sample_domain, len(y))
            rows = np.flatnonzero(domain >= 0)
            if not len(rows):
                raise ValueError(
                    "sample_domain is negative for every row: there is no label to "
                    "score by. Score without labels, by "
                    "sktransfer.metrics.get_adaptation_scorer and folds of "
                    "sktransfer.selection.TargetKFold."
                )
            X, y = _safe_indexing(X, rows), _safe_indexing(y, rows)
            if sample_weight is not None:
                sample_weight = _safe_indexing(sample_weight, rows)
        y = of_one_type(np.asarray(y))
        self._check_scorable(y)
        return accuracy_score(y, self.predict(X), sample_weight=sample_weight)

    def _check_scorable(self, y):
        known = set(self.classes_.tolist())
        unknown = {repr(label) for label in y.ravel().tolist() if label not in known}
        if unknown:
            raise ValueError(
                f"y has labels that are not among the classes {self.classes_}: "
                f"{sorted(unknown)[:5]}. If they stand for unknown labels of "
                "target rows, pass sample_domain, which leaves these rows out (it "
                "reaches a step of a Pipeline with metadata routing enabled), or score "
                "without labels, by sktransfer.metrics.get_adaptation_scorer."
            )
