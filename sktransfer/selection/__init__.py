"""Choosing among models where the target has no labels."""

from .._utils.lazy import lazy_names

_HOMES = {"TargetKFold": "._target_kfold"}

__all__ = sorted(_HOMES)
__getattr__, __dir__ = lazy_names(__name__, _HOMES)
