"""What every adaptation method is, and what it sees of a batch."""

from typing import Any, NamedTuple

import torch
from sklearn.base import BaseEstimator


class DomainBatch(NamedTuple):
    """What a method sees of one batch of source and target rows.

    Every field may be None: weights where all rows count alike, the rest where a method
    did not ask for it. A row of weight two counts as two rows.

    Parameters
    ----------
    features_s : Tensor (n_s, n_features)
        What the backbone returned, of source rows.
    logits_s : Tensor (n_s, n_classes)
        What the head made of them.
    y_s : Tensor (n_s,) of int64
        Class indices of the source rows.
    weight_s : Tensor (n_s,)
        Weights of the source rows.
    domain_s : Tensor (n_s,) of int64
        The domain each source row comes from.
    features_t : Tensor (n_t, n_features)
        What the backbone returned, of target rows.
    logits_t : Tensor (n_t, n_classes)
        What the head made of them.
    weight_t : Tensor (n_t,)
        Weights of the target rows.
    index_t : Tensor (n_t,) of int64
        Number of each target row among all target rows.
    views_t : Tensor (n_t, n_classes)
        Logits of a strongly changed view of the target rows.
    stages_s : list of Tensor (n_s, n_features of the stage)
        Pooled maps of every stage, of source rows.
    stages_t : list of Tensor (n_t, n_features of the stage)
        Pooled maps of every stage, of target rows.
    progress : float
        Share of the training that is done, 0 to 1.

    Examples
    --------
    >>> import torch
    >>> from sktransfer.adaptation import DeepCORAL, DomainBatch
    >>> batch = DomainBatch(features_s=torch.eye(4), features_t=torch.ones(4, 4))
    >>> DeepCORAL().loss(batch, None)
    tensor(0.0052)
    """

    features_s: Any = None
    logits_s: Any = None
    y_s: Any = None
    weight_s: Any = None
    domain_s: Any = None
    features_t: Any = None
    logits_t: Any = None
    weight_t: Any = None
    index_t: Any = None
    views_t: Any = None
    stages_s: Any = None
    stages_t: Any = None
    progress: Any = None


class AdaptationMethod(BaseEstimator):
    """Base of the methods; one that is a loss defines `loss` and no more.

    The trainer multiplies the loss by `weight` and, unless the estimator says
    otherwise, by a ramp from 0 to 1 over the training.

    Examples
    --------
    A method that brings the mean features of the two domains together:

    >>> from sktransfer import DomainAdaptClassifier
    >>> from sktransfer.adaptation import AdaptationMethod
    >>> class MeanDifference(AdaptationMethod):
    ...     def __init__(self, weight=1.0):
    ...         self.weight = weight
    ...
    ...     def loss(self, batch, aux):
    ...         gap = batch.features_s.mean(0) - batch.features_t.mean(0)
    ...         return gap.square().sum()
    >>> DomainAdaptClassifier(method=[MeanDifference(weight=0.1), "mcc"])
    DomainAdaptClassifier(method=[MeanDifference(weight=0.1), 'mcc'])
    """

    #: Whether it is a loss that can be added to others.
    composes = True
    #: Whether it needs labelled source rows, and target rows, while it adapts.
    needs_source = True
    needs_target = True
    #: Whether it makes no sense without labelled target rows.
    needs_labelled_target = False
    #: Whether its loss looks at logits, those of target rows included.
    needs_logits = True
    #: Whether `views_t` is to be computed; source rows are changed as strongly then.
    needs_views = False
    #: Whether `stages_s` and `stages_t` are to be computed.
    needs_stages = False
    #: Standard deviation of the noise that makes views of a table, in units of the
    #: standard deviation of each column.
    noise = 0.3
    #: Whether the net is trained on the source rows first, and then adapted.
    source_first = False
    #: What learns while it adapts: "all", "backbone", "norms" or "nothing".
    trains = "all"
    #: Passes over the rows while it adapts, if not as many as the estimator's.
    n_epochs: int | None = None
    #: Whether batch norm has the statistics of the target rows in the end.
    target_statistics = True
    #: Whether the mean and scale of the columns of a table are, too.
    column_statistics = False
    #: Weight of the task loss on source rows.
    source_weight = 1.0

    def build(self, n_features, n_classes):
        """Return the module that learns along, say a discriminator, or None."""

    def loss(self, batch, aux):
        """Return the bare loss of a `DomainBatch`, a scalar tensor.

        `aux` is what `build` returned. It learns at full strength whatever the weight
        and the ramp, which scale the gradient of features and logits alone.
        """

    def begin_epoch(self, game):
        """Look at all target rows before an epoch, through a `Game`."""

    #: For alternating schemes, instead of `loss`: ``step(game)`` takes all the
    #: optimizer steps of one batch through a `Game` and returns a loss to record.
    step = None


def scale_gradient(x, factor):
    """Return `x`, through which gradients come back multiplied by `factor`."""
    # between x and itself there is nothing, at any factor; only the end learns
    return torch.lerp(x.detach(), x, factor)


def mean_of(values, weight=None):
    """Return the mean of `values` (n, ...) over rows that count by `weight` (n,)."""
    if weight is None:
        return values.mean(0)
    return torch.tensordot(shares(values, weight), values, dims=1)


def shares(rows, weight=None):
    """Return the share of each of `rows` (n, ...) in their total weight, (n,)."""
    if weight is None:
        return rows.new_full((len(rows),), 1 / len(rows))
    weight = weight.to(rows.dtype)
    return weight / weight.sum()


def counts_of(rows, weight=None):
    """Return how often each of `rows` (n, ...) counts, (n,).

    Weights that are below 1 on average are no numbers of rows, and scaled to 1.
    """
    if weight is None:
        return rows.new_ones(len(rows))
    weight = weight.to(rows.dtype)
    return weight * ((weight > 0).sum() / weight.sum()).clamp_min(1)
