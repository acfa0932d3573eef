"""Forward passes without gradients."""

from ._cached import cached_features
from ._features import compute_features

__all__ = ["cached_features", "compute_features"]
