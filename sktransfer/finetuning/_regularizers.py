"""Regularizers that keep a fine-tuned net near to, or useful beyond, its source."""

from numbers import Integral, Real

import torch
from sklearn.base import BaseEstimator
from sklearn.utils._param_validation import Interval

_STRENGTH = Interval(Real, 0, None, closed="left")


class L2SP(BaseEstimator):
    """The source weights as prior: squared distance from where training began.

    The penalty is ``alpha / 2 * ||w - w0||**2`` over the backbone's weights plus
    ``beta / 2 * ||v||**2`` over the head's. Use it with ``weight_decay=0``, since
    weight decay pulls towards zero.

    Parameters
    ----------
    alpha : float, default=0.01
        Strength on the backbone.
    beta : float, default=0.01
        Strength on the head.

    References
    ----------
    X. Li, Y. Grandvalet, F. Davoine. Explicit inductive bias for transfer learning
    with convolutional networks. ICML 2018.

    Examples
    --------
    >>> from sktransfer import FineTuneClassifier
    >>> from sktransfer.finetuning import L2SP
    >>> FineTuneClassifier(regularizer=L2SP(alpha=0.1))
    FineTuneClassifier(regularizer=L2SP(alpha=0.1))
    """

    needs_maps = False

    _parameter_constraints = {"alpha": [_STRENGTH], "beta": [_STRENGTH]}

    def __init__(self, alpha=0.01, beta=0.01):
        self.alpha = alpha
        self.beta = beta

    def penalty(self, output, module, source, batch):
        """Return the penalty.

        Parameters
        ----------
        output : Output
            Of `module` for `batch`: logits, features and, if `needs_maps`, the feature
            maps of every stage.
        module : TransferModule
            Backbone and head in training.
        source : Backbone
            The backbone as it was before training; frozen.
        batch : Batch
            Inputs, y and weight.

        Returns
        -------
        Tensor ()
        """
        pairs = zip(module.backbone.parameters(), source.parameters(), strict=True)
        moved = sum((w - w0).square().sum() for w, w0 in pairs if w.requires_grad)
        head = sum(w.square().sum() for w in module.head.parameters())
        return self.alpha / 2 * moved + self.beta / 2 * head


class DELTA(BaseEstimator):
    """Keep the feature maps near those of the source net, row by row.

    The penalty is ``alpha / 2 * sum over stages ||map - source map||**2``, averaged
    over the (weighted) rows, plus ``beta / 2 * ||v||**2`` over the head: the paper's
    form with equal attention to all channels.

    Parameters
    ----------
    alpha : float, default=0.01
        Strength on the feature maps.
    beta : float, default=0.01
        Strength on the head.

    References
    ----------
    X. Li, H. Xiong, H. Wang, Y. Rao, L. Liu, J. Huan. DELTA: Deep learning transfer
    using feature map with attention for convolutional networks. ICLR 2019.

    Examples
    --------
    >>> from sktransfer.finetuning import DELTA
    >>> DELTA(alpha=0.1).get_params()
    {'alpha': 0.1, 'beta': 0.01}
    """

    needs_maps = True

    _parameter_constraints = {"alpha": [_STRENGTH], "beta": [_STRENGTH]}

    def __init__(self, alpha=0.01, beta=0.01):
        self.alpha = alpha
        self.beta = beta

    def penalty(self, output, module, source, batch):
        """Return the penalty; parameters as in `L2SP.penalty`."""
        with torch.no_grad():
            before = source.feature_maps(batch.inputs)
        pairs = zip(output.maps, before, strict=True)
        rows = sum(_row_distance(now, then) for now, then in pairs)
        head = sum(w.square().sum() for w in module.head.parameters())
        return self.alpha / 2 * _mean(rows, batch.weight) + self.beta / 2 * head


class BSS(BaseEstimator):
    """Batch spectral shrinkage: push down what transfers badly.

    The penalty is ``eta`` times the sum of the `k` smallest squared singular values of
    the batch of features. In a batch of more rows than features a row of weight two
    counts as two rows.

    Parameters
    ----------
    eta : float, default=0.001
        Strength; the paper's value.
    k : int, default=1
        Number of singular values; the paper's value.

    References
    ----------
    X. Chen, S. Wang, B. Fu, M. Long, J. Wang. Catastrophic forgetting meets negative
    transfer: batch spectral shrinkage for safe transfer learning. NeurIPS 2019.

    Examples
    --------
    >>> from sktransfer.finetuning import BSS
    >>> BSS(k=2).get_params()
    {'eta': 0.001, 'k': 2}
    """

    needs_maps = False

    _parameter_constraints = {
        "eta": [_STRENGTH],
        "k": [Interval(Integral, 1, None, closed="left")],
    }

    def __init__(self, eta=0.001, k=1):
        self.eta = eta
        self.k = k

    def penalty(self, output, module, source, batch):
        """Return the penalty; parameters as in `L2SP.penalty`."""
        features = output.features
        features = features if features.dtype == torch.float64 else features.float()
        if batch.weight is not None:
            features = features * batch.weight.sqrt()[:, None]
        singular = torch.linalg.svdvals(features)
        return self.eta * singular[-self.k :].square().sum()


REGULARIZERS = {"l2sp": L2SP, "delta": DELTA, "bss": BSS}


def _row_distance(now, then):
    """Return the squared distance of each row over all channels and positions."""
    now = now if now.dtype == torch.float64 else now.float()
    return (now - then.to(now)).square().flatten(1).sum(1)


def _mean(rows, weight):
    return rows.mean() if weight is None else (rows * weight).sum() / weight.sum()
