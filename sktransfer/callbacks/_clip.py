"""Gradient clipping."""

from skorch.callbacks import Callback
from torch.nn.utils import clip_grad_norm_


class ClipGradient(Callback):
    """Scale the gradient down to a norm of at most `max_norm`.

    Parameters
    ----------
    max_norm : float, default=1.0
        Largest norm of all gradients together; 1 is the usual value for fine-tuning.

    References
    ----------
    R. Pascanu, T. Mikolov, Y. Bengio. On the difficulty of training recurrent neural
    networks. ICML 2013.

    Examples
    --------
    >>> from sktransfer import FineTuneClassifier
    >>> from sktransfer.callbacks import ClipGradient
    >>> model = FineTuneClassifier(callbacks=[ClipGradient(max_norm=0.5)])
    """

    def __init__(self, max_norm=1.0):
        self.max_norm = max_norm

    def on_train_begin(self, net, **kwargs):
        """Refuse a norm that would turn gradients round."""
        if not self.max_norm > 0:
            raise ValueError(
                f"max_norm={self.max_norm!r} of ClipGradient must be positive, such as "
                "1.0."
            )

    def on_grad_computed(self, net, named_parameters, **kwargs):
        """Clip between the backward pass and the optimizer step."""
        clip_grad_norm_([p for _, p in named_parameters], self.max_norm)
