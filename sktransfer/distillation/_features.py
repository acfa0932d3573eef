"""Methods that compare the features of student and teacher, row by row."""

from numbers import Real

import torch
from sklearn.utils._param_validation import Interval
from torch import nn

from ._base import mean_over_rows
from ._soft_targets import KD

# Below this the teacher's features do not differ between the rows of a batch.
_LEAST = 1e-9


class FitNet(KD):
    """`KD`, and the teacher's features as hints.

    A linear map, learnt along, leads from the student's features to the teacher's. The
    loss of `KD` is joined by the squared distance that remains, in units of the
    variance of the teacher's features in the batch: 1 is what a constant would leave.
    The paper takes a hidden layer for hint and trains by it first; here it is what the
    backbones return, all the time.

    Parameters
    ----------
    weight : float, default=1.0
        Strength of the hints.

    References
    ----------
    A. Romero, N. Ballas, S. E. Kahou, A. Chassang, C. Gatta, Y. Bengio. FitNets: hints
    for thin deep nets. ICLR 2015.

    Examples
    --------
    >>> from sktransfer import DistillationClassifier
    >>> from sktransfer.distillation import FitNet
    >>> DistillationClassifier(method=FitNet(weight=3.0))
    DistillationClassifier(method=FitNet(weight=3.0))
    """

    needs_features = True

    _parameter_constraints = {"weight": [Interval(Real, 0, None, closed="left")]}

    def __init__(self, weight=1.0):
        self.weight = weight

    def build(self, n_features, n_teacher_features):
        """Return the regressor, from the student's features to the teacher's."""
        return nn.Linear(n_features, n_teacher_features)

    def loss(self, batch, aux):
        """Return the divergence of `KD` plus the loss of the hints."""
        hint = batch.teacher_features
        missed = (aux(batch.features) - hint).square().mean(1)
        centred = hint - _mean(hint, batch.weight)
        variance = mean_over_rows(centred.square().mean(1), batch.weight)
        scale = torch.where(variance > _LEAST, variance, torch.inf)
        hints = mean_over_rows(missed, batch.weight) / scale
        return super().loss(batch, aux) + self.weight * hints


def _mean(rows, weight):
    """Return the mean of `rows` (n, d), which count by `weight`."""
    if weight is None:
        return rows.mean(0)
    return weight @ rows / weight.sum()
