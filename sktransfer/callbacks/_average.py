"""Averages of the weights along training."""

import torch
from skorch.callbacks import Callback
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn


class WeightAverage(Callback):
    """Train as usual, and predict with an average of the weights.

    Parameters
    ----------
    kind : {"ema", "swa"}, default="ema"
        "ema": exponential moving average over the steps [1]_. "swa": plain average
        over the ends of the last epochs [2]_.
    decay : float, default=0.99
        Of "ema": share of the old average kept at a step; 0.99 looks back about a
        hundred steps, which suits a few hundred rows. In step t it is at most
        t / (9 + t), so that short runs forget their first weights.
    start : float, default=0.75
        Of "swa": share of the epochs after which averaging starts; the paper's value.

    Notes
    -----
    Batch-norm statistics are averaged as the weights are.

    References
    ----------
    .. [1] B. T. Polyak, A. B. Juditsky. Acceleration of stochastic approximation by
       averaging. SIAM Journal on Control and Optimization, 1992.
    .. [2] P. Izmailov, D. Podoprikhin, T. Garipov, D. Vetrov, A. G. Wilson. Averaging
       weights leads to wider optima and better generalization. UAI 2018.

    Examples
    --------
    >>> from sktransfer import FineTuneClassifier
    >>> from sktransfer.callbacks import WeightAverage
    >>> model = FineTuneClassifier(callbacks=[WeightAverage("ema")])
    """

    def __init__(self, kind="ema", decay=0.99, start=0.75):
        self.kind = kind
        self.decay = decay
        self.start = start

    def on_train_begin(self, net, **kwargs):
        """Start a new average."""
        if self.kind not in ("ema", "swa"):
            raise ValueError(f"kind must be 'ema' or 'swa', got {self.kind!r}.")
        for name in ("decay", "start"):
            if not 0 <= getattr(self, name) < 1:
                raise ValueError(
                    f"{name}={getattr(self, name)!r} of WeightAverage must be at least "
                    "0 and less than 1."
                )
        self.step_ = 0
        self.average_ = AveragedModel(
            net.module_,
            multi_avg_fn=self._average if self.kind == "ema" else None,
            use_buffers=True,
        )
        self.first_epoch_ = len(net.history)

    def _average(self, averaged, current, n_averaged):
        """Take `current` into the exponential average."""
        decay = min(self.decay, self.step_ / (9 + self.step_))
        get_ema_multi_avg_fn(decay)(averaged, current, n_averaged)

    def on_batch_end(self, net, training=False, **kwargs):
        """Take a step into the exponential average."""
        if training and self.kind == "ema":
            self.step_ += 1
            self.average_.update_parameters(net.module_)

    def on_epoch_end(self, net, **kwargs):
        """Take an epoch into the plain average."""
        done = len(net.history) - self.first_epoch_
        if self.kind == "swa" and done > self.start * net.n_epochs_planned_:
            self.average_.update_parameters(net.module_)

    def on_train_end(self, net, **kwargs):
        """Put the average in place of the last weights."""
        if self.average_.n_averaged > 0:
            with torch.no_grad():
                net.module_.load_state_dict(self.average_.module.state_dict())
        del self.average_
