"""Task losses: each gives one value for each row."""

from numbers import Real

import torch
from sklearn.base import BaseEstimator
from sklearn.utils._param_validation import Interval
from torch.nn import functional as F


class CrossEntropy(BaseEstimator):
    """Cross-entropy between labels and the softmax of the logits.

    Parameters
    ----------
    label_smoothing : float, default=0.0
        Share of the target that is spread evenly over all classes, in 0 to 1.

    References
    ----------
    C. Szegedy, V. Vanhoucke, S. Ioffe, J. Shlens, Z. Wojna. Rethinking the inception
    architecture for computer vision. CVPR 2016 (label smoothing).

    Examples
    --------
    >>> import torch
    >>> from sktransfer.finetuning import CrossEntropy
    >>> logits = torch.log(torch.tensor([[0.8, 0.2]]))
    >>> round(CrossEntropy().loss(logits, torch.tensor([0])).item(), 3)
    0.223
    """

    _parameter_constraints = {"label_smoothing": [Interval(Real, 0, 1, closed="both")]}

    def __init__(self, label_smoothing=0.0):
        self.label_smoothing = label_smoothing

    def loss(self, logits, y, class_counts=None):
        """Return the loss of each row.

        Parameters
        ----------
        logits : Tensor (n, n_classes)
        y : Tensor (n,) of int64
        class_counts : Tensor (n_classes,), ignored

        Returns
        -------
        Tensor (n,)
        """
        return F.cross_entropy(
            logits, y, label_smoothing=self.label_smoothing, reduction="none"
        )

    def mean_loss(self, logits, y):
        """Return the mean loss of unweighted rows: one kernel instead of two."""
        return F.cross_entropy(logits, y, label_smoothing=self.label_smoothing)


class Focal(BaseEstimator):
    """Cross-entropy weighted by (1 - p)^gamma: easy rows count less.

    Parameters
    ----------
    gamma : float, default=2.0
        0 is plain cross-entropy; 2 is the value of the paper.

    References
    ----------
    T.-Y. Lin, P. Goyal, R. Girshick, K. He, P. Dollar. Focal loss for dense object
    detection. ICCV 2017.

    Examples
    --------
    >>> import torch
    >>> from sktransfer.finetuning import Focal
    >>> logits = torch.log(torch.tensor([[0.8, 0.2]]))
    >>> round(Focal().loss(logits, torch.tensor([0])).item(), 5)  # .2**2 * .2231
    0.00893
    """

    _parameter_constraints = {"gamma": [Interval(Real, 0, None, closed="left")]}

    def __init__(self, gamma=2.0):
        self.gamma = gamma

    def loss(self, logits, y, class_counts=None):
        """Return the loss of each row; parameters as in `CrossEntropy.loss`."""
        log_p = _label_entry(F.log_softmax(logits, 1), y)
        # Below gamma 1 the power has no derivative where p is 1.
        rest = (-torch.expm1(log_p)).clamp_min(torch.finfo(logits.dtype).tiny)
        return -(rest**self.gamma) * log_p


class BalancedSoftmax(BaseEstimator):
    """Cross-entropy of logits shifted by the log of the class counts.

    For training on unbalanced and predicting on balanced classes: the shift belongs
    to training only.

    References
    ----------
    J. Ren, C. Yu, S. Sheng, X. Ma, H. Zhao, S. Yi, H. Li. Balanced meta-softmax for
    long-tailed visual recognition. NeurIPS 2020.

    Examples
    --------
    >>> import torch
    >>> from sktransfer.finetuning import BalancedSoftmax
    >>> loss = BalancedSoftmax().loss(
    ...     torch.zeros(1, 2), torch.tensor([1]), torch.tensor([9.0, 1.0])
    ... )
    >>> round(loss.item(), 3)  # -log .1
    2.303
    """

    def loss(self, logits, y, class_counts):
        """Return the loss of each row; parameters as in `CrossEntropy.loss`."""
        return _shifted_cross_entropy(logits, y, class_counts, tau=1.0)


class LogitAdjusted(BaseEstimator):
    """Cross-entropy of logits shifted by tau times the log of the class priors.

    Parameters
    ----------
    tau : float, default=1.0
        1 makes the balanced error consistent; 0 is plain cross-entropy.

    References
    ----------
    A. K. Menon, S. Jayasumana, A. S. Rawat, H. Jain, A. Veit, S. Kumar. Long-tail
    learning via logit adjustment. ICLR 2021.

    Examples
    --------
    >>> import torch
    >>> from sktransfer.finetuning import LogitAdjusted
    >>> loss = LogitAdjusted(tau=0.5).loss(
    ...     torch.zeros(1, 2), torch.tensor([1]), torch.tensor([9.0, 1.0])
    ... )
    >>> round(loss.item(), 3)  # -log(1 / (1 + 9**.5))
    1.386
    """

    _parameter_constraints = {"tau": [Interval(Real, 0, None, closed="left")]}

    def __init__(self, tau=1.0):
        self.tau = tau

    def loss(self, logits, y, class_counts):
        """Return the loss of each row; parameters as in `CrossEntropy.loss`."""
        return _shifted_cross_entropy(logits, y, class_counts, self.tau)


