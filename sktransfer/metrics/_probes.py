"""Scores of how predictions hold when target rows are changed or mixed."""

from numbers import Integral, Real

import numpy as np
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval

from ._access import final_step, probabilities
from ._scorer import TargetScorer
from ._views import Rows, weak_view


class ConsistencyScorer(TargetScorer):
    """Share of target rows whose prediction holds under weak augmentation.

    The mean over `n_views` random views of every row. Images are slightly rotated,
    scaled and shifted; tables get normal noise of `noise` times the standard deviation
    of each column. Of files, an estimator or last step of a pipeline that has a method
    ``decoded(X)`` makes arrays of images.

    A classifier that predicts one class for all rows is perfectly consistent: see that
    it is not among the candidates ("im" finds it).

    References
    ----------
    K. Sohn, D. Berthelot, N. Carlini, Z. Zhang, H. Zhang, C. Raffel, E. D. Cubuk,
    A. Kurakin, C.-L. Li, "FixMatch: simplifying semi-supervised learning with
    consistency and confidence", NeurIPS, 2020 (as a loss).
    """

    _parameter_constraints = {
        **TargetScorer._parameter_constraints,
        "n_views": [Interval(Integral, 1, None, closed="left")],
        "noise": [Interval(Real, 0, None, closed="left")],
        "random_state": ["random_state"],
    }

    def __init__(self, n_views=3, noise=0.1, random_state=0, target_domain=None):
        self.n_views = n_views
        self.noise = noise
        self.random_state = random_state
        self.target_domain = target_domain

    def _score_target(self, estimator, X_target):
        expected = probabilities(estimator, X_target).argmax(axis=1)
        rng = check_random_state(self.random_state)
        agreed = [
            np.mean(proba.argmax(axis=1) == expected)
            for proba in self._views(estimator, X_target, rng)
        ]
        return np.mean(agreed)

    def _views(self, estimator, X, rng):
        """Yield the probabilities of each view of `X`."""
        estimator, rows = _changeable(estimator, X)
        for _ in range(self.n_views):
            yield probabilities(estimator, weak_view(rows, self.noise, rng))


class MixValScorer(TargetScorer):
    """Share of mixed target rows that are predicted as the row they are most of.

    A row is mixed, 0.55 to 0.45, with a random other one of the same predicted class,
    which probes how dense its neighbourhood is, and with one of another class, which
    probes where the boundary runs; the score is the mean of both shares. (The paper
    ranks candidates by each and averages the ranks, which takes all candidates at
    once.) A kind of which there is no pair counts as 0, so that a classifier that
    predicts one class only does not win.

    References
    ----------
    D. Hu, J. Liang, J. H. Liew, C. Xue, S. Bai, X. Wang, "Mixed samples as probes for
    unsupervised model selection in domain adaptation", NeurIPS, 2023.
    """

    _parameter_constraints = {
        **TargetScorer._parameter_constraints,
        "share": [Interval(Real, 0.5, 1, closed="neither")],
        "random_state": ["random_state"],
    }

    def __init__(self, share=0.55, random_state=0, target_domain=None):
        self.share = share
        self.random_state = random_state
        self.target_domain = target_domain

    def _score_target(self, estimator, X_target):
        labels = probabilities(estimator, X_target).argmax(axis=1)
        rng = check_random_state(self.random_state)
        estimator, rows = _changeable(estimator, X_target)
        kinds = partners_within(labels, rng), partners_across(labels, rng)
        return np.mean(
            [self._agreement(estimator, rows, labels, kind) for kind in kinds]
        )

    def _agreement(self, estimator, rows, labels, partners):
        paired = partners != np.arange(len(partners))
        if not paired.any():
            return 0.0
        numbers = rows.numbers
        mixed = rows.like(self.share * numbers + (1 - self.share) * numbers[partners])
        predicted = probabilities(estimator, mixed).argmax(axis=1)
        return np.mean(predicted[paired] == labels[paired])


def _changeable(estimator, X):
    """Return who predicts changed rows, and `X` as such `Rows`.

    Files are decoded where they are read, in the last step of a pipeline.
    """
    step, X_step = final_step(estimator, X)
    if not hasattr(X, "columns") and hasattr(step, "decoded"):
        decoded = step.decoded(X_step)
        if decoded is not X_step:
            return step, Rows(decoded)
    return estimator, Rows(X, getattr(step, "input_shape", None))


def partners_within(labels, rng):
    """Return for each row a random other one of its label; itself if there is none."""
    partners = np.arange(len(labels))
    for label in np.unique(labels):
        rows = rng.permutation(np.flatnonzero(labels == label))
        partners[rows] = np.roll(rows, 1)
    return partners


def partners_across(labels, rng):
    """Return for each row a random one of another label; itself if there is none."""
    partners = np.arange(len(labels))
    for label in np.unique(labels):
        rows, others = np.flatnonzero(labels == label), np.flatnonzero(labels != label)
        if len(others):
            partners[rows] = rng.choice(others, size=len(rows))
    return partners
