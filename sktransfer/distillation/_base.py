"""What every distillation method is, and what it sees of a batch."""

from typing import Any, NamedTuple

import torch
from sklearn.base import BaseEstimator


class DistillationBatch(NamedTuple):
    """What a method sees of one batch.

    Parameters
    ----------
    logits : Tensor (n, n_classes)
        Of the student.
    teacher_logits : Tensor (n, n_classes)
        Of the teacher, up to a constant in each row; log-probabilities are logits.
    features : Tensor (n, n_features)
        What the backbone of the student returned.
    teacher_features : Tensor (n, n_teacher_features)
        What that of the teacher returned; None where a method did not ask for it.
    weight : Tensor (n,)
        Weights of the rows, None where all count alike. A row of weight two counts as
        two rows.
    temperature : float
        By which logits are divided.

    Examples
    --------
    >>> import torch
    >>> from sktransfer.distillation import KD, DistillationBatch
    >>> teacher = torch.log(torch.tensor([[0.9, 0.1]]))
    >>> batch = DistillationBatch(torch.zeros(1, 2), teacher)
    >>> round(KD().loss(batch, None).item(), 4)  # .9 log(.9/.5) + .1 log(.1/.5)
    0.3681
    """

    logits: Any = None
    teacher_logits: Any = None
    features: Any = None
    teacher_features: Any = None
    weight: Any = None
    temperature: float = 1.0

    def probabilities(self):
        """Return the softened probabilities of student and teacher."""
        pair = self.logits, self.teacher_logits
        return tuple(torch.softmax(part / self.temperature, 1) for part in pair)


class DistillationMethod(BaseEstimator):
    """Base of all methods: a loss between what student and teacher make of a batch.

    The student minimises ``(1 - alpha) * loss of labels + alpha * loss of the method``.

    Examples
    --------
    A method of one's own, the squared distance of logits [1]_:

    >>> from sktransfer import DistillationClassifier
    >>> from sktransfer.distillation import DistillationMethod
    >>> class MatchLogits(DistillationMethod):
    ...     def loss(self, batch, aux):
    ...         return (batch.logits - batch.teacher_logits).square().mean()
    >>> DistillationClassifier(method=MatchLogits())
    DistillationClassifier(method=MatchLogits())

    .. [1] J. Ba, R. Caruana. Do deep nets really need to be deep? NeurIPS 2014.
    """

    #: Whether the teacher has to have features.
    needs_features = False
    #: Whether the teacher is trained along with the student.
    trains_teacher = False

    def build(self, n_features, n_teacher_features):
        """Return the module that learns along with the student, or None."""

    def loss(self, batch, aux):
        """Return the loss of a `DistillationBatch`, a scalar; `aux` is from `build`."""
        raise NotImplementedError(f"{type(self).__name__} does not define loss.")


def mean_over_rows(values, weight=None):
    """Return the mean of `values` (n,) over rows that count by `weight` (n,)."""
    if weight is None:
        return values.mean()
    return (values * weight).sum() / weight.sum()
