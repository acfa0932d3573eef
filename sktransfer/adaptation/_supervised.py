"""Methods without an unlabelled row: the baselines of adaptation."""

from numbers import Real

from sklearn.utils._param_validation import Interval

from ._base import AdaptationMethod


class SourceOnly(AdaptationMethod):
    """Train on the source rows and hope: what adaptation is compared to.

    Target rows take no part, labelled or not.

    Examples
    --------
    >>> from sktransfer.adaptation import SourceOnly
    >>> SourceOnly()
    SourceOnly()
    """

    composes = False
    needs_target = False
    target_statistics = False


class Joint(AdaptationMethod):
    r"""Train on labelled rows of both domains: :math:`L_t + \lambda L_s`.

    It needs labelled target rows. They fill batches of their own, so that a few of
    them count as much as many source rows. Unlabelled target rows are for the methods
    it is combined with, as in ``["joint", "mcc"]``.

    Parameters
    ----------
    weight : float, default=1.0
        The factor :math:`\lambda` of the loss on source rows.

    Examples
    --------
    >>> from sktransfer.adaptation import Joint
    >>> Joint(weight=0.5)
    Joint(weight=0.5)
    """

    needs_target = False
    needs_labelled_target = True

    _parameter_constraints = {"weight": [Interval(Real, 0, None, closed="left")]}

    def __init__(self, weight=1.0):
        self.weight = weight

    @property
    def source_weight(self):
        """Weight of the task loss on source rows."""
        return self.weight
