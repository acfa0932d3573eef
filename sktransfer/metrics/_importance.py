"""Risks on labelled source rows, weighted so that they stand for the target."""

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold
from sklearn.preprocessing import StandardScaler
from sklearn.utils._param_validation import StrOptions

from ._access import features, probabilities
from ._scorer import SourceScorer

_N_FOLDS = 5


def importance_weights(source, target, random_state=0, *, counts=None, C=1.0):
    """Return how much denser the target is than the source, at each source row.

    The odds that a logistic regression on standardised features gives a row to be of
    the target, over the odds of any row. Each row is judged by a regression that was
    fitted without it (five folds): where features outnumber rows, one that has seen it
    knows its domain by heart.

    Parameters
    ----------
    source, target : ndarray of shape (n_source, n_features), (n_target, n_features)
        Features of rows.
    random_state : int, RandomState instance or None, default=0
        Shuffles the rows before they are split.
    counts : ndarray of shape (n_source + n_target,), default=None
        How often each row counts, those of the source first; None: once.
    C : float, default=1.0
        Inverse strength of the regularization.

    Returns
    -------
    weights : ndarray of shape (n_source,)
        Estimates of p_target / p_source; their mean is about 1 if the source covers
        the target.
    """
    n_source, n_target = len(source), len(target)
    if min(n_source, n_target) < 2:
        raise ValueError(
            "Importance weights need two rows or more of each domain; got "
            f"{n_source} of the source and {n_target} of the target."
        )
    folds = StratifiedKFold(
        min(_N_FOLDS, n_source, n_target), shuffle=True, random_state=random_state
    )
    rows, domain = np.vstack([source, target]), np.repeat([0, 1], [n_source, n_target])
    counts = np.ones(len(rows)) if counts is None else counts
    log_odds = np.empty(len(rows))
    for train, test in folds.split(rows, domain):
        scaler = StandardScaler().fit(rows[train], sample_weight=counts[train])
        regression = LogisticRegression(C=C, max_iter=1000).fit(
            scaler.transform(rows[train]), domain[train], sample_weight=counts[train]
        )
        log_odds[test] = regression.decision_function(scaler.transform(rows[test]))
    odds = np.exp(log_odds[:n_source])
    return odds * counts[:n_source].sum() / counts[n_source:].sum()


def zero_one_losses(proba, y, classes):
    """Return 1 for each row of `proba` whose likeliest class is not `y`, else 0."""
    return (classes[proba.argmax(axis=1)] != y).astype(np.float64)


def log_losses(proba, y, classes):
    """Return minus the logarithm of the probability of `y`, for each row."""
    # a label outside `classes` has no probability at all
    of_label = (proba * (y[:, None] == classes)).sum(axis=1)
    return -np.log(np.maximum(of_label, np.finfo(np.float64).eps))


_LOSSES = {"zero_one": zero_one_losses, "log": log_losses}


def iwcv_risk(losses, weights):
    """Return the mean of `losses` (n_source,), weighted by importance."""
    return np.mean(weights * losses)


def dev_risk(losses, weights):
    """Return the importance-weighted risk, less what the weights' mean tells of it.

    The mean of the weights should be 1; by how much it is off is the control variate,
    and η, which makes the variance least, its coefficient.
    """
    weighted = weights * losses
    covariance = np.cov(weighted, weights)
    eta = 0.0
    if covariance[1, 1] > 0:
        eta = -covariance[0, 1] / covariance[1, 1]
    return weighted.mean() + eta * weights.mean() - eta


class _ImportanceScorer(SourceScorer):
    """Base of scorers by a weighted risk on source rows."""

    _parameter_constraints = {
        **SourceScorer._parameter_constraints,
        "loss": [StrOptions(set(_LOSSES))],
        "random_state": ["random_state"],
    }

    def __init__(self, loss="zero_one", random_state=0, target_domain=None):
        self.loss = loss
        self.random_state = random_state
        self.target_domain = target_domain

    def _losses_and_weights(self, estimator, X_source, y_source, X_target):
        proba = probabilities(estimator, X_source)
        losses = _LOSSES[self.loss](proba, y_source, np.asarray(estimator.classes_))
        weights = importance_weights(
            features(estimator, X_source),
            features(estimator, X_target),
            self.random_state,
        )
        return losses, weights


class IWCVScorer(_ImportanceScorer):
    """Minus the importance-weighted risk on the source rows.

    References
    ----------
    M. Sugiyama, M. Krauledat, K.-R. Müller, "Covariate shift adaptation by importance
    weighted cross validation", JMLR, 2007.
    """

    def _score_both(self, estimator, X_source, y_source, X_target):
        return -iwcv_risk(
            *self._losses_and_weights(estimator, X_source, y_source, X_target)
        )


class DEVScorer(_ImportanceScorer):
    """Deep embedded validation: minus the weighted risk with a control variate.

    References
    ----------
    K. You, X. Wang, M. Long, M. I. Jordan, "Towards accurate model selection in deep
    unsupervised domain adaptation", ICML, 2019.
    """

    def _score_both(self, estimator, X_source, y_source, X_target):
        return -dev_risk(
            *self._losses_and_weights(estimator, X_source, y_source, X_target)
        )
