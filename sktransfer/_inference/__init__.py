"""Forward passes without gradients."""

from ._features import compute_features

__all__ = ["compute_features"]
