"""From the parameter `method` to a method of one's own."""

from importlib import import_module

from sklearn.base import clone

from ._base import DistillationMethod

NAMES = {
    "kd": "KD",
    "dist": "DIST",
    "fitnet": "FitNet",
    "rkd": "RKD",
    "mutual": "Mutual",
}


def resolve_method(method):
    """Return a copy of the method that a name or an object stands for."""
    if isinstance(method, str):
        if method not in NAMES:
            raise ValueError(
                f"method={method!r} is not known. Choose from {sorted(NAMES)}, or pass "
                "an object of sktransfer.distillation."
            )
        return getattr(import_module(__package__), NAMES[method])()
    if isinstance(method, type):
        raise TypeError(
            f"method={method.__name__} is a class: pass an instance, "
            f"{method.__name__}()."
        )
    if not isinstance(method, DistillationMethod):
        raise TypeError(
            f"method={method!r} is neither a name nor a DistillationMethod. Choose "
            f"from {sorted(NAMES)}, or derive from "
            "sktransfer.distillation.DistillationMethod."
        )
    if hasattr(method, "_parameter_constraints"):
        method._validate_params()
    return clone(method)
