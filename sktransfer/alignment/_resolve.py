"""From the parameter `method` to a method of one's own."""

from sklearn.base import clone

from ._base import AlignmentMethod
from ._coral import CORAL
from ._subspaces import TCA, SubspaceAlignment
from ._transport import OptimalTransport

NAMES = {
    "coral": CORAL,
    "subspace": SubspaceAlignment,
    "tca": TCA,
    "ot": OptimalTransport,
}


def resolve_method(method):
    """Return a checked copy of what a name or an object stands for.

    Raises
    ------
    ValueError or TypeError
        If a name is unknown, or something is no method.
    """
    if isinstance(method, str):
        if method not in NAMES:
            raise ValueError(
                f"method={method!r} is not known. Choose from {sorted(NAMES)}, or pass "
                "an object of sktransfer.alignment."
            )
        return NAMES[method]()
    if isinstance(method, type):
        name = method.__name__
        raise TypeError(f"method={name} is a class: pass an instance, {name}().")
    if not isinstance(method, AlignmentMethod):
        raise TypeError(
            f"method={method!r} is neither a name nor an AlignmentMethod. Choose from "
            f"{sorted(NAMES)}, or derive from sktransfer.alignment.AlignmentMethod."
        )
    method._validate_params()
    return clone(method)
