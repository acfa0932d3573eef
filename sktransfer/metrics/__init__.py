"""Scores of transfer: gaps between domains, effects, and choice without labels.

Arrays in, a float out; no deep-learning framework is imported.
"""

from ._adaptation import get_adaptation_scorer
from ._effect import transfer_gain, transfer_ratio
from ._gaps import (
    coral_distance,
    mmd_distance,
    proxy_a_distance,
    sliced_wasserstein_distance,
)

__all__ = [
    "coral_distance",
    "get_adaptation_scorer",
    "mmd_distance",
    "proxy_a_distance",
    "sliced_wasserstein_distance",
    "transfer_gain",
    "transfer_ratio",
]
