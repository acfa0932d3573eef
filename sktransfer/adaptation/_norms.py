"""Methods that act on the norm of the features."""

from numbers import Real

import torch
from sklearn.utils._param_validation import Interval

from ._base import AdaptationMethod, mean_of

_WEIGHT = Interval(Real, 0, None, closed="left")


class AFN(AdaptationMethod):
    """Adaptive feature norm: let the features of both domains grow, step by step.

    The loss is the mean of ``(r0 + increment - r)**2`` over source rows plus that over
    target rows, where `r` is the norm of a row's features and `r0` the same number
    without gradient. Its value is therefore always ``2 * increment**2``; its gradient
    lengthens every row alike.

    Parameters
    ----------
    weight : float, default=0.05
        Strength; the value of the paper.
    increment : float, default=1.0
        By how much a norm is to grow; the value of the paper.

    References
    ----------
    R. Xu, G. Li, J. Yang, L. Lin. Larger norm more transferable: An adaptive feature
    norm approach for unsupervised domain adaptation. ICCV 2019.

    Examples
    --------
    >>> import torch
    >>> from sktransfer.adaptation import AFN, DomainBatch
    >>> features = torch.tensor([[3.0, 4.0]], requires_grad=True)
    >>> batch = DomainBatch(features_s=features, features_t=torch.ones(1, 2))
    >>> AFN().loss(batch, None).backward()
    >>> features.grad  # -2 * increment, along the features
    tensor([[-1.2000, -1.6000]])
    """

    needs_logits = False

    _parameter_constraints = {
        "weight": [_WEIGHT],
        "increment": [Interval(Real, 0, None, closed="neither")],
    }

    def __init__(self, weight=0.05, increment=1.0):
        self.weight = weight
        self.increment = increment

    def loss(self, batch, aux):
        """Return the squared distance to norms that are one step larger."""
        source = self._one_domain(batch.features_s, batch.weight_s)
        return source + self._one_domain(batch.features_t, batch.weight_t)

    def _one_domain(self, features, weight):
        norm = torch.linalg.vector_norm(features, dim=1)
        return mean_of((norm.detach() + self.increment - norm).square(), weight)