class LDAM(BaseEstimator):
    """Cross-entropy with a margin for each label, larger for rarer classes.

    The margin of class c is ``max_margin * (n_min / n_c)**(1/4)``. The paper divides
    features and weights by their norms; here the logits are those of a plain head,
    which leaves `scale` at 1.

    Parameters
    ----------
    max_margin : float, default=0.5
        Margin of the rarest class, in units of the logits.
    scale : float, default=1.0
        Factor on the logits after the margin; the paper's 30 is for normalised ones.

    References
    ----------
    K. Cao, C. Wei, A. Gaidon, N. Arechiga, T. Ma. Learning imbalanced datasets with
    label-distribution-aware margin loss. NeurIPS 2019.

    Examples
    --------
    >>> import torch
    >>> from sktransfer.finetuning import LDAM
    >>> loss = LDAM().loss(
    ...     torch.zeros(1, 2), torch.tensor([1]), torch.tensor([16.0, 1.0])
    ... )
    >>> round(loss.item(), 3)  # log(1 + exp(.5))
    0.974
    """

    _parameter_constraints = {
        "max_margin": [Interval(Real, 0, None, closed="left")],
        "scale": [Interval(Real, 0, None, closed="neither")],
    }

    def __init__(self, max_margin=0.5, scale=1.0):
        self.max_margin = max_margin
        self.scale = scale

    def loss(self, logits, y, class_counts):
        """Return the loss of each row; parameters as in `CrossEntropy.loss`."""
        present = class_counts > 0
        rarest = class_counts[present].min()
        margins = self.max_margin * (rarest / class_counts.clamp_min(rarest)) ** 0.25
        shift = F.one_hot(y, logits.shape[1]) * margins.to(logits)
        return F.cross_entropy(self.scale * (logits - shift), y, reduction="none")


class SquaredError(BaseEstimator):
    """Squared error, averaged over the outputs.

    Examples
    --------
    >>> import torch
    >>> from sktransfer.finetuning import SquaredError
    >>> SquaredError().loss(torch.tensor([[1.0, 2.0]]), torch.tensor([[0.0, 4.0]]))
    tensor([2.5000])
    """

    def loss(self, outputs, y, class_counts=None):
        """Return the loss of each row.

        Parameters
        ----------
        outputs, y : Tensor (n, n_outputs)
        class_counts : None

        Returns
        -------
        Tensor (n,)
        """
        return (outputs - y).square().mean(1)


class Huber(BaseEstimator):
    """Squared error for small residuals, absolute error for large ones.

    Parameters
    ----------
    delta : float, default=1.0
        Residual at which the two meet, in standard deviations of `y` (targets are
        scaled in training).

    References
    ----------
    P. J. Huber. Robust estimation of a location parameter. Annals of Mathematical
    Statistics, 1964.

    Examples
    --------
    >>> import torch
    >>> from sktransfer.finetuning import Huber
    >>> Huber().loss(torch.tensor([[0.5], [3.0]]), torch.zeros(2, 1))
    tensor([0.1250, 2.5000])
    """

    _parameter_constraints = {"delta": [Interval(Real, 0, None, closed="neither")]}

    def __init__(self, delta=1.0):
        self.delta = delta

    def loss(self, outputs, y, class_counts=None):
        """Return the loss of each row; parameters as in `SquaredError.loss`."""
        return F.huber_loss(outputs, y, delta=self.delta, reduction="none").mean(1)


CLASSIFICATION_LOSSES = {
    "cross_entropy": CrossEntropy,
    "focal": Focal,
    "balanced_softmax": BalancedSoftmax,
    "logit_adjusted": LogitAdjusted,
    "ldam": LDAM,
}
REGRESSION_LOSSES = {"mse": SquaredError, "huber": Huber}


def _label_entry(values, y):
    return values.gather(1, y[:, None]).squeeze(1)


def _shifted_cross_entropy(logits, y, class_counts, tau):
    # A class without a row in training has no prior: its logit is left out.
    prior = (class_counts / class_counts.sum()).to(logits)
    return F.cross_entropy(logits + torch.xlogy(tau, prior), y, reduction="none")
