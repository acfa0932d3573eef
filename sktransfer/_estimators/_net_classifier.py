"""What all classifiers that train a net share: labels in, labels out."""

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.utils._param_validation import HasMethods, StrOptions
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import assert_all_finite, column_or_1d

from ._classes import (
    check_labels,
    check_of_one_kind,
    check_same_classes,
    classes_of,
    weights_of_classes,
)

_LOSSES = {"cross_entropy", "focal", "balanced_softmax", "logit_adjusted", "ldam"}

CLASSIFIER_CONSTRAINTS = {
    "loss": [StrOptions(_LOSSES), HasMethods(["loss"])],
    "class_weight": [dict, StrOptions({"balanced"}), None],
}


class NetClassifierMixin(ClassifierMixin):
    """Encodes labels for a net and decodes what it returns."""

    def predict_proba(self, X):
        """Estimate the probability of each class.

        Parameters
        ----------
        X : table, images or paths
            As in `fit`.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            Columns in the order of `classes_`; each row sums to 1.
        """
        from scipy.special import softmax

        return softmax(self._outputs(X), axis=1)

    def decision_function(self, X):
        """Compute the logits.

        Parameters
        ----------
        X : table, images or paths
            As in `fit`.

        Returns
        -------
        ndarray of shape (n_samples, n_classes), or (n_samples,) for two classes
            For two classes the difference of the logits, positive for
            ``classes_[1]``.
        """
        return self._decision(self._outputs(X))

    def predict(self, X):
        """Predict the label of each row.

        Parameters
        ----------
        X : table, images or paths
            As in `fit`.

        Returns
        -------
        ndarray of shape (n_samples,)
            Labels of `classes_`.
        """
        decision = self.decision_function(X)
        best = decision > 0 if decision.ndim == 1 else decision.argmax(axis=1)
        return self.classes_[np.asarray(best, dtype=int)]

    @staticmethod
    def _decision(logits):
        return logits[:, 1] - logits[:, 0] if logits.shape[1] == 2 else logits

    def _checked_target(self, y):
        y = column_or_1d(y, warn=True)
        check_of_one_kind(y)
        assert_all_finite(y, input_name="y")
        check_classification_targets(y)
        return y

    def _encode(self, y, weight, reset):
        """Return the index of each label in `classes_`."""
        announced = getattr(self, "_announced_classes", None)
        if reset:
            self.classes_ = classes_of(y if announced is None else announced)
        elif announced is not None:
            check_same_classes(announced, self.classes_)
        check_labels(y, self.classes_)
        return np.searchsorted(self.classes_, y).astype(np.int64)

    def _weigh_classes(self, y, weight):
        """Take the weight of each class from `class_weight` and these rows."""
        self._weight_of_class = weights_of_classes(
            self.class_weight, self.classes_, y, weight
        )

    def _count(self, target, weight, more):
        """Count the (weighted) rows of each class."""
        counts = np.bincount(target, weight, len(self.classes_))
        self._class_counts = self._class_counts + counts if more else counts

    def _with_class_weight(self, target, weight):
        if self._weight_of_class is None:
            return weight
        by_row = self._weight_of_class[target]
        return by_row if weight is None else weight * by_row

    @property
    def _n_outputs(self):
        return len(self.classes_)

    @staticmethod
    def _losses():
        from ..finetuning._losses import CLASSIFICATION_LOSSES

        return CLASSIFICATION_LOSSES
