"""Methods that make the predictions of target rows certain and diverse."""

from numbers import Real

import torch
from sklearn.utils._param_validation import Interval

from ._base import AdaptationMethod, counts_of, mean_of, shares

_WEIGHT = Interval(Real, 0, None, closed="left")


class MCC(AdaptationMethod):
    """Minimum class confusion: let no target row waver between classes.

    Predictions softened by a temperature are correlated between classes, certain rows
    counting more, by ``1 + exp(-entropy)``. Each class's correlations are divided by
    their sum; the loss is the mean over classes of the share that falls on other
    classes: 0 without confusion, ``1 - 1 / n_classes`` for uniform predictions.

    Parameters
    ----------
    weight : float, default=1.0
        Strength; the value of the paper.
    temperature : float, default=2.5
        Divisor of the logits; the value of the paper. Above 1 it keeps certain rows
        from hiding how the other classes compete.

    References
    ----------
    Y. Jin, X. Wang, M. Long, J. Wang. Minimum class confusion for versatile domain
    adaptation. ECCV 2020.

    Examples
    --------
    >>> import torch
    >>> from sktransfer.adaptation import MCC, DomainBatch
    >>> round(MCC().loss(DomainBatch(logits_t=torch.zeros(6, 4)), None).item(), 6)
    0.75
    """

    _parameter_constraints = {
        "weight": [_WEIGHT],
        "temperature": [Interval(Real, 0, None, closed="neither")],
    }

    def __init__(self, weight=1.0, temperature=2.5):
        self.weight = weight
        self.temperature = temperature

    def loss(self, batch, aux):
        """Return the mean confusion of the classes."""
        log_p = (batch.logits_t / self.temperature).log_softmax(1)
        counts = 1 + torch.exp(-_entropy(log_p.detach()))
        if batch.weight_t is not None:
            counts = counts * batch.weight_t.to(counts.dtype)
        # Row c of the paper's matrix, divided by its sum, is a mean prediction in which
        # rows count by their share in class c. A softmax never divides by a zero sum.
        share = (log_p + counts.log()[:, None]).softmax(0)
        return 1 - (share * log_p.exp()).sum() / log_p.shape[1]


class BNM(AdaptationMethod):
    """Batch nuclear-norm maximization: certain predictions, in many classes.

    The loss is minus the nuclear norm of the matrix of predicted probabilities,
    divided by the number of rows. Rows of the matrix are scaled by the root of their
    weight, so that a row of weight two counts as two rows.

    Parameters
    ----------
    weight : float, default=1.0
        Strength; the value of the paper.

    References
    ----------
    S. Cui, S. Wang, J. Zhuo, L. Li, Q. Huang, Q. Tian. Towards discriminability and
    diversity: Batch nuclear-norm maximization under label insufficient situations.
    CVPR 2020.

    Examples
    --------
    >>> import torch
    >>> from sktransfer.adaptation import BNM, DomainBatch
    >>> certain = 99.0 * torch.eye(4)
    >>> round(BNM().loss(DomainBatch(logits_t=certain), None).item(), 6)
    -1.0
    """

    _parameter_constraints = {"weight": [_WEIGHT]}

    def __init__(self, weight=1.0):
        self.weight = weight

    def loss(self, batch, aux):
        """Return minus the nuclear norm of the predictions."""
        p = batch.logits_t.softmax(1)
        counts = counts_of(p, batch.weight_t)
        if batch.weight_t is not None:
            p = p * counts.sqrt()[:, None]
        return -torch.linalg.svdvals(p).sum() / counts.sum()


class IM(AdaptationMethod):
    """Information maximization: each row certain, all classes in use.

    The loss is the mean entropy of the predictions minus the entropy of the mean
    prediction, in nats: minus the mutual information of row and predicted class. It
    expects about as many rows of each class.

    Parameters
    ----------
    weight : float, default=1.0
        Strength; the value of SHOT.

    References
    ----------
    Y. Shi, F. Sha. Information-theoretical learning of discriminative clusters for
    unsupervised domain adaptation. ICML 2012.

    J. Liang, D. Hu, J. Feng. Do we really need to access the source data? Source
    hypothesis transfer for unsupervised domain adaptation. ICML 2020 (SHOT).

    Examples
    --------
    >>> import torch
    >>> from sktransfer.adaptation import IM, DomainBatch
    >>> certain = 99.0 * torch.eye(4)
    >>> round(IM().loss(DomainBatch(logits_t=certain), None).item(), 3)  # -log(4)
    -1.386
    """

    _parameter_constraints = {"weight": [_WEIGHT]}

    def __init__(self, weight=1.0):
        self.weight = weight

    def loss(self, batch, aux):
        """Return minus the mutual information of rows and classes."""
        log_p = batch.logits_t.log_softmax(1)
        log_share = shares(log_p, batch.weight_t).log()[:, None]
        log_mean = (log_p + log_share).logsumexp(0, keepdim=True)
        return mean_of(_entropy(log_p), batch.weight_t) - _entropy(log_mean).sum()


def _entropy(log_p):
    """Return the entropy of each row, of the logarithms of its probabilities."""
    return -(log_p.exp() * log_p).sum(1)
