"""Losses, regularizers and strategies of fine-tuning."""

from .._utils.lazy import lazy_names

_HOMES = {
    "BSS": "._regularizers",
    "DELTA": "._regularizers",
    "L2SP": "._regularizers",
    "LDAM": "._losses",
    "BalancedSoftmax": "._losses",
    "CrossEntropy": "._losses",
    "Focal": "._losses",
    "Huber": "._losses",
    "LogitAdjusted": "._losses",
    "SquaredError": "._losses",
}

__all__ = sorted(_HOMES)
__getattr__, __dir__ = lazy_names(__name__, _HOMES)
