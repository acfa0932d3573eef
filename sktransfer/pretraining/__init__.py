"""Self-supervised objectives: what can be learnt from rows without labels."""

from .._utils.lazy import lazy_names

_HOMES = {
    "Autoencoder": "._autoencoders",
    "Contractive": "._autoencoders",
    "Denoising": "._denoising",
    "Masked": "._masked",
    "PretrainingObjective": "._base",
    "SimCLR": "._contrastive",
    "VICReg": "._contrastive",
}

__all__ = sorted(_HOMES)
__getattr__, __dir__ = lazy_names(__name__, _HOMES)
