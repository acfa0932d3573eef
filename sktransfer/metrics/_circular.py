"""Circular validation: from the predictions on the target back to the source."""

import numpy as np
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils._param_validation import HasMethods

from ._access import features, probabilities
from ._scorer import SourceScorer


class CircularScorer(SourceScorer):
    """Accuracy on the source of a classifier fitted to predictions on the target.

    A fresh `classifier` is fitted to the estimator's features of the target rows and
    its predictions for them, and judged on its features and the labels of the source
    rows. If the predictions are all of one class, that class is what it predicts. The
    way back is thus one of a simple classifier, where the paper adapts there too: that
    would train every candidate twice.

    References
    ----------
    L. Bruzzone, M. Marconcini, "Domain adaptation problems: a DASVM classification
    technique and a circular validation strategy", IEEE TPAMI, 2010.
    """

    _parameter_constraints = {
        **SourceScorer._parameter_constraints,
        "classifier": [HasMethods(["fit", "predict"]), None],
    }

    def __init__(self, classifier=None, target_domain=None):
        self.classifier = classifier
        self.target_domain = target_domain

    def _score_both(self, estimator, X_source, y_source, X_target):
        proba = probabilities(estimator, X_target)
        pseudo_labels = np.asarray(estimator.classes_)[proba.argmax(axis=1)]
        if len(np.unique(pseudo_labels)) == 1:
            return np.mean(y_source == pseudo_labels[0])
        classifier = self._fresh_classifier()
        classifier.fit(features(estimator, X_target), pseudo_labels)
        return np.mean(classifier.predict(features(estimator, X_source)) == y_source)

    def _fresh_classifier(self):
        if self.classifier is None:
            return make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
        return clone(self.classifier)
