"""Methods that compare the predictions of student and teacher."""

from numbers import Real

import torch
from sklearn.utils._param_validation import Interval
from torch.nn import functional as F

from ._base import DistillationMethod, mean_over_rows

_STRENGTH = Interval(Real, 0, None, closed="left")
# Product of two variances of probabilities that says that one of them is constant.
_LEAST = 1e-16


class KD(DistillationMethod):
    """Kullback-Leibler divergence from the teacher's softened predictions.

    Logits are divided by the temperature T before the softmax, which shows what the
    teacher thinks of the less likely classes. The divergence is multiplied by T²: its
    gradient then stays of the same size as T changes.

    References
    ----------
    G. Hinton, O. Vinyals, J. Dean. Distilling the knowledge in a neural network.
    NeurIPS workshop on deep learning, 2014.

    Examples
    --------
    >>> from sktransfer import DistillationClassifier
    >>> DistillationClassifier(method="kd", temperature=2.0, alpha=0.5)
    DistillationClassifier(alpha=0.5, temperature=2.0)
    """

    def loss(self, batch, aux):
        """Return the divergence, T² times its mean over the rows."""
        T = batch.temperature
        student = F.log_softmax(batch.logits / T, 1)
        teacher = F.log_softmax(batch.teacher_logits / T, 1)
        rows = F.kl_div(student, teacher, reduction="none", log_target=True).sum(1)
        return T**2 * mean_over_rows(rows, batch.weight)


class Mutual(KD):
    """Teacher and student are trained together, each learning from the other.

    Each net minimises the loss of the labels and the divergence of `KD` from what the
    other one predicts at that step. With several teachers each net learns from the
    average of all others (the paper's DML_e).

    References
    ----------
    Y. Zhang, T. Xiang, T. M. Hospedales, H. Lu. Deep mutual learning. CVPR 2018.

    Examples
    --------
    The paper's weights of the two losses, at its temperature:

    >>> from sktransfer import DistillationClassifier
    >>> DistillationClassifier(method="mutual", temperature=1.0, alpha=0.5)
    DistillationClassifier(alpha=0.5, method='mutual', temperature=1.0)
    """

    trains_teacher = True


class DIST(DistillationMethod):
    """Correlation with the teacher's softened predictions, instead of equality.

    The loss is one minus Pearson's correlation: between the classes of a row, averaged
    over the rows, and between the rows of a class, averaged over the classes. It is
    multiplied by the square of the temperature, as in `KD`. It asks less of a student
    that is much smaller than its teacher.

    Parameters
    ----------
    beta : float, default=1.0
        Strength between classes.
    gamma : float, default=1.0
        Strength between rows.

    References
    ----------
    T. Huang, S. You, F. Wang, C. Qian, C. Xu. Knowledge distillation from a stronger
    teacher. NeurIPS 2022.

    Examples
    --------
    >>> from sktransfer import DistillationClassifier
    >>> from sktransfer.distillation import DIST
    >>> DistillationClassifier(method=DIST(gamma=2.0))
    DistillationClassifier(method=DIST(gamma=2.0))
    """

    _parameter_constraints = {"beta": [_STRENGTH], "gamma": [_STRENGTH]}

    def __init__(self, beta=1.0, gamma=1.0):
        self.beta = beta
        self.gamma = gamma

    def loss(self, batch, aux):
        """Return the weighted sum of both, T² times as in the authors' code."""
        student, teacher = batch.probabilities()
        between_classes = 1 - mean_over_rows(
            _correlation(student, teacher), batch.weight
        )
        between_rows = 1 - _correlation(student.T, teacher.T, batch.weight).mean()
        total = self.beta * between_classes + self.gamma * between_rows
        return batch.temperature**2 * total


def _correlation(a, b, weight=None):
    """Return Pearson's correlation of each row of `a` and `b`, 0 where one is constant.

    `weight`: how much each column counts.
    """
    if weight is None:
        weight = a.new_ones(a.shape[1])
    share = weight / weight.sum()
    a, b = (part - (part * share).sum(1, keepdim=True) for part in (a, b))
    squared = (a.square() * share).sum(1) * (b.square() * share).sum(1)
    scale = torch.where(squared > _LEAST, squared, torch.inf).sqrt()
    return (a * b * share).sum(1) / scale
