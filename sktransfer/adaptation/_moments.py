"""Methods that match statistics of the features: covariances and kernel means."""

from functools import lru_cache
from numbers import Real

import torch
from sklearn.utils._param_validation import Interval

from ._base import AdaptationMethod, counts_of, mean_of

_WEIGHT = Interval(Real, 0, None, closed="left")
# Bandwidths of the kernels, in mean squared distances.
_SCALES = (1 / 8, 1 / 4, 1 / 2, 1, 2)
# Of the kernel on predictions in JAN.
_SCALE_OF_PREDICTIONS = (1.68,)


class DeepCORAL(AdaptationMethod):
    """Match the covariances of source and target features.

    The loss is ``||C_s - C_t||_F**2 / (4 * d**2)`` for `d` features. A domain with one
    row in the batch has the covariance zero.

    Parameters
    ----------
    weight : float, default=10.0
        Strength. The loss goes with the fourth power of the scale of the features,
        and so does the strength it takes: 10 to 100 did well for the 64 features of a
        small net with batch norm. The paper wants it so large that in the end the loss
        is about that of the labels.

    References
    ----------
    B. Sun, K. Saenko. Deep CORAL: Correlation alignment for deep domain adaptation.
    ECCV workshops 2016.

    Examples
    --------
    >>> import torch
    >>> from sktransfer.adaptation import DeepCORAL, DomainBatch
    >>> source, target = torch.tensor([[0.0], [2.0]]), torch.tensor([[0.0], [0.0]])
    >>> batch = DomainBatch(features_s=source, features_t=target)
    >>> DeepCORAL().loss(batch, None).item()  # (2 - 0)**2 / 4
    1.0
    """

    needs_logits = False

    _parameter_constraints = {"weight": [_WEIGHT]}

    def __init__(self, weight=10.0):
        self.weight = weight

    def loss(self, batch, aux):
        """Return the squared distance of the covariances."""
        gap = covariance(batch.features_s, batch.weight_s)
        gap = gap - covariance(batch.features_t, batch.weight_t)
        return gap.square().sum() / (4 * len(gap) ** 2)


class DAN(AdaptationMethod):
    """Match the means of source and target features in a kernel's feature space.

    The loss is the squared maximum mean discrepancy, estimated without bias (so that
    it may be negative), for the mean of five Gaussian kernels
    ``exp(-||x - y||**2 / (2 * a * m))``: `m` is the mean squared distance in the batch,
    `a` is 1/8, 1/4, 1/2, 1, 2. The paper learns a weight for each kernel; here all
    count alike. Within a domain that has one row in the batch there is nothing to
    compare: that term is zero.

    Parameters
    ----------
    weight : float, default=5.0
        Strength. With 5 the five kernels add up as in the authors' code, at the
        paper's weight of 1.

    References
    ----------
    M. Long, Y. Cao, J. Wang, M. I. Jordan. Learning transferable features with deep
    adaptation networks. ICML 2015.

    Examples
    --------
    >>> import torch
    >>> from sktransfer.adaptation import DAN, DomainBatch
    >>> source, target = torch.tensor([[0.0], [0.0]]), torch.tensor([[1.0], [1.0]])
    >>> batch = DomainBatch(features_s=source, features_t=target)
    >>> round(DAN().loss(batch, None).item(), 3)
    1.549
    """

    needs_logits = False

    _parameter_constraints = {"weight": [_WEIGHT]}

    def __init__(self, weight=5.0):
        self.weight = weight

    def loss(self, batch, aux):
        """Return the squared discrepancy of the features."""
        features = torch.cat([batch.features_s, batch.features_t])
        return _squared_mmd(_kernel(features, batch, _SCALES), batch)


