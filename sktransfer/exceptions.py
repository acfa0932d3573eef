"""Errors and warnings of sktransfer."""

__all__ = [
    "DiscriminatorWarning",
    "EffectiveSampleSizeWarning",
    "FeatureCacheWarning",
    "MissingExtraError",
    "RandomWeightsWarning",
    "TrainingDivergedError",
    "TruncatedTextWarning",
    "WeightsNotAvailableError",
]


class WeightsNotAvailableError(RuntimeError):
    """Published weights could be neither found in the local cache nor downloaded."""


class MissingExtraError(ImportError):
    """An optional dependency is not installed; the message names the extra."""


class TrainingDivergedError(RuntimeError):
    """The training loss became NaN or infinite."""


class RandomWeightsWarning(UserWarning):
    """A backbone that has no pretrained weights is used from random ones."""


class DiscriminatorWarning(UserWarning):
    """The discriminator of an adversarial method learnt nothing, or everything."""


class EffectiveSampleSizeWarning(UserWarning):
    """Weights leave so few rows that count that little is learnt from the others."""


class FeatureCacheWarning(UserWarning):
    """A cache of features is damaged or cannot be used, so that they are computed."""


class TruncatedTextWarning(UserWarning):
    """Texts are longer than what the backbone reads; the warning counts them."""
