"""Networks from a batch of samples to features, and their pretrained weights."""

from importlib import import_module

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


def __getattr__(name):
    if name not in _FILES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_FILES[name], __name__), name)


def __dir__():
    return __all__
