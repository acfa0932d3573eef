"""Predictions and scores of a classifier that is told the domain of each row."""

import numpy as np
from sklearn.utils.validation import check_is_fitted

from .._utils.labels import check_scorable, of_one_type
from .._utils.sample_domain import select_labelled
from ._net_classifier import NetClassifierMixin


class DomainPredictionsMixin(NetClassifierMixin):
    """Takes `sample_domain` in every method, so that it can be routed everywhere.

    Where the scorers of skada say `allow_source`, it is taken, too.
    """

    __metadata_request__fit = {"sample_domain": True}
    __metadata_request__predict = {"sample_domain": True, "allow_source": True}
    __metadata_request__predict_proba = {"sample_domain": True, "allow_source": True}
    __metadata_request__decision_function = {"sample_domain": True}
    __metadata_request__score = {"sample_domain": True, "allow_source": True}

    def predict(self, X, sample_domain=None, allow_source=True):
        """Predict the label of each row.

        Parameters
        ----------
        X : table, images or paths
            As in `fit`.
        sample_domain : ignored
            Taken for the sake of metadata routing.
        allow_source : ignored
            Taken for the sake of skada: rows of any domain are predicted.

        Returns
        -------
        ndarray of shape (n_samples,)
            Labels of `classes_`.
        """
        return super().predict(X)

    def predict_proba(self, X, sample_domain=None, allow_source=True):
        """Estimate the probability of each class.

        Parameters
        ----------
        X : table, images or paths
            As in `fit`.
        sample_domain : ignored
            Taken for the sake of metadata routing.
        allow_source : ignored
            Taken for the sake of skada: rows of any domain are predicted.

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

    def decoded(self, X):
        """Return files and PIL images as an array; anything else as it is.

        Label-free scorers change the pixels of images a little and ask for predictions
        of what comes out. All images are in memory at once, at the size the net sees.

        Parameters
        ----------
        X : table, images or paths
            As in `fit`.

        Returns
        -------
        ndarray of uint8 of shape (n_samples, height, width, 3), or `X`
            The predictions for it are those for `X`.
        """
        check_is_fitted(self)
        inputs = self._read(X, reset=False)
        if inputs.kind == "table" or inputs.in_memory:
            return X
        (images,) = inputs.batch(slice(None), self.backbone_.preprocessing)
        return images.permute(0, 2, 3, 1).contiguous().numpy()

    def score(self, X, y, sample_weight=None, sample_domain=None, allow_source=True):
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
            Labelled rows of a source do count: to judge the target alone, pass its
            rows alone, as folds of :class:`~sktransfer.selection.TargetKFold` do.
        allow_source : ignored
            Taken for the sake of skada: labelled rows of any domain count.

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
        from sklearn.metrics import accuracy_score  # slow to import

        check_is_fitted(self)
        if sample_domain is not None:
            X, sample_weight, y = select_labelled(
                sample_domain, len(y), X, sample_weight, y
            )
        y = of_one_type(np.asarray(y))
        check_scorable(y, self.classes_)
        return accuracy_score(y, self.predict(X), sample_weight=sample_weight)
