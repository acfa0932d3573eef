"""Methods that learn from what the net believes about target rows."""

from numbers import Real

import torch
from sklearn.utils._param_validation import Interval
from torch.nn import functional as F

from ._base import AdaptationMethod, mean_of
from ._entropy import IM

_WEIGHT = Interval(Real, 0, None, closed="left")


class FixMatch(AdaptationMethod):
    """Learn from sure predictions, on strongly changed views of the same rows [1]_.

    The class that the net gives to a target row with at least `threshold`
    probability is taken for its label, and trained on a view of the row: an image is
    rotated, sheared, shifted, bent and changed in tone; a row of a table gets noise.
    Source rows are changed in the same way, as in AdaMatch [2]_.

    Parameters
    ----------
    weight : float, default=1.0
        Factor of the loss.
    threshold : float, default=0.9
        Smallest probability of a prediction that is learnt from.
    noise : float, default=0.3
        Standard deviation of the noise on tables, in units of that of each column.

    References
    ----------
    .. [1] K. Sohn, D. Berthelot, C.-L. Li, Z. Zhang, N. Carlini, E. Cubuk, A. Kurakin,
       H. Zhang, C. Raffel. FixMatch: simplifying semi-supervised learning with
       consistency and confidence. NeurIPS 2020.
    .. [2] D. Berthelot, R. Roelofs, K. Sohn, N. Carlini, A. Kurakin. AdaMatch: a
       unified approach to semi-supervised learning and domain adaptation. ICLR 2022.

    Examples
    --------
    >>> from sktransfer import DomainAdaptClassifier
    >>> from sktransfer.adaptation import FixMatch
    >>> DomainAdaptClassifier(method=["mcc", FixMatch(threshold=0.95)])
    DomainAdaptClassifier(method=['mcc', FixMatch(threshold=0.95)])
    """

    needs_views = True

    _parameter_constraints = {
        "weight": [_WEIGHT],
        "threshold": [Interval(Real, 0, 1, closed="both")],
        "noise": [_WEIGHT],
    }

    def __init__(self, weight=1.0, threshold=0.9, noise=0.3):
        self.weight = weight
        self.threshold = threshold
        self.noise = noise

    def loss(self, batch, aux):
        """Return the cross-entropy of views over all rows, unsure ones counting 0."""
        sureness, label = batch.logits_t.detach().softmax(1).max(1)
        losses = F.cross_entropy(batch.views_t, label, reduction="none")
        return mean_of(losses * (sureness >= self.threshold), batch.weight_t)


class SHOT(AdaptationMethod):
    """Adapt a trained net to target rows alone, without any source row.

    The head is kept: it is the hypothesis that is transferred. The backbone learns to
    make its predictions sure and diverse (`IM`) and to agree with labels of the
    target rows by the nearest centroid of features, which are found anew before every
    epoch.

    Parameters
    ----------
    weight : float, default=1.0
        Factor of the whole loss.
    beta : float, default=0.3
        Factor of the cross-entropy to the labels of the centroids, on strongly
        changed views of the rows as in `FixMatch`; the paper's strength for digits is
        0.1, for photographs 0.3.
    noise : float, default=0.3
        Standard deviation of the noise on tables, in units of that of each column.

    Notes
    -----
    The paper trains the net on the source with labels that are smoothed by 0.1:
    ``loss=CrossEntropy(label_smoothing=0.1)``.

    References
    ----------
    J. Liang, D. Hu, J. Feng. Do we really need to access the source data? Source
    hypothesis transfer for unsupervised domain adaptation. ICML 2020.

    Examples
    --------
    >>> from sktransfer.adaptation import SHOT
    >>> SHOT(beta=0.1)
    SHOT(beta=0.1)
    """

    composes = False
    needs_source = False
    needs_views = True
    source_first = True
    trains = "backbone"

    _parameter_constraints = {
        "weight": [_WEIGHT],
        "beta": [_WEIGHT],
        "noise": [_WEIGHT],
    }

    def __init__(self, weight=1.0, beta=0.3, noise=0.3):
        self.weight = weight
        self.beta = beta
        self.noise = noise

    def begin_epoch(self, game):
        """Label all target rows by the nearest centroid."""
        features, logits, weight = game.target_outputs()
        self.labels_ = centroid_labels(features, logits, weight)

    def loss(self, batch, aux):
        """Return ``IM + beta * cross_entropy(views, labels of the centroids)``."""
        losses = F.cross_entropy(
            batch.views_t, self.labels_[batch.index_t], reduction="none"
        )
        clustering = IM().loss(batch, None)
        return clustering + self.beta * mean_of(losses, batch.weight_t)


def centroid_labels(features, logits, weight=None, n_rounds=2):
    """Return the class of the nearest centroid of each row, by cosine.

    The centroids are the means of the features, weighted first by the predicted
    probabilities, then by the labels of the round before.
    """
    ones = torch.ones_like(features[:, :1])
    rows = F.normalize(torch.cat([features, ones], dim=1), dim=1)
    shares = logits.softmax(1)
    for _ in range(n_rounds):
        counted = shares if weight is None else shares * weight[:, None]
        centroids = F.normalize(counted.T @ rows, dim=1)
        # a class without a row has no centroid: no row is near to it
        near = (rows @ centroids.T).masked_fill(counted.sum(0) == 0, -torch.inf)
        labels = near.argmax(1)
        shares = F.one_hot(labels, logits.shape[1]).to(rows.dtype)
    return labels
