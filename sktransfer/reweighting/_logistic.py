"""Ratios of densities from a classifier that tells the domains apart."""

from numbers import Real

import numpy as np
from sklearn.utils._param_validation import Interval

from ..metrics._importance import importance_weights
from ._base import InstanceWeighting


class LogisticWeighting(InstanceWeighting):
    """Density ratio by probabilistic classification.

    A logistic regression learns to tell target from source rows; the odds that it gives
    a row are the ratio of densities, but for a factor. Each row is judged by a
    regression that was fitted without it, in five folds, so that many features do not
    make it know the domain of each row by heart. Its logarithm is linear in the
    features: right for Gaussians that differ in their means.

    Parameters
    ----------
    C : float, default=1.0
        Inverse strength of the regularization; smaller values give evener weights.
    random_state : int, RandomState instance or None, default=0
        Draws the folds. The default gives the same weights on every call.

    References
    ----------
    S. Bickel, M. Brückner, T. Scheffer. Discriminative learning under covariate shift.
    JMLR 2009.

    Examples
    --------
    >>> from sktransfer.reweighting import LogisticWeighting
    >>> X_source, X_target = [[0.0], [1.0], [2.0], [3.0]], [[2.0], [2.5], [3.0]]
    >>> LogisticWeighting().weights(X_source, X_target).round(1)
    array([0.3, 0.3, 1. , 2.4])
    """

    _parameter_constraints = {
        "C": [Interval(Real, 0, None, closed="neither")],
        "random_state": ["random_state"],
    }

    def __init__(self, C=1.0, random_state=0):
        self.C = C
        self.random_state = random_state

    def _ratio(self, source, target):
        counts = np.concatenate([source.counts, target.counts])
        return importance_weights(
            source.rows, target.rows, self.random_state, counts=counts, C=self.C
        )
