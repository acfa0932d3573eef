"""The network for tables."""

import numpy as np
import torch
from sklearn.preprocessing import StandardScaler
from torch import nn
from torch.nn import functional as F

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
        return (x - self.mean).div_(self.scale)

    def invert(self, x):
        """Return columns on the common scale as they were."""
        return x * self.scale + self.mean

    @torch.no_grad()
    def fit_(self, X, sample_weight=None):
        """Take mean and scale from the rows of `X`, in double precision.

        A row of weight two counts as two rows. Constant columns get the scale 1.
        """
        X, weight = (None if a is None else np.asarray(a) for a in (X, sample_weight))
        scaler = StandardScaler().fit(X, sample_weight=weight)
        self.mean.copy_(torch.from_numpy(scaler.mean_))
        self.scale.copy_(torch.from_numpy(scaler.scale_))
        return self


class _DenseReLU(nn.Linear):
    """A dense layer and its ReLU; in a net this small each module call counts."""

    def forward(self, x):
        """Return the activations (n, n_outputs)."""
        return F.relu(F.linear(x, self.weight, self.bias))


def mlp(n_inputs, width=_HIDDEN):
    """Return the perceptron for tables: standardised columns, two hidden layers.

    It has neither dropout nor batch norm, which would make the result depend on the
    order of rows and a weight of two differ from a repeated row.
    """
    return Backbone(
        [_DenseReLU(n_inputs, width), _DenseReLU(width, width)],
        name="mlp",
        width=width,
        modality="table",
        preprocessing=Standardize(n_inputs),
        n_inputs=n_inputs,
    )


def mlp_wide(n_inputs):
    """Return the perceptron for tables with layers of four times the width."""
    return mlp(n_inputs, 4 * _HIDDEN)


def fit_statistics(backbone, X, sample_weight=None):
    """Fit the mean and scale of the columns that `backbone` standardises, if any."""
    if isinstance(backbone.preprocessing, Standardize):
        backbone.preprocessing.fit_(X, sample_weight)
