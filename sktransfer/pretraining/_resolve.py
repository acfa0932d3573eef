"""From the parameter `objective` to an objective of one's own."""

from importlib import import_module

from sklearn.base import clone

from ._base import PretrainingObjective

NAMES = {
    "autoencoder": "Autoencoder",
    "denoising": "Denoising",
    "contractive": "Contractive",
    "masked": "Masked",
    "simclr": "SimCLR",
    "vicreg": "VICReg",
}

# What won where it was chosen: see benchmarks/pretraining.py.
_AUTO = {"image": "simclr", "table": "denoising"}


def resolve_objective(objective, modality):
    """Return the objective that a name or an object stands for, a copy.

    "auto" goes by `modality`, "image" or "table".

    Raises
    ------
    ValueError or TypeError
        If a name is unknown, or something is no objective.
    """
    if isinstance(objective, str):
        return _by_name(_AUTO[modality] if objective == "auto" else objective)
    if isinstance(objective, type):
        name = objective.__name__
        raise TypeError(f"objective={name} is a class: pass an instance, {name}().")
    if not isinstance(objective, PretrainingObjective):
        raise TypeError(
            f"objective={objective!r} is neither a name nor a PretrainingObjective. "
            f"Choose from {sorted(NAMES)}, or derive from "
            "sktransfer.pretraining.PretrainingObjective."
        )
    if hasattr(objective, "_parameter_constraints"):
        objective._validate_params()
    return clone(objective)


def _by_name(name):
    if name not in NAMES:
        raise ValueError(
            f"objective={name!r} is not known. Choose from 'auto', {sorted(NAMES)}, or "
            "pass an object of sktransfer.pretraining."
        )
    return getattr(import_module(__package__), NAMES[name])()
