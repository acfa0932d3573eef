"""Networks from a batch of samples to features, and their pretrained weights."""

from .._utils.lazy import lazy_names

# torch and torchvision take seconds to import: each name loads its file on first use.
_FILES = {
    "Backbone": "._backbone",
    "ImagePreprocessing": ".._utils.preprocessing",
    "list_backbones": "._load",
    "load_backbone": "._load",
    "register_backbone": "._registry",
    "save_backbone": "._files",
}

__all__ = [
    "Backbone",
    "ImagePreprocessing",
    "list_backbones",
    "load_backbone",
    "register_backbone",
    "save_backbone",
]

__getattr__, __dir__ = lazy_names(__name__, _FILES)
