"""Self-supervised objectives: what can be learnt from rows without labels."""

from importlib import import_module

_HOMES = {"Denoising": "_denoising"}

__all__ = sorted(_HOMES)


def __getattr__(name):
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_HOMES[name]}", __name__), name)


def __dir__():
    return __all__
