"""The network for tables."""

from collections import OrderedDict

import torch
from torch import nn

from ._backbone import Backbone

_HIDDEN = 64


class Standardize(nn.Module):
    """Subtract the mean of each column and divide by its standard deviation.

    Parameters
    ----------
    n_inputs : int
        Number of columns.
    """

    def __init__(self, n_inputs):
        super().__init__()
        self.register_buffer("mean", torch.zeros(n_inputs))
        self.register_buffer("scale", torch.ones(n_inputs))

    def forward(self, x):
        """Return the columns of `x` (n, n_inputs) on a common scale."""
        return (x - self.mean) / self.scale

    @torch.no_grad()
    def fit_(self, X, sample_weight=None):
        """Take mean and scale from the rows of `X`, in double precision.

        A row of weight two counts as two rows. Constant columns get the scale 1.
        """
        X = torch.as_tensor(X, device=self.mean.device).double()
        weight = torch.ones(len(X)) if sample_weight is None else sample_weight
        share = torch.as_tensor(weight, device=X.device).double()
        share = share / share.sum()
        mean = share @ X
        std = (share @ (X - mean).square()).sqrt()
        # The variance of a constant column is the rounding error of its mean.
        rounding = len(X) * torch.finfo(X.dtype).eps * mean.abs()
        self.mean.copy_(mean)
        self.scale.copy_(torch.where(std > rounding, std, 1.0))
        return self


def mlp(n_inputs):
    """Return the perceptron for tables: standardised columns, two hidden layers.

    It has neither dropout nor batch norm, which would make the result depend on the
    order of rows and a weight of two differ from a repeated row.
    """
    first = OrderedDict(
        standardize=Standardize(n_inputs),
        linear=nn.Linear(n_inputs, _HIDDEN),
        relu=nn.ReLU(),
    )
    second = OrderedDict(linear=nn.Linear(_HIDDEN, _HIDDEN), relu=nn.ReLU())
    return Backbone(
        [nn.Sequential(first), nn.Sequential(second)],
        name="mlp",
        width=_HIDDEN,
        modality="table",
        n_inputs=n_inputs,
    )


def fit_statistics(backbone, X, sample_weight=None):
    """Fit the mean and scale of the columns that `backbone` standardises, if any."""
    for module in backbone.modules():
        if isinstance(module, Standardize):
            module.fit_(X, sample_weight)


def standardized(backbone, X):
    """Return `X` as the layers behind the standardisation see it."""
    for module in backbone.modules():
        if isinstance(module, Standardize):
            return module(X)
    return X
