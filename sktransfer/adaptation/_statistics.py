"""Methods that adapt statistics, or little more."""

from numbers import Real

from sklearn.utils._param_validation import Interval

from ._base import AdaptationMethod, mean_of


class AdaBN(AdaptationMethod):
    """Take the statistics of batch norm from the target rows; nothing else changes.

    In a net for tables the mean and scale of the columns are such statistics too.

    References
    ----------
    Y. Li, N. Wang, J. Shi, J. Liu, X. Hou. Revisiting batch normalization for
    practical domain adaptation. ICLR workshops 2017.

    Examples
    --------
    >>> from sktransfer.adaptation import AdaBN
    >>> AdaBN()
    AdaBN()
    """

    composes = False
    needs_source = False
    source_first = True
    trains = "nothing"
    column_statistics = True


class TENT(AdaptationMethod):
    """Make the predictions on target rows sure by scale and shift of the norm layers.

    A net without norm layers adapts the biases of its backbone. Nothing else learns,
    and no source row is needed. As in the paper it sees each target row once, whatever
    `max_epochs` is: entropy alone would in the end put all rows into one class.

    Parameters
    ----------
    weight : float, default=1.0
        Factor of the mean entropy of the predictions.

    References
    ----------
    D. Wang, E. Shelhamer, S. Liu, B. Olshausen, T. Darrell. Tent: fully test-time
    adaptation by entropy minimization. ICLR 2021.

    Examples
    --------
    >>> from sktransfer.adaptation import TENT
    >>> TENT()
    TENT()
    """

    composes = False
    needs_source = False
    source_first = True
    trains = "norms"
    n_epochs = 1

    _parameter_constraints = {"weight": [Interval(Real, 0, None, closed="left")]}

    def __init__(self, weight=1.0):
        self.weight = weight

    def loss(self, batch, aux):
        """Return the mean entropy of the predictions."""
        log_p = batch.logits_t.log_softmax(1)
        return mean_of(-(log_p.exp() * log_p).sum(1), batch.weight_t)