class JAN(AdaptationMethod):
    """Match the joint distributions of features and predictions.

    The loss is that of `DAN` for the product of two kernels: the one of `DAN` on the
    features, and a Gaussian one, `a` = 1.68, on the predicted probabilities. (In the
    authors' code 1.68 is the denominator as it is, not in mean squared distances.)

    Parameters
    ----------
    weight : float, default=5.0
        Strength. With 5 the five kernels add up as in the authors' code, at the
        paper's weight of 1.

    References
    ----------
    M. Long, H. Zhu, J. Wang, M. I. Jordan. Deep transfer learning with joint
    adaptation networks. ICML 2017.

    Examples
    --------
    >>> import torch
    >>> from sktransfer.adaptation import JAN, DomainBatch
    >>> batch = DomainBatch(
    ...     features_s=torch.tensor([[0.0], [0.0]]),
    ...     features_t=torch.tensor([[1.0], [1.0]]),
    ...     logits_s=torch.tensor([[9.0, 0.0], [9.0, 0.0]]),
    ...     logits_t=torch.tensor([[0.0, 9.0], [0.0, 9.0]]),
    ... )
    >>> round(JAN().loss(batch, None).item(), 3)
    1.751
    """

    _parameter_constraints = {"weight": [_WEIGHT]}

    def __init__(self, weight=5.0):
        self.weight = weight

    def loss(self, batch, aux):
        """Return the squared discrepancy of features and predictions."""
        features = torch.cat([batch.features_s, batch.features_t])
        p = torch.cat([batch.logits_s, batch.logits_t]).softmax(1)
        kernel = _kernel(features, batch, _SCALES)
        return _squared_mmd(kernel * _kernel(p, batch, _SCALE_OF_PREDICTIONS), batch)


def covariance(features, weight=None):
    """Return the unbiased covariance matrix of `features` (n, d), shape (d, d).

    Rows count by `weight` (n,), None for once each. A single row gives zeros.
    """
    centred = features - mean_of(features, weight)
    if weight is None:  # torch.cov is slower, there and back
        return centred.T @ centred / max(len(features) - 1, 1)
    counts = counts_of(features, weight)
    scatter = (counts[:, None] * centred).T @ centred
    return scatter / (counts.sum() - 1).clamp_min(1)


def _squared_mmd(kernel, batch):
    """Return the squared discrepancy of the first rows of `kernel` and the rest."""
    if batch.weight_s is None and batch.weight_t is None:
        sizes = len(batch.features_s), len(batch.features_t)
        return (kernel * _pairs_of_equals(*sizes, kernel.dtype, kernel.device)).sum()
    return (kernel * _pairs(*_counts_of_both(batch))).sum()


@lru_cache(2)  # of full batches and of the last one; they may be large
@torch.inference_mode(False)
def _pairs_of_equals(n_s, n_t, dtype, device):
    """Return the matrix of `_pairs` for rows that count once each."""
    ones = (torch.ones(n, dtype=dtype, device=device) for n in (n_s, n_t))
    return _pairs(*ones)


def _pairs(counts_s, counts_t):
    """Return the weights of all pairs of rows in the discrepancy, (n, n).

    Of a domain that has one row, none is a pair of two.
    """
    across = -torch.outer(counts_s, counts_t) / (counts_s.sum() * counts_t.sum())
    within_s, within_t = map(_pairs_within, (counts_s, counts_t))
    above = torch.cat([within_s, across], dim=1)
    return torch.cat([above, torch.cat([across.T, within_t], dim=1)])


def _pairs_within(counts):
    total = counts.sum()
    pairs = torch.outer(counts, counts) - torch.diag(counts)
    return pairs / (total * (total - 1).clamp_min(1))


def _kernel(rows, batch, scales):
    """Return the mean of Gaussian kernels between all `rows`, (n, n)."""
    distances = _squared_distances(rows)
    mean = _mean_distance(distances.detach(), batch)
    scales = distances.new_tensor(scales)[:, None, None]
    return torch.exp(distances / (-2 * scales * mean)).mean(0)


def _squared_distances(rows):
    """Return the squared distances between all `rows`, (n, n)."""
    # far from zero, their digits would cancel; rows that are all the same become zero
    values = rows.detach()
    rows = rows - (values[0] + (values - values[0]).mean(0))
    squares = rows.square().sum(1)
    return (squares[:, None] + squares - 2 * rows @ rows.T).clamp_min(0)


def _mean_distance(distances, batch):
    """Return the mean of the squared distances, 1 of rows that are all the same."""
    if batch.weight_s is None and batch.weight_t is None:
        mean = distances.mean()
    else:
        counts = torch.cat(_counts_of_both(batch))
        mean = counts @ distances @ counts / counts.sum().square()
    return torch.where(mean > 0, mean, 1)


def _counts_of_both(batch):
    counts_s = counts_of(batch.features_s, batch.weight_s)
    return counts_s, counts_of(batch.features_t, batch.weight_t)
