"""Methods by which a student learns from a teacher."""

from .._utils.lazy import lazy_names

_HOMES = {
    "DIST": "._soft_targets",
    "DistillationBatch": "._base",
    "DistillationMethod": "._base",
    "FitNet": "._features",
    "KD": "._soft_targets",
    "Mutual": "._soft_targets",
    "RKD": "._relations",
}

__all__ = sorted(_HOMES)
__getattr__, __dir__ = lazy_names(__name__, _HOMES)
