"""Losses, regularizers and strategies of fine-tuning."""

from importlib import import_module

_HOMES = {
    "BSS": "_regularizers",
    "DELTA": "_regularizers",
    "L2SP": "_regularizers",
    "LDAM": "_losses",
    "BalancedSoftmax": "_losses",
    "CrossEntropy": "_losses",
    "Focal": "_losses",
    "Huber": "_losses",
    "LogitAdjusted": "_losses",
    "SquaredError": "_losses",
}

__all__ = sorted(_HOMES)


def __getattr__(name):
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_HOMES[name]}", __name__), name)


def __dir__():
    return __all__
