"""Self-supervised objectives: what can be learnt from rows without labels."""

from .._utils.lazy import lazy_names

_HOMES = {"Denoising": "._denoising"}

__all__ = sorted(_HOMES)
__getattr__, __dir__ = lazy_names(__name__, _HOMES)
