"""Scores of target predictions: how sure, how varied, how clustered they are."""

import numpy as np
from scipy.special import entr, softmax
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_mutual_info_score
from sklearn.utils import gen_batches

from ._access import features, probabilities
from ._scorer import TargetScorer

_TEMPERATURE = 0.05  # of SND, as in the paper
_BLOCK = 1000  # rows whose similarities to all others are in memory at once


def entropy_score(proba):
    """Return minus the mean entropy, in nats, of the rows of `proba`."""
    return -entr(proba).sum(axis=1).mean()


def im_score(proba):
    """Return the entropy of the mean row of `proba` less the mean entropy of a row."""
    return entr(proba.mean(axis=0)).sum() + entropy_score(proba)


def bnm_score(proba):
    """Return the nuclear norm of `proba`, divided by its number of rows."""
    return np.linalg.norm(proba, ord="nuc") / len(proba)


def snd_score(proba):
    """Return the mean entropy, in nats, of the soft neighbourhoods in `proba`.

    That of a row is the softmax of its cosine similarities to the other rows over a
    temperature of 0.05.
    """
    if len(proba) < 2:
        raise ValueError("SND needs two target rows or more, to compare them; got one.")
    units = proba / np.linalg.norm(proba, axis=1, keepdims=True)
    entropies = np.empty(len(units))
    for block in gen_batches(len(units), _BLOCK):
        similarity = units[block] @ units.T / _TEMPERATURE
        rows = np.arange(block.start, block.stop)
        similarity[rows - block.start, rows] = -np.inf
        entropies[block] = entr(softmax(similarity, axis=1)).sum(axis=1)
    return entropies.mean()


class EntropyScorer(TargetScorer):
    """Certainty of the predictions; one that is sure and wrong scores high too.

    References
    ----------
    P. Morerio, J. Cavazza, V. Murino, "Minimal-entropy correlation alignment for
    unsupervised deep domain adaptation", ICLR, 2018.
    """

    def __init__(self, target_domain=None):
        self.target_domain = target_domain

    def _score_target(self, estimator, X_target):
        return entropy_score(probabilities(estimator, X_target))


class IMScorer(TargetScorer):
    """Information maximization: predictions that are sure, and differ among rows.

    References
    ----------
    K. Musgrave, S. Belongie, S.-N. Lim, "Three new validators and a large-scale
    benchmark ranking for unsupervised domain adaptation", 2022.
    """

    def __init__(self, target_domain=None):
        self.target_domain = target_domain

    def _score_target(self, estimator, X_target):
        return im_score(probabilities(estimator, X_target))


class BNMScorer(TargetScorer):
    """Batch nuclear norm: predictions that are sure, and use all classes.

    Falls with the square root of the number of rows: compare it on equal ones.

    References
    ----------
    S. Cui, S. Wang, J. Zhuo, L. Li, Q. Huang, Q. Tian, "Towards discriminability and
    diversity: batch nuclear-norm maximization under label insufficient situations",
    CVPR, 2020.
    """

    def __init__(self, target_domain=None):
        self.target_domain = target_domain

    def _score_target(self, estimator, X_target):
        return bnm_score(probabilities(estimator, X_target))


class SNDScorer(TargetScorer):
    """Soft neighbourhood density: rows that have many neighbours in the predictions.

    References
    ----------
    K. Saito, D. Kim, P. Teterwak, S. Sclaroff, T. Darrell, K. Saenko, "Tune it the
    right way: unsupervised validation of domain adaptation via soft neighborhood
    density", ICCV, 2021.
    """

    def __init__(self, target_domain=None):
        self.target_domain = target_domain

    def _score_target(self, estimator, X_target):
        return snd_score(probabilities(estimator, X_target))


class ClassClusterScorer(TargetScorer):
    """Adjusted mutual information of predictions and k-means clusters of features.

    References
    ----------
    K. Musgrave, S. Belongie, S.-N. Lim, "Three new validators and a large-scale
    benchmark ranking for unsupervised domain adaptation", 2022.
    """

    _parameter_constraints = {
        **TargetScorer._parameter_constraints,
        "random_state": ["random_state"],
    }

    def __init__(self, random_state=0, target_domain=None):
        self.random_state = random_state
        self.target_domain = target_domain

    def _score_target(self, estimator, X_target):
        proba = probabilities(estimator, X_target)
        n_clusters = min(proba.shape[1], len(proba))
        clusters = KMeans(n_clusters, n_init=10, random_state=self.random_state)
        found = clusters.fit_predict(features(estimator, X_target))
        return adjusted_mutual_info_score(proba.argmax(axis=1), found)
