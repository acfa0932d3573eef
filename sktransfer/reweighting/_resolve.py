"""From the parameter `weighting` to an object of one's own."""

from sklearn.base import clone

from ._base import InstanceWeighting
from ._kernel import KLIEP, ULSIF
from ._kmm import KMM
from ._logistic import LogisticWeighting

NAMES = {"logistic": LogisticWeighting, "kliep": KLIEP, "kmm": KMM, "ulsif": ULSIF}


def resolve_weighting(weighting):
    """Return a copy of what a name or an object stands for.

    Raises
    ------
    ValueError or TypeError
        If a name is unknown, or something is no weighting.
    """
    if isinstance(weighting, str):
        if weighting not in NAMES:
            raise ValueError(
                f"weighting={weighting!r} is not known. Choose from {sorted(NAMES)}, "
                "or pass an object of sktransfer.reweighting."
            )
        return NAMES[weighting]()
    if isinstance(weighting, type):
        name = weighting.__name__
        raise TypeError(f"weighting={name} is a class: pass an instance, {name}().")
    if not isinstance(weighting, InstanceWeighting):
        raise TypeError(
            f"weighting={weighting!r} is neither a name nor an InstanceWeighting. "
            f"Choose from {sorted(NAMES)}, or derive from "
            "sktransfer.reweighting.InstanceWeighting."
        )
    return clone(weighting)
