"""Callbacks for `callbacks=`: gradient clipping and weight averaging.

Any skorch callback works as well.
"""

from importlib import import_module

_HOMES = {"ClipGradient": "_clip", "WeightAverage": "_average"}

__all__ = sorted(_HOMES)


def __getattr__(name):
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_HOMES[name]}", __name__), name)


def __dir__():
    return __all__
