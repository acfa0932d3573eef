"""The rounds of TrAdaBoost: wrong source rows count less, wrong target rows more."""

import math
import warnings
from numbers import Integral
from typing import NamedTuple

import numpy as np
from sklearn.utils._param_validation import HasMethods, Interval

from ._learner import check_learner, fit_with_weights

# An error of zero would give a learner all votes, and take the weight of every row that
# another one has right.
_MIN_ERROR = 1e-3


class Round(NamedTuple):
    """What one round of boosting leaves behind.

    Attributes
    ----------
    learner : estimator
        Fitted.
    vote : float
        Weight of its predictions.
    error : float
        On the labelled target rows, weighted.
    """

    learner: object
    vote: float
    error: float


def boost(learner, rows, n_rounds, misfit, vote_of):
    """Boost `learner` on the labelled `rows`.

    Parameters
    ----------
    learner : estimator
        Takes weights in `fit`.
    rows : Rows
        Of source and target.
    n_rounds : int
        Number of rounds.
    misfit : callable
        From predictions for labelled rows to a number from 0 (right) to 1 for each.
    vote_of : callable
        From the error on the target to the vote of a learner, 0 or more.

    Returns
    -------
    rounds : list of Round
        All rounds.
    weights : ndarray of shape (n_rows,)
        Weight of each row after the last round, 0 for unlabelled ones.
    """
    labelled = rows.domains.labelled
    X, y = rows.X[labelled], rows.y[labelled]
    source, target = rows.source[labelled], rows.labelled_target[labelled]
    weight = rows.weight[labelled]
    total, discount = weight.sum(), _discount(weight[source], n_rounds)
    rounds = []
    for _ in range(n_rounds):
        fitted = fit_with_weights(learner, X, y, weight * (total / weight.sum()))
        misfits = misfit(fitted.predict(X))
        error = float(np.average(misfits[target], weights=weight[target]))
        vote = vote_of(max(error, _MIN_ERROR))
        rounds.append(Round(fitted, vote, error))
        weight = weight * np.exp(misfits * np.where(source, -discount, vote))
        weight /= weight.sum()
    weights = np.zeros(len(labelled))
    weights[labelled] = weight * total
    return rounds, weights


def _discount(source_weight, n_rounds):
    """Return by how much the logarithm of the weight of a wrong source row falls."""
    # the weights may add up to 1
    n_source = max(source_weight.sum(), len(source_weight), 1)
    return math.log1p(math.sqrt(2 * math.log(n_source) / n_rounds))


class TrAdaBoost:
    """Fits the rounds; those from ``ceil(n_estimators / 2)`` on predict."""

    _parameter_constraints = {
        "estimator": [HasMethods(["fit", "predict"]), None],
        "n_estimators": [Interval(Integral, 1, None, closed="left")],
        "target_domain": [Integral, None],
    }

    def __init__(self, estimator=None, *, n_estimators=10, target_domain=None):
        self.estimator = estimator
        self.n_estimators = n_estimators
        self.target_domain = target_domain

    def _fit(self, X, y, sample_domain, sample_weight):
        learner = self._default() if self.estimator is None else self.estimator
        check_learner(learner, self)
        rows = self._read(X, y, sample_domain, sample_weight)
        labelled = rows.domains.labelled
        self._start(rows.y[labelled])
        if self._has_target(rows, told=sample_domain is not None):
            misfit = self._misfit_of(rows.y[labelled])
            rounds, weights = boost(
                learner, rows, self.n_estimators, misfit, self._vote_of
            )
        else:
            weights = rows.weight * labelled
            fitted = fit_with_weights(
                learner, rows.X[labelled], rows.y[labelled], rows.weight[labelled]
            )
            rounds = [Round(fitted, 1.0, math.nan)]
        self._keep(rounds)
        self.weights_ = rows.for_all(weights)
        return self

    def _start(self, y):
        """Learn what the labels say before the first round."""

    def _has_target(self, rows, told):
        """Whether there are labelled target rows; refuse unlabelled ones alone."""
        if rows.labelled_target.any():
            return True
        if rows.domains.target.any():
            raise ValueError(
                f"{type(self).__name__} needs labelled target rows, and sample_domain "
                "is negative for all rows of the target (those of sample_weight zero "
                "do not count). Label some, a few per class, or take an estimator "
                "that needs none: ReweightedClassifier or DomainAdaptClassifier."
            )
        if told:
            warnings.warn(
                "No row is of a target domain: this is supervised training on all "
                "labelled rows. Where all rows of the target are labelled, name it as "
                "target_domain, such as 2.",
                UserWarning,
                stacklevel=4,
            )
        return False

    def _keep(self, rounds):
        learners, votes, errors = zip(*rounds, strict=True)
        self.estimators_ = list(learners)
        self.estimator_errors_ = np.array(errors)
        votes = np.array(votes)
        votes[: math.ceil(len(rounds) / 2) - 1] = 0
        if not votes.any():
            votes[-1] = 1.0
        self.estimator_weights_ = votes

    def _voters(self):
        """Yield the learners that have a vote, with it."""
        pairs = zip(self.estimators_, self.estimator_weights_, strict=True)
        return [(learner, vote) for learner, vote in pairs if vote > 0]
