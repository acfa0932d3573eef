"""Methods that compare how rows lie to one another."""

from numbers import Real

import torch
from sklearn.utils._param_validation import Interval
from torch.nn import functional as F

from ._soft_targets import KD

_STRENGTH = Interval(Real, 0, None, closed="left")
_LEAST = 1e-9
_EXACT = "donot_use_mm_for_euclid_dist"


class RKD(KD):
    """`KD`, and the distances and angles between rows in the space of features.

    The loss of `KD` is joined by the Huber loss of the distances of all pairs of rows
    in a batch, in units of their mean, and of the cosines of the angles in all
    triangles of rows. The student may have any number of features.

    Parameters
    ----------
    distance_weight : float, default=25.0
        Strength of the distances; the paper's value.
    angle_weight : float, default=50.0
        Strength of the angles; the paper's value. Their number grows with the cube of
        `batch_size`.

    References
    ----------
    W. Park, D. Kim, Y. Lu, M. Cho. Relational knowledge distillation. CVPR 2019.

    Examples
    --------
    >>> from sktransfer import DistillationClassifier
    >>> from sktransfer.distillation import RKD
    >>> DistillationClassifier(method=RKD(angle_weight=0.0))
    DistillationClassifier(method=RKD(angle_weight=0.0))
    """

    needs_features = True

    _parameter_constraints = {
        "distance_weight": [_STRENGTH],
        "angle_weight": [_STRENGTH],
    }

    def __init__(self, distance_weight=25.0, angle_weight=50.0):
        self.distance_weight = distance_weight
        self.angle_weight = angle_weight

    def loss(self, batch, aux):
        """Return the divergence of `KD` plus the losses of distances and angles."""
        pair = batch.features, batch.teacher_features
        lengths = [torch.cdist(rows, rows, compute_mode=_EXACT) for rows in pair]
        total = super().loss(batch, aux)
        if self.distance_weight:
            distances = [_in_units_of_mean(each, batch.weight) for each in lengths]
            total = total + self.distance_weight * _gap(distances, batch.weight)
        if self.angle_weight:
            cosines = list(map(_cosines, pair, lengths))
            total = total + self.angle_weight * _gap(cosines, batch.weight)
        return total


def _in_units_of_mean(lengths, weight):
    """Return distances (n, n) divided by the mean over rows that differ."""
    apart = (lengths > 0).to(lengths)
    if weight is not None:
        apart = apart * weight * weight[:, None]
    mean = (lengths * apart).sum() / apart.sum().clamp_min(_LEAST)
    return lengths / mean.clamp_min(_LEAST)


def _cosines(rows, lengths):
    """Return the cosines of the angles at each row: entry (j, i, k) is at row j."""
    rows = rows - rows.mean(0).detach()  # so that the products below cancel less
    products = rows @ rows.T
    halved = products - products.diagonal()[:, None] / 2
    at = products - halved[:, :, None] - halved[:, None, :]
    # Between equal rows there is no direction, and no gradient.
    inverse = 1 / torch.where(lengths > _LEAST, lengths, torch.inf)
    return (at * inverse[:, :, None] * inverse[:, None, :]).clamp(-1, 1)


def _gap(pair, weight):
    """Return the mean Huber loss over all pairs or triples of rows."""
    ours, theirs = pair
    losses = F.smooth_l1_loss(ours, theirs, reduction="none")
    if weight is None:
        return losses.mean()
    share = weight / weight.sum()
    for _ in range(losses.ndim):
        losses = losses @ share
    return losses
