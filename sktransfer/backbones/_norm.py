"""Batch norm that knows of weights."""

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm


class WeightedBatchNorm2d(nn.BatchNorm2d):
    """Batch norm in which a row of weight two counts as two rows.

    `row_weight`, a tensor (n,) or None, is set for the time of a forward pass.
    """

    row_weight = None

    def forward(self, x):
        """Normalise the maps (n, c, h, w)."""
        if self.row_weight is None or not self.training:
            return super().forward(x)
        mean, var, total = _weighted_statistics(x, self.row_weight)
        self._update_running(mean.detach(), var.detach() * total / (total - 1))
        scale = self.weight * torch.rsqrt(var + self.eps)
        shift = self.bias - mean * scale
        return torch.addcmul(shift[:, None, None], x, scale[:, None, None])

    def _update_running(self, mean, var):
        self.num_batches_tracked.add_(1)
        share = self.momentum
        if share is None:  # as in torch: the plain average of all batches
            share = 1 / float(self.num_batches_tracked)
        self.running_mean.lerp_(mean, share)
        self.running_var.lerp_(var, share)


class row_weights:
    """Context in which the batch norms of a module count rows by weight."""

    def __init__(self, module, weight):
        norms = module.modules() if weight is not None else ()
        self.norms = [m for m in norms if isinstance(m, WeightedBatchNorm2d)]
        self.weight = weight

    def __enter__(self):
        for norm in self.norms:
            norm.row_weight = self.weight

    def __exit__(self, *error):
        for norm in self.norms:
            norm.row_weight = None


@torch.no_grad()
def reestimate_statistics(backbone, batches):
    """Take the running statistics of every batch norm anew, as means over the rows.

    Parameters
    ----------
    backbone : nn.Module
    batches : iterable of Batch
        Raw inputs, of which `weight` counts the rows.
    """
    norms = [m for m in backbone.modules() if isinstance(m, _BatchNorm)]
    if not norms:
        return
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.reset_running_stats()
        norm.train()
    total = 0.0
    for batch in batches:
        weight = batch.weight
        count = len(batch.inputs) if weight is None else weight.sum().item()
        total += count
        for norm in norms:
            norm.momentum = count / total
        with row_weights(backbone, weight):
            backbone(batch.inputs)
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.eval().momentum = momentum


def _weighted_statistics(x, weight):
    """Return mean and variance of each channel and the number of values."""
    share = (weight / weight.sum() / (x.shape[2] * x.shape[3]))[:, None, None, None]
    mean = (x * share).sum((0, 2, 3))
    var = ((x - mean[:, None, None]).square() * share).sum((0, 2, 3))
    # Weights are taken for counts; at least 2 values, lest the variance divides by 0.
    total = (weight.sum() * x.shape[2] * x.shape[3]).clamp_min(2.0)
    return mean, var, total
