"""Objectives that compare two views of each row."""

from numbers import Real

import torch
from sklearn.utils._param_validation import Interval
from torch.nn import functional as F

from ._base import PretrainingObjective
from ._heads import projector

# Keeps the gradient of a standard deviation finite [Bardes et al. 2022].
_EPSILON = 1e-4


class TwoViews(PretrainingObjective):
    """Base: project both views in one pass, then compare the projections."""

    n_views = 2
    compares_rows = True

    _parameter_constraints = {
        "projection": [tuple],
        "noise": [Interval(Real, 0, None, closed="neither")],
    }

    def build(self, n_features, shape):
        """Return a perceptron on the features, which the backbone leaves behind."""
        return projector(n_features, self.projection)

    def loss(self, g, first, second):
        """Return what the two views of the rows are worth."""
        return self.compare(*g(torch.cat([first, second])).chunk(2))

    def compare(self, first, second):
        """Return the loss of projections (n, d) of two views."""
        raise NotImplementedError


class SimCLR(TwoViews):
    """Tell the other view of a row from the views of all other rows.

    NT-Xent, the cross-entropy of cosine similarities divided by the temperature, over
    the 2n - 1 other views in a batch of n rows. More rows in a batch are more to be
    told apart.

    Parameters
    ----------
    temperature : float, default=0.5
        Small values look at the nearest of the other rows.
    projection : tuple of int, default=(128, 128)
        Sizes of the layers of the projector between features and loss. It is no part
        of the backbone.
    noise : float, default=0.3
        Standard deviation of the noise that makes views of a table, in units of the
        standard deviation of each column. Views of images are turned, sheared, moved,
        bent and of other brightness, unless `augment` of the estimator says
        otherwise.

    References
    ----------
    T. Chen, S. Kornblith, M. Norouzi, G. Hinton. A simple framework for contrastive
    learning of visual representations. ICML 2020.

    Examples
    --------
    >>> import torch
    >>> from sktransfer.pretraining import SimCLR
    >>> SimCLR(temperature=0.1).compare(torch.eye(4), torch.eye(4))
    tensor(0.0003)
    """

    label = "SimCLR"

    _parameter_constraints = {
        **TwoViews._parameter_constraints,
        "temperature": [Interval(Real, 0, None, closed="neither")],
    }

    def __init__(self, temperature=0.5, projection=(128, 128), noise=0.3):
        self.temperature = temperature
        self.projection = projection
        self.noise = noise

    def compare(self, first, second):
        """Return NT-Xent of projections (n, d) of two views."""
        z = F.normalize(torch.cat([first, second]))
        similarities = z @ z.T / self.temperature
        similarities.fill_diagonal_(-torch.inf)  # a view is not compared with itself
        partners = torch.arange(len(z), device=z.device).roll(len(first))
        return F.cross_entropy(similarities, partners)


class VICReg(TwoViews):
    """Make views of a row alike, without letting the features collapse.

    ``invariance · s + variance · (v + v') + covariance · (c + c')``: s is the mean
    squared difference of the two views, v the mean over the dimensions of
    ``max(0, 1 - std)``, c the sum of squared covariances of different dimensions,
    divided by their number (Algorithm 1 of the paper). Unlike in `SimCLR`, rows are
    never compared with one another, so that small batches do.

    Parameters
    ----------
    invariance : float, default=25.0
        Weight of the difference between views.
    variance : float, default=25.0
        Weight of the term that keeps every dimension from becoming constant.
    covariance : float, default=1.0
        Weight of the term that keeps dimensions from saying the same.
    projection : tuple of int, default=(256, 256)
        Sizes of the layers of the expander between features and loss; 8192 each in
        the paper, for batches of 2048. It is no part of the backbone.
    noise : float, default=0.3
        Of views of a table, as in `SimCLR`.

    References
    ----------
    A. Bardes, J. Ponce, Y. LeCun. VICReg: Variance-invariance-covariance
    regularization for self-supervised learning. ICLR 2022.

    Examples
    --------
    Equal features for all rows cost nothing in invariance, but all of the variance:

    >>> import torch
    >>> from sktransfer.pretraining import VICReg
    >>> VICReg(variance=1.0).compare(torch.ones(4, 2), torch.ones(4, 2))
    tensor(1.9800)
    """

    label = "VICReg"

    _parameter_constraints = {
        **TwoViews._parameter_constraints,
        "invariance": [Interval(Real, 0, None, closed="left")],
        "variance": [Interval(Real, 0, None, closed="left")],
        "covariance": [Interval(Real, 0, None, closed="left")],
    }

    def __init__(
        self,
        invariance=25.0,
        variance=25.0,
        covariance=1.0,
        projection=(256, 256),
        noise=0.3,
    ):
        self.invariance = invariance
        self.variance = variance
        self.covariance = covariance
        self.projection = projection
        self.noise = noise

    def compare(self, first, second):
        """Return the three terms of projections (n, d) of two views."""
        views = (first, second)
        return (
            self.invariance * F.mse_loss(first, second)
            + self.variance * sum(map(_lack_of_spread, views))
            + self.covariance * sum(map(_redundancy, views))
        )


def _lack_of_spread(z):
    """Return by how much the standard deviations of the dimensions fall short of 1."""
    return F.relu(1 - (z.var(0) + _EPSILON).sqrt()).mean()


def _redundancy(z):
    """Return the squared covariances of different dimensions, per dimension."""
    covariance = z.T.cov()
    return (covariance.square().sum() - covariance.diagonal().square().sum()) / len(
        covariance
    )
