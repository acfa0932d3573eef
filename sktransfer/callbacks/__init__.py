"""Callbacks for `callbacks=`: gradient clipping and weight averaging.

Callbacks of skorch work as well: `Checkpoint`, `EpochScoring`, `ProgressBar`,
`Freezer`; `LRScheduler` with ``lr_schedule="constant"``.
"""

from .._utils.lazy import lazy_names

_HOMES = {"ClipGradient": "._clip", "WeightAverage": "._average"}

__all__ = sorted(_HOMES)
__getattr__, __dir__ = lazy_names(__name__, _HOMES)
