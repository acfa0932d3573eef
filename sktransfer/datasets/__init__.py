"""Loaders and generators of data with a source and a target."""

from ._digits import load_digit_domains
from ._domains import pack_domains
from ._image_folder import load_image_folder
from ._shifted import make_shifted_classification

__all__ = [
    "load_digit_domains",
    "load_image_folder",
    "make_shifted_classification",
    "pack_domains",
]
