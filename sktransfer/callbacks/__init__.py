"""Callbacks for `callbacks=`: gradient clipping and weight averaging.

Callbacks of skorch work as well: `Checkpoint`, `EpochScoring`, `ProgressBar`,
`Freezer`; `LRScheduler` with ``lr_schedule="constant"``.
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
