"""Methods that move one domain onto the other by optimal transport."""

from numbers import Real

import torch
from sklearn.utils._param_validation import Interval

from .._utils.optional import import_optional
from ._base import AdaptationMethod, shares

_WEIGHT = Interval(Real, 0, None, closed="left")


class DeepJDOT(AdaptationMethod):
    """Transport features and labels of the source onto the target's.

    In each batch an exact optimal-transport plan couples source with target rows at
    the cost ``alpha * ||f_s - f_t||**2 + cross_entropy(y_s, prediction_t)``; the loss
    is the cost of that plan. The plan is solved on the CPU, which a GPU has to wait
    for, in time that grows faster than the square of the batch size.

    Parameters
    ----------
    weight : float, default=0.1
        Strength. With 1, small nets learnt the target's wrong labels.
    alpha : float, default=0.1
        Weight of the features' distance against the cross-entropy. Squared distances
        add up over the features: with some tens of features of unit scale 0.1 makes a
        few nats of them, what a cross-entropy is. For more features take less, in
        proportion.

    Raises
    ------
    MissingExtraError
        If POT, the extra "ot", is not installed.

    References
    ----------
    B. B. Damodaran, B. Kellenberger, R. Flamary, D. Tuia, N. Courty. DeepJDOT: Deep
    joint distribution optimal transport for unsupervised domain adaptation. ECCV 2018.

    Examples
    --------
    >>> import torch
    >>> from sktransfer.adaptation import DeepJDOT, DomainBatch
    >>> batch = DomainBatch(
    ...     features_s=torch.tensor([[0.0], [10.0]]),
    ...     y_s=torch.tensor([0, 1]),
    ...     features_t=torch.tensor([[11.0], [1.0]]),
    ...     logits_t=torch.tensor([[0.0, 99.0], [99.0, 0.0]]),
    ... )
    >>> round(DeepJDOT().loss(batch, None).item(), 3)  # each row moves by 1
    0.1
    """

    _parameter_constraints = {"weight": [_WEIGHT], "alpha": [_WEIGHT]}

    def __init__(self, weight=0.1, alpha=0.1):
        self.weight = weight
        self.alpha = alpha

    def loss(self, batch, aux):
        """Return the cost of the plan, which itself takes no gradient."""
        distances = torch.cdist(batch.features_s, batch.features_t).square()
        cross_entropy = -batch.logits_t.log_softmax(1).T[batch.y_s]
        cost = self.alpha * distances + cross_entropy
        plan = _optimal_plan(cost.detach(), batch.weight_s, batch.weight_t)
        return (plan * cost).sum()


def _optimal_plan(cost, weight_s, weight_t):
    """Return the plan (n_s, n_t) of least `cost` between rows of these weights."""
    ot = import_optional("ot", "ot", "DeepJDOT")
    exact = cost.cpu().double()  # the solver refuses masses of different sums
    mass_s = shares(exact, None if weight_s is None else weight_s.cpu())
    mass_t = shares(exact.T, None if weight_t is None else weight_t.cpu())
    plan = ot.emd(mass_s.numpy(), mass_t.numpy(), exact.numpy())
    return torch.from_numpy(plan).to(cost)
